//! Who is whose neighbour, and the order that keeps neighbours near.

use sprs::CsMatI;

/// Which blocks are neighbours: symmetric, its values count the residual blocks that join them.
pub type Adjacency = CsMatI<u32, u32>;

/// The symmetric adjacency of `n` blocks from pairs of different blocks; pairs may repeat.
pub fn adjacency(n: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Adjacency {
    let pairs: Vec<(u32, u32)> = pairs.into_iter().map(|(a, b)| (a as u32, b as u32)).collect();
    let mut next = vec![0u32; n + 1];
    for &(a, b) in &pairs {
        next[a as usize] += 1;
        next[b as usize] += 1;
    }
    let mut sum = 0;
    for count in &mut next {
        sum += std::mem::replace(count, sum);
    }
    let firsts = next.clone();
    let mut ends = vec![0u32; 2 * pairs.len()];
    for &(a, b) in &pairs {
        for (from, to) in [(a, b), (b, a)] {
            ends[next[from as usize] as usize] = to;
            next[from as usize] += 1;
        }
    }
    let (mut starts, mut indices, mut counts) = (vec![0u32], Vec::with_capacity(ends.len()), Vec::new());
    for row in firsts.windows(2) {
        let row = &mut ends[row[0] as usize..row[1] as usize];
        row.sort_unstable();
        for same in row.chunk_by(|a, b| a == b) {
            indices.push(same[0]);
            counts.push(same.len() as u32);
        }
        starts.push(indices.len() as u32);
    }
    CsMatI::new((n, n), starts, indices, counts)
}

/// The reverse Cuthill-McKee order, which keeps neighbours near one another.
pub fn reverse_cuthill_mckee(adjacency: &Adjacency) -> Vec<usize> {
    let ordering = sprs::linalg::reverse_cuthill_mckee(adjacency.structure_view());
    ordering.perm.vec().into_iter().map(|index| index as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn neighbours_are_sorted_symmetric_and_counted(pairs in prop::collection::vec((0usize..9, 0usize..9), 0..40)) {
            let pairs: Vec<_> = pairs.into_iter().filter(|(a, b)| a != b).collect();
            let graph = adjacency(9, pairs.iter().copied());
            for (row, entries) in graph.outer_iterator().enumerate() {
                prop_assert!(entries.indices().is_sorted());
                for (column, &count) in entries.iter() {
                    let same = pairs.iter().filter(|&&pair| pair == (row, column) || pair == (column, row)).count();
                    prop_assert_eq!(count as usize, same);
                }
            }
            prop_assert_eq!(graph.data().iter().sum::<u32>() as usize, 2 * pairs.len());
            let mut order = reverse_cuthill_mckee(&graph);
            order.sort_unstable();
            prop_assert_eq!(order, (0..9).collect::<Vec<_>>());
        }
    }
}
