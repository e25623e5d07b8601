//! The block Jacobian, its columns scaled to unit norm and stored in the precision of the products.

use super::Structure;
use crate::precision::kernels::BlockRows;
use crate::precision::{Scalar, power_of_two_near_inverse_root};

/// What rounding a Jacobian to its storage did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rounding {
    /// Entries that were not zero, but are after rounding.
    pub flushed: usize,
    /// Entries that are not finite.
    pub not_finite: usize,
}

/// Where one variable of a residual block is found.
#[derive(Debug, Clone, Copy)]
struct Piece {
    column: u32,
    local: u16,
    size: u16,
}

/// A block Jacobian `W J S`: rows weighted, columns scaled by powers of two to norms near one, stored in `P`.
#[derive(Debug, Clone)]
pub struct BlockJacobian<P> {
    blocks: BlockRows<P>,
    pieces: Vec<Piece>,
    /// Rows, width and number of free pieces of each residual block.
    shapes: Vec<(u16, u16, u16)>,
    column_count: usize,
    /// Sizes of the free variables, in order of columns.
    sizes: Vec<usize>,
    /// By first column of a free variable: where its diagonal block begins.
    diagonal_starts: Vec<u32>,
}

/// Where the columns of one variable are in the entries of a residual block. Its loops know at compile time how many
/// columns they are for, so that they become vector instructions.
#[derive(Clone, Copy)]
struct Block {
    first: usize,
    width: usize,
    rows: usize,
}

impl Block {
    /// The columns from the `k`-th on.
    fn from(self, k: usize) -> Self {
        Self { first: self.first + k, ..self }
    }

    fn line<E, const N: usize>(self, entries: &[E], row: usize) -> &[E; N] {
        entries[self.first + row * self.width..].first_chunk().expect("a block lies in the entries")
    }

