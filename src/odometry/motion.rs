//! How the robot moves between frames, as wheels or its last velocity say.

use super::covariance::diagonal;
use super::gravity::{Accelerometer, Up};
use super::gyroscope::Gyroscope;
use super::imu_samples::ImuSamples;
use super::recovery::LastSeen;
use super::uncertainty::Uncertainty;
use super::wheels::Wheels;
use crate::geometry::{Se3, se3};
use crate::sensors::{ImuSample, WheelSample};
use nalgebra::{Matrix3, Matrix6, UnitQuaternion, Vector3, Vector6};

crate::options! {
    /// What is expected of the robot's motion when the images do not tell it.
    pub struct MotionOptions {
        /// Uncertainty of a constant velocity: standard deviation of the acceleration.
        acceleration_sigma: f64 = 3.0, "m/s^2", 0.01..=100.0, live;
        /// The same for rotation.
        angular_acceleration_sigma: f64 = 6.0, "rad/s^2", 0.01..=1000.0, live;
        /// A velocity that is no longer seen dies down in this time.
        velocity_decay_secs: f64 = 1.0, "s", 0.01..=100.0, live;
        /// Speed that a robot out of sight may have changed by at most; bounds the growth of the uncertainty.
        max_speed_change: f64 = 1.5, "m/s", 0.01..=100.0, live;
        /// Wheels: standard deviation of the translation, as a share of the distance.
        wheel_translation_share: f64 = 0.05, "", 0.0..=1.0, live;
        /// Wheels: standard deviation of the rotation, as a share of the rotation.
        wheel_rotation_share: f64 = 0.05, "", 0.0..=1.0, live;
        /// Wheels: standard deviation of the rotation for each metre, from bumps and slopes.
        wheel_rotation_per_metre: f64 = 0.02, "rad/m", 0.0..=1.0, live;
        /// Gyroscope: standard deviation of its bias before anything is known of it.
        gyro_bias_sigma: f64 = 0.02, "rad/s", 0.0001..=1.0, startup;
        /// Gyroscope: density of its noise, vibration included.
        gyro_noise: f64 = 0.001, "rad/s/sqrt(Hz)", 0.000001..=1.0, live;
        /// Accelerometer: standard deviation of its bias, mounting included (0.1 m/s² are 10 mrad of tilt).
        accelerometer_bias_sigma: f64 = 0.1, "m/s^2", 0.001..=10.0, startup;
        /// Gyroscope: standard deviation of the rotation as a share of it, from scale and mounting, before anything is known of them.
        gyro_rotation_share: f64 = 0.02, "", 0.0..=1.0, live;
    }
}

/// Standard deviation (m) of a translation that nothing tells, between keyframes.
const UNKNOWN_M: f64 = 100.0;

/// A motion of the base from one time to another.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Motion {
    /// Base coordinates then into those before.
    pub t_before_base: Se3,
    /// Covariance in the base's own frame then.
    pub covariance: Matrix6<f64>,
    /// Whether the rotation is a gyroscope's, which does not slip.
    pub turn_measured: bool,
}

/// Predicts motions.
#[derive(Debug)]
pub(super) struct MotionModel {
    options: MotionOptions,
    wheels: Wheels,
    imu: ImuSamples,
    gyroscope: Gyroscope,
    accelerometer: Accelerometer,
    /// Velocity in the base frame, each second, as the last two tracked frames say.
    twist: Option<Vector6<f64>>,
}

impl MotionModel {
    pub(super) fn new(options: &MotionOptions) -> Self {
        let (gyroscope, accelerometer) = (Gyroscope::new(options), Accelerometer::new(options));
        let (wheels, imu) = (Wheels::new(options), ImuSamples::default());
        Self { options: options.clone(), wheels, imu, gyroscope, accelerometer, twist: None }
    }

    /// Takes a sample of the inertial unit that is newer than the last one.
    pub(super) fn add_imu(&mut self, sample: &ImuSample) {
        if sample.is_plausible() {
            return self.imu.add(sample);
        }
        let ImuSample { stamp_nanos, angular_velocity, linear_acceleration } = sample;
        tracing::warn!(
            "inertial sample at {stamp_nanos} ns ignored: expected rad/s and m/s², found {angular_velocity:?} and \
             {linear_acceleration:?}"
        );
    }

