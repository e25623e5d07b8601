//! The latest samples of the inertial unit, by which its gyroscope tells rotations and its accelerometer what is up.

use crate::sensors::ImuSample;
use std::collections::VecDeque;

/// What is kept of the time before the last keyframe (ns), for what is told of a stretch of time by more than the gyroscope.
const KEPT_NANOS: i64 = 2_000_000_000;

/// Most samples kept: a minute at 1000 Hz.
const MAX_SAMPLES: usize = 60_000;

/// Samples in order of time.
#[derive(Debug, Default)]
pub(super) struct ImuSamples {
    samples: VecDeque<ImuSample>,
}

impl ImuSamples {
    /// Takes a sample that is newer than the last one.
    pub(super) fn add(&mut self, sample: &ImuSample) {
        if self.samples.back().is_some_and(|last| sample.stamp_nanos <= last.stamp_nanos) {
            tracing::debug!("inertial sample at {} ns is not newer than the last; ignored", sample.stamp_nanos);
        } else {
            self.samples.push_back(sample.clone());
            if self.samples.len() > MAX_SAMPLES {
                self.samples.pop_front();
            }
        }
    }

    /// Forgets samples before a time, but for those of the seconds before.
    pub(super) fn forget_before(&mut self, stamp_nanos: i64) {
        let oldest_nanos = stamp_nanos.saturating_sub(KEPT_NANOS);
        while self.samples.get(1).is_some_and(|second| second.stamp_nanos <= oldest_nanos) {
            self.samples.pop_front();
        }
    }

    /// The samples from a time on.
    pub(super) fn since(&self, stamp_nanos: i64) -> impl Iterator<Item = &ImuSample> + Clone {
        self.samples.range(self.samples.partition_point(|sample| sample.stamp_nanos < stamp_nanos)..)
    }

    /// The samples from the last one that is not after a time, or else from the first one on.
    pub(super) fn around(&self, stamp_nanos: i64) -> impl Iterator<Item = &ImuSample> {
        let after = self.samples.partition_point(|sample| sample.stamp_nanos <= stamp_nanos);
        self.samples.range(after.saturating_sub(1)..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_in_order_and_the_seconds_before_a_keyframe_stay() {
        let mut samples = ImuSamples::default();
        let stamps = |found: Vec<&ImuSample>| found.iter().map(|sample| sample.stamp_nanos).collect::<Vec<_>>();
        assert_eq!(samples.around(7).count() + samples.since(7).count(), 0);
        let second = 1_000_000_000;
        for stamp in [0, 1, 1, 2, 5, 3, 7] {
            let (angular_velocity, linear_acceleration) = Default::default();
            samples.add(&ImuSample { stamp_nanos: stamp * second, angular_velocity, linear_acceleration });
        }
        assert_eq!(stamps(samples.since(1).collect()), [1, 2, 5, 7].map(|stamp| stamp * second));
        assert_eq!(stamps(samples.around(6 * second).collect()), [5, 7].map(|stamp| stamp * second));
        assert_eq!(samples.around(-1).count(), 5);
        samples.forget_before(4 * second);
        assert_eq!(stamps(samples.around(0).collect()), [2, 5, 7].map(|stamp| stamp * second));
        samples.forget_before(9 * second);
        assert_eq!(samples.since(0).count(), 1);
    }
}