    fn add_squares<J: Scalar, const N: usize>(self, flat: &[J], weight: f64, sums: &mut [f64]) {
        let mut squares = [0.0; N];
        for row in 0..self.rows {
            for (sum, value) in squares.iter_mut().zip(self.line::<J, N>(flat, row)) {
                let value = value.to_f64();
                *sum += value * value;
            }
        }
        for (sum, squares) in sums.iter_mut().zip(squares) {
            *sum += weight * squares;
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn fill<J: Scalar, P: Scalar, V: Scalar, const N: usize>(
        self,
        flat: &[J],
        entries: &mut [P],
        weight: f64,
        scales: &[f64],
        residual: &[V],
        gradient: &mut [V],
        rounding: &mut Rounding,
    ) {
        let factors: [f64; N] = std::array::from_fn(|k| weight * scales[k]);
        let mut sums: [V; N] = std::array::from_fn(|k| gradient[k]);
        for (row, residual) in residual.iter().enumerate() {
            let line = self.line::<J, N>(flat, row);
            let scaled: [V; N] = std::array::from_fn(|k| V::from_f64(line[k].to_f64() * factors[k]));
            let stored: [P; N] = scaled.map(V::cast);
            entries[self.first + row * self.width..][..N].copy_from_slice(&stored);
            for k in 0..N {
                sums[k] = scaled[k].multiply_add(*residual, sums[k]);
                rounding.flushed += usize::from(stored[k] == P::ZERO && scaled[k] != V::ZERO);
                rounding.not_finite += usize::from(!stored[k].is_finite());
            }
        }
        gradient[..N].copy_from_slice(&sums);
    }
}

impl<P: Scalar> BlockJacobian<P> {
    /// A Jacobian of this structure, all zero.
    pub fn new(structure: &Structure) -> Self {
        let (count, piece_count) = (structure.residual_block_count(), structure.block_variables.len());
        let mut pieces: Vec<Piece> = Vec::with_capacity(piece_count);
        let mut blocks = BlockRows::new(structure.column_count());
        blocks.reserve(count, structure.entry_count(), piece_count);
        let mut shapes = Vec::with_capacity(count);
        for (index, block) in structure.blocks.iter().enumerate() {
            let before = pieces.len();
            pieces.extend(structure.pieces_of(index).filter(|(_, variable)| !variable.fixed).map(
                |(local, variable)| Piece {
                    column: variable.column as u32,
                    local: local as u16,
                    size: variable.size as u16,
                },
            ));
            let own = pieces[before..].iter().map(|p| (p.column as usize, p.local as usize, p.size as usize));
            blocks.add(block.rows, block.width, own);
            shapes.push((block.rows as u16, block.width as u16, (pieces.len() - before) as u16));
        }
        let sizes: Vec<usize> = structure.variables.iter().filter(|v| !v.fixed).map(|v| v.size).collect();
        let mut diagonal_starts = vec![0; structure.column_count()];
        let mut start = 0;
        for variable in structure.variables.iter().filter(|v| !v.fixed && v.size > 0) {
            diagonal_starts[variable.column] = start;
            start += (variable.size * variable.size) as u32;
        }
        Self { sizes, diagonal_starts, blocks, pieces, shapes, column_count: structure.column_count() }
    }

    /// Computes the scale of each column, a power of two near one over its norm, of a flat Jacobian whose residual
    /// blocks are weighted by `weights`. A column of zeros keeps scale one.
    pub fn column_scales<J: Scalar>(&self, flat: &[J], weights: &[f64], scales: &mut [f64]) {
        scales.fill(0.0);
        self.for_each_block(|index, entry, width, rows, pieces| {
            let weight = weights[index] * weights[index];
            for piece in pieces {
                let block = Block { first: entry + piece.local as usize, width, rows };
                let sums = &mut scales[piece.column as usize..][..piece.size as usize];
                match piece.size {
                    3 => block.add_squares::<J, 3>(flat, weight, sums),
                    6 => block.add_squares::<J, 6>(flat, weight, sums),
                    _ => (sums.iter_mut().enumerate()).for_each(|(k, sum)| {
                        block.from(k).add_squares::<J, 1>(flat, weight, std::slice::from_mut(sum))
                    }),
                }
            }
        });
        for scale in scales.iter_mut() {
            *scale = power_of_two_near_inverse_root(*scale);
        }
    }

    /// Fills the storage from a flat Jacobian with row weights (by residual block) and column scales, and computes
    /// `gradient = S Jᵀ W² r` from the entries before they are rounded to storage.
    pub fn fill<J: Scalar, V: Scalar>(
        &mut self,
        flat: &[J],
        weights: &[f64],
        scales: &[f64],
        weighted_residual: &[V],
        gradient: &mut [V],
    ) -> Rounding {
        let mut rounding = Rounding::default();
        gradient.fill(V::ZERO);
        let mut blocks = std::mem::replace(&mut self.blocks, BlockRows::new(0));
        let entries = blocks.entries_mut();
        let mut first_row = 0;
        self.for_each_block(|index, entry, width, rows, pieces| {
            let weight = weights[index];
            let residual = &weighted_residual[first_row..first_row + rows];
            for piece in pieces {
                let block = Block { first: entry + piece.local as usize, width, rows };
                let columns = piece.column as usize..piece.column as usize + piece.size as usize;
                let (scales, sums) = (&scales[columns.clone()], &mut gradient[columns]);
                match piece.size {
                    3 => block.fill::<J, P, V, 3>(flat, entries, weight, scales, residual, sums, &mut rounding),
                    6 => block.fill::<J, P, V, 6>(flat, entries, weight, scales, residual, sums, &mut rounding),
                    _ => (sums.iter_mut().zip(scales).enumerate()).for_each(|(k, (sum, scale))| {
                        let (scale, sum) = (std::slice::from_ref(scale), std::slice::from_mut(sum));
                        block.from(k).fill::<J, P, V, 1>(flat, entries, weight, scale, residual, sum, &mut rounding);
                    }),
                }
            }
            first_row += rows;
        });
        self.blocks = blocks;
        rounding
    }

    /// `z = Jᵀ r`, with `r` scaled as the rows are.
    pub fn transposed_product<V: Scalar>(&self, r: &[V], z: &mut [V]) {
        z.fill(V::ZERO);
        let entries = self.blocks.entries();
        let mut first_row = 0;
        self.for_each_block(|_, entry, width, rows, pieces| {
            for piece in pieces {
                let (column, size) = (piece.column as usize, piece.size as usize);
                for row in 0..rows {
                    let line = &entries[entry + row * width + piece.local as usize..][..size];
                    for (z, value) in z[column..column + size].iter_mut().zip(line) {
                        *z = value.cast::<V>().multiply_add(r[first_row + row], *z);
                    }
                }
            }
            first_row += rows;
        });
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
        self.for_each_block(|_, entry, width, rows, pieces| {
            for piece in pieces {
                let size = piece.size as usize;
                let first = self.diagonal_starts[piece.column as usize] as usize;
                let block = &mut blocks[first..first + size * size];
                for row in 0..rows {
                    let start = entry + row * width + piece.local as usize;
                    wide.clear();
                    wide.extend(self.blocks.entries()[start..start + size].iter().map(|entry| entry.to_f64()));
                    for (a, block_row) in wide.iter().zip(block.chunks_exact_mut(size)) {
                        for (b, sum) in wide.iter().zip(block_row) {
                            *sum += a * b;
                        }
                    }
                }
            }
        });
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

    #[inline(always)]
    fn for_each_block(&self, mut visit: impl FnMut(usize, usize, usize, usize, &[Piece])) {
        let (mut entry, mut first) = (0, 0);
        for (index, &(rows, width, count)) in self.shapes.iter().enumerate() {
            let (rows, width, count) = (rows as usize, width as usize, count as usize);
            visit(index, entry, width, rows, &self.pieces[first..first + count]);
            entry += rows * width;
            first += count;
        }
    }
}
