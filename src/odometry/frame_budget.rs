//! How much is done for a frame, so that it stays within the time that it may take.

use std::time::Instant;

/// A frame that takes too long lowers the share by this factor, one that takes a fifth less than it may raises it by that: in
/// the long run one frame in twenty takes too long.
const LOWER: f64 = 0.9;
/// See [`LOWER`].
const RAISE: f64 = 1.005;
/// See [`LOWER`].
const SPARE: f64 = 0.8;

/// Least share: with fewer features a pose is worth little.
const LEAST: f64 = 0.2;

/// Below this share the image pyramids get a level less, and large motions are found less often.
const FLATTER_BELOW: f64 = 0.5;

/// The share of the features that are followed, as the frames' times allow.
#[derive(Debug)]
pub(super) struct FrameBudget {
    share: f64,
    started: Option<Instant>,
}

impl FrameBudget {
    /// All of them.
    pub(super) fn new() -> Self {
        Self { share: 1.0, started: None }
    }

    /// The share of the features, from 0.2 to 1.
    pub(super) fn share(&self) -> f64 {
        self.share
    }

    /// Features that are to be followed, of so many that would be otherwise.
    pub(super) fn feature_count(&self, all: usize) -> usize {
        (self.share * all as f64).round() as usize
    }

    /// Times that images are to be halved, of so many that would be otherwise.
    pub(super) fn pyramid_levels(&self, all: usize) -> usize {
        all - usize::from(self.share < FLATTER_BELOW && all > 1)
    }

    /// A frame's work begins, if it may take so long (ms; 0: for ever, and no clock is looked at).
    pub(super) fn begin(&mut self, budget_ms: f64) {
        self.started = (budget_ms > 0.0).then(Instant::now);
    }

    /// A frame's work is done: the next one's share follows from the time that it took.
    pub(super) fn end(&mut self, budget_ms: f64) {
        if let Some(started) = self.started.take() {
            self.adapt(started.elapsed().as_secs_f64() * 1e3 / budget_ms);
        }
    }

    /// Adapts to a frame that took this share of its time.
    fn adapt(&mut self, taken: f64) {
        if taken > 1.0 {
            self.share = (self.share * LOWER).max(LEAST);
        } else if taken < SPARE {
            self.share = (self.share * RAISE).min(1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The effort after many frames that take so much of their time with all features.
    fn settled(taken_at_full: f64) -> f64 {
        let mut budget = FrameBudget::new();
        (0..1000).for_each(|_| budget.adapt(taken_at_full * budget.share()));
        budget.share()
    }

    #[test]
    fn it_settles_where_frames_take_what_they_may() {
        assert_eq!(settled(0.5), 1.0);
        for taken in [1.5, 2.0, 4.0] {
            let used = settled(taken) * taken;
            assert!(used > 0.7 && used < 1.05, "{used} of the time at {taken}");
        }
        assert_eq!(settled(20.0), LEAST);
    }

    #[test]
    fn a_small_share_is_fewer_features_and_flatter_pyramids() {
        let mut budget = FrameBudget::new();
        assert_eq!((budget.feature_count(200), budget.pyramid_levels(3)), (200, 3));
        (0..7).for_each(|_| budget.adapt(2.0));
        assert_eq!((budget.feature_count(200), budget.pyramid_levels(3), budget.pyramid_levels(1)), (96, 2, 1));
    }

    #[test]
    fn without_a_budget_no_clock_is_looked_at() {
        let mut budget = FrameBudget::new();
        budget.begin(0.0);
        budget.end(0.0);
        assert!(budget.started.is_none() && budget.share() == 1.0);
    }
}
