//! Triangular solves over sixteen lanes, of which two rows of a block of six fill twelve, and a block of three nine.

use super::single::Load16;
use crate::precision::Scalar;
use crate::precision::kernels::BlockFactor;
use crate::precision::kernels::dispatch::{Unit, Work, cast, cast_mut, for_storage};
use half::{bf16, f16};
use std::arch::x86_64::*;
use std::marker::PhantomData;

/// `x ← (L Lᵀ)⁻¹ x` if there is a kernel for these types; `false` if there is none.
///
/// # Safety
/// This CPU must have the unit.
pub(super) unsafe fn solve<U: Unit, C: Scalar, V: Scalar, const B: usize>(
    factor: &BlockFactor<C, B>,
    x: &mut [V],
) -> bool {
    let Some(x) = cast_mut::<V, f32>(x) else {
        return false;
    };
    // SAFETY: the caller's promise.
    for_storage!(factor.values(), [f16, bf16, f32], values => unsafe { solve_in::<U, C, _, B>(factor, values, x) });
    false
}

unsafe fn solve_in<U: Unit, C: Scalar, D: Load16, const B: usize>(
    factor: &BlockFactor<C, B>,
    values: &[D],
    x: &mut [f32],
) -> bool {
    assert!(x.len() >= BlockFactor::<C, B>::STRIDE * factor.row_count());
    let (starts, positions) = factor.pattern();
    let (values, x) = (values.as_ptr(), x.as_mut_ptr());
    // SAFETY: the features are there by the caller's promise; `BlockFactor` holds a consistent pattern with slack behind
    // its values, and `x` has a row of lanes for each of its rows.
    unsafe {
        match B {
            6 => U::run(Solve::<D, Six> { starts, positions, values, x, shape: PhantomData }),
            3 => U::run(Solve::<D, Three> { starts, positions, values, x, shape: PhantomData }),
            _ => return false,
        }
    }
    true
}

/// How blocks of one size lie in registers.
trait Shape {
    /// Entries of a block.
    const ENTRIES: usize;
    /// Elements from one block row of the vector to the next.
    const STRIDE: usize;
    /// Entries from one register to the next.
    const STEP: usize;
    /// Registers of a block.
    type Registers: AsRef<[__m512]> + AsMut<[__m512]> + Copy;
    /// Zero in every lane.
    unsafe fn zero() -> Self::Registers;
    /// A block row of the vector, as often as there are rows of a block in a register, for each register; lanes behind
    /// it are zero if those of the vector are.
    unsafe fn repeat(vector: __m512) -> Self::Registers;
    /// Each element of a block row of the vector, in all lanes of the block's row.
    unsafe fn spread(vector: __m512) -> Self::Registers;
    /// In the first lanes: the sums of a block's rows, zeros behind them.
    unsafe fn sums_of_rows(products: Self::Registers) -> __m512;
    /// In the first lanes: the sums of a block's columns, from the sum of its registers; anything behind them.
    unsafe fn sums_of_columns(sum: __m512) -> __m512;
    /// A block row of the vector, in the first lanes.
    unsafe fn load(from: *const f32) -> __m512;
    /// The way back.
    unsafe fn store(to: *mut f32, vector: __m512);
}

/// Blocks of six: two rows to a register, 36 entries in three of them.
struct Six;

/// Blocks of three: nine entries in one register.
struct Three;

/// Column `C` of all rows of a block of six in the lower half of a register, the next one in the upper.
#[inline(always)]
unsafe fn two_columns<const C: i32>(block: [__m512; 3]) -> __m512 {
    // SAFETY: the features are there by the caller's promise. Lane 12 stands for those that no one asks for.
    unsafe {
        let (a, b) = (C, C + 1);
        let four =
            _mm512_setr_epi32(a, a + 6, a + 16, a + 22, 12, 12, 12, 12, b, b + 6, b + 16, b + 22, 12, 12, 12, 12);
        let six = _mm512_setr_epi32(0, 1, 2, 3, a + 16, a + 22, 6, 7, 8, 9, 10, 11, b + 16, b + 22, 14, 15);
        _mm512_permutex2var_ps(_mm512_permutex2var_ps(block[0], four, block[1]), six, block[2])
    }
}

