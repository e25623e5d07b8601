//! Supernodes: which columns of a complete Cholesky factor are kept and computed together, and which are on their own.

use super::Adjacency;
use super::column_tree::Tree;
use super::elimination_tree::{postordered, walk};
use crate::precision::kernels::panels::PanelShape;

/// The pattern of a complete factor of blocks, its columns gathered into supernodes; independent of values and of the
/// size of the blocks.
///
/// Positions count blocks in the final order of elimination. First come thin columns, with at most two blocks below and only
/// thin ones before them in the elimination tree; then supernodes. The columns of a supernode are consecutive and share the
/// rows below; a supernode comes before its parent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Supernodes {
    /// By position: the block.
    pub(crate) order: Vec<u32>,
    /// By block: its position.
    pub(crate) positions: Vec<u32>,
    /// By thin column: positions of the rows below it, ascending, then [`Self::NO_ROW`].
    pub(crate) thin_rows: Vec<[u32; 2]>,
    /// By supernode, and one more: its first column.
    pub(crate) firsts: Vec<u32>,
    /// By supernode, and one more: where its rows below begin in `rows`.
    pub(crate) row_starts: Vec<u32>,
    /// Positions of the rows below the columns of each supernode, ascending.
    pub(crate) rows: Vec<u32>,
    /// By entry of `rows`: the row's index in the parent, counted from the parent's first column.
    pub(crate) in_parent: Vec<u32>,
    /// By supernode: the one that its first row below is a column of; itself if it has none.
    pub(crate) parents: Vec<u32>,
    /// By column, thin ones left out: its supernode.
    owners: Vec<u32>,
}

impl Supernodes {
    /// Where a thin column has no row.
    pub(crate) const NO_ROW: u32 = u32::MAX;

    /// The pattern for an order of elimination, which is changed only where that changes no fill. `size` is that of the
    /// blocks, by which it is weighed what a larger supernode costs and saves.
    ///
    /// # Source
    /// Liu, *The role of elimination trees in sparse factorization* (1990); Ashcraft, Grimes, *The influence of relaxed
    /// supernode partitions on the multifrontal method* (1989).
    pub fn new(adjacency: &Adjacency, order: &[usize], size: usize) -> Self {
        let order = postordered(adjacency, order);
        let mut positions = vec![0u32; order.len()];
        for (position, &block) in order.iter().enumerate() {
            positions[block as usize] = position as u32;
        }
        let tree = Tree::of(adjacency, &order, &positions);
        tree.merged(size).numbered(&order)
    }

    /// Number of supernodes.
    pub fn count(&self) -> usize {
        self.parents.len()
    }

    /// Number of blocks.
    pub fn block_count(&self) -> usize {
        self.order.len()
    }

    /// Number of thin columns.
    pub(crate) fn thin_count(&self) -> usize {
        self.thin_rows.len()
    }

    /// The supernode of a column that is not thin.
    pub(crate) fn owner(&self, column: usize) -> usize {
        self.owners[column - self.thin_count()] as usize
    }

    /// The columns of a supernode.
    pub(crate) fn columns(&self, node: usize) -> std::ops::Range<usize> {
        self.firsts[node] as usize..self.firsts[node + 1] as usize
    }

    /// Where the rows below a supernode's columns are in `rows`.
    pub(crate) fn rows_of(&self, node: usize) -> std::ops::Range<usize> {
        self.row_starts[node] as usize..self.row_starts[node + 1] as usize
    }

    /// The panel of a supernode for blocks of a size.
    pub(crate) fn shape(&self, node: usize, size: usize) -> PanelShape {
        let columns = self.columns(node).len();
        PanelShape { columns: columns * size, rows: (columns + self.rows_of(node).len()) * size }
    }

    /// Multiplications (each with an addition) that a factorization takes for blocks of a size.
    pub fn operations(&self, size: usize) -> f64 {
        let thin = self.thin_rows.iter().map(|rows| operations(1, rows_below(rows), size));
        let gathered =
            (0..self.count()).map(|node| operations(self.columns(node).len(), self.rows_of(node).len(), size));
        thin.chain(gathered).sum()
    }

