//! Images as OpenCV sees them.

use super::{FrontendError, stage};
use crate::sensors::{Depth, Frame, Images, Rig};
use ::image::GrayImage;
use opencv::boxed_ref::BoxedRef;
use opencv::core::{BORDER_CONSTANT, BORDER_REFLECT_101, Mat, Size, Vector};

/// OpenCV's view of a grey image; nothing is copied.
pub(super) fn mat_from_gray(image: &GrayImage) -> Result<BoxedRef<'_, Mat>, FrontendError> {
    Mat::new_rows_cols_with_data(image.height() as i32, image.width() as i32, image.as_raw()).map_err(stage("image"))
}

/// An image at several sizes with its derivatives, as optical flow needs it.
#[derive(Debug)]
pub struct Pyramid {
    pub(super) levels: Vector<Mat>,
    pub(super) max_level: i32,
}

impl Pyramid {
    /// Halves an image up to `max_level` times; fewer if it gets smaller than the patch of `patch_px` pixels.
    ///
    /// # Errors
    /// [`FrontendError::OpenCv`], for an image without pixels for instance.
    pub fn new(image: &GrayImage, patch_px: i32, max_level: i32) -> Result<Self, FrontendError> {
        let mat = mat_from_gray(image)?;
        let mut levels = Vector::<Mat>::new();
        let size = Size::new(patch_px, patch_px);
        let max_level = opencv::video::build_optical_flow_pyramid(
            &mat,
            &mut levels,
            size,
            max_level,
            true,
            BORDER_REFLECT_101,
            BORDER_CONSTANT,
            // The pyramid outlives the image's borrow, so it must not share its pixels.
            false,
        )
        .map_err(stage("image pyramid"))?;
        Ok(Self { levels, max_level })
    }
}

/// Checks that a frame holds the images that the rig takes, in its size.
pub(super) fn check(frame: &Frame, rig: &Rig) -> Result<(), FrontendError> {
    let (width, height) = (rig.camera.width, rig.camera.height);
    let sizes: Vec<(u32, u32)> = match &frame.images {
        Images::Stereo { left, right } => vec![left.dimensions(), right.dimensions()],
        Images::Rgbd { gray, depth } => vec![gray.dimensions(), depth.dimensions()],
        Images::Mono { gray } => vec![gray.dimensions()],
    };
    let (kind_agrees, expected) = match rig.depth {
        Depth::Stereo { .. } => (matches!(frame.images, Images::Stereo { .. }), "a stereo pair"),
        Depth::Image => (matches!(frame.images, Images::Rgbd { .. }), "an image and its depth"),
        Depth::None => (matches!(frame.images, Images::Mono { .. }), "one image"),
    };
    if kind_agrees && sizes.iter().all(|size| *size == (width, height)) {
        return Ok(());
    }
    let kind = match &frame.images {
        Images::Stereo { .. } => "a stereo pair",
        Images::Rgbd { .. } => "an image and its depth",
        Images::Mono { .. } => "one image",
    };
    let sizes: Vec<String> = sizes.iter().map(|(width, height)| format!("{width} x {height}")).collect();
    Err(FrontendError::Images { expected, width, height, found: format!("{kind} of {} px", sizes.join(" and ")) })
}
