//! Two streams of stamped messages, paired by their stamps.

use std::collections::VecDeque;

/// Pairs messages whose stamps differ by at most a tolerance. Memory is bounded: the oldest unpaired message of a
/// stream gives way, and is counted.
pub struct Synchronizer<A, B> {
    first: VecDeque<(i64, A)>,
    second: VecDeque<(i64, B)>,
    tolerance_nanos: i64,
    capacity: usize,
    unpaired_count: u64,
}

impl<A, B> Synchronizer<A, B> {
    /// An empty synchronizer that keeps at most `capacity` waiting messages of each stream.
    pub fn new(tolerance_nanos: i64, capacity: usize) -> Self {
        let (first, second) = (VecDeque::new(), VecDeque::new());
        Self { first, second, tolerance_nanos, capacity: capacity.max(1), unpaired_count: 0 }
    }

    /// Takes a message of the first stream; gives its pair if the other one is there.
    pub fn add_first(&mut self, stamp_nanos: i64, message: A) -> Option<(A, B)> {
        insert(&mut self.first, stamp_nanos, message, self.capacity, &mut self.unpaired_count);
        self.pair()
    }

    /// Takes a message of the second stream; gives its pair if the other one is there.
    pub fn add_second(&mut self, stamp_nanos: i64, message: B) -> Option<(A, B)> {
        insert(&mut self.second, stamp_nanos, message, self.capacity, &mut self.unpaired_count);
        self.pair()
    }

    /// Messages that were given up because no partner came.
    pub fn unpaired_count(&self) -> u64 {
        self.unpaired_count
    }

    /// Forgets what waits, e.g. because time jumped.
    pub fn clear(&mut self) {
        self.first.clear();
        self.second.clear();
    }

    /// The first pair in order of time; what is older than it can no longer be paired.
    fn pair(&mut self) -> Option<(A, B)> {
        let (i, j) = (0..self.first.len()).find_map(|i| {
            let stamp = self.first[i].0;
            let j = self.second.iter().position(|(other, _)| (other - stamp).abs() <= self.tolerance_nanos)?;
            Some((i, j))
        })?;
        self.unpaired_count += (i + j) as u64;
        self.first.drain(..i);
        self.second.drain(..j);
        Some((self.first.pop_front()?.1, self.second.pop_front()?.1))
    }
}

fn insert<T>(queue: &mut VecDeque<(i64, T)>, stamp: i64, message: T, capacity: usize, unpaired_count: &mut u64) {
    let place = queue.partition_point(|(other, _)| *other <= stamp);
    queue.insert(place, (stamp, message));
    if queue.len() > capacity {
        queue.pop_front();
        *unpaired_count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_are_within_the_tolerance() {
        let mut pairs = Synchronizer::new(5, 4);
        assert_eq!(pairs.add_first(100, 'a'), None);
        assert_eq!(pairs.add_second(106, 'x'), None);
        assert_eq!(pairs.add_second(105, 'y'), Some(('a', 'y')));
        assert_eq!(pairs.add_first(108, 'b'), Some(('b', 'x')));
        assert_eq!(pairs.unpaired_count(), 0);
    }

    #[test]
    fn what_stays_alone_is_counted_and_gives_way() {
        let mut pairs = Synchronizer::new(0, 2);
        for stamp in 0..5 {
            assert_eq!(pairs.add_first(stamp, stamp), None);
        }
        assert_eq!(pairs.unpaired_count(), 3);
        assert_eq!(pairs.add_second(4, 4), Some((4, 4)));
        assert_eq!(pairs.unpaired_count(), 4);
    }

    proptest! {
        /// Whatever order two complete streams come in, as long as neither runs ahead of the queue, all are paired.
        #[test]
        fn interleaving_does_not_matter(choices in prop::collection::vec(any::<bool>(), 60)) {
            let mut pairs = Synchronizer::new(1, 40);
            let (mut left, mut right, mut found) = (0, 0, Vec::new());
            for first in choices.into_iter().chain(std::iter::repeat_n(true, 30)).chain(std::iter::repeat_n(false, 30)) {
                let pair = if first && left < 30 {
                    left += 1;
                    pairs.add_first(10 * left, left)
                } else if !first && right < 30 {
                    right += 1;
                    pairs.add_second(10 * right + 1, right)
                } else {
                    None
                };
                found.extend(pair);
            }
            prop_assert_eq!(found, (1..=30).map(|k| (k, k)).collect::<Vec<_>>());
        }
    }
}
