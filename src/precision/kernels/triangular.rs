//! Triangular solves over lanes that hold a row of a block: one stream over the blocks.

use super::dispatch::Work;
use super::lanes::{Lanes, Load};
use std::marker::PhantomData;

/// `x ← (L Lᵀ)⁻¹ x` for a factor of `B × B` blocks.
///
/// # Safety
/// To run it, `starts` and `positions` must be those of a `BlockFactor`, `values` its values with slack, and `x` must
/// have a row of lanes for each of its rows, with zeros in the lanes beyond `B`.
pub(super) struct Solve<'a, L: Lanes, C, const B: usize> {
    pub(super) starts: &'a [u32],
    pub(super) positions: &'a [u32],
    pub(super) values: *const C,
    pub(super) x: *mut L::Number,
    pub(super) lanes: PhantomData<L>,
}

impl<L: Load<C>, C, const B: usize> Work for Solve<'_, L, C, B> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        // SAFETY: the caller's promise.
        unsafe {
            self.forward();
            self.backward();
        }
    }
}

impl<L: Load<C>, C, const B: usize> Solve<'_, L, C, B> {
    /// Row `r` of a block.
    #[inline(always)]
    unsafe fn row_of(&self, block: usize, r: usize) -> L {
        // SAFETY: the block is in range; a load beyond the last one ends in the slack.
        unsafe { L::load_stored(self.values.add(block * B * B + r * B)) }
    }

    /// The entry of `x` that belongs to a row of blocks.
    #[inline(always)]
    unsafe fn entry(&self, row: usize) -> *mut L::Number {
        // SAFETY: the row is in range.
        unsafe { self.x.add(row * L::WIDTH) }
    }

    /// `x ← L⁻¹ x`. Products are kept apart by row and column of a block, and summed over columns once for all blocks
    /// of a row. A lane beyond `B` holds an entry of the next row, times zero.
    #[inline(always)]
    unsafe fn forward(&self) {
        for row in 0..self.starts.len() - 1 {
            let (first, diagonal) = (self.starts[row] as usize, self.starts[row + 1] as usize - 1);
            // SAFETY: rows, blocks and block columns are in range by the caller's promise.
            unsafe {
                let mut products = [L::zero(); B];
                for (block, &position) in (first..).zip(self.positions.get_unchecked(first..diagonal)) {
                    let from = L::load(self.entry(position as usize));
                    for (r, product) in products.iter_mut().enumerate() {
                        *product = self.row_of(block, r).multiply_add(from, *product);
                    }
                }
                let right = L::load(self.entry(row)).subtract(L::sums(products));
                let mut solved = [L::zero(); B];
                for (r, solved) in solved.iter_mut().enumerate() {
                    *solved = self.row_of(diagonal, r).multiply_add(right, L::zero());
                }
                L::sums(solved).store(self.entry(row));
            }
        }
    }

    /// `x ← L⁻ᵀ x`. Lanes beyond `B` come to hold what means nothing; no other lane depends on them.
    #[inline(always)]
    unsafe fn backward(&self) {
        for row in (0..self.starts.len() - 1).rev() {
            let (first, diagonal) = (self.starts[row] as usize, self.starts[row + 1] as usize - 1);
            // SAFETY: as above.
            unsafe {
                let own = self.entry(row);
                self.transposed_product(diagonal, &Self::spread(own)).store(own);
                let solved = Self::spread(own);
                for (block, &position) in (first..).zip(self.positions.get_unchecked(first..diagonal)) {
                    let to = self.entry(position as usize);
                    L::load(to).subtract(self.transposed_product(block, &solved)).store(to);
                }
            }
        }
    }

    /// Each of the `B` numbers at `from` in lanes of its own.
    #[inline(always)]
    unsafe fn spread(from: *const L::Number) -> [L; B] {
        let mut spread = [unsafe { L::zero() }; B];
        for (r, lanes) in spread.iter_mut().enumerate() {
            // SAFETY: r is less than B.
            *lanes = unsafe { L::broadcast(from.add(r)) };
        }
        spread
    }

    /// The transpose of a block times a vector, in two chains of sums that hide the latency of one.
    #[inline(always)]
    unsafe fn transposed_product(&self, block: usize, vector: &[L; B]) -> L {
        // SAFETY: the block is in range.
        unsafe {
            let mut sums = [L::zero(); 2];
            for r in 0..B {
                sums[r % 2] = self.row_of(block, r).multiply_add(vector[r], sums[r % 2]);
            }
            sums[0].add(sums[1])
        }
    }
}