    /// The pose that a robot stands at which is to start at another: turned upright, if the accelerometer tells. What it tells
    /// of a robot at rest is what the odometry's world is upright by, and without uncertainty in it.
    pub(super) fn standing(&self, t_odom_start: &Se3, stamp_nanos: i64) -> LastSeen {
        let from_keyframe = Uncertainty::zero();
        let Some(up) = self.accelerometer.up_at_rest(&self.imu, stamp_nanos) else {
            let (t_odom_base, uncertainty) = (*t_odom_start, Uncertainty::zero());
            return LastSeen { stamp_nanos, t_odom_base, uncertainty, from_keyframe };
        };
        let upright = UnitQuaternion::rotation_between(&(t_odom_start.rotation * up.direction), &Vector3::z())
            .unwrap_or_else(|| UnitQuaternion::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI));
        let mut covariance = Matrix6::zeros();
        let about_horizontal = Matrix3::identity() - up.direction * up.direction.transpose();
        let moving = up.sigma_rad.powi(2) - self.accelerometer.sigma_at_rest_rad().powi(2);
        covariance.fixed_view_mut::<3, 3>(3, 3).copy_from(&(about_horizontal * moving));
        let t_odom_base = Se3::from_parts(t_odom_start.translation, upright * t_odom_start.rotation);
        LastSeen { stamp_nanos, t_odom_base, uncertainty: Uncertainty::random(covariance), from_keyframe }
    }

    /// Which way is up for the base at the last pose, if the last second tells; positions are good to `sigma_m`.
    pub(super) fn up(&self, sigma_m: f64) -> Option<Up> {
        self.accelerometer.up(&self.imu, &self.gyroscope, sigma_m)
    }

    /// Takes a pose that the images told.
    pub(super) fn see(&mut self, stamp_nanos: i64, t_odom_base: &Se3) {
        self.accelerometer.see(stamp_nanos, t_odom_base);
    }

    /// Forgets poses, of which the next one is no continuation.
    pub(super) fn forget_poses(&mut self) {
        self.accelerometer.forget_poses();
    }

    /// Takes what became of the last pose, and by what the odometry's world was turned.
    pub(super) fn correct(&mut self, t_odom_base: &Se3, t_new_old: &Se3) {
        self.accelerometer.correct(t_odom_base, t_new_old);
    }

    /// Takes a sample of wheel odometry that is newer than the last one.
    pub(super) fn add_wheel(&mut self, sample: &WheelSample) {
        self.wheels.add(sample);
    }

    /// Forgets samples before a time, but for the last ones of it.
    pub(super) fn forget_before(&mut self, stamp_nanos: i64) {
        self.imu.forget_before(stamp_nanos);
        self.wheels.forget_before(stamp_nanos);
    }

    /// Takes the motion between two times that the images told.
    pub(super) fn observe(&mut self, t_before_base: &Se3, from_nanos: i64, to_nanos: i64) {
        self.gyroscope.learn(&self.imu, &t_before_base.rotation, from_nanos, to_nanos);
        let elapsed_secs = (to_nanos - from_nanos) as f64 * 1e-9;
        self.twist = (elapsed_secs > 0.0).then(|| se3::log(t_before_base) / elapsed_secs);
    }

    /// The motion from one time to another: by the wheels if they tell, else by the last velocity; its rotation by the
    /// gyroscope if there is one.
    pub(super) fn predict(&self, from_nanos: i64, to_nanos: i64) -> Motion {
        let motion = self.by_wheels(from_nanos, to_nanos).unwrap_or_else(|| self.by_velocity(from_nanos, to_nanos));
        self.turned(&motion, from_nanos, to_nanos).unwrap_or(motion)
    }

    /// The motion as sensors alone tell it, each if what it tells is believed: by the wheels, with the gyroscope's rotation
    /// if there is one; by the gyroscope, with a translation that is unknown; `None` by neither.
    pub(super) fn measured(
        &self,
        from_nanos: i64,
        to_nanos: i64,
        believed: impl Fn(&Motion) -> bool,
    ) -> Option<Motion> {
        let wheels = self.by_wheels(from_nanos, to_nanos);
        let turned_wheels = wheels.as_ref().and_then(|wheels| self.turned(wheels, from_nanos, to_nanos));
        let nothing = Motion {
            t_before_base: Se3::identity(),
            covariance: diagonal(UNKNOWN_M, std::f64::consts::PI),
            turn_measured: false,
        };
        let turn_alone = || self.turned(&nothing, from_nanos, to_nanos).filter(&believed);
        turned_wheels.or(wheels).filter(&believed).or_else(turn_alone)
    }

    /// A motion with the gyroscope's rotation in place of its own; `None` if there is none.
    fn turned(&self, motion: &Motion, from_nanos: i64, to_nanos: i64) -> Option<Motion> {
        let turn = self.gyroscope.turn(&self.imu, from_nanos, to_nanos)?;
        let sigma_m = motion.covariance[(0, 0)].sqrt();
        let t_before_base = Se3::from_parts(motion.t_before_base.translation, turn.rotation);
        Some(Motion { t_before_base, covariance: diagonal(sigma_m, turn.sigma_rad), turn_measured: true })
    }

    /// The motion by the wheels; `None` if they do not reach over the whole interval.
    pub(super) fn by_wheels(&self, from_nanos: i64, to_nanos: i64) -> Option<Motion> {
        self.wheels.motion(from_nanos, to_nanos)
    }

    /// The motion by the last velocity, which dies down: slowly at first, so that from frame to frame it is all there; its
    /// uncertainty grows with the square of time, later with time.
    fn by_velocity(&self, from_nanos: i64, to_nanos: i64) -> Motion {
        let options = &self.options;
        let elapsed_secs = (to_nanos - from_nanos).max(0) as f64 * 1e-9;
        let decay = options.velocity_decay_secs;
        // Of a velocity ∝ 1 - tanh²(t/τ): what is missing is t³/3τ², far below what any acceleration does in t²/2.
        let travelled_secs = decay * (elapsed_secs / decay).tanh();
        let twist = self.twist.unwrap_or_default();
        let t_before_base = se3::exp(&(twist * travelled_secs));
        // A velocity that is not known at all may be anything within the bound.
        let known = self.twist.is_some();
        let spread = |acceleration: f64, bound: f64| {
            let ramp_secs = if known { bound / acceleration } else { 0.0 };
            let ramp = elapsed_secs.min(ramp_secs);
            0.5 * acceleration * ramp * ramp + bound * (elapsed_secs - ramp)
        };
        let linear_bound = options.max_speed_change + twist.fixed_rows::<3>(0).norm();
        let angular_bound = 1.0 + twist.fixed_rows::<3>(3).norm();
        let sigma_m = spread(options.acceleration_sigma, linear_bound).max(1e-4);
        let sigma_rad = spread(options.angular_acceleration_sigma, angular_bound).max(1e-4);
        let covariance = diagonal(sigma_m, sigma_rad.min(std::f64::consts::PI));
        Motion { t_before_base, covariance, turn_measured: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(stamp_nanos: i64, x: f64) -> WheelSample {
        WheelSample { stamp_nanos, t_wheel_base: Se3::translation(x, 0.0, 0.0), covariance: Matrix6::zeros() }
    }

    #[test]
    fn a_gyroscope_turns_what_wheels_say_and_is_left_when_they_slip() {
        let mut model = MotionModel::new(&MotionOptions::default());
        for index in 0..=20 {
            model.add_wheel(&sample(index * 50_000_000, index as f64 * 0.1));
            model.add_imu(&ImuSample {
                stamp_nanos: index * 50_000_000,
                angular_velocity: nalgebra::Vector3::new(0.0, 0.0, 0.5),
                linear_acceleration: nalgebra::Vector3::zeros(),
            });
        }
        let both = model.measured(0, 1_000_000_000, |_| true).unwrap();
        let turn = |motion: &Motion| motion.t_before_base.rotation.scaled_axis().z;
        assert!(both.turn_measured && (turn(&both) - 0.5).abs() < 1e-9);
        assert!((both.t_before_base.translation.x - 2.0).abs() < 1e-9);
        // Wheels that claim two metres are not believed: the turn alone is left, and nothing is said of the way.
        let alone = model.measured(0, 1_000_000_000, |motion| motion.t_before_base.translation.x < 1.0).unwrap();
        assert!((turn(&alone) - 0.5).abs() < 1e-9 && alone.covariance[(0, 0)] > 1e3);
        assert!(model.measured(0, 1_000_000_000, |_| false).is_none());
    }

    #[test]
    fn a_velocity_is_carried_on_and_its_uncertainty_grows() {
        let mut model = MotionModel::new(&MotionOptions::default());
        model.observe(&Se3::translation(0.05, 0.0, 0.0), 0, 50_000_000);
        let (soon, later, late) =
            (model.predict(0, 50_000_000), model.predict(0, 1_000_000_000), model.predict(0, 5_000_000_000));
        // A thousandth of the way is not missed; a share of it would pull every pose that the images tell backwards.
        assert!((soon.t_before_base.translation.x - 0.05).abs() < 5e-5);
        assert!(late.t_before_base.translation.x < 1.0);
        let sigma = |motion: &Motion| motion.covariance[(0, 0)].sqrt();
        assert!(sigma(&soon) < 0.01 && sigma(&later) > 0.5 && sigma(&late) > sigma(&later) + 3.0);
        let unknown = MotionModel::new(&MotionOptions::default());
        assert!(sigma(&unknown.predict(0, 50_000_000)) > sigma(&soon));
    }
}
