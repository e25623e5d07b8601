//! Which way is up, as the accelerometer tells it: gravity is what is left of the specific force when the acceleration that the
//! images saw is taken off.

use super::gyroscope::Gyroscope;
use super::imu_samples::ImuSamples;
use super::motion::MotionOptions;
use crate::geometry::Se3;
use crate::sensors::ImuSample;
use nalgebra::{UnitQuaternion, Vector3};
use std::collections::VecDeque;

/// Gravity on the ground (m/s²); it varies by 0.3% from the equator to the poles.
const GRAVITY: f64 = 9.81;

/// Stretch of time (s) over which accelerations are taken: the longer, the less a pixel is worth in m/s².
const SPAN_SECS: (f64, f64) = (0.6, 1.2);

/// What the images tell of a position over that time is never better (m).
const SEEN_FLOOR_M: f64 = 0.001;

/// Specific forces that differ from gravity by more than so many standard deviations are shocks, or of no accelerometer.
const GATE_SIGMAS: f64 = 4.0;

/// And those that differ from it by more than this (m/s²) are so for sure, however little is known of the unit.
const MOST_OFF: f64 = 0.5 * GRAVITY;

/// A unit that is at rest when the odometry starts turns and shakes by less (rad/s, m/s²).
const AT_REST: (f64, f64) = (0.05, 0.3);

/// Standard deviation of the acceleration (m/s²) of a robot that is not.
const STARTING_SIGMA: f64 = 1.0;

/// The upward direction in the axes of the base.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Up {
    /// Of unit length.
    pub direction: Vector3<f64>,
    /// Standard deviation about each horizontal axis (rad), the accelerometer's bias included.
    pub sigma_rad: f64,
}

/// What the specific forces are measured against: the poses of the last second.
#[derive(Debug)]
pub(super) struct Accelerometer {
    bias_sigma: f64,
    /// Stamp (ns), and pose of the base in the odometry's world.
    poses: VecDeque<(i64, Se3)>,
}

impl Accelerometer {
    pub(super) fn new(options: &MotionOptions) -> Self {
        Self { bias_sigma: options.accelerometer_bias_sigma, poses: VecDeque::new() }
    }

    /// Takes a pose that the images told.
    pub(super) fn see(&mut self, stamp_nanos: i64, t_odom_base: &Se3) {
        self.poses.push_back((stamp_nanos, *t_odom_base));
        let oldest_nanos = stamp_nanos.saturating_sub(nanos(SPAN_SECS.1));
        while self.poses.front().is_some_and(|(stamp, _)| *stamp < oldest_nanos) {
            self.poses.pop_front();
        }
    }

    /// Standard deviation of the upward direction (rad) that nothing makes better: the bias's.
    pub(super) fn sigma_at_rest_rad(&self) -> f64 {
        self.bias_sigma / GRAVITY
    }

    /// Forgets the poses, of which the next one is no continuation.
    pub(super) fn forget_poses(&mut self) {
        self.poses.clear();
    }

    /// Takes what became of the newest pose, and by what the odometry's world was turned.
    pub(super) fn correct(&mut self, t_odom_base: &Se3, t_new_old: &Se3) {
        self.poses.iter_mut().for_each(|(_, pose)| *pose = t_new_old * *pose);
        if let Some((_, newest)) = self.poses.back_mut() {
            *newest = *t_odom_base;
        }
    }

    /// Which way was up for a robot at rest, as the last samples before a time say; less surely so if it moves. `None`
    /// without an accelerometer.
    pub(super) fn up_at_rest(&self, samples: &ImuSamples, stamp_nanos: i64) -> Option<Up> {
        let since = samples.since(stamp_nanos.saturating_sub(nanos(0.5)));
        let recent = || since.clone().take_while(|sample| sample.stamp_nanos <= stamp_nanos);
        let count = recent().count() as f64;
        let mean = recent().map(|sample| sample.linear_acceleration).sum::<Vector3<f64>>() / count.max(1.0);
        let rms = |of: &dyn Fn(&ImuSample) -> Vector3<f64>| {
            (recent().map(|sample| of(sample).norm_squared()).sum::<f64>() / count.max(1.0)).sqrt()
        };
        let shaking = rms(&|sample| sample.linear_acceleration - mean);
        let rests = rms(&|sample| sample.angular_velocity) < AT_REST.0 && shaking < AT_REST.1;
        let sigma = if rests { self.bias_sigma } else { self.bias_sigma.hypot(STARTING_SIGMA) };
        self.judged(mean, sigma)
    }

