//! Where keyframes are made: beside the frames that follow, or before the next one.

use super::background::Background;
use super::local_mapping::{LocalMapping, Mapped, NewKeyframe};

/// What a frame leaves to be done.
pub(super) enum Task {
    /// Nothing, or nothing any more: it has become a keyframe already.
    Done(Option<Mapped>),
    /// To make a keyframe of it.
    Map(NewKeyframe),
}

/// The window, and what came of a keyframe.
type Settled = (Box<LocalMapping>, Option<Mapped>);

/// Makes keyframes while others think that they have all the time until the next frame. What becomes of one is taken over at
/// the next frame or in a pause, when it is asked for, so that nothing depends on how long it took.
pub(super) struct MappingThread {
    background: Option<Background<(Box<LocalMapping>, NewKeyframe), Settled>>,
    /// `None` while the background has it.
    here: Option<Settled>,
}

impl MappingThread {
    /// With a thread of its own, if it is to have one and the system gives one.
    pub(super) fn new(mapping: LocalMapping, second_thread: bool) -> Self {
        let thread = second_thread.then(|| Background::start("local mapping", map));
        let warn = |error: &std::io::Error| tracing::warn!("keyframes are made without a thread of their own: {error}");
        let background = thread.and_then(|thread| thread.inspect_err(warn).ok());
        Self { background, here: Some((Box::new(mapping), None)) }
    }

    /// The window, and what came of the last frame's task; waits for it.
    pub(super) fn take(&mut self) -> Settled {
        match (self.here.take(), &self.background) {
            (Some(here), _) => here,
            (None, Some(background)) => background.take_back(),
            (None, None) => unreachable!("what is taken is given back before it is taken again"),
        }
    }

    /// Gives the window back, with what is to be done until it is taken again.
    pub(super) fn give(&mut self, mapping: Box<LocalMapping>, task: Task) {
        match (task, &self.background) {
            (Task::Done(mapped), _) => self.here = Some((mapping, mapped)),
            (Task::Map(new), Some(background)) => background.hand_over((mapping, new)),
            (Task::Map(new), None) => self.here = Some(map((mapping, new))),
        }
    }
}

fn map((mut mapping, new): (Box<LocalMapping>, NewKeyframe)) -> Settled {
    let mapped = mapping.add(new);
    (mapping, Some(mapped))
}
