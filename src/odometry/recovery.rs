//! Carrying on without images, and starting from them again.

use super::motion::MotionModel;
use super::uncertainty::Uncertainty;
use crate::geometry::Se3;
use nalgebra::Matrix6;

/// The last pose that the images told: what is carried on from.
#[derive(Debug, Clone)]
pub(super) struct LastSeen {
    pub stamp_nanos: i64,
    pub t_odom_base: Se3,
    /// Of the pose in the odometry's world, perturbed in the base's own frame.
    pub uncertainty: Uncertainty,
    /// The same relative to the newest keyframe.
    pub from_keyframe: Uncertainty,
}

/// A pose of the base carried on from [`LastSeen`].
#[derive(Debug, Clone)]
pub(super) struct Carried {
    pub t_odom_base: Se3,
    pub uncertainty: Uncertainty,
    pub from_keyframe: Uncertainty,
    /// Of the motion alone.
    pub covariance_of_motion: Matrix6<f64>,
    /// Whether a gyroscope measured how the base has turned since.
    pub turn_measured: bool,
}

impl LastSeen {
    /// Carries the pose on to a later time, by the wheels or the last velocity.
    pub(super) fn carry(&self, motion: &MotionModel, stamp_nanos: i64) -> Carried {
        let moved = motion.predict(self.stamp_nanos, stamp_nanos);
        let by_motion = Uncertainty::random(moved.covariance);
        Carried {
            t_odom_base: self.t_odom_base * moved.t_before_base,
            uncertainty: self.uncertainty.then(&moved.t_before_base, &by_motion),
            from_keyframe: self.from_keyframe.then(&moved.t_before_base, &by_motion),
            covariance_of_motion: moved.covariance,
            turn_measured: moved.turn_measured,
        }
    }
}