    /// Which way is up for the base at the newest pose, where positions are good to `sigma_m`; `None` if the last second
    /// does not tell.
    ///
    /// The mean of the specific force, weighted by a triangle over three poses, is gravity, upwards, and the second divided
    /// difference of the positions: no velocity is needed.
    pub(super) fn up(&self, samples: &ImuSamples, gyroscope: &Gyroscope, sigma_m: f64) -> Option<Up> {
        let (&(first, t_first), &(last, t_last)) = (self.poses.front()?, self.poses.back()?);
        let half = first + (last - first) / 2;
        let &(middle, t_middle) = self.poses.iter().min_by_key(|(stamp, _)| (stamp - half).abs())?;
        let (before, after) = (seconds(middle - first), seconds(last - middle));
        let whole = before + after;
        if whole < SPAN_SECS.0 || before.min(after) < 0.25 * whole {
            return None;
        }
        let weight = |stamp: i64| {
            let share = if stamp < middle { seconds(stamp - first) / before } else { seconds(last - stamp) / after };
            2.0 * share / whole
        };
        // The force in the axes of the first pose. Where there are gaps the gyroscope does not tell either.
        let (mut rotation, mut sum, mut total, mut now) = (UnitQuaternion::identity(), Vector3::zeros(), 0.0, first);
        for sample in samples.since(first).take_while(|sample| sample.stamp_nanos <= last) {
            if sample.stamp_nanos > now {
                rotation *= gyroscope.turn(samples, now, sample.stamp_nanos)?.rotation;
            }
            let weight = weight(sample.stamp_nanos);
            (sum, total, now) =
                (sum + rotation * sample.linear_acceleration * weight, total + weight, sample.stamp_nanos);
        }
        let [p_first, p_middle, p_last] = [t_first, t_middle, t_last].map(|t| t.translation.vector);
        let accelerated = ((p_last - p_middle) / after - (p_middle - p_first) / before) * (2.0 / whole);
        let gravity = t_first.rotation * (sum / total) - accelerated;
        let noise = 2.0 * sigma_m.max(SEEN_FLOOR_M) / whole
            * (1.0 / before.powi(2) + 1.0 / after.powi(2) + whole.powi(2) / (before * after).powi(2)).sqrt();
        self.judged(t_last.rotation.inverse() * gravity, self.bias_sigma.hypot(noise))
    }

    /// The direction of gravity, measured upwards (m/s²) to a standard deviation, if it is as strong as gravity is.
    fn judged(&self, gravity: Vector3<f64>, sigma: f64) -> Option<Up> {
        let as_strong = (gravity.norm() - GRAVITY).abs() <= (GATE_SIGMAS * sigma).min(MOST_OFF);
        as_strong.then(|| Up { direction: gravity.normalize(), sigma_rad: sigma / GRAVITY })
    }
}

