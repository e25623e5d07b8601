//! Figures of a set of errors.

/// Figures of a set of errors, in the errors' unit.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Statistics {
    /// Root of the mean square.
    pub rmse: f64,
    /// Mean.
    pub mean: f64,
    /// Median; of an even number, the mean of the middle two.
    pub median: f64,
    /// Standard deviation of the population.
    pub std: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Sum of squares.
    pub sse: f64,
    /// How many there are.
    pub count: usize,
}

impl Statistics {
    /// The figures of some errors; `None` if there are none.
    pub fn of(errors: &[f64]) -> Option<Self> {
        if errors.is_empty() {
            return None;
        }
        let count = errors.len() as f64;
        let mut sorted = errors.to_vec();
        sorted.sort_by(f64::total_cmp);
        let sse: f64 = errors.iter().map(|error| error * error).sum();
        let mean = errors.iter().sum::<f64>() / count;
        let variance = errors.iter().map(|error| (error - mean) * (error - mean)).sum::<f64>() / count;
        Some(Self {
            rmse: (sse / count).sqrt(),
            mean,
            median: 0.5 * (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]),
            std: variance.sqrt(),
            min: sorted[0],
            max: sorted[sorted.len() - 1],
            sse,
            count: errors.len(),
        })
    }
}
