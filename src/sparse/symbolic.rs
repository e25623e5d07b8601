//! The pattern of an incomplete factor: fill by level.

use super::Adjacency;
use sprs::CsMatI;

/// The strictly lower pattern of the incomplete factor of blocks in elimination order, its values the levels of fill.
///
/// A neighbour in the graph has level 0; a path of `l + 1` edges through blocks that are eliminated before its ends
/// has level `l`. All entries with levels up to `level` are kept.
///
/// # Source
/// Saad, *Iterative Methods for Sparse Linear Systems* (2003), 10.3.3; by columns, which for a symmetric pattern gives
/// the same levels and needs the earlier columns alone.
pub fn levels_of_fill(adjacency: &Adjacency, order: &[usize], level: usize) -> CsMatI<u32, u32> {
    let n = order.len();
    let mut position = vec![0u32; n];
    for (k, &block) in order.iter().enumerate() {
        position[block] = k as u32;
    }
    // Column k of the factor: rows below the diagonal with their levels; and by row, the columns that reach it.
    let mut columns: Vec<Vec<(u32, u32)>> = Vec::with_capacity(n);
    let mut reaching: Vec<Vec<(u32, u32)>> = vec![Vec::new(); n];
    let mut levels = vec![u32::MAX; n];
    let mut found: Vec<u32> = Vec::new();
    for k in 0..n {
        found.clear();
        if let Some(row) = adjacency.outer_view(order[k]) {
            for &neighbour in row.indices() {
                let i = position[neighbour as usize];
                if i as usize > k && levels[i as usize] != 0 {
                    levels[i as usize] = 0;
                    found.push(i);
                }
            }
        }
        for &(earlier, level_to_k) in &reaching[k] {
            if level_to_k as usize >= level {
                continue;
            }
            for &(i, level_to_i) in &columns[earlier as usize] {
                let through = level_to_k + level_to_i + 1;
                if i as usize > k && through as usize <= level && through < levels[i as usize] {
                    if levels[i as usize] == u32::MAX {
                        found.push(i);
                    }
                    levels[i as usize] = through;
                }
            }
        }
        found.sort_unstable();
        let column: Vec<(u32, u32)> = found.iter().map(|&i| (i, levels[i as usize])).collect();
        for &(i, level) in &column {
            reaching[i as usize].push((k as u32, level));
            levels[i as usize] = u32::MAX;
        }
        columns.push(column);
    }
    // `reaching` lists each row's columns in ascending order: it is the lower pattern by rows.
    let mut starts = vec![0u32];
    let (mut indices, mut values) = (Vec::new(), Vec::new());
    for row in &reaching {
        indices.extend(row.iter().map(|entry| entry.0));
        values.extend(row.iter().map(|entry| entry.1));
        starts.push(indices.len() as u32);
    }
    CsMatI::new((n, n), starts, indices, values)
}

#[cfg(test)]
mod tests {
    use super::super::ordering::adjacency;
    use super::*;

    #[test]
    fn a_ring_fills_level_by_level() {
        // Eliminating a ring in its own order joins each block to the last one, one level deeper at each step.
        let ring = adjacency(6, (0..6).map(|i| (i, (i + 1) % 6)));
        let order: Vec<usize> = (0..6).collect();
        for (level, entries) in [(0, 6), (1, 7), (2, 8), (3, 9), (9, 9)] {
            assert_eq!(levels_of_fill(&ring, &order, level).nnz(), entries, "level {level}");
        }
        let full = levels_of_fill(&ring, &order, 9);
        assert_eq!(full.outer_view(5).unwrap().iter().map(|(_, &l)| l).collect::<Vec<_>>(), [0, 1, 2, 3, 0]);
    }
}
