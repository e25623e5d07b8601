//! Products with a Jacobian of small dense blocks.

use super::{SLACK, dispatch, portable};
use crate::precision::Scalar;
use crate::precision::cpu::{VectorUnit, vector_unit};

/// Some neighbouring columns of a residual block, at most eight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lane {
    /// First column in the vectors.
    pub(super) column: u32,
    /// First column within the block's rows.
    pub(super) local: u16,
    /// How many columns.
    pub(super) size: u16,
}

/// The shape of a residual block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Rows.
    pub(super) rows: u16,
    /// Entries from one row to the next.
    pub(super) width: u16,
    /// Number of its lanes.
    pub(super) lanes: u16,
}

/// Dense blocks of residuals, each row by row, and where their columns are in the vectors.
#[derive(Debug, Clone)]
pub struct BlockRows<P> {
    /// The entries, and [`SLACK`] zeros: vector loads of a last row reach beyond it.
    entries: Vec<P>,
    lanes: Vec<Lane>,
    shapes: Vec<Shape>,
    column_count: usize,
    entry_count: usize,
}

impl<P: Scalar> BlockRows<P> {
    /// No blocks, for vectors of `column_count`.
    pub fn new(column_count: usize) -> Self {
        let entries = vec![P::ZERO; SLACK];
        Self { entries, lanes: Vec::new(), shapes: Vec::new(), column_count, entry_count: 0 }
    }

    /// Makes room for so many blocks with so many entries and lanes in all.
    pub fn reserve(&mut self, blocks: usize, entries: usize, lanes: usize) {
        self.shapes.reserve_exact(blocks);
        self.lanes.reserve_exact(lanes);
        self.entries.reserve_exact(entries);
    }

    /// Adds a block of zeros: `rows × width` entries, of which those from `local` on, `size` of them, belong to the
    /// columns of the vectors from `column` on, for each `(column, local, size)` of `pieces`.
    ///
    /// # Panics
    /// If a piece is outside the block or the vectors: that is a mistake in the calling code.
    pub fn add(&mut self, rows: usize, width: usize, pieces: impl IntoIterator<Item = (usize, usize, usize)>) {
        let first = self.lanes.len();
        for (column, local, size) in pieces {
            assert!(local + size <= width && column + size <= self.column_count, "a piece outside its block");
            for begin in (0..size).step_by(8) {
                self.lanes.push(Lane {
                    column: (column + begin) as u32,
                    local: (local + begin) as u16,
                    size: (size - begin).min(8) as u16,
                });
            }
        }
        self.shapes.push(Shape { rows: rows as u16, width: width as u16, lanes: (self.lanes.len() - first) as u16 });
        self.entry_count += rows * width;
        self.entries.resize(self.entry_count + SLACK, P::ZERO);
    }

    /// The entries of all blocks, one block after the other.
    pub fn entries(&self) -> &[P] {
        &self.entries[..self.entry_count]
    }

    /// The entries of all blocks, to be changed. They have to be finite: a lane of a vector load may hold an entry of
    /// the next row, which counts as zero times itself.
    pub fn entries_mut(&mut self) -> &mut [P] {
        &mut self.entries[..self.entry_count]
    }
    pub(super) fn with_slack(&self) -> &[P] {
        &self.entries
    }

    pub(super) fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    pub(super) fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// Number of columns.
    pub fn column_count(&self) -> usize {
        self.column_count
    }

    /// `z = Jᵀ (J p)` in one pass over the entries, computed in `V`; returns `‖J p‖²`.
    ///
    /// The first `column_count` elements of `p` and `z` are the vectors; with [`SLACK`] more (finite ones; those of `z`
    /// are overwritten) it goes the fast way.
    pub fn normal_product<V: Scalar>(&self, p: &[V], z: &mut [V]) -> f64 {
        self.normal_product_with(vector_unit(), p, z)
    }

    /// The same on a vector unit of choice; in portable Rust if this CPU does not have it.
    pub fn normal_product_with<V: Scalar>(&self, unit: VectorUnit, p: &[V], z: &mut [V]) -> f64 {
        dispatch::normal_product(unit, self, p, z).unwrap_or_else(|| portable::normal_product(self, p, z))
    }
}
