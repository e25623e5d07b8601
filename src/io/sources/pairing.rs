//! Samples of two streams that belong together.

/// Pairs of samples that are each other's nearest in time, at most `tolerance_nanos` apart, in order of the first
/// one's stamp.
///
/// - `first`, `second`: stamps (ns), in any order; `None` for samples that do not count.
/// - Returns places in `first` and `second`.
pub(super) fn nearest_pairs(
    first: &[Option<i64>],
    second: &[Option<i64>],
    tolerance_nanos: i64,
) -> Vec<(usize, usize)> {
    let (firsts, seconds) = (sorted(first), sorted(second));
    let mut pairs = Vec::new();
    for &(stamp, place) in &firsts {
        let Some(&(other_stamp, other)) = nearest(&seconds, stamp) else { continue };
        let mutual = nearest(&firsts, other_stamp).is_some_and(|&(_, back)| back == place);
        if mutual && other_stamp.abs_diff(stamp) <= tolerance_nanos.unsigned_abs() {
            pairs.push((place, other));
        }
    }
    pairs
}

/// Stamps with their places, increasing; of several with one stamp the first counts.
pub(super) fn sorted(stamps: &[Option<i64>]) -> Vec<(i64, usize)> {
    let mut sorted: Vec<(i64, usize)> =
        stamps.iter().enumerate().filter_map(|(place, stamp)| Some(((*stamp)?, place))).collect();
    sorted.sort_unstable();
    sorted.dedup_by_key(|(stamp, _)| *stamp);
    sorted
}

/// The nearest in time; of two as near, the earlier.
fn nearest(sorted: &[(i64, usize)], stamp: i64) -> Option<&(i64, usize)> {
    let after = sorted.partition_point(|(other, _)| *other < stamp);
    let candidates = sorted.get(after.saturating_sub(1)..(after + 1).min(sorted.len()))?;
    candidates.iter().min_by_key(|(other, _)| other.abs_diff(stamp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn drops_and_jitter_pair_up() {
        let first = [Some(0), Some(50), None, Some(150), Some(200)];
        let second = [Some(2), Some(99), Some(148), Some(203), Some(203)];
        assert_eq!(nearest_pairs(&first, &second, 5), [(0, 0), (3, 2), (4, 3)]);
    }

    proptest! {
        #[test]
        fn pairs_are_one_to_one_and_in_order(
            first in prop::collection::vec(prop::option::of(0i64..1000), 0..40),
            second in prop::collection::vec(prop::option::of(0i64..1000), 0..40),
        ) {
            let pairs = nearest_pairs(&first, &second, 20);
            let stamp = |pair: &(usize, usize)| (first[pair.0].unwrap(), second[pair.1].unwrap());
            prop_assert!(pairs.windows(2).all(|two| stamp(&two[0]).0 < stamp(&two[1]).0));
            prop_assert!(pairs.iter().all(|pair| (stamp(pair).0 - stamp(pair).1).abs() <= 20));
            let mut others: Vec<usize> = pairs.iter().map(|(_, other)| *other).collect();
            others.sort_unstable();
            others.dedup();
            prop_assert_eq!(others.len(), pairs.len());
        }
    }
}
