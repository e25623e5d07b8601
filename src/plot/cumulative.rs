//! Cumulative histograms and quantiles.

/// The share of values (percent) up to each, as a staircase: for each value, in order, the step before and after it.
pub fn cumulative_steps(values: &[f64]) -> Vec<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let percent = |count: usize| 100.0 * count as f64 / sorted.len() as f64;
    sorted
        .iter()
        .enumerate()
        .flat_map(|(index, &value)| [(value, percent(index)), (value, percent(index + 1))])
        .collect()
}

/// The smallest value that at least this share (0 to 1) of the values does not exceed; NaN if there are none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_staircase_climbs_to_all_of_them() {
        assert_eq!(cumulative_steps(&[3.0, 1.0]), [(1.0, 0.0), (1.0, 50.0), (3.0, 50.0), (3.0, 100.0)]);
    }

    #[test]
    fn quantiles_are_values_of_the_nearest_rank() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!([0.25, 0.5, 0.51, 1.0].map(|share| quantile(&values, share)), [1.0, 2.0, 3.0, 4.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }
}