    /// Numbers that the factor consists of for blocks of a size.
    pub fn entries(&self, size: usize) -> usize {
        let thin = self.thin_rows.iter().map(|rows| size * size * (1 + rows_below(rows)));
        thin.chain((0..self.count()).map(|node| self.shape(node, size).len())).sum()
    }
}

/// Multiplications of a supernode of `columns` blocks with `below` rows of blocks below.
fn operations(columns: usize, below: usize, size: usize) -> f64 {
    let (w, m) = ((columns * size) as f64, ((columns + below) * size) as f64);
    // Σ (m − k)²/2 for k = 1..w, the lower half of each update.
    0.5 * w * (m * m - m * w + w * w / 3.0)
}

/// How many rows a thin column has below.
pub(super) fn rows_below(rows: &[u32; 2]) -> usize {
    rows.iter().filter(|&&row| row != Supernodes::NO_ROW).count()
}

impl Tree {
    /// Merges supernodes into their parents where the time that this saves outweighs that of the zeros it stores.
    fn merged(mut self, size: usize) -> Self {
        // Children have smaller last columns than their parents, not always smaller numbers.
        let mut by_last: Vec<u32> = (0..self.nodes.len() as u32).collect();
        by_last.sort_unstable_by_key(|&node| self.nodes[node as usize].columns.last().copied());
        for &child in &by_last {
            let parent = self.root_of_merged(self.parents[child as usize]);
            self.parents[child as usize] = parent;
            if parent == child {
                continue;
            }
            let (c, p) = (&self.nodes[child as usize], &self.nodes[parent as usize]);
            let apart = cost(c.columns.len(), c.rows.len(), size) + cost(p.columns.len(), p.rows.len(), size);
            if cost(c.columns.len() + p.columns.len(), p.rows.len(), size) < apart {
                let child = std::mem::take(&mut self.nodes[child as usize]);
                let parent = &mut self.nodes[parent as usize];
                let later = std::mem::replace(&mut parent.columns, child.columns);
                parent.columns.extend(later);
            }
        }
        for node in 0..self.nodes.len() as u32 {
            self.parents[node as usize] = self.root_of_merged(self.parents[node as usize]);
        }
        self
    }

    /// The supernode that a supernode has become part of.
    fn root_of_merged(&self, mut node: u32) -> u32 {
        while self.nodes[node as usize].columns.is_empty() {
            node = self.parents[node as usize];
        }
        node
    }

    /// Numbers columns and supernodes so that both are in order of elimination, each subtree in one go.
    fn numbered(mut self, order: &[u32]) -> Supernodes {
        let n = order.len();
        let mut sequence = Vec::with_capacity(self.nodes.len());
        // Merged supernodes hang below their parents as empty leaves.
        walk(&self.parents, |node| sequence.push(node as u32));
        sequence.retain(|&node| !self.nodes[node as usize].columns.is_empty());
        let mut number = vec![0u32; self.nodes.len()];
        let mut result = Supernodes { positions: vec![0; n], ..Supernodes::default() };
        let mut position_of = vec![0u32; n];
        for &(column, _) in &self.thin {
            position_of[column as usize] = result.order.len() as u32;
            result.order.push(order[column as usize]);
        }
        for (index, &node) in sequence.iter().enumerate() {
            number[node as usize] = index as u32;
            result.firsts.push(result.order.len() as u32);
            for &column in &self.nodes[node as usize].columns {
                position_of[column as usize] = result.order.len() as u32;
                result.order.push(order[column as usize]);
                result.owners.push(index as u32);
            }
        }
        for (position, &block) in result.order.iter().enumerate() {
            result.positions[block as usize] = position as u32;
        }
        let thin_row = |row: u32| if row == Supernodes::NO_ROW { row } else { position_of[row as usize] };
        result.thin_rows = self.thin.iter().map(|(_, rows)| rows.map(thin_row)).collect();
        // The number that stands for no row is the greatest.
        result.thin_rows.iter_mut().for_each(|rows| rows.sort_unstable());
        result.firsts.push(n as u32);
        result.row_starts.push(0);
        for &node in &sequence {
            let rows = &mut self.nodes[node as usize].rows;
            for row in rows.iter_mut() {
                *row = position_of[*row as usize];
            }
            rows.sort_unstable();
            result.rows.extend_from_slice(rows);
            result.row_starts.push(result.rows.len() as u32);
            result.parents.push(number[self.parents[node as usize] as usize]);
        }
        result.locate_rows();
        result
    }
}

