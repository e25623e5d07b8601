//! Triangular solves with a factor of equal blocks that lies row by row.

use super::{SLACK, portable};
use crate::precision::Scalar;

/// A lower triangular factor of `B × B` blocks, row by row; each row ends in the inverse of its diagonal block.
///
/// Blocks are stored column by column in the order in which the solves read them.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockFactor<C, const B: usize> {
    starts: Vec<u32>,
    positions: Vec<u32>,
    /// The blocks, and [`SLACK`] zeros: vector loads of a last column reach beyond it.
    values: Vec<C>,
}

impl<C: Scalar, const B: usize> BlockFactor<C, B> {
    /// A factor of rows whose blocks begin at `starts` (one more than rows), each at the block column in `positions`,
    /// with `B · B` values per block.
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

    /// The values of all blocks with the slack behind them.
    #[inline(always)]
    pub(super) fn values(&self) -> &[C] {
        &self.values
    }

    /// Where rows begin, and the block columns.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
    pub(super) fn pattern(&self) -> (&[u32], &[u32]) {
        (&self.starts, &self.positions)
    }

    /// `x ← (L Lᵀ)⁻¹ x`, computed in `V`; in `f16` every product and sum is rounded to half.
    ///
    /// The first `B · row_count` elements of `x` are the vector; with [`SLACK`] more it goes the fast way.
    pub fn solve<V: Scalar>(&self, x: &mut [V]) {
        #[cfg(target_arch = "x86_64")]
        if super::avx2::solve(self, x) {
            return;
        }
        portable::forward(self, x);
        portable::backward(self, x);
    }
}