fn nanos(seconds: f64) -> i64 {
    (seconds * 1e9) as i64
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 * 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3::exp;
    use nalgebra::Vector6;

    /// A robot that speeds up and slows down along a curve, on a slope: its pose in a level world.
    fn pose(stamp_nanos: i64) -> Se3 {
        let t = seconds(stamp_nanos);
        let slope = exp(&Vector6::new(0.0, 0.0, 0.0, 0.1, -0.2, 0.0));
        slope * exp(&Vector6::new(0.5 * (2.0 * t).sin(), 0.2 * (3.0 * t).cos(), 0.0, 0.0, 0.0, 0.4 * t))
    }

    /// Sensors that measure just that, from the start to a time; forces are a share of the true ones.
    fn measured(until_nanos: i64, share: f64) -> (ImuSamples, Accelerometer, Gyroscope) {
        let options = MotionOptions::default();
        let (mut accelerometer, gyroscope) = (Accelerometer::new(&options), Gyroscope::new(&options));
        let mut samples = ImuSamples::default();
        let step = 1_000_000;
        for stamp_nanos in (0..=until_nanos).step_by(5_000_000) {
            let p = |stamp| pose(stamp).translation.vector;
            let h = seconds(step);
            let acceleration = (p(stamp_nanos + step) + p(stamp_nanos - step) - p(stamp_nanos) * 2.0) / (h * h);
            let rotation = pose(stamp_nanos).rotation;
            let turn = (pose(stamp_nanos - step).rotation.inverse() * pose(stamp_nanos + step).rotation).scaled_axis();
            samples.add(&ImuSample {
                stamp_nanos,
                angular_velocity: turn / (2.0 * h),
                linear_acceleration: rotation.inverse() * (acceleration + Vector3::z() * GRAVITY) * share,
            });
        }
        for stamp_nanos in (0..=until_nanos).step_by(50_000_000) {
            accelerometer.see(stamp_nanos, &pose(stamp_nanos));
        }
        (samples, accelerometer, gyroscope)
    }

    #[test]
    fn up_is_told_whatever_the_robot_does() {
        for until_nanos in [1_200_000_000, 2_000_000_000, 3_450_000_000] {
            let (samples, accelerometer, gyroscope) = measured(until_nanos, 1.0);
            let up = accelerometer.up(&samples, &gyroscope, 0.001).unwrap();
            let error = up.direction.angle(&(pose(until_nanos).rotation.inverse() * Vector3::z()));
            // The acceleration, which reaches 2 m/s², would be off by 0.2 rad.
            assert!(error < 2e-3, "{error} rad at {until_nanos} ns");
            assert!(up.sigma_rad > 0.01 && up.sigma_rad < 0.02, "{}", up.sigma_rad);
        }
    }

    #[test]
    fn half_a_second_and_a_broken_unit_tell_nothing() {
        let (samples, accelerometer, gyroscope) = measured(500_000_000, 1.0);
        assert!(accelerometer.up(&samples, &gyroscope, 0.001).is_none());
        let (samples, accelerometer, gyroscope) = measured(1_500_000_000, 0.5);
        assert!(accelerometer.up(&samples, &gyroscope, 0.001).is_none());
        let (samples, accelerometer, _) = measured(1_500_000_000, 0.0);
        assert!(accelerometer.up_at_rest(&samples, 1_500_000_000).is_none());
    }

    #[test]
    fn no_measurement_is_no_direction_however_little_is_asked_of_it() {
        let options = MotionOptions { accelerometer_bias_sigma: 3.0, ..MotionOptions::default() };
        let accelerometer = Accelerometer::new(&options);
        assert!(accelerometer.up_at_rest(&ImuSamples::default(), 1_500_000_000).is_none());
    }

    #[test]
    fn a_robot_that_moves_at_the_start_knows_less_of_up() {
        let (samples, accelerometer, _) = measured(400_000_000, 1.0);
        let up = accelerometer.up_at_rest(&samples, 400_000_000).unwrap();
        assert!(up.sigma_rad > 0.1, "{}", up.sigma_rad);
        let mut resting = ImuSamples::default();
        let linear_acceleration = Vector3::new(1.0, 0.0, 9.76);
        for index in 0..20 {
            let stamp_nanos = index * 5_000_000;
            resting.add(&ImuSample { stamp_nanos, angular_velocity: Vector3::zeros(), linear_acceleration });
        }
        let up = accelerometer.up_at_rest(&resting, 100_000_000).unwrap();
        assert!(up.direction.angle(&linear_acceleration) < 1e-9 && up.sigma_rad < 0.011);
        assert!(accelerometer.up_at_rest(&resting, 2_000_000_000).is_none());
    }
}
