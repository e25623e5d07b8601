//! What the odometry sees of images.

use super::surface::SurfaceAlignment;
use super::{FrontendError, FrontendOptions, PosePrior};
use crate::precision::Policy;
use crate::sensors::{Depth, Frame, Rig};
use nalgebra::Vector2;
use std::sync::Arc;

/// What the odometry sees of images: where features went, where new ones are, and their depth.
///
/// The frame that features are followed *from* is the anchor. It stays when a new frame is taken up, so that a frame
/// that shows nothing (black, blurred) costs nothing: the next one is followed from the same anchor.
pub trait Tracker: Send {
    /// Takes up a frame; what follows is about it.
    ///
    /// # Errors
    /// [`FrontendError`] if the images are not the rig's or cannot be read; the tracker is as before.
    fn take_up(&mut self, frame: &Arc<Frame>) -> Result<(), FrontendError>;

    /// Where features of the anchor (px) are in the frame (px); `None` for those lost.
    ///
    /// - `px_predicted`: where motion makes expect them, same length.
    /// - `within_px`: how far from there they may be, as a standard deviation.
    ///
    /// # Errors
    /// [`FrontendError`].
    fn follow(
        &mut self,
        px_anchor: &[Vector2<f64>],
        px_predicted: &[Vector2<f64>],
        within_px: f64,
    ) -> Result<Vec<Option<Vector2<f64>>>, FrontendError>;

    /// New features of the frame (px), away from those it has, as many as are missing.
    ///
    /// # Errors
    /// [`FrontendError`].
    fn new_features(&mut self, px_taken: &[Vector2<f64>]) -> Result<Vec<Vector2<f64>>, FrontendError>;

    /// The columns (px) of features of the frame in the right image, or in that of a virtual camera
    /// [`measuring_baseline_m`] to the right of a depth camera; `None` where the depth cannot be seen. Where a column
    /// is expected, it is sought near there.
    fn right_columns(&mut self, px: &[Vector2<f64>], expected_x: &[Option<f64>]) -> Vec<Option<f64>>;

    /// Where features (px) of an older frame are in the frame, by their looks alone, however far they have moved;
    /// `None` for those not found, same length. To a pixel, and with some that are wrong. Features without looks are
    /// never found so.
    ///
    /// # Errors
    /// [`FrontendError`].
    fn recognize(
        &mut self,
        _older: &Frame,
        px_older: &[Vector2<f64>],
    ) -> Result<Vec<Option<Vector2<f64>>>, FrontendError> {
        Ok(vec![None; px_older.len()])
    }

    /// How the camera has moved since an older frame, by the surfaces that both show; `prior` is the camera in the older one.
    /// `None` where these do not tell it, or no depth image shows any.
    fn align(&mut self, _older: &Arc<Frame>, _prior: &PosePrior, _policy: &Policy) -> Option<SurfaceAlignment> {
        None
    }

    /// From now on seeks so many features in all, and halves images so many times: less than at first where time is short.
    fn limit(&mut self, feature_count: usize, pyramid_levels: usize);

    /// Makes the frame the anchor; nothing more can be asked about it then.
    fn set_anchor(&mut self);

    /// Makes an older frame the anchor again.
    ///
    /// # Errors
    /// [`FrontendError`]; the anchor is as before.
    fn return_to(&mut self, older: &Arc<Frame>) -> Result<(), FrontendError>;
}

/// Distance of the right camera (m); for a depth camera, that of the virtual one in which its depth is as uncertain as
/// `sigma_px`. The depth of such cameras is uncertain by a multiple of its square, as disparity is. A single camera knows
/// that nothing is nearer than the nearest depth: all depths lie within one standard deviation of its virtual pair.
pub fn measuring_baseline_m(rig: &Rig, options: &FrontendOptions) -> f64 {
    match rig.depth {
        Depth::Stereo { baseline_m } => baseline_m,
        Depth::Image => options.sigma_px / (rig.camera.fx * options.depth_sigma_m),
        Depth::None => options.sigma_px * options.min_depth_m / rig.camera.fx,
    }
}