// SAFETY, throughout: the features are there, and what is loaded and stored is a block row of the vector.

impl Shape for Six {
    const ENTRIES: usize = 36;
    const STRIDE: usize = 8;
    const STEP: usize = 12;
    type Registers = [__m512; 3];

    #[inline(always)]
    unsafe fn zero() -> Self::Registers {
        unsafe { [_mm512_setzero_ps(); 3] }
    }
    #[inline(always)]
    unsafe fn repeat(vector: __m512) -> Self::Registers {
        unsafe {
            let twice = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 6, 7, 6, 7);
            [_mm512_permutexvar_ps(twice, vector); 3]
        }
    }
    #[inline(always)]
    unsafe fn spread(vector: __m512) -> Self::Registers {
        unsafe {
            let first = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 6, 6, 6, 6);
            let second = _mm512_setr_epi32(2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 6, 6, 6, 6);
            let third = _mm512_setr_epi32(4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 6, 6, 6, 6);
            let (first, second) = (_mm512_permutexvar_ps(first, vector), _mm512_permutexvar_ps(second, vector));
            [first, second, _mm512_permutexvar_ps(third, vector)]
        }
    }
    #[inline(always)]
    unsafe fn sums_of_rows(products: Self::Registers) -> __m512 {
        unsafe {
            let sum = _mm512_add_ps(two_columns::<0>(products), two_columns::<2>(products));
            let sum = _mm512_add_ps(sum, two_columns::<4>(products));
            let sum = _mm512_add_ps(sum, _mm512_shuffle_f32x4::<0b01_00_11_10>(sum, sum));
            _mm512_maskz_mov_ps(0b11_1111, sum)
        }
    }
    #[inline(always)]
    unsafe fn sums_of_columns(sum: __m512) -> __m512 {
        unsafe {
            let integers = _mm512_castps_si512(sum);
            let second = _mm512_castsi512_ps(_mm512_alignr_epi32::<6>(integers, integers));
            _mm512_add_ps(sum, second)
        }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        unsafe { _mm512_castps256_ps512(_mm256_loadu_ps(from)) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: __m512) {
        unsafe { _mm256_storeu_ps(to, _mm512_castps512_ps256(vector)) }
    }
}

impl Shape for Three {
    const ENTRIES: usize = 9;
    const STRIDE: usize = 4;
    const STEP: usize = 9;
    type Registers = [__m512; 1];