impl Supernodes {
    /// Finds each row in the parent: among its columns, or among its rows.
    fn locate_rows(&mut self) {
        self.in_parent = vec![0; self.rows.len()];
        for node in 0..self.count() {
            let parent = self.parents[node] as usize;
            let (columns, mut at) = (self.columns(parent), self.rows_of(parent).start);
            for index in self.rows_of(node) {
                let row = self.rows[index];
                if (row as usize) < columns.end {
                    self.in_parent[index] = row - columns.start as u32;
                    continue;
                }
                while self.rows[at] < row {
                    at += 1;
                }
                self.in_parent[index] = (columns.len() + at - self.rows_of(parent).start) as u32;
            }
        }
    }
}

/// Nanoseconds that a supernode takes, about: a constant, its arithmetic, the moving of its update to the parent, and the
/// reading of its panel in some ten solves. Only the proportions matter.
fn cost(columns: usize, below: usize, size: usize) -> f64 {
    const EACH: f64 = 250.0;
    const PER_OPERATION: f64 = 0.05;
    const PER_UPDATE_ENTRY: f64 = 0.2;
    const PER_PANEL_ENTRY: f64 = 0.5;
    let update = (below * size) as f64;
    let panel = (columns * size) as f64 * ((columns + below) * size) as f64;
    EACH + PER_OPERATION * operations(columns, below, size)
        + PER_UPDATE_ENTRY * update * update
        + PER_PANEL_ENTRY * panel
}

#[cfg(test)]
mod tests {
    use super::super::{adjacency, levels_of_fill, minimum_degree};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn supernodes_hold_the_whole_factor(
            pairs in prop::collection::vec((0usize..40, 0usize..40), 0..120),
            size in prop::sample::select(vec![3usize, 6]),
        ) {
            let graph = adjacency(40, pairs.into_iter().filter(|(a, b)| a != b));
            let nodes = Supernodes::new(&graph, &minimum_degree(&graph), size);
            let mut sorted = nodes.order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..40).collect::<Vec<u32>>());
            let order: Vec<usize> = nodes.order.iter().map(|&block| block as usize).collect();
            let complete = levels_of_fill(&graph, &order, usize::MAX);
            let mut held = BTreeSet::new();
            for (column, rows) in nodes.thin_rows.iter().enumerate() {
                prop_assert!(rows.is_sorted() && rows[0] as usize > column);
                held.extend(rows.iter().filter(|&&row| row != Supernodes::NO_ROW).map(|&row| (row as usize, column)));
            }
            for node in 0..nodes.count() {
                let rows = &nodes.rows[nodes.rows_of(node)];
                prop_assert!(rows.is_sorted() && rows.iter().all(|&row| row as usize >= nodes.columns(node).end));
                for column in nodes.columns(node) {
                    held.extend((column + 1..nodes.columns(node).end).map(|row| (row, column)));
                    held.extend(rows.iter().map(|&row| (row as usize, column)));
                }
                let parent = nodes.parents[node] as usize;
                prop_assert_eq!(rows.is_empty(), parent == node);
                prop_assert!(parent >= node);
                for index in nodes.rows_of(node) {
                    let at = nodes.in_parent[index] as usize;
                    let columns = nodes.columns(parent);
                    let row = if at < columns.len() { columns.start + at }
                        else { nodes.rows[nodes.rows_of(parent)][at - columns.len()] as usize };
                    prop_assert_eq!(row, nodes.rows[index] as usize);
                }
            }
            for (row, entries) in complete.outer_iterator().enumerate() {
                for &column in entries.indices() {
                    prop_assert!(held.contains(&(row, column as usize)));
                }
            }
        }
    }

    #[test]
    fn a_long_chain_is_no_deep_recursion() {
        let chain = adjacency(100_000, (1..100_000).map(|i| (i - 1, i)));
        let natural: Vec<usize> = (0..100_000).collect();
        let nodes = Supernodes::new(&chain, &natural, 3);
        assert!(nodes.count() < 100_000 && nodes.block_count() == 100_000);
    }
}
