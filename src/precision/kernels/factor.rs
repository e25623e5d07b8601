//! Triangular solves with a factor of blocks that lies row by row.

use super::portable;
use crate::precision::Scalar;

/// A lower triangular factor of equal blocks, row by row; each row ends in the inverse of its diagonal block.
#[derive(Debug, Clone, Copy)]
pub struct FactorRows<'a, C> {
    /// Where the blocks of each row begin, in blocks; one more than there are rows.
    pub starts: &'a [u32],
    /// Block column of each block; a row's last is the row's own number.
    pub positions: &'a [u32],
    /// The blocks, each column by column.
    pub values: &'a [C],
}

impl<C> FactorRows<'_, C> {
    /// Number of rows of blocks.
    pub fn row_count(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The blocks of a row, the diagonal's inverse last.
    #[inline(always)]
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.starts[row] as usize..self.starts[row + 1] as usize
    }
}

/// `x ← L⁻¹ x`, stored in `C`, computed in `V`.
pub fn forward<C: Scalar, V: Scalar, const B: usize>(factor: &FactorRows<'_, C>, x: &mut [V]) {
    portable::forward::<C, V, B>(factor, x);
}

/// `x ← L⁻ᵀ x`, stored in `C`, computed in `V`.
pub fn backward<C: Scalar, V: Scalar, const B: usize>(factor: &FactorRows<'_, C>, x: &mut [V]) {
    portable::backward::<C, V, B>(factor, x);
}
