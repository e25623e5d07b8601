//! The second walk through a bag: pixels, in the order of the frames' stamps.

use super::pixels::ImageTopic;
use crate::io::bag::{BagError, RawMessage, RawMessages};
use crate::io::sources::SourceError;
use crate::io::sources::pairing::{nearest_pairs, sorted};
use crate::sensors::{Rectification, Second, SensorEvent};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Which messages make which frame.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Stamp of each frame (ns), increasing.
    pub stamps: Vec<i64>,
    /// The frame of each left message, in the order of the bag.
    pub left: Vec<Option<usize>>,
    /// The frame of each second message.
    pub second: Vec<Option<usize>>,
}

impl Plan {
    /// Frames of single images.
    pub(super) fn single(left: &[Option<i64>]) -> Self {
        let mut plan = Self { left: vec![None; left.len()], ..Self::default() };
        for (stamp, ordinal) in sorted(left) {
            plan.left[ordinal] = Some(plan.stamps.len());
            plan.stamps.push(stamp);
        }
        plan
    }

    /// Frames of images that are each other's nearest in time, at most `tolerance_nanos` apart. The left one's stamp
    /// counts.
    pub(super) fn pairs(left: &[Option<i64>], second: &[Option<i64>], tolerance_nanos: i64) -> Self {
        let mut plan = Self { left: vec![None; left.len()], second: vec![None; second.len()], ..Self::default() };
        for (first, other) in nearest_pairs(left, second, tolerance_nanos) {
            let Some(stamp) = left[first] else { continue };
            plan.left[first] = Some(plan.stamps.len());
            plan.second[other] = Some(plan.stamps.len());
            plan.stamps.push(stamp);
        }
        plan
    }
}

/// Puts frames together. A frame with a message that cannot be read is skipped with a warning.
pub(super) struct Frames {
    pub path: PathBuf,
    pub messages: RawMessages,
    pub plan: Plan,
    pub left: (usize, ImageTopic),
    pub second: Option<(usize, ImageTopic)>,
    pub second_is_depth: bool,
    pub rectification: Rectification,
    pub state: State,
}

/// The messages of one frame.
struct FrameMessages {
    index: usize,
    left: RawMessage,
    second: Option<RawMessage>,
}

/// How far the walk is.
#[derive(Default)]
pub(super) struct State {
    left_seen: usize,
    second_seen: usize,
    next_frame: usize,
    waiting: BTreeMap<usize, (Option<RawMessage>, Option<RawMessage>)>,
    skipped: usize,
}

impl Frames {
    /// The next frame's messages, in order of frames.
    fn next_messages(&mut self) -> Option<Result<FrameMessages, BagError>> {
        loop {
            let next = self.state.next_frame;
            let is_pair = self.second.is_some();
            let complete = self
                .state
                .waiting
                .get(&next)
                .is_some_and(|(left, second)| left.is_some() && (second.is_some() || !is_pair));
            if complete && let Some((Some(left), second)) = self.state.waiting.remove(&next) {
                self.state.next_frame += 1;
                return Some(Ok(FrameMessages { index: next, left, second }));
            }
            let message = match self.messages.next()? {
                Ok(message) => message,
                Err(error) => return Some(Err(error)),
            };
            if message.topic == self.left.0 {
                let frame = self.plan.left.get(self.state.left_seen).copied().flatten();
                self.state.left_seen += 1;
                if let Some(frame) = frame {
                    self.state.waiting.entry(frame).or_default().0 = Some(message);
                }
            } else {
                let frame = self.plan.second.get(self.state.second_seen).copied().flatten();
                self.state.second_seen += 1;
                if let Some(frame) = frame {
                    self.state.waiting.entry(frame).or_default().1 = Some(message);
                }
            }
        }
    }

    fn frame(&self, index: usize, left: &RawMessage, second: Option<&RawMessage>) -> Result<SensorEvent, String> {
        let picture = self.left.1.picture(left)?;
        let second = match (&self.second, second) {
            (Some((_, topic)), Some(message)) => topic.second(message, self.second_is_depth)?,
            _ => Second::None,
        };
        let frame = self.rectification.frame(self.plan.stamps[index], picture, second);
        Ok(SensorEvent::Frame(Box::new(frame.map_err(|error| format!("{}: {error}", self.left.1.name))?)))
    }
}

impl Iterator for Frames {
    type Item = Result<SensorEvent, SourceError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let FrameMessages { index, left, second } = match self.next_messages()? {
                Ok(messages) => messages,
                Err(error) => return Some(Err(error.into())),
            };
            match self.frame(index, &left, second.as_ref()) {
                Ok(event) => return Some(Ok(event)),
                Err(reason) => {
                    self.state.skipped += 1;
                    let (path, skipped) = (self.path.display(), self.state.skipped);
                    tracing::warn!("{path}: frame {index}: {reason}; it is skipped ({skipped} so far)");
                }
            }
        }
    }
}
