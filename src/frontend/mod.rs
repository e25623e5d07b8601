//! Images to tracks: corners, tracking, stereo matching, the first guess of a pose.
//!
//! The odometry sees images through the trait [`Tracker`] alone: [`ImageTracker`] reads real ones, and a test can put
//! true pixels in its place.

mod corner_response;
mod corners;
mod image;
mod initial_pose;
mod mask;
mod pose_problem;
mod ransac;
mod recognition;
mod stereo_matching;
mod stereo_patch;
mod surface;
mod tracker;
mod tracking;

pub use corners::CornerDetector;
pub use image::Pyramid;
pub use initial_pose::{PosePrior, PoseSolution, Sighting, Start, Verdict, pose_from_sightings};
pub use pose_problem::Eye;
pub use ransac::pose_from_points;
pub use stereo_matching::StereoMatcher;
pub use surface::SurfaceAlignment;
pub use tracker::{Tracker, measuring_baseline_m};
pub use tracking::ImageTracker;

crate::options! {
    /// How features are found and followed.
    pub struct FrontendOptions {
        /// Features that are followed.
        feature_count: usize = 200usize, "features", 20..=5000, live;
        /// New corners are sought when fewer than this share of the features is left.
        refill_share: f64 = 0.85, "", 0.0..=1.0, live;
        /// Path of a PNG of the size of the rectified (left) image, black where it shows the robot itself: no feature is
        /// sought there. Empty for none.
        mask: String = "", "", .., startup;
        /// Side of the square patch that is followed.
        patch_size_px: usize = 17usize, "px", 5..=63, startup;
        /// Times that the image is halved for following large motions.
        pyramid_levels: usize = 3usize, "levels", 0..=8, startup;
        /// A feature followed forward and back must return this close to its start.
        max_return_px: f64 = 0.7, "px", 0.01..=10.0, live;
        /// Weakest corner: smaller eigenvalue of the mean gradient product over 3 x 3 pixels, as its square root.
        min_corner_gradient: f64 = 3.0, "grey levels per px", 0.0..=255.0, live;
        /// Nearest depth that a stereo pair is searched for, or a single camera expects.
        min_depth_m: f64 = 0.3, "m", 0.01..=100.0, live;
        /// Least correlation of the left and the right patch.
        min_correlation: f64 = 0.8, "", 0.0..=1.0, live;
        /// Standard deviation of a feature's pixel coordinates.
        sigma_px: f64 = 1.0, "px", 0.05..=10.0, live;
        /// Standard deviation of a depth image at 1 m; it grows with the square of the depth.
        depth_sigma_m: f64 = 0.004, "m", 0.0001..=1.0, startup;
        /// Depths of a depth image beyond this are not used.
        max_depth_m: f64 = 8.0, "m", 0.1..=1000.0, live;
    }
}

/// Why an image cannot be read for features.
#[derive(Debug, thiserror::Error)]
pub enum FrontendError {
    /// OpenCV refused.
    #[error("{stage}: {error}")]
    OpenCv {
        /// What was being done.
        stage: &'static str,
        /// What OpenCV says.
        error: opencv::Error,
    },
    /// The images are not those of the rig.
    #[error("expected {expected} of {width} x {height} px, found {found}")]
    Images {
        /// The kind of images.
        expected: &'static str,
        /// Width of the rig's camera (px).
        width: u32,
        /// Height of the rig's camera (px).
        height: u32,
        /// What the frame holds.
        found: String,
    },
    /// The mask is no image of the camera's size.
    #[error("mask {path}: expected an image of {width} x {height} px, found {found}")]
    Mask {
        /// Where it was sought.
        path: String,
        /// Width of the rig's camera (px).
        width: u32,
        /// Height of the rig's camera (px).
        height: u32,
        /// What is there.
        found: String,
    },
    /// Nothing to follow from.
    #[error("no frame has been taken up yet")]
    NoFrame,
}

/// Names the stage in which OpenCV refused.
fn stage(stage: &'static str) -> impl Fn(opencv::Error) -> FrontendError {
    move |error| FrontendError::OpenCv { stage, error }
}
