//! Visual odometry: frames in, poses and keyframes out.

mod keyframe;

pub use keyframe::{Keyframe, KeyframeId};

use crate::bundle::BundleOptions;
use crate::frontend::FrontendOptions;
use crate::geometry::Se3;
use crate::precision::Policy;
use crate::sensors::{Frame, Rig, WheelSample};
use crate::solver::SolveStatistics;
use nalgebra::Matrix6;

crate::options! {
    /// Which frames become keyframes, and how many the window holds.
    pub struct WindowOptions {
        /// Keyframes in the sliding window.
        keyframes: usize = 10usize, "frames", 2..=500, startup;
    }
}

crate::options! {
    /// Visual odometry.
    pub struct OdometryOptions {
    }
    groups {
        /// How features are found and followed.
        frontend: FrontendOptions;
        /// The sliding window.
        window: WindowOptions;
        /// The window's bundle adjustment.
        bundle: BundleOptions;
    }
}

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
    /// Base coordinates into the odometry's world (z up, starts at identity).
    pub t_odom_base: Se3,
    /// Covariance of the pose, perturbed in the base's own frame `[ρ; φ]` (m, rad).
    pub covariance: Matrix6<f64>,
    /// Whether the pose is from the images.
    pub state: TrackingState,
    /// The keyframe that this frame became.
    pub keyframe: Option<Keyframe>,
    /// The window's solve, if there was one.
    pub solve: Option<SolveStatistics>,
    /// Features that were followed into this frame and agree with its pose.
    pub inlier_count: usize,
}

/// Visual odometry of a stereo or RGB-D rig.
pub struct Odometry {}

/// Why an odometry cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum OdometryError {
    /// The rig has no depth.
    #[error("visual odometry needs a stereo or depth camera; this rig has a single image")]
    NoDepth,
}

impl Odometry {
    /// An odometry at rest at the origin.
    ///
    /// # Errors
    /// [`OdometryError`] if the rig does not serve.
    pub fn new(_options: &OdometryOptions, _rig: &Rig, _policy: &Policy) -> Result<Self, OdometryError> {
        todo!()
    }

    /// Takes a sample of wheel odometry; samples older than the last one are ignored.
    pub fn add_wheel(&mut self, _sample: &WheelSample) {
        todo!()
    }

    /// Follows the robot into the next frame. Frames that are not newer than the last one change nothing.
    pub fn track(&mut self, _frame: &std::sync::Arc<Frame>) -> Estimate {
        todo!()
    }
}
