//! The block Jacobian, its columns scaled to unit norm and stored in the precision of the products.

mod layout;
mod passes;
#[cfg(test)]
mod tests;

use super::Structure;
use crate::precision::Scalar;
use crate::precision::kernels::{BlockRows, vectorized};
use layout::Layout;
use passes::{ColumnScales, Fill};

/// What rounding a Jacobian to its storage did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rounding {
    /// Entries that were not zero, but are after rounding.
    pub flushed: usize,
    /// Entries that are not finite.
    pub not_finite: usize,
}

/// A block Jacobian `W J S`: rows weighted, columns scaled by powers of two to norms near one, stored in `P`.
#[derive(Debug, Clone)]
pub struct BlockJacobian<P> {
    blocks: BlockRows<P>,
    layout: Layout,
    column_count: usize,
    /// Sizes of the free variables, in order of columns.
    sizes: Vec<usize>,
    /// By first column of a free variable: where its diagonal block begins.
    diagonal_starts: Vec<u32>,
}

impl<P: Scalar> BlockJacobian<P> {
    /// A Jacobian of this structure, all zero.
    pub fn new(structure: &Structure) -> Self {
        let layout = Layout::new(structure);
        let mut blocks = BlockRows::new(structure.column_count());
        blocks.reserve(structure.residual_block_count(), structure.entry_count(), structure.block_variables.len());
        for block in layout.blocks() {
            let own = block.pieces.iter().map(|p| (p.column as usize, p.local as usize, p.size as usize));
            blocks.add(block.rows, block.width, own);
        }
        let sizes: Vec<usize> = structure.variables.iter().filter(|v| !v.fixed).map(|v| v.size).collect();
        let mut diagonal_starts = vec![0; structure.column_count()];
        let mut start = 0;
        for variable in structure.variables.iter().filter(|v| !v.fixed && v.size > 0) {
            diagonal_starts[variable.column] = start;
            start += (variable.size * variable.size) as u32;
        }
        Self { sizes, diagonal_starts, blocks, layout, column_count: structure.column_count() }
    }

    /// Computes the scale of each column, a power of two near one over its norm, of a flat Jacobian whose residual
    /// blocks are weighted by `weights`. A column of zeros keeps scale one.
    pub fn column_scales<J: Scalar>(&self, flat: &[J], weights: &[f64], scales: &mut [f64]) {
        vectorized(ColumnScales { layout: &self.layout, flat, weights, scales });
    }

    /// Fills the storage from a flat Jacobian with row weights (by residual block) and column scales, and computes
    /// `gradient = S Jᵀ W² r`, `residual` being `W r`, from the entries before they are rounded to storage.
    pub fn fill<J: Scalar, V: Scalar>(
        &mut self,
        flat: &[J],
        weights: &[f64],
        scales: &[f64],
        residual: &[V],
        gradient: &mut [V],
    ) -> Rounding {
        let (layout, entries) = (&self.layout, self.blocks.entries_mut());
        vectorized(Fill { layout, flat, weights, scales, residual, entries, gradient })
    }

    /// `z = Jᵀ r`, with `r` scaled as the rows are.
    pub fn transposed_product<V: Scalar>(&self, r: &[V], z: &mut [V]) {
        z.fill(V::ZERO);
        let entries = self.blocks.entries();
        for block in self.layout.blocks() {
            for piece in block.pieces {
                let (column, size) = (piece.column as usize, piece.size as usize);
                for row in 0..block.rows {
                    let line = &entries[block.entry + row * block.width + piece.local as usize..][..size];
                    for (z, value) in z[column..column + size].iter_mut().zip(line) {
                        *z = value.cast::<V>().multiply_add(r[block.row + row], *z);
                    }
                }
            }
        }
    }

    /// `z = Jᵀ (J p)` in one pass over the entries, computed in `V`; returns `‖J p‖²`. Both vectors should have
    /// [`SLACK`](crate::precision::kernels::SLACK) elements more than there are columns.
    pub fn normal_product<V: Scalar>(&self, p: &[V], z: &mut [V]) -> f64 {
        self.blocks.normal_product(p, z)
    }

    /// The diagonal blocks of `JᵀJ`, one for each free variable in order of columns, as stored in `blocks` of
    /// `size × size` one after the other.
    pub fn diagonal_blocks(&self, blocks: &mut [f64]) {
        blocks.fill(0.0);
        let mut wide: Vec<f64> = Vec::new();
        for block in self.layout.blocks() {
            for piece in block.pieces {
                let size = piece.size as usize;
                let first = self.diagonal_starts[piece.column as usize] as usize;
                let diagonal = &mut blocks[first..first + size * size];
                for row in 0..block.rows {
                    let start = block.entry + row * block.width + piece.local as usize;
                    wide.clear();
                    wide.extend(self.blocks.entries()[start..start + size].iter().map(|entry| entry.to_f64()));
                    for (a, sums) in wide.iter().zip(diagonal.chunks_exact_mut(size)) {
                        for (b, sum) in wide.iter().zip(sums) {
                            *sum += a * b;
                        }
                    }
                }
            }
        }
    }

    /// The entries as they are stored, residual block after residual block as [`Structure`] describes; those of fixed
    /// variables mean nothing.
    pub fn entries(&self) -> &[P] {
        self.blocks.entries()
    }

    /// Sizes of the free variable blocks, in order of columns.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Number of columns.
    pub fn column_count(&self) -> usize {
        self.column_count
    }
}
