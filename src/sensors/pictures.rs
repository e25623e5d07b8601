//! Images as they come from a file or a message, and their way to grey.

use super::DepthImage;
use image::{GrayImage, RgbImage};

/// An image, grey or in colour.
#[derive(Debug, Clone, PartialEq)]
pub enum Picture {
    /// Grey.
    Gray(GrayImage),
    /// Colour.
    Rgb(RgbImage),
}

impl Picture {
    /// Width and height (px).
    pub fn dimensions(&self) -> (u32, u32) {
        match self {
            Self::Gray(image) => image.dimensions(),
            Self::Rgb(image) => image.dimensions(),
        }
    }

    /// The grey image, and the colours if there are some.
    pub fn into_gray(self) -> (GrayImage, Option<RgbImage>) {
        match self {
            Self::Gray(image) => (image, None),
            Self::Rgb(image) => (gray_from_rgb(&image), Some(image)),
        }
    }
}

/// What a camera with depth has seen at one moment, before rectification.
#[derive(Debug, Clone, PartialEq)]
pub enum Second {
    /// The right image of a pair.
    Right(Picture),
    /// A depth image.
    Depth(DepthImage),
    /// Nothing.
    None,
}

/// Grey from colour by the weights of ITU-R BT.601 in 14 bits, as OpenCV does it.
pub fn gray_from_rgb(image: &RgbImage) -> GrayImage {
    let gray = image
        .as_raw()
        .chunks_exact(3)
        .map(|rgb| {
            ((u32::from(rgb[0]) * 4899 + u32::from(rgb[1]) * 9617 + u32::from(rgb[2]) * 1868 + 8192) >> 14) as u8
        })
        .collect();
    GrayImage::from_raw(image.width(), image.height(), gray).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_is_bt601() {
        let image = RgbImage::from_raw(4, 1, vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 200, 200, 200]).unwrap();
        assert_eq!(gray_from_rgb(&image).as_raw(), &[76, 150, 29, 200]);
    }
}
