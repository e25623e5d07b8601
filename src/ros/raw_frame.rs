//! Images of one moment that are not decoded yet: what waits for an estimator.

use super::BadMessage;
use super::convert::image::ImageMessage;
use crate::sensors::{Depth, Frame, Rectification, Rig, Second};
use std::sync::Arc;
use std::time::Instant;

/// Images of one moment and what makes a frame of them.
pub struct RawFrame {
    /// When they were taken (ns).
    pub stamp_nanos: i64,
    /// When the last of them came.
    pub came: Instant,
    pub(super) rectification: Arc<Rectification>,
    /// With the names of their topics.
    pub(super) reference: (&'static str, ImageMessage),
    pub(super) second: Option<(&'static str, ImageMessage)>,
}

impl RawFrame {
    /// The cameras, after rectification.
    pub fn rig(&self) -> &Rig {
        self.rectification.rig()
    }

    /// Decodes and rectifies the images, and holds them against the rig.
    ///
    /// # Errors
    /// The topic and the [`BadMessage`] that says what is wrong with its image.
    pub fn decode(&self) -> Result<Frame, (&'static str, BadMessage)> {
        let (topic, message) = &self.reference;
        let picture = message.picture().map_err(|bad| (*topic, bad))?;
        let second = match (&self.second, self.rig().depth) {
            (None, _) | (_, Depth::None) => Second::None,
            (Some((topic, message)), Depth::Stereo { .. }) => {
                Second::Right(message.picture().map_err(|bad| (*topic, bad))?)
            }
            (Some((topic, message)), Depth::Image) => Second::Depth(message.depth().map_err(|bad| (*topic, bad))?),
        };
        let frame = self.rectification.frame(self.stamp_nanos, picture, second);
        frame.map_err(|error| (*topic, BadMessage::new(error.to_string())))
    }
}
