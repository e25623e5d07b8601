//! How often frames come, and which never came.

use std::collections::VecDeque;

/// Intervals from which the usual one is taken.
const INTERVALS_KEPT: usize = 31;

/// Finds frames that never came by the gaps between stamps.
#[derive(Default)]
pub(super) struct Cadence {
    /// The latest stamp (ns).
    pub(super) newest: Option<i64>,
    /// The last intervals between frames (ns).
    intervals: VecDeque<i64>,
}

impl Cadence {
    /// How many frames are missing between the one before and that of a stamp (ns), which is taken in.
    pub(super) fn missing_before(&mut self, stamp_nanos: i64) -> u64 {
        let Some(newest) = self.newest else {
            self.newest = Some(stamp_nanos);
            return 0;
        };
        let interval = stamp_nanos - newest;
        if interval <= 0 {
            return 0;
        }
        self.newest = Some(stamp_nanos);
        let mut sorted: Vec<i64> = self.intervals.iter().copied().collect();
        sorted.sort_unstable();
        self.intervals.push_back(interval);
        if self.intervals.len() > INTERVALS_KEPT {
            self.intervals.pop_front();
        }
        // Less than a handful of intervals says nothing of the rate.
        let Some(usual) = sorted.get(sorted.len() / 2).filter(|_| sorted.len() >= 4) else { return 0 };
        ((interval as f64 / *usual as f64).round() as u64).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_counted_in_frames() {
        let mut cadence = Cadence::default();
        let stamps = [0, 50, 101, 149, 200, 250, 400, 450, 650];
        let missing: Vec<u64> = stamps.iter().map(|stamp| cadence.missing_before(*stamp)).collect();
        assert_eq!(missing, [0, 0, 0, 0, 0, 0, 2, 0, 3]);
    }
}
