//! Rotations as a gyroscope tells them, and its bias, scale and mounting as the images tell them.

use super::MotionOptions;
use super::imu_samples::ImuSamples;
use nalgebra::{Matrix4, Matrix4x3, UnitQuaternion, Vector3, Vector4};

/// Samples farther apart (ns) leave a gap that nobody fills; half a frame's time or so may be missing at the end.
const MAX_GAP_NANOS: i64 = 50_000_000;

/// Random walk of the bias (rad/s/√s), from temperature.
const BIAS_WALK: f64 = 1e-4;

/// Standard deviation of a rotation between two frames as the images tell it (rad): a pixel or so.
const SEEN_SIGMA_RAD: f64 = 0.002;

/// Standard deviation of a rotation as a share of it that learning leaves: the images' own calibration errs, too.
const LEAST_SHARE: f64 = 0.003;

/// Squared deviations beyond this are no measurement of the errors: 99.9% of χ² with 3 degrees of freedom.
const GATE: f64 = 16.3;

/// A rotation of the base from one time to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    /// Base axes then into those before.
    pub rotation: UnitQuaternion<f64>,
    /// Standard deviation about each axis (rad).
    pub sigma_rad: f64,
}

/// A gyroscope with its errors, which a Kalman filter follows: what it says too much of a rotation `w` within the time `t` is
/// `errorsᵀ (t, w)`.
#[derive(Debug)]
pub(super) struct Gyroscope {
    noise: f64,
    /// The bias (rad/s), and below it what scale and mounting add for each axis of a rotation.
    errors: Matrix4x3<f64>,
    /// Of each column of the errors, which are all told by the same rotations.
    covariance: Matrix4<f64>,
}

impl Gyroscope {
    pub(super) fn new(options: &MotionOptions) -> Self {
        let share = options.gyro_rotation_share;
        let sigmas = Vector4::new(options.gyro_bias_sigma, share, share, share);
        Self {
            noise: options.gyro_noise,
            errors: Matrix4x3::zeros(),
            covariance: Matrix4::from_diagonal(&sigmas.component_mul(&sigmas)),
        }
    }

    /// The rotation from one time to another; `None` if the samples do not reach over it without a gap.
    pub(super) fn turn(&self, samples: &ImuSamples, from_nanos: i64, to_nanos: i64) -> Option<Turn> {
        let rotation = self.integrate(samples, from_nanos, to_nanos)?;
        let elapsed_secs = (to_nanos - from_nanos) as f64 * 1e-9;
        let told_by = told_by(elapsed_secs, &rotation);
        let noise = self.noise * self.noise * elapsed_secs;
        let variance = noise + told_by.dot(&(self.covariance * told_by)) + (LEAST_SHARE * rotation.angle()).powi(2);
        Some(Turn { rotation, sigma_rad: variance.sqrt() })
    }

    /// An angular velocity, errors taken off.
    fn corrected(&self, rate: &Vector3<f64>) -> Vector3<f64> {
        rate - self.errors.transpose() * rate.insert_row(0, 1.0)
    }

    /// Angular velocity, errors taken off, is taken to change evenly from sample to sample, and to stay before the first
    /// and after the last one.
    fn integrate(&self, samples: &ImuSamples, from_nanos: i64, to_nanos: i64) -> Option<UnitQuaternion<f64>> {
        let (mut rotation, mut now) = (UnitQuaternion::identity(), from_nanos);
        let mut samples = samples.around(from_nanos);
        let mut last = samples.next()?;
        if to_nanos <= from_nanos || last.stamp_nanos - from_nanos > MAX_GAP_NANOS {
            return None;
        }
        for next in samples {
            let end = next.stamp_nanos.min(to_nanos);
            if next.stamp_nanos - last.stamp_nanos > MAX_GAP_NANOS {
                return None;
            }
            if end > now {
                let span = (next.stamp_nanos - last.stamp_nanos) as f64;
                let middle = ((now + (end - now) / 2 - last.stamp_nanos) as f64 / span).clamp(0.0, 1.0);
                let rate = self.corrected(&last.angular_velocity.lerp(&next.angular_velocity, middle));
                rotation *= UnitQuaternion::from_scaled_axis(rate * ((end - now) as f64 * 1e-9));
                now = end;
            }
            last = next;
            if now == to_nanos {
                return Some(rotation);
            }
        }
        if to_nanos - now > MAX_GAP_NANOS {
            return None;
        }
        let rate = self.corrected(&last.angular_velocity);
        Some(rotation * UnitQuaternion::from_scaled_axis(rate * ((to_nanos - now) as f64 * 1e-9)))
    }

    /// Learns the errors from a rotation that the images told. Scale and mounting never change, so that what fast turns cost at
    /// first is learnt from them.
    pub(super) fn learn(&mut self, samples: &ImuSamples, seen: &UnitQuaternion<f64>, from_nanos: i64, to_nanos: i64) {
        let Some(turn) = self.turn(samples, from_nanos, to_nanos) else { return };
        let elapsed_secs = (to_nanos - from_nanos) as f64 * 1e-9;
        self.covariance[(0, 0)] += BIAS_WALK * BIAS_WALK * elapsed_secs;
        let deviation = (seen.inverse() * turn.rotation).scaled_axis();
        let variance = turn.sigma_rad.powi(2) + SEEN_SIGMA_RAD * SEEN_SIGMA_RAD;
        if deviation.norm_squared() > GATE * variance {
            return;
        }
        let shared = self.covariance * told_by(elapsed_secs, &turn.rotation);
        let gain = shared / variance;
        self.errors += gain * deviation.transpose();
        self.covariance -= gain * shared.transpose();
    }
}

