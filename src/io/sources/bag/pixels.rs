//! Image messages into images.

use crate::io::bag::messages::{CompressedImage, Image, Message};
use crate::io::bag::{RawMessage, cdr};
use crate::io::sources::image_file;
use crate::sensors::encoding::{self, RawPixels};
use crate::sensors::{DepthImage, Picture, Second};
use image::DynamicImage;

/// How the messages of an image topic are read.
#[derive(Debug, Clone)]
pub(super) struct ImageTopic {
    pub name: String,
    pub is_compressed: bool,
    pub metres_per_unit: f64,
}

fn pixels(image: &Image) -> RawPixels<'_> {
    RawPixels {
        encoding: &image.encoding,
        width: image.width,
        height: image.height,
        step: image.step,
        is_bigendian: image.is_bigendian != 0,
        data: &image.data,
    }
}

impl ImageTopic {
    pub(super) fn new(name: &str, message_type: &str, metres_per_unit: f64) -> Self {
        Self { name: name.into(), is_compressed: message_type == CompressedImage::TYPE, metres_per_unit }
    }

    /// Puts the topic's name before what is wrong.
    fn named(&self, reason: impl std::fmt::Display) -> String {
        format!("{}: {reason}", self.name)
    }

    pub(super) fn picture(&self, message: &RawMessage) -> Result<Picture, String> {
        if !self.is_compressed {
            let image: Image = cdr::decode(&message.data).map_err(|error| self.named(error))?;
            return encoding::picture(&pixels(&image)).map_err(|error| self.named(error));
        }
        let image: CompressedImage = cdr::decode(&message.data).map_err(|error| self.named(error))?;
        let decoded = self.decompress(&image.data)?;
        Ok(image_file::picture(decoded))
    }

    pub(super) fn depth(&self, message: &RawMessage) -> Result<DepthImage, String> {
        if !self.is_compressed {
            let image: Image = cdr::decode(&message.data).map_err(|error| self.named(error))?;
            return encoding::depth(&pixels(&image), self.metres_per_unit).map_err(|error| self.named(error));
        }
        let image: CompressedImage = cdr::decode(&message.data).map_err(|error| self.named(error))?;
        let Some(quantization) = image.format.contains("compressedDepth").then(|| Quantization::read(&image)) else {
            return image_file::depth(self.decompress(&image.data)?, self.metres_per_unit)
                .map_err(|error| self.named(error));
        };
        let quantization = quantization.map_err(|error| self.named(error))?;
        let words = self.decompress(&image.data[Quantization::LENGTH..])?;
        let words = match words {
            DynamicImage::ImageLuma16(words) => words,
            other => return Err(self.named(format!("expected depth of 16 bits, found {:?}", other.color()))),
        };
        let (width, height) = words.dimensions();
        let data = words.into_raw().into_iter().map(|word| quantization.metres(word, self.metres_per_unit)).collect();
        Ok(DepthImage::from_raw(width, height, data).unwrap_or_default())
    }

    pub(super) fn second(&self, message: &RawMessage, is_depth: bool) -> Result<Second, String> {
        if is_depth { self.depth(message).map(Second::Depth) } else { self.picture(message).map(Second::Right) }
    }

    fn decompress(&self, data: &[u8]) -> Result<DynamicImage, String> {
        image::load_from_memory(data).map_err(|error| self.named(format!("expected a PNG or JPEG: {error}")))
    }
}

/// What the image transport `compressedDepth` writes before its PNG: how 32-bit depth was brought to 16 bits.
struct Quantization {
    /// `a` and `b` of `word = a / depth + b`; `None` if words are depths.
    inverse: Option<(f32, f32)>,
}

impl Quantization {
    /// A whole number and two parameters of 4 bytes each.
    const LENGTH: usize = 12;

    fn read(image: &CompressedImage) -> Result<Self, String> {
        let Some(head) = image.data.first_chunk::<{ Self::LENGTH }>() else {
            return Err(format!("expected 12 bytes before the depth's PNG, found {}", image.data.len()));
        };
        let number = |at: usize| f32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        Ok(Self { inverse: image.format.starts_with("32FC1").then(|| (number(4), number(8))) })
    }

    fn metres(&self, word: u16, metres_per_unit: f64) -> f32 {
        let metres = match self.inverse {
            Some((a, b)) if word > 0 => a / (f32::from(word) - b),
            Some(_) => 0.0,
            None => encoding::depth_from_word(word, metres_per_unit),
        };
        if metres.is_finite() && metres > 0.0 { metres } else { 0.0 }
    }
}
