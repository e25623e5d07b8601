//! Image messages into images.

use crate::io::bag::messages::{CompressedImage, Image, Message};
use crate::io::bag::{RawMessage, cdr};
use crate::sensors::compressed;
use crate::sensors::encoding::{self, RawPixels};
use crate::sensors::{DepthImage, Picture, Second};

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
        compressed::picture(&image.data).map_err(|error| self.named(error))
    }

    pub(super) fn depth(&self, message: &RawMessage) -> Result<DepthImage, String> {
        if !self.is_compressed {
            let image: Image = cdr::decode(&message.data).map_err(|error| self.named(error))?;
            return encoding::depth(&pixels(&image), self.metres_per_unit).map_err(|error| self.named(error));
        }
        let image: CompressedImage = cdr::decode(&message.data).map_err(|error| self.named(error))?;
        compressed::depth(&image.format, &image.data, self.metres_per_unit).map_err(|error| self.named(error))
    }

    pub(super) fn second(&self, message: &RawMessage, is_depth: bool) -> Result<Second, String> {
        if is_depth { self.depth(message).map(Second::Depth) } else { self.picture(message).map(Second::Right) }
    }
}