/// What the errors are multiplied with: the time (s) and the rotation (rad).
fn told_by(elapsed_secs: f64, rotation: &UnitQuaternion<f64>) -> Vector4<f64> {
    rotation.scaled_axis().insert_row(0, elapsed_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensors::ImuSample;

    fn gyroscope() -> Gyroscope {
        Gyroscope::new(&MotionOptions::default())
    }

    /// Turns about z at 0.5 rad/s, then faster and faster, with a bias about y.
    fn samples(bias: f64) -> ImuSamples {
        let mut samples = ImuSamples::default();
        for index in 0..=400 {
            let rate = 0.5 + 0.25 * f64::from((index - 200).max(0)) * 0.005;
            samples.add(&ImuSample {
                stamp_nanos: i64::from(index) * 5_000_000,
                angular_velocity: Vector3::new(0.0, bias, rate),
                linear_acceleration: Vector3::zeros(),
            });
        }
        samples
    }

    #[test]
    fn rates_are_summed_up_between_samples_too() {
        let (gyroscope, samples) = (gyroscope(), samples(0.0));
        let angle = |from: i64, to: i64| gyroscope.turn(&samples, from, to).map(|turn| turn.rotation.scaled_axis().z);
        assert!((angle(2_500_000, 902_300_000).unwrap() - 0.5 * 0.8998).abs() < 1e-9);
        // ∫ 0.5 + 0.25 (t - 1) over the second second.
        assert!((angle(1_000_000_000, 2_000_000_000).unwrap() - 0.625).abs() < 1e-6);
        assert!((angle(1_000_000_000, 2_020_000_000).unwrap() - 0.625 - 0.75 * 0.02).abs() < 1e-6);
        assert!(angle(1_000_000_000, 2_100_000_000).is_none() && angle(-60_000_000, 100_000_000).is_none());
        assert!(gyroscope.turn(&ImuSamples::default(), 0, 50_000_000).is_none());
    }

    #[test]
    fn a_gap_is_not_bridged() {
        let mut samples = samples(0.0);
        let last = samples.since(2_000_000_000).next().unwrap();
        let late = ImuSample { stamp_nanos: 2_200_000_000, ..last.clone() };
        samples.add(&late);
        assert!(gyroscope().turn(&samples, 1_900_000_000, 2_200_000_000).is_none());
    }

    #[test]
    fn the_bias_is_learned_and_then_better_known() {
        let (mut gyroscope, samples) = (gyroscope(), samples(0.01));
        let before = gyroscope.turn(&samples, 0, 1_000_000_000).unwrap().sigma_rad;
        for index in 0..19 {
            let (from, to) = (index * 50_000_000, (index + 1) * 50_000_000);
            gyroscope.learn(&samples, &UnitQuaternion::from_scaled_axis(Vector3::new(0.0, 0.0, 0.025)), from, to);
        }
        let bias = gyroscope.errors.row(0).transpose();
        assert!((bias - Vector3::new(0.0, 0.01, 0.0)).norm() < 0.006, "{bias:?}");
        assert!(gyroscope.turn(&samples, 0, 1_000_000_000).unwrap().sigma_rad < before);
        // A rotation that contradicts it (a pose that was wrong) teaches nothing.
        let errors = gyroscope.errors;
        gyroscope.learn(&samples, &UnitQuaternion::from_scaled_axis(Vector3::new(0.3, 0.0, 0.0)), 0, 50_000_000);
        assert_eq!(gyroscope.errors, errors);
    }

    #[test]
    fn scale_and_mounting_are_learned_in_turns() {
        // A gyroscope that says 1.5% too much and leans by 1 degree, on a robot that turns left and right, up and down.
        let mounting = UnitQuaternion::from_scaled_axis(Vector3::new(0.017, -0.01, 0.005));
        let rate = |secs: f64| Vector3::new(0.0, 0.3 * (2.0 * secs).cos(), 0.8 * secs.sin());
        let step_nanos = 5_000_000;
        let (mut gyroscope, mut samples) = (gyroscope(), ImuSamples::default());
        let mut seen = UnitQuaternion::identity();
        let sigma = |gyroscope: &Gyroscope| gyroscope.covariance[(3, 3)].sqrt();
        let at_first = sigma(&gyroscope);
        for index in 0..4000i64 {
            let stamp_nanos = index * step_nanos;
            let angular_velocity = mounting * rate(stamp_nanos as f64 * 1e-9) * 1.015;
            let linear_acceleration = Vector3::zeros();
            samples.add(&ImuSample { stamp_nanos, angular_velocity, linear_acceleration });
            if index > 0 {
                let middle = (stamp_nanos as f64 - 0.5 * step_nanos as f64) * 1e-9;
                seen *= UnitQuaternion::from_scaled_axis(rate(middle) * (step_nanos as f64 * 1e-9));
            }
            if index > 0 && index % 10 == 0 {
                gyroscope.learn(&samples, &seen, stamp_nanos - 10 * step_nanos, stamp_nanos);
                seen = UnitQuaternion::identity();
            }
        }
        assert!(sigma(&gyroscope) < 0.3 * at_first, "{} of {at_first}", sigma(&gyroscope));
        for axis in [Vector3::y(), Vector3::z()] {
            let told = mounting * axis * 1.015;
            let (error, before) = (gyroscope.corrected(&told) - axis, told - axis);
            assert!(error.norm() < 0.3 * before.norm(), "{error:?} of {before:?}");
        }
    }
}
