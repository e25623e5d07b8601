//! Triangular solves with a factor of equal blocks that lies row by row.

use super::{SLACK, dispatch, portable};
use crate::precision::Scalar;
use crate::precision::cpu::{VectorUnit, vector_unit};

/// A lower triangular factor of `B × B` blocks, row by row; each row ends in the inverse of its diagonal block.
///
/// Blocks lie in the order in which the solves read them, without gaps, each row by row: the forward solve then sums
/// products over a block's columns once per row of blocks, and the backward solve sums over a block's rows, lane by lane.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockFactor<C, const B: usize> {
    starts: Vec<u32>,
    positions: Vec<u32>,
    /// The blocks, and [`SLACK`] zeros: vector loads of a last row reach beyond it.
    values: Vec<C>,
}

impl<C: Scalar, const B: usize> BlockFactor<C, B> {
    /// Elements from one block row of a vector to the next: `B`, padded to what vector registers hold.
    pub const STRIDE: usize = B.next_power_of_two();

    /// A factor of rows whose blocks begin at `starts` (one more than rows), each at the block column in `positions`,
    /// with `B · B` values per block, column by column.
    ///
    /// `None` if lengths do not agree, a row does not end in its own number, names a later one, or a value is not finite.
    pub fn new(starts: Vec<u32>, positions: Vec<u32>, mut values: Vec<C>) -> Option<Self> {
        let consistent = starts.first() == Some(&0)
            && starts.last().is_some_and(|&last| last as usize == positions.len())
            && values.len() == positions.len() * B * B
            && starts.windows(2).enumerate().all(|(row, pair)| {
                let (first, last) = (pair[0] as usize, pair[1] as usize);
                first < last
                    && last <= positions.len()
                    && positions[last - 1] as usize == row
                    && positions[first..last - 1].iter().all(|&column| (column as usize) < row)
            });
        if !consistent || !values.iter().all(|value| value.is_finite()) {
            return None;
        }
        for block in values.chunks_exact_mut(B * B) {
            for c in 1..B {
                for r in 0..c {
                    block.swap(c * B + r, r * B + c);
                }
            }
        }
        values.extend([C::ZERO; SLACK]);
        Some(Self { starts, positions, values })
    }

    /// Number of rows of blocks.
    pub fn row_count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The blocks of a row, the diagonal's inverse last.
    #[inline(always)]
    pub(super) fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.starts[row] as usize..self.starts[row + 1] as usize
    }

    /// Block column of a block.
    #[inline(always)]
    pub(super) fn position(&self, block: usize) -> usize {
        self.positions[block] as usize
    }

    /// The values of a block, row by row.
    #[inline(always)]
    pub(super) fn block(&self, block: usize) -> &[C] {
        &self.values[block * B * B..][..B * B]
    }

    /// The values of all blocks with the slack behind them.
    pub(super) fn values(&self) -> &[C] {
        &self.values
    }

    /// Where rows begin, and the block columns.
    pub(super) fn pattern(&self) -> (&[u32], &[u32]) {
        (&self.starts, &self.positions)
    }

    /// `x ← (L Lᵀ)⁻¹ x`, computed in `V`; in `f16` every product and sum is rounded to half.
    ///
    /// Block row `i` of the vector is the `B` elements of `x` from `i · STRIDE` on; those between are zero. Afterwards
    /// they may hold anything.
    ///
    /// # Panics
    /// If `x` has fewer than `STRIDE · row_count` elements: that is a mistake in the calling code.
    pub fn solve<V: Scalar>(&self, x: &mut [V]) {
        self.solve_with(vector_unit(), x);
    }

    /// The same on a vector unit of choice; in portable Rust if this CPU does not have it.
    pub fn solve_with<V: Scalar>(&self, unit: VectorUnit, x: &mut [V]) {
        assert!(x.len() >= Self::STRIDE * self.row_count(), "a vector shorter than its factor");
        if !dispatch::solve(unit, self, x) {
            portable::forward(self, x);
            portable::backward(self, x);
        }
    }
}

/// Writes the columns of a vector, block row by block row of `B` and each element times its ratio, each block filled up with
/// zeros to `W` elements: `work[i] = r[columns[i] ..] · ratios[i]`. [`BlockFactor::solve`] takes blocks of four and eight.
pub fn gather_scaled<V: Scalar, const B: usize, const W: usize>(
    r: &[V],
    columns: &[u32],
    ratios: &[V],
    work: &mut [V],
) {
    let (ratios, work) = (ratios.as_chunks::<B>().0, work.as_chunks_mut::<W>().0);
    for ((&column, ratios), work) in columns.iter().zip(ratios).zip(work) {
        let r = &r[column as usize..][..B];
        for k in 0..B {
            work[k] = r[k] * ratios[k];
        }
        work[B..].fill(V::ZERO);
    }
}

/// The way back: `z[columns[i] ..] = work[i] · ratios[i]`.
pub fn scatter_scaled<V: Scalar, const B: usize, const W: usize>(
    work: &[V],
    columns: &[u32],
    ratios: &[V],
    z: &mut [V],
) {
    let (ratios, work) = (ratios.as_chunks::<B>().0, work.as_chunks::<W>().0);
    for ((&column, ratios), work) in columns.iter().zip(ratios).zip(work) {
        let z = &mut z[column as usize..][..B];
        for k in 0..B {
            z[k] = work[k] * ratios[k];
        }
    }
}
