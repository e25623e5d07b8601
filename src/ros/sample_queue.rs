//! Samples of a sensor between the task that takes messages and the thread that asks for those up to a frame.

use super::camera_topics::TIME_JUMP_NANOS;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Samples that are kept while no frame comes: ten seconds of a fast inertial unit.
const SAMPLES_KEPT: usize = 10_000;

/// Samples in order of time, whatever order they come in.
pub struct SampleQueue<T>(Mutex<VecDeque<(i64, T)>>);

impl<T> Default for SampleQueue<T> {
    fn default() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }
}

impl<T> SampleQueue<T> {
    /// Takes a sample; never waits long. When time has jumped back, those that wait are of the time before and go.
    pub fn put(&self, stamp_nanos: i64, sample: T) {
        let mut samples = self.lock();
        if samples.back().is_some_and(|(newest, _)| stamp_nanos < newest.saturating_sub(TIME_JUMP_NANOS)) {
            samples.clear();
        }
        let place = samples.partition_point(|(other, _)| *other <= stamp_nanos);
        samples.insert(place, (stamp_nanos, sample));
        if samples.len() > SAMPLES_KEPT {
            samples.pop_front();
        }
    }

    /// Takes out the samples up to this stamp, oldest first.
    pub fn take_until(&self, stamp_nanos: i64) -> Vec<T> {
        let mut samples = self.lock();
        let count = samples.partition_point(|(other, _)| *other <= stamp_nanos);
        samples.drain(..count).map(|(_, sample)| sample).collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(i64, T)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_out_in_order_up_to_a_frame() {
        let queue = SampleQueue::default();
        [10, 30, 20, 50, 40].into_iter().for_each(|stamp| queue.put(stamp, stamp));
        assert_eq!(queue.take_until(35), [10, 20, 30]);
        assert!(queue.take_until(35).is_empty());
        assert_eq!(queue.take_until(100), [40, 50]);
    }

    #[test]
    fn what_waits_when_time_jumps_back_is_forgotten() {
        let queue = SampleQueue::default();
        [5, 6].into_iter().for_each(|secs| queue.put(secs * TIME_JUMP_NANOS, secs));
        queue.put(1, 0);
        assert_eq!(queue.take_until(i64::MAX), [0]);
    }

    #[test]
    fn memory_is_bounded() {
        let queue = SampleQueue::default();
        (0..20_000).for_each(|stamp| queue.put(stamp, stamp));
        let left = queue.take_until(i64::MAX);
        assert_eq!((left.len(), left[0]), (SAMPLES_KEPT, 10_000));
    }
}
