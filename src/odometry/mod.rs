//! Visual odometry: frames in, poses and keyframes out.
//!
//! [`Odometry::track`] is the page to read first. A frame's pose comes from the landmarks that are followed into it; the
//! window of keyframes is adjusted when a frame becomes one. When the images tell nothing, wheels or the last velocity
//! carry the pose on, with a covariance that says so.

mod adjustment;
mod background;
mod covariance;
mod estimate;
mod frame_budget;
mod frame_clock;
mod gravity;
mod gyroscope;
mod imu_samples;
mod keyframe;
mod local_map;
mod local_mapping;
mod localization;
mod mapping_thread;
mod marginal_prior;
mod marginals;
mod motion;
mod noise;
mod normal_matrix;
mod offset;
mod pipeline;
mod planar;
mod recovery;
mod relocalization;
mod slip;
mod surface_view;
mod uncertainty;
mod uncertainty_growth;
mod validate;
mod wheels;
mod window;

pub use estimate::{Estimate, TrackingState};
pub use keyframe::{Keyframe, KeyframeId};
pub use motion::MotionOptions;
pub use pipeline::Odometry;
pub use planar::PlanarOptions;
pub use uncertainty::CalibrationOptions;

use crate::bundle::BundleOptions;
use crate::frontend::{FrontendError, FrontendOptions};
use crate::solver::SolverOptions;

crate::options! {
    /// Which frames become keyframes, and how many the window holds.
    pub struct WindowOptions {
        /// Keyframes in the sliding window.
        keyframes: usize = 10usize, "frames", 2..=500, startup;
        /// Whether what keyframes told of the others stays as a prior when they leave the window: less drift over metres, more
        /// of it over tens of metres.
        marginalize: bool = false, "", .., live;
        /// Without that, the oldest keyframes that the adjustment leaves as they are: they stand for what is forgotten.
        fixed_keyframes: usize = 2usize, "frames", 1..=100, live;
        /// Whether keyframes are made on a thread of their own while the next frame comes. The results are the same.
        second_thread: bool = true, "", .., startup;
        /// Mean parallax since the last keyframe, rotation taken off, that makes a frame one.
        min_parallax_px: f64 = 20.0, "px", 0.0..=1000.0, live;
        /// A frame that sees a smaller share of the last keyframe's features becomes one.
        min_surviving_share: f64 = 0.75, "", 0.0..=1.0, live;
        /// A robot that moves gets a keyframe at least this often.
        max_interval_secs: f64 = 1.0, "s", 0.0..=1000.0, live;
    }
}

crate::options! {
    /// Visual odometry.
    pub struct OdometryOptions {
        /// Features that must agree with a pose; with fewer the robot is lost.
        min_inliers: usize = 12usize, "features", 6..=1000, live;
        /// Share of the features with depth that must agree with a pose.
        min_inlier_share: f64 = 0.3, "", 0.0..=1.0, live;
        /// Time without a pose from the images after which the odometry starts anew from what it sees then.
        restart_after_secs: f64 = 0.5, "s", 0.0..=1000.0, live;
        /// Time that a frame may take on this machine; fewer features are followed, and in flatter pyramids, where it takes
        /// longer. 0: as long as it takes, so that the same input gives the same result.
        frame_budget_ms: f64 = 0.0, "ms", 0.0..=10000.0, live;
    }
    groups {
        /// How features are found and followed.
        frontend: FrontendOptions;
        /// What is expected of the motion.
        motion: MotionOptions;
        /// The sliding window.
        window: WindowOptions;
        /// What a flat floor tells of the robot.
        planar: PlanarOptions;
        /// How far the calibration is trusted.
        calibration: CalibrationOptions;
        /// The window's bundle adjustment.
        bundle: BundleOptions = window_defaults();
    }
}

/// A robot does not wait for conjugate gradients that do not converge, as those of naive half precision.
fn window_defaults() -> BundleOptions {
    let solver = SolverOptions { max_linear_iterations: 200, ..SolverOptions::default() };
    BundleOptions { solver, ..BundleOptions::default() }
}

/// Why an odometry cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum OdometryError {
    /// Images cannot be read as the options ask.
    #[error(transparent)]
    Frontend(#[from] FrontendError),
    /// The rig's numbers are none of a camera.
    #[error("rig: expected {expected}, found {found}")]
    Rig {
        /// What a camera has.
        expected: &'static str,
        /// What was given.
        found: String,
    },
}
