//! What visual odometry says of a frame.

use super::Keyframe;
use crate::geometry::Se3;
use crate::solver::SolveStatistics;
use nalgebra::Matrix6;

/// Whether the odometry knows where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrackingState {
    /// No pose yet.
    Initializing,
    /// The pose comes from the images.
    Tracking,
    /// The images do not tell; the pose is carried on from motion and wheels.
    Lost,
}

/// What the odometry says of one frame.
#[derive(Debug, Clone)]
pub struct Estimate {
    /// The frame's stamp (ns).
    pub stamp_nanos: i64,
    /// Base coordinates into the odometry's world: that of the base at its start, turned upright where an accelerometer tells.
    pub t_odom_base: Se3,
    /// Covariance of the pose, perturbed in the base's own frame `[ρ; φ]` (m, rad).
    pub covariance: Matrix6<f64>,
    /// Whether the pose is from the images.
    pub state: TrackingState,
    /// The keyframe that the frame before became: it was made while this one came.
    pub keyframe: Option<Keyframe>,
    /// The window's solve with that keyframe, if there was one.
    pub solve: Option<SolveStatistics>,
    /// Features that were followed into this frame and agree with its pose.
    pub inlier_count: usize,
    /// Share of a depth camera's frame that lies on surfaces of the newest keyframe, where these told the pose because features
    /// alone did not.
    pub surface_share: Option<f64>,
    /// Share of the features that is sought, as the time for a frame allows: 1 without a limit.
    pub feature_share: f64,
}
