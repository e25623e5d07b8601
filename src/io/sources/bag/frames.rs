//! The second walk through a bag: pixels, in the order of the frames' stamps.

use super::pixels::ImageTopic;
use crate::io::bag::{BagError, RawMessage, RawMessages};
use crate::io::sources::SourceError;
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
        let sorted = sorted(left);
        let mut plan = Self { left: vec![None; left.len()], ..Self::default() };
        for (stamp, ordinal) in sorted {
            plan.left[ordinal] = Some(plan.stamps.len());
            plan.stamps.push(stamp);
        }
        plan
    }

    /// Frames of images that are each other's nearest in time, at most `tolerance_nanos` apart. The left one's stamp
    /// counts.
    pub(super) fn pairs(left: &[Option<i64>], second: &[Option<i64>], tolerance_nanos: i64) -> Self {
        let (lefts, seconds) = (sorted(left), sorted(second));
        let mut plan = Self { left: vec![None; left.len()], second: vec![None; second.len()], ..Self::default() };
        for &(stamp, ordinal) in &lefts {
            let Some(&(other_stamp, other)) = nearest(&seconds, stamp) else { continue };
            let mutual = nearest(&lefts, other_stamp).is_some_and(|&(_, back)| back == ordinal);
            if mutual && (other_stamp - stamp).abs() <= tolerance_nanos {
                plan.left[ordinal] = Some(plan.stamps.len());
                plan.second[other] = Some(plan.stamps.len());
                plan.stamps.push(stamp);
            }
        }
        plan
    }
}

/// Stamps with their places in the bag, increasing; of several messages with one stamp the first counts.
fn sorted(stamps: &[Option<i64>]) -> Vec<(i64, usize)> {
    let mut sorted: Vec<(i64, usize)> =
        stamps.iter().enumerate().filter_map(|(ordinal, stamp)| Some(((*stamp)?, ordinal))).collect();
    sorted.sort_unstable();
    sorted.dedup_by_key(|(stamp, _)| *stamp);
    sorted
}

/// The nearest in time; of two as near, the earlier.
fn nearest(sorted: &[(i64, usize)], stamp: i64) -> Option<&(i64, usize)> {
    let after = sorted.partition_point(|(other, _)| *other < stamp);
    let candidates = sorted.get(after.saturating_sub(1)..(after + 1).min(sorted.len()))?;
    candidates.iter().min_by_key(|(other, _)| other.abs_diff(stamp))
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
    fn next_messages(&mut self) -> Option<Result<(usize, RawMessage, Option<RawMessage>), BagError>> {
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
                return Some(Ok((next, left, second)));
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
            let (index, left, second) = match self.next_messages()? {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn drops_and_jitter_pair_up() {
        let left = [Some(0), Some(50), None, Some(150), Some(200)];
        let second = [Some(2), Some(99), Some(148), Some(203), Some(203)];
        let plan = Plan::pairs(&left, &second, 5);
        assert_eq!(plan.stamps, [0, 150, 200]);
        assert_eq!(plan.left, [Some(0), None, None, Some(1), Some(2)]);
        assert_eq!(plan.second, [Some(0), None, Some(1), Some(2), None]);
    }

    proptest! {
        #[test]
        fn pairs_are_one_to_one_and_in_order(
            left in prop::collection::vec(prop::option::of(0i64..1000), 0..40),
            second in prop::collection::vec(prop::option::of(0i64..1000), 0..40),
        ) {
            let plan = Plan::pairs(&left, &second, 20);
            prop_assert!(plan.stamps.windows(2).all(|two| two[0] < two[1]));
            for frame in 0..plan.stamps.len() {
                let l: Vec<usize> = (0..left.len()).filter(|&i| plan.left[i] == Some(frame)).collect();
                let s: Vec<usize> = (0..second.len()).filter(|&i| plan.second[i] == Some(frame)).collect();
                prop_assert_eq!((l.len(), s.len()), (1, 1));
                prop_assert!((left[l[0]].unwrap() - second[s[0]].unwrap()).abs() <= 20);
            }
        }
    }
}
