//! Pixels in the encodings of ROS image messages.

use super::{DepthImage, Picture, SensorError};
use image::{GrayImage, RgbImage};
use opencv::core::Mat;
use opencv::prelude::MatTraitConstManual;
use opencv::{core, imgproc};

const PICTURES: &str = "mono8, mono16, rgb8, bgr8, rgba8, bgra8, 8UC1, 8UC3, 16UC1, bayer_rggb8, bayer_bggr8, \
                        bayer_gbrg8, bayer_grbg8";
const DEPTHS: &str = "16UC1, mono16, 32FC1";

/// Pixels of an image message: rows of `step` bytes.
#[derive(Debug, Clone, Copy)]
pub struct RawPixels<'a> {
    /// The encoding's name, e.g. `bgr8`.
    pub encoding: &'a str,
    /// Width (px).
    pub width: u32,
    /// Height (px).
    pub height: u32,
    /// Length of a row (bytes), padding included; 0 if rows follow each other without any.
    pub step: u32,
    /// Whether values of several bytes are big-endian.
    pub is_bigendian: bool,
    /// The rows.
    pub data: &'a [u8],
}

impl<'a> RawPixels<'a> {
    /// The rows' pixels without padding, `bytes_per_pixel` each.
    fn rows(&self, bytes_per_pixel: usize) -> Result<impl Iterator<Item = &'a [u8]> + use<'a>, SensorError> {
        let row = self.width as usize * bytes_per_pixel;
        let step = if self.step == 0 { row } else { self.step as usize };
        let expected = step.saturating_mul((self.height as usize).saturating_sub(1)).saturating_add(row);
        if step < row || self.data.len() < expected {
            let (width, height, found) = (self.width, self.height, self.data.len());
            return Err(SensorError::Data {
                expected: expected.max(row.saturating_mul(self.height as usize)),
                found,
                width,
                height,
                step,
            });
        }
        // Of rows without pixels there may be said to be any number.
        let (data, height) = (self.data, if row == 0 { 0 } else { self.height as usize });
        Ok((0..height).map(move |y| &data[y * step..y * step + row]))
    }

    fn bytes(&self, bytes_per_pixel: usize) -> Result<Vec<u8>, SensorError> {
        let rows = self.rows(bytes_per_pixel)?;
        let mut bytes = Vec::with_capacity(self.width as usize * self.height as usize * bytes_per_pixel);
        rows.for_each(|row| bytes.extend_from_slice(row));
        Ok(bytes)
    }

    fn words(&self) -> Result<impl Iterator<Item = u16> + use<'a>, SensorError> {
        let from_bytes = if self.is_bigendian { u16::from_be_bytes } else { u16::from_le_bytes };
        Ok(self.rows(2)?.flat_map(|row| row.chunks_exact(2)).map(move |pair| from_bytes([pair[0], pair[1]])))
    }

    fn gray(&self, data: Vec<u8>) -> Picture {
        Picture::Gray(GrayImage::from_raw(self.width, self.height, data).unwrap_or_default())
    }

    fn rgb(&self, data: Vec<u8>) -> Picture {
        Picture::Rgb(RgbImage::from_raw(self.width, self.height, data).unwrap_or_default())
    }
}

/// The image in a message. 16 bits are brought to 8 by dropping the lower ones.
///
/// # Errors
/// [`SensorError::Encoding`], [`SensorError::Data`].
pub fn picture(pixels: &RawPixels) -> Result<Picture, SensorError> {
    let reordered = |channels: usize, order: [usize; 3]| -> Result<Picture, SensorError> {
        let rows = pixels.rows(channels)?;
        let pixel = rows.flat_map(|row| row.chunks_exact(channels)).flat_map(|pixel| order.map(|index| pixel[index]));
        Ok(pixels.rgb(pixel.collect()))
    };
    match pixels.encoding {
        "mono8" | "8UC1" => Ok(pixels.gray(pixels.bytes(1)?)),
        "mono16" | "16UC1" => Ok(pixels.gray(pixels.words()?.map(|word| (word >> 8) as u8).collect())),
        "rgb8" => Ok(pixels.rgb(pixels.bytes(3)?)),
        "bgr8" | "8UC3" => reordered(3, [2, 1, 0]),
        "rgba8" => reordered(4, [0, 1, 2]),
        "bgra8" | "8UC4" => reordered(4, [2, 1, 0]),
        // OpenCV names a pattern by the second row's second and third pixel, ROS by the first row's start.
        "bayer_rggb8" => bayer(pixels, imgproc::COLOR_BayerBG2RGB),
        "bayer_bggr8" => bayer(pixels, imgproc::COLOR_BayerRG2RGB),
        "bayer_gbrg8" => bayer(pixels, imgproc::COLOR_BayerGR2RGB),
        "bayer_grbg8" => bayer(pixels, imgproc::COLOR_BayerGB2RGB),
        other => Err(SensorError::Encoding { found: other.into(), expected: PICTURES }),
    }
}

fn bayer(pixels: &RawPixels, code: i32) -> Result<Picture, SensorError> {
    let bytes = pixels.bytes(1)?;
    let demosaic = || -> opencv::Result<Vec<u8>> {
        let source = Mat::new_rows_cols_with_data(pixels.height as i32, pixels.width as i32, &bytes)?;
        let mut target = Mat::default();
        imgproc::cvt_color(&source, &mut target, code, 0)?;
        debug_assert_eq!(core::MatTraitConst::typ(&target), core::CV_8UC3);
        Ok(target.data_bytes()?.to_vec())
    };
    let data = demosaic().map_err(|error| SensorError::OpenCv { stage: "demosaicing", reason: error.to_string() })?;
    Ok(pixels.rgb(data))
}

