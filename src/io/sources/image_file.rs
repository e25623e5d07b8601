//! Images in files.

use super::SourceError;
use crate::sensors::encoding::depth_from_word;
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
    Ok(picture(decode(path)?))
}

/// A decoded image as a picture.
pub(super) fn picture(image: DynamicImage) -> Picture {
    if image.color().has_color() { Picture::Rgb(image.into_rgb8()) } else { Picture::Gray(image.into_luma8()) }
}

/// Reads a depth image of 16 bits (m); 0 and 65535 are no depth.
pub(super) fn read_depth(path: &Path, metres_per_unit: f64) -> Result<DepthImage, SourceError> {
    depth(decode(path)?, metres_per_unit).map_err(|reason| SourceError::Format { path: path.into(), reason })
}

/// A decoded image as depth (m); the error says what it is instead.
pub(super) fn depth(image: DynamicImage, metres_per_unit: f64) -> Result<DepthImage, String> {
    let DynamicImage::ImageLuma16(words) = image else {
        return Err(format!("expected a depth image of one channel with 16 bits, found {:?}", image.color()));
    };
    let (width, height) = words.dimensions();
    let data = words.into_raw().into_iter().map(|word| depth_from_word(word, metres_per_unit)).collect();
    Ok(DepthImage::from_raw(width, height, data).unwrap_or_default())
}
