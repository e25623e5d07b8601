//! Images in files.

use super::SourceError;
use crate::sensors::compressed::{depth_of, picture_of};
use crate::sensors::{DepthImage, Picture};
use image::{DynamicImage, ImageReader};
use std::path::Path;

/// Reads a PNG or JPEG, whatever its name says.
fn decode(path: &Path) -> Result<DynamicImage, SourceError> {
    let reader = ImageReader::open(path).map_err(SourceError::io(path))?;
    let reader = reader.with_guessed_format().map_err(SourceError::io(path))?;
    reader.decode().map_err(SourceError::format(path))
}

/// Width and height (px) of an image.
pub(super) fn size(path: &Path) -> Result<(u32, u32), SourceError> {
    let reader = ImageReader::open(path).map_err(SourceError::io(path))?;
    let reader = reader.with_guessed_format().map_err(SourceError::io(path))?;
    reader.into_dimensions().map_err(SourceError::format(path))
}

/// Reads an image, grey or in colour; 16 bits are brought to 8.
pub(super) fn read_picture(path: &Path) -> Result<Picture, SourceError> {
    Ok(picture_of(decode(path)?))
}

/// Reads a depth image of 16 bits (m); 0 and 65535 are no depth.
pub(super) fn read_depth(path: &Path, metres_per_unit: f64) -> Result<DepthImage, SourceError> {
    depth_of(decode(path)?, metres_per_unit).map_err(SourceError::format(path))
}
