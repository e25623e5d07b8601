//! Samples of a sensor between the task that takes messages and the thread that asks for those up to a frame.

use super::camera_topics::TIME_JUMP_NANOS;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Samples that are kept while no frame comes: ten seconds of a fast inertial unit.
const SAMPLES_KEPT: usize = 10_000;

/// A sensor that has missed so many samples is silent: nothing is on its way.
const SILENT_AFTER: i64 = 4;

/// Samples in order of time, whatever order they come in.
pub struct SampleQueue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    waiting: VecDeque<(i64, T)>,
    /// The latest stamp (ns) of all that ever came, and how long after the one before it is.
    newest: Option<i64>,
    interval: Option<i64>,
}

impl<T> State<T> {
    /// Whether a sample up to this stamp must be on its way, by how often they come.
    fn is_one_due_by(&self, stamp_nanos: i64) -> bool {
        let (Some(newest), Some(interval)) = (self.newest, self.interval) else { return false };
        let passed = stamp_nanos.saturating_sub(newest);
        interval <= passed && passed <= interval.saturating_mul(SILENT_AFTER)
    }
}

impl<T> Default for SampleQueue<T> {
    fn default() -> Self {
        let state = State { waiting: VecDeque::new(), newest: None, interval: None };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl<T> SampleQueue<T> {
    /// Takes a sample; never waits long. When time has jumped back, those that wait are of the time before and go.
    pub fn put(&self, stamp_nanos: i64, sample: T) {
        let mut state = self.lock();
        if state.newest.is_some_and(|newest| stamp_nanos < newest.saturating_sub(TIME_JUMP_NANOS)) {
            *state = State { waiting: VecDeque::new(), newest: None, interval: None };
        }
        if state.newest.is_none_or(|newest| stamp_nanos > newest) {
            state.interval = state.newest.map(|newest| stamp_nanos - newest);
            state.newest = Some(stamp_nanos);
        }
        let place = state.waiting.partition_point(|(other, _)| *other <= stamp_nanos);
        state.waiting.insert(place, (stamp_nanos, sample));
        if state.waiting.len() > SAMPLES_KEPT {
            state.waiting.pop_front();
        }
        self.changed.notify_all();
    }

    /// Takes out the samples up to this stamp, oldest first. One that is due is waited for, at most `patience`: messages of two
    /// topics may overtake each other.
    pub fn take_until(&self, stamp_nanos: i64, patience: Duration) -> Vec<T> {
        let state = self.lock();
        let is_one_due = |state: &mut State<T>| state.is_one_due_by(stamp_nanos);
        let waited = self.changed.wait_timeout_while(state, patience, is_one_due);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        let count = state.waiting.partition_point(|(other, _)| *other <= stamp_nanos);
        state.waiting.drain(..count).map(|(_, sample)| sample).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_AT_ALL: Duration = Duration::ZERO;

    #[test]
    fn a_sample_that_is_due_is_waited_for() {
        let queue = SampleQueue::default();
        [10, 20].into_iter().for_each(|stamp| queue.put(stamp, stamp));
        let taken = std::thread::scope(|scope| {
            scope.spawn(|| {
                // Long enough for one that does not wait to have gone.
                std::thread::sleep(Duration::from_millis(100));
                queue.put(30, 30);
            });
            queue.take_until(30, Duration::from_secs(60))
        });
        assert_eq!(taken, [10, 20, 30]);
    }

    #[test]
    fn what_is_not_due_is_not_waited_for() {
        let (queue, forever) = (SampleQueue::default(), Duration::MAX);
        assert!(queue.take_until(10, forever).is_empty(), "a sensor of which nothing is known");
        queue.put(10, 10);
        assert_eq!(queue.take_until(1000, forever), [10], "one sample says nothing of the next");
        queue.put(20, 20);
        assert_eq!(queue.take_until(29, forever), [20], "the next one is of after the frame");
        assert!(queue.take_until(61, forever).is_empty(), "a sensor that has gone silent");
    }

    #[test]
    fn samples_come_out_in_order_up_to_a_frame() {
        let queue = SampleQueue::default();
        [10, 30, 20, 50, 40].into_iter().for_each(|stamp| queue.put(stamp, stamp));
        assert_eq!(queue.take_until(35, NOT_AT_ALL), [10, 20, 30]);
        assert!(queue.take_until(35, NOT_AT_ALL).is_empty());
        assert_eq!(queue.take_until(100, NOT_AT_ALL), [40, 50]);
    }

    #[test]
    fn what_waits_when_time_jumps_back_is_forgotten() {
        let queue = SampleQueue::default();
        [5, 6].into_iter().for_each(|secs| queue.put(secs * TIME_JUMP_NANOS, secs));
        queue.put(1, 0);
        assert_eq!(queue.take_until(i64::MAX, NOT_AT_ALL), [0]);
    }

    #[test]
    fn memory_is_bounded() {
        let queue = SampleQueue::default();
        (0..20_000).for_each(|stamp| queue.put(stamp, stamp));
        let left = queue.take_until(i64::MAX, NOT_AT_ALL);
        assert_eq!((left.len(), left[0]), (SAMPLES_KEPT, 10_000));
    }
}
