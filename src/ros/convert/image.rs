//! Images.

use super::pose::header_msg;
use crate::ros::BadMessage;
use crate::sensors::encoding::{self, RawPixels};
use crate::sensors::{DepthImage, Picture, SensorError, compressed};
use image::{GrayImage, RgbImage};
use r2r::sensor_msgs::msg::{CompressedImage, Image};
use r2r::std_msgs::msg::Header;

/// Metres per unit of a 16 bit depth image (REP-118).
const METRES_PER_UNIT: f64 = 0.001;

/// An image in either of its messages.
#[derive(Debug, Clone)]
pub enum ImageMessage {
    /// As it is.
    Raw(Image),
    /// As a PNG, JPEG or `compressedDepth`.
    Compressed(CompressedImage),
}

impl ImageMessage {
    /// Stamp and frame.
    pub fn header(&self) -> &Header {
        match self {
            Self::Raw(message) => &message.header,
            Self::Compressed(message) => &message.header,
        }
    }

    /// The picture in it.
    ///
    /// # Errors
    /// [`BadMessage`] as of [`picture_from_msg`], or if it cannot be decompressed.
    pub fn picture(&self) -> Result<Picture, BadMessage> {
        match self {
            Self::Raw(message) => picture_from_msg(message),
            Self::Compressed(message) => compressed::picture(&message.data).map_err(refusal),
        }
    }

    /// The depth (m) in it.
    ///
    /// # Errors
    /// [`BadMessage`] as of [`depth_from_msg`], or if it cannot be decompressed.
    pub fn depth(&self) -> Result<DepthImage, BadMessage> {
        match self {
            Self::Raw(message) => depth_from_msg(message),
            Self::Compressed(message) => {
                compressed::depth(&message.format, &message.data, METRES_PER_UNIT).map_err(refusal)
            }
        }
    }
}

fn refusal(error: SensorError) -> BadMessage {
    BadMessage::new(error.to_string())
}

/// The picture in a message.
///
/// # Errors
/// [`BadMessage`] if the encoding is unknown, or size and data contradict each other.
pub fn picture_from_msg(message: &Image) -> Result<Picture, BadMessage> {
    encoding::picture(&raw_pixels(message)).map_err(refusal)
}

/// The depth (m) in a message.
///
/// # Errors
/// [`BadMessage`] if the encoding is none of depth, or size and data contradict each other.
pub fn depth_from_msg(message: &Image) -> Result<DepthImage, BadMessage> {
    encoding::depth(&raw_pixels(message), METRES_PER_UNIT).map_err(refusal)
}

fn raw_pixels(message: &Image) -> RawPixels<'_> {
    RawPixels {
        encoding: &message.encoding,
        width: message.width,
        height: message.height,
        step: message.step,
        is_bigendian: message.is_bigendian != 0,
        data: &message.data,
    }
}

/// A `mono8` message.
pub fn image_msg_from_gray(image: &GrayImage, stamp_nanos: i64, frame_id: &str) -> Image {
    image_msg("mono8", image.dimensions(), 1, image.as_raw().clone(), stamp_nanos, frame_id)
}

/// An `rgb8` message.
pub fn image_msg_from_rgb(image: &RgbImage, stamp_nanos: i64, frame_id: &str) -> Image {
    image_msg("rgb8", image.dimensions(), 3, image.as_raw().clone(), stamp_nanos, frame_id)
}

/// A `32FC1` message.
pub fn image_msg_from_depth(image: &DepthImage, stamp_nanos: i64, frame_id: &str) -> Image {
    let data = image.as_raw().iter().flat_map(|metres| metres.to_le_bytes()).collect();
    image_msg("32FC1", image.dimensions(), 4, data, stamp_nanos, frame_id)
}

fn image_msg(encoding: &str, size: (u32, u32), bytes: u32, data: Vec<u8>, stamp_nanos: i64, frame_id: &str) -> Image {
    Image {
        header: header_msg(stamp_nanos, frame_id),
        width: size.0,
        height: size.1,
        encoding: encoding.into(),
        is_bigendian: 0,
        step: size.0 * bytes,
        data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_come_back() {
        let gray = GrayImage::from_fn(5, 3, |x, y| image::Luma([(x * 10 + y) as u8]));
        assert_eq!(picture_from_msg(&image_msg_from_gray(&gray, 0, "left")), Ok(Picture::Gray(gray)));
        let rgb = RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 9]));
        assert_eq!(picture_from_msg(&image_msg_from_rgb(&rgb, 0, "left")), Ok(Picture::Rgb(rgb)));
        let depth = DepthImage::from_fn(4, 2, |x, y| image::Luma([0.5 + (x + y) as f32]));
        assert_eq!(depth_from_msg(&image_msg_from_depth(&depth, 0, "left")), Ok(depth));
    }

    #[test]
    fn compressed_images_are_images() {
        let gray = GrayImage::from_fn(5, 3, |x, y| image::Luma([(x * 10 + y) as u8]));
        let mut file = std::io::Cursor::new(Vec::new());
        gray.write_to(&mut file, image::ImageFormat::Png).unwrap();
        let message =
            CompressedImage { format: "mono8; png compressed".into(), data: file.into_inner(), ..Default::default() };
        assert_eq!(ImageMessage::Compressed(message.clone()).picture(), Ok(Picture::Gray(gray)));
        let broken = CompressedImage { data: message.data[..20].to_vec(), ..message };
        assert!(ImageMessage::Compressed(broken.clone()).picture().is_err());
        assert!(ImageMessage::Compressed(broken).depth().is_err());
    }

    #[test]
    fn a_size_that_contradicts_the_data_is_refused() {
        let mut message = image_msg_from_gray(&GrayImage::new(8, 4), 0, "left");
        message.height = 5;
        assert!(picture_from_msg(&message).unwrap_err().to_string().contains("found 32"));
        message.encoding = "jpeg".into();
        assert!(picture_from_msg(&message).unwrap_err().to_string().contains("'jpeg'"));
    }
}
