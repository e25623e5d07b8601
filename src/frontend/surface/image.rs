//! A frame as surfaces, at several sizes.

use super::level::Level;
use crate::geometry::PinholeCamera;
use crate::sensors::DepthImage;
use image::GrayImage;
use std::ops::RangeInclusive;

/// Cells in a row of the finest level, at most.
const FINEST_WIDTH: u32 = 160;

/// Cells in a row of the coarsest level, at least.
const COARSEST_WIDTH: usize = 16;

/// A depth image with its grey one as a pyramid of levels, finest first.
#[derive(Debug, Clone)]
pub struct SurfaceImage {
    pub(super) levels: Vec<Level>,
}

impl SurfaceImage {
    /// The surfaces in an image and its depth (m), of one size; depths out of range show none.
    pub fn new(gray: &GrayImage, depth: &DepthImage, camera: &PinholeCamera, range_m: &RangeInclusive<f64>) -> Self {
        let mut levels = vec![Level::new(gray, depth, camera, range_m, gray.width().div_ceil(FINEST_WIDTH).max(1))];
        while let Some(half) = levels.last().filter(|level| level.width() >= 2 * COARSEST_WIDTH).map(Level::halved) {
            levels.push(half);
        }
        Self { levels }
    }
}
