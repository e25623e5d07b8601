//! Triangular solves: one stream over the blocks, eight lanes for the six (or three) rows of a block's column.

use super::available;
use super::lanes::{load_first, load_half, load_single, store_first, sums_of_six};
use crate::precision::Scalar;
use crate::precision::kernels::BlockFactor;
use half::f16;
use std::arch::x86_64::*;

/// `x ← (L Lᵀ)⁻¹ x` if there is a kernel for these types; `false` if there is none.
pub(in crate::precision::kernels) fn solve<C: Scalar, V: Scalar, const B: usize>(
    factor: &BlockFactor<C, B>,
    x: &mut [V],
) -> bool {
    if !available() || !matches!(B, 3 | 6) || x.len() < B * factor.row_count() {
        return false;
    }
    let Some(x) = V::as_singles_mut(x) else {
        return false;
    };
    let (starts, positions) = factor.pattern();
    if let Some(values) = C::as_halves(factor.values()) {
        // SAFETY: the features are there; `BlockFactor` holds a consistent pattern with slack behind its values, and
        // `x` has an element for each of its rows.
        unsafe { solve_half::<B>(starts, positions, values.as_ptr(), x.as_mut_ptr()) };
        return true;
    }
    if let Some(values) = C::as_singles(factor.values()) {
        // SAFETY: as above.
        unsafe { solve_single::<B>(starts, positions, values.as_ptr(), x.as_mut_ptr()) };
        return true;
    }
    false
}

macro_rules! triangular_solves {
    ($name:ident, $storage:ty, $load:ident) => {
        /// Both solves.
        ///
        /// # Safety
        /// `starts` and `positions` must be those of a `BlockFactor` of `B × B` blocks, `values` its values with slack,
        /// and `x` must have `B` elements for each row.
        #[target_feature(enable = "avx2,fma,f16c")]
        unsafe fn $name<const B: usize>(starts: &[u32], positions: &[u32], values: *const $storage, x: *mut f32) {
            let rows = starts.len() - 1;
            for row in 0..rows {
                let (first, diagonal) = (starts[row] as usize, starts[row + 1] as usize - 1);
                // SAFETY: rows, blocks and block columns are in range by the caller's promise.
                unsafe {
                    let own = x.add(row * B);
                    let mut sums = [load_first::<B>(own), _mm256_setzero_ps()];
                    for (block, &position) in positions.get_unchecked(first..diagonal).iter().enumerate() {
                        let column = values.add((first + block) * B * B);
                        let from = x.add(position as usize * B);
                        for c in 0..B {
                            let factor = _mm256_broadcast_ss(&*from.add(c));
                            sums[c % 2] = _mm256_fnmadd_ps($load(column.add(c * B)), factor, sums[c % 2]);
                        }
                    }
                    let sum = _mm256_add_ps(sums[0], sums[1]);
                    let column = values.add(diagonal * B * B);
                    let mut solved = [_mm256_setzero_ps(); 2];
                    for c in 0..B {
                        let factor = _mm256_permutevar8x32_ps(sum, _mm256_set1_epi32(c as i32));
                        solved[c % 2] = _mm256_fmadd_ps($load(column.add(c * B)), factor, solved[c % 2]);
                    }
                    store_first::<B>(own, _mm256_add_ps(solved[0], solved[1]));
                }
            }
            for row in (0..rows).rev() {
                let (first, diagonal) = (starts[row] as usize, starts[row + 1] as usize - 1);
                // SAFETY: as above. Lanes beyond B of what `load_first` reads are zero, and so are their products.
                unsafe {
                    let own = x.add(row * B);
                    let right = load_first::<B>(own);
                    let transposed_product = |column: *const $storage, right: __m256| {
                        let mut products = [_mm256_setzero_ps(); 6];
                        for c in 0..B {
                            products[c] = _mm256_mul_ps($load(column.add(c * B)), right);
                        }
                        sums_of_six(products)
                    };
                    let solved = transposed_product(values.add(diagonal * B * B), right);
                    store_first::<B>(own, solved);
                    for (block, &position) in positions.get_unchecked(first..diagonal).iter().enumerate() {
                        let to = x.add(position as usize * B);
                        let product = transposed_product(values.add((first + block) * B * B), solved);
                        store_first::<B>(to, _mm256_sub_ps(load_first::<B>(to), product));
                    }
                }
            }
        }
    };
}

triangular_solves!(solve_half, f16, load_half);
triangular_solves!(solve_single, f32, load_single);
