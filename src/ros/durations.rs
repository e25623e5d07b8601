//! How long something takes, over the last times that it was done.

use std::collections::VecDeque;
use std::time::Duration;

/// Durations that are kept.
const KEPT: usize = 2000;

/// The last durations of something that is done again and again.
#[derive(Debug, Default)]
pub struct Durations(VecDeque<f64>);

impl Durations {
    /// Takes another one.
    pub fn add(&mut self, duration: Duration) {
        self.0.push_back(duration.as_secs_f64() * 1e3);
        if self.0.len() > KEPT {
            self.0.pop_front();
        }
    }

    /// Median, 95th and 99th percentile (ms); `None` without any.
    pub fn quantiles_ms(&self) -> Option<[f64; 3]> {
        let mut sorted: Vec<f64> = self.0.iter().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        Some([0.5, 0.95, 0.99].map(|share| sorted[(last as f64 * share).round() as usize]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_last_ones() {
        let mut durations = Durations::default();
        assert_eq!(durations.quantiles_ms(), None);
        (0..100).for_each(|_| durations.add(Duration::from_secs(9)));
        (0..=KEPT as u64).for_each(|ms| durations.add(Duration::from_millis(ms)));
        let quantiles_ms = durations.quantiles_ms().unwrap();
        for (found, expected) in quantiles_ms.iter().zip([1001.0, 1900.0, 1980.0]) {
            assert!((found - expected).abs() < 1e-6, "{quantiles_ms:?}");
        }
    }
}