    #[inline(always)]
    unsafe fn zero() -> Self::Registers {
        unsafe { [_mm512_setzero_ps()] }
    }
    #[inline(always)]
    unsafe fn repeat(vector: __m512) -> Self::Registers {
        unsafe {
            let thrice = _mm512_setr_epi32(0, 1, 2, 0, 1, 2, 0, 1, 2, 3, 3, 3, 3, 3, 3, 3);
            [_mm512_permutexvar_ps(thrice, vector)]
        }
    }
    #[inline(always)]
    unsafe fn spread(vector: __m512) -> Self::Registers {
        unsafe {
            let each = _mm512_setr_epi32(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3);
            [_mm512_permutexvar_ps(each, vector)]
        }
    }
    #[inline(always)]
    unsafe fn sums_of_rows(products: Self::Registers) -> __m512 {
        unsafe {
            let integers = _mm512_castps_si512(products[0]);
            let second = _mm512_castsi512_ps(_mm512_alignr_epi32::<1>(integers, integers));
            let third = _mm512_castsi512_ps(_mm512_alignr_epi32::<2>(integers, integers));
            let sum = _mm512_add_ps(_mm512_add_ps(products[0], second), third);
            let firsts = _mm512_setr_epi32(0, 3, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
            _mm512_maskz_permutexvar_ps(0b111, firsts, sum)
        }
    }
    #[inline(always)]
    unsafe fn sums_of_columns(sum: __m512) -> __m512 {
        unsafe {
            let integers = _mm512_castps_si512(sum);
            let second = _mm512_castsi512_ps(_mm512_alignr_epi32::<3>(integers, integers));
            let third = _mm512_castsi512_ps(_mm512_alignr_epi32::<6>(integers, integers));
            _mm512_add_ps(_mm512_add_ps(sum, second), third)
        }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        unsafe { _mm512_castps128_ps512(_mm_loadu_ps(from)) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, vector: __m512) {
        unsafe { _mm_storeu_ps(to, _mm512_castps512_ps128(vector)) }
    }
}

/// `x ← (L Lᵀ)⁻¹ x`.
///
/// # Safety
/// To run it, `starts` and `positions` must be those of a `BlockFactor`, `values` its values with slack, and `x` must
/// have a row of lanes for each of its rows, with zeros in the lanes beyond the block's size.
struct Solve<'a, D, S> {
    starts: &'a [u32],
    positions: &'a [u32],
    values: *const D,
    x: *mut f32,
    shape: PhantomData<S>,
}

impl<D: Load16, S: Shape> Work for Solve<'_, D, S> {
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

impl<D: Load16, S: Shape> Solve<'_, D, S> {
    /// Adds a block's entries times factors, lane by lane.
    #[inline(always)]
    unsafe fn add_products(&self, block: usize, factors: S::Registers, sums: &mut S::Registers) {
        for (k, (sum, factor)) in sums.as_mut().iter_mut().zip(factors.as_ref()).enumerate() {
            // SAFETY: the block is in range; a load beyond the last one ends in the slack.
            unsafe {
                let entries = D::load16(self.values.add(block * S::ENTRIES + k * S::STEP));
                *sum = _mm512_fmadd_ps(entries, *factor, *sum);
            }
        }
    }

    #[inline(always)]
    unsafe fn forward(&self) {
        for row in 0..self.starts.len() - 1 {
            let (first, diagonal) = (self.starts[row] as usize, self.starts[row + 1] as usize - 1);
            // SAFETY: rows, blocks and block columns are in range by the caller's promise.
            unsafe {
                let mut products = S::zero();
                for (block, &position) in (first..).zip(self.positions.get_unchecked(first..diagonal)) {
                    let from = S::repeat(S::load(self.x.add(position as usize * S::STRIDE)));
                    self.add_products(block, from, &mut products);
                }
                let own = self.x.add(row * S::STRIDE);
                let right = S::repeat(_mm512_sub_ps(S::load(own), S::sums_of_rows(products)));
                let mut solved = S::zero();
                self.add_products(diagonal, right, &mut solved);
                S::store(own, S::sums_of_rows(solved));
            }
        }
    }

    #[inline(always)]
    unsafe fn backward(&self) {
        for row in (0..self.starts.len() - 1).rev() {
            let (first, diagonal) = (self.starts[row] as usize, self.starts[row + 1] as usize - 1);
            // SAFETY: as above.
            unsafe {
                let own = self.x.add(row * S::STRIDE);
                let solved = self.transposed_product(diagonal, S::spread(S::load(own)));
                S::store(own, solved);
                let solved = S::spread(solved);
                for (block, &position) in (first..).zip(self.positions.get_unchecked(first..diagonal)) {
                    let to = self.x.add(position as usize * S::STRIDE);
                    S::store(to, _mm512_sub_ps(S::load(to), self.transposed_product(block, solved)));
                }
            }
        }
    }

    /// The transpose of a block times a vector whose elements are spread over the block's rows.
    #[inline(always)]
    unsafe fn transposed_product(&self, block: usize, spread: S::Registers) -> __m512 {
        // SAFETY: the block is in range.
        unsafe {
            let mut products = S::zero();
            self.add_products(block, spread, &mut products);
            let mut sum = products.as_ref()[0];
            for product in &products.as_ref()[1..] {
                sum = _mm512_add_ps(sum, *product);
            }
            S::sums_of_columns(sum)
        }
    }
}