/// The depth image (m) in a message. Whole numbers are taken times `metres_per_unit` (REP-118: millimetres); 0,
/// 65535, negative and infinite values and NaN are no depth.
///
/// # Errors
/// [`SensorError::Encoding`], [`SensorError::Data`].
pub fn depth(pixels: &RawPixels, metres_per_unit: f64) -> Result<DepthImage, SensorError> {
    let data: Vec<f32> = match pixels.encoding {
        "16UC1" | "mono16" => pixels.words()?.map(|word| depth_from_word(word, metres_per_unit)).collect(),
        "32FC1" => {
            let from_bytes = if pixels.is_bigendian { f32::from_be_bytes } else { f32::from_le_bytes };
            let values = pixels.rows(4)?.flat_map(|row| row.chunks_exact(4));
            values
                .map(|value| from_bytes([value[0], value[1], value[2], value[3]]))
                .map(|metres| if metres.is_finite() && metres > 0.0 { metres } else { 0.0 })
                .collect()
        }
        other => return Err(SensorError::Encoding { found: other.into(), expected: DEPTHS }),
    };
    Ok(DepthImage::from_raw(pixels.width, pixels.height, data).unwrap_or_default())
}

/// A depth (m) from its code; 0 and 65535 are no depth (0).
pub fn depth_from_word(word: u16, metres_per_unit: f64) -> f32 {
    if word == u16::MAX { 0.0 } else { (f64::from(word) * metres_per_unit) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels<'a>(encoding: &'a str, width: u32, height: u32, step: u32, data: &'a [u8]) -> RawPixels<'a> {
        RawPixels { encoding, width, height, step, is_bigendian: false, data }
    }

    #[test]
    fn channels_come_in_order_and_padding_goes() {
        let data = [1, 2, 3, 4, 5, 6, 99, 7, 8, 9, 10, 11, 12];
        let Picture::Rgb(image) = picture(&pixels("bgr8", 2, 2, 7, &data)).unwrap() else { panic!() };
        assert_eq!(image.as_raw(), &[3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]);
        let Picture::Rgb(image) = picture(&pixels("bgra8", 1, 2, 4, &[1, 2, 3, 4, 5, 6, 7, 8])).unwrap() else {
            panic!()
        };
        assert_eq!(image.as_raw(), &[3, 2, 1, 7, 6, 5]);
        let Picture::Gray(image) = picture(&pixels("mono16", 2, 1, 4, &[255, 1, 0, 200])).unwrap() else { panic!() };
        assert_eq!(image.as_raw(), &[1, 200]);
    }

    #[test]
    fn bayer_patterns_give_the_colour_of_the_filter() {
        for (encoding, red_at) in
            [("bayer_rggb8", (0, 0)), ("bayer_bggr8", (1, 1)), ("bayer_gbrg8", (0, 1)), ("bayer_grbg8", (1, 0))]
        {
            let data: Vec<u8> = (0..64).map(|i| if (i % 8 % 2, i / 8 % 2) == red_at { 200 } else { 0 }).collect();
            let Picture::Rgb(image) = picture(&pixels(encoding, 8, 8, 8, &data)).unwrap() else { panic!() };
            assert_eq!(image.get_pixel(4, 4).0, [200, 0, 0], "{encoding}");
        }
    }

    #[test]
    fn depths_are_metres_and_holes_are_zero() {
        let data = [0xE8, 0x03, 0xFF, 0xFF, 0, 0];
        assert_eq!(depth(&pixels("16UC1", 3, 1, 6, &data), 0.001).unwrap().as_raw(), &[1.0, 0.0, 0.0]);
        let floats: Vec<u8> = [2.5f32, f32::NAN, -1.0].iter().flat_map(|value| value.to_be_bytes()).collect();
        let big = RawPixels { is_bigendian: true, ..pixels("32FC1", 3, 1, 12, &floats) };
        assert_eq!(depth(&big, 0.001).unwrap().as_raw(), &[2.5, 0.0, 0.0]);
    }

    #[test]
    fn lies_about_size_and_unknown_encodings_are_refused() {
        let short = picture(&pixels("rgb8", 2, 2, 6, &[0; 11])).unwrap_err();
        assert!(short.to_string().contains("at least 12 bytes") && short.to_string().contains("found 11"), "{short}");
        assert!(picture(&pixels("rgb8", u32::MAX, u32::MAX, 3, &[0; 11])).is_err());
        assert!(picture(&pixels("rgb8", 4, 1, 3, &[0; 12])).is_err());
        assert_eq!(pixels("rgb8", 0, u32::MAX, 0, &[]).rows(3).unwrap().count(), 0);
        let unknown = picture(&pixels("yuv422", 2, 2, 4, &[0; 8])).unwrap_err().to_string();
        assert!(unknown.contains("'yuv422'") && unknown.contains("bayer_rggb8"), "{unknown}");
        assert!(depth(&pixels("rgb8", 1, 1, 3, &[0; 3]), 0.001).is_err());
    }
}
