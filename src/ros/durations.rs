//! How long something takes, over the last times that it was done.

use crate::replay::Quantiles;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Durations that are kept.
const KEPT: usize = 2000;

/// Quantiles are told no more often: diagnostics go out once a second.
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// The last durations of something that is done again and again.
#[derive(Debug, Default)]
pub struct Durations {
    last_ms: VecDeque<f64>,
    told: Option<Instant>,
}

impl Durations {
    /// Takes another one.
    pub fn add(&mut self, duration: Duration) {
        self.last_ms.push_back(duration.as_secs_f64() * 1e3);
        if self.last_ms.len() > KEPT {
            self.last_ms.pop_front();
        }
    }

    /// Quantiles (ms); `None` if they have been told just now.
    pub fn due_quantiles_ms(&mut self) -> Option<Quantiles> {
        if self.told.is_some_and(|told| told.elapsed() < TOLD_EVERY) {
            return None;
        }
        self.told = Some(Instant::now());
        Some(Quantiles::of(self.last_ms.iter().copied()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_last_ones_and_told_now_and_then() {
        let mut durations = Durations::default();
        (0..100).for_each(|_| durations.add(Duration::from_secs(9)));
        (0..=KEPT as u64).for_each(|ms| durations.add(Duration::from_millis(ms)));
        let Quantiles { median, p95, p99 } = durations.due_quantiles_ms().unwrap();
        for (found, expected) in [median, p95, p99].iter().zip([1000.0, 1900.0, 1980.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} {expected}");
        }
        assert!(durations.due_quantiles_ms().is_none());
    }
}
