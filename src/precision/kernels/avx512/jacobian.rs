//! Products with a Jacobian: a row of up to sixteen entries is one register, and so are the parts of both vectors that
//! its block touches.

use super::Single8;
use super::single::Load16;
use crate::precision::Scalar;
use crate::precision::kernels::BlockRows;
use crate::precision::kernels::dispatch::{Unit, Work, cast, cast_mut, for_storage};
use crate::precision::kernels::jacobian::{Lane, Shape};
use crate::precision::kernels::lanes::{Lanes, Load};
use crate::precision::kernels::product::{Product, SquaredNorm};
use half::{bf16, f16};
use std::arch::x86_64::*;

/// `z = Jᵀ (J p)` and `‖J p‖²` if there is a kernel for these types.
///
/// # Safety
/// This CPU must have the unit; both vectors must have slack, and `z` be zero.
pub(super) unsafe fn normal_product<U: Unit, P: Scalar, V: Scalar>(
    blocks: &BlockRows<P>,
    p: &[V],
    z: &mut [V],
) -> Option<f64> {
    let (p, z) = (cast::<V, f32>(p)?, cast_mut::<V, f32>(z)?);
    let (shapes, lanes) = (blocks.shapes(), blocks.lanes());
    for_storage!(blocks.with_slack(), [f16, bf16, f32], entries => {
        let (entries, p, z) = (entries.as_ptr(), p.as_ptr(), z.as_mut_ptr());
        // SAFETY: the features are there by the caller's promise; `BlockRows` holds consistent shapes with slack behind
        // its entries, and both vectors have slack behind their columns.
        Some(unsafe { U::run(Narrow { product: Product::<Single8, _> { shapes, lanes, entries, p, z } }) })
    });
    None
}

/// `z += Jᵀ (J p)`; its output is `‖J p‖²`. Blocks that do not fit a register go the way of eight lanes.
///
/// # Safety
/// To run it, the conditions of [`Product`] must hold.
struct Narrow<'a, D> {
    product: Product<'a, Single8, D>,
}

/// The parts of both vectors that the present block touches.
struct Present<'a> {
    /// The lanes that are in the registers.
    lanes: &'a [Lane],
    /// Of `p`.
    values: __m512,
    /// What is to be added to `z`.
    sums: __m512,
    /// Sums of `q²` of some blocks, one for each half of a pair of rows.
    squares: __m512,
}

/// Blocks after which the sum of squares goes from single to double.
const BLOCKS_PER_SUM: usize = 16;

impl<D: Load16> Work for Narrow<'_, D>
where
    Single8: Load<D>,
{
    type Output = f64;

    #[inline(always)]
    unsafe fn run(self) -> f64 {
        let Product { shapes, lanes, mut entries, .. } = self.product;
        // SAFETY: the caller's promise.
        unsafe {
            let zero = _mm512_setzero_ps();
            let mut present = Present { lanes: &[], values: zero, sums: zero, squares: zero };
            let (mut norm, mut first) = (SquaredNorm { naive: Single8::zero(), sum: 0.0 }, 0);
            for (index, shape) in shapes.iter().enumerate() {
                let own = lanes.get_unchecked(first..first + shape.lanes as usize);
                if shape.width <= 16 {
                    self.touch(own, &mut present);
                    block(shape, entries, &mut present);
                } else {
                    self.product.block(shape, own, entries, &mut norm);
                }
                if index % BLOCKS_PER_SUM == 0 {
                    norm.sum += sum_of_squares(&mut present);
                }
                entries = entries.add(shape.rows as usize * shape.width as usize);
                first += own.len();
            }
            self.touch(&[], &mut present);
            norm.sum + sum_of_squares(&mut present)
        }
    }
}

impl<D> Narrow<'_, D> {
    /// Brings the parts of a block's lanes into the registers, and adds to `z` what has come together for those that
    /// leave. Neighbours share most of them, and between a store and a load of the same place lie many cycles.
    #[inline(always)]
    unsafe fn touch<'a>(&self, lanes: &'a [Lane], present: &mut Present<'a>) {
        let alike = lanes.len() == present.lanes.len();
        // SAFETY: lanes lie in the vectors, and for narrow blocks in a register.
        unsafe {
            for (k, old) in present.lanes.iter().enumerate() {
                if !(alike && lanes.get_unchecked(k) == old) {
                    self.flush(old, present);
                }
            }
            for (k, lane) in lanes.iter().enumerate() {
                if !(alike && present.lanes.get_unchecked(k) == lane) {
                    let from = self.product.p.wrapping_add(lane.column as usize).wrapping_sub(lane.local as usize);
                    present.values = _mm512_mask_loadu_ps(present.values, mask_of(lane), from);
                    present.sums = _mm512_mask_mov_ps(present.sums, mask_of(lane), _mm512_setzero_ps());
                }
            }
        }
        present.lanes = lanes;
    }

    /// Adds the sums of a lane to `z`, and forgets the lane.
    #[inline(always)]
    unsafe fn flush(&self, lane: &Lane, present: &mut Present<'_>) {
        // SAFETY: the lane lies in the vector.
        unsafe {
            let to = self.product.z.add(lane.column as usize);
            let index = _mm512_add_epi32(
                _mm512_set1_epi32(lane.local.into()),
                _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
            );
            let sums = _mm512_permutexvar_ps(index, present.sums);
            if lane.size == 1 {
                *to += _mm512_cvtss_f32(sums);
            } else {
                Single8(_mm512_castps512_ps256(sums)).add_first(lane.size as usize, to);
            }
            present.values = _mm512_mask_mov_ps(present.values, mask_of(lane), _mm512_setzero_ps());
        }
    }
}

/// The lanes of the register that a lane of a narrow block fills.
#[inline(always)]
fn mask_of(lane: &Lane) -> __mmask16 {
    (((1u32 << lane.size) - 1) << lane.local) as __mmask16
}

/// The product of one block whose vectors are present, two rows at a time.
///
/// # Safety
/// The block must be one of at most 16 columns; behind its entries 16 more must be readable, and finite.
#[inline(always)]
unsafe fn block<D: Load16>(shape: &Shape, mut entries: *const D, present: &mut Present<'_>) {
    let (rows, width) = (shape.rows as usize, shape.width as usize);
    // SAFETY: the caller's promise. An entry beyond the width is multiplied with zero, and its sum is never used.
    unsafe {
        for _ in 0..rows / 2 {
            let (upper, lower) = (D::load16(entries), D::load16(entries.add(width)));
            let q = sums_in_halves(_mm512_mul_ps(upper, present.values), _mm512_mul_ps(lower, present.values));
            present.squares = _mm512_fmadd_ps(q, q, present.squares);
            let sums = _mm512_fmadd_ps(upper, _mm512_shuffle_f32x4::<0b00_00_00_00>(q, q), present.sums);
            present.sums = _mm512_fmadd_ps(lower, _mm512_shuffle_f32x4::<0b11_11_11_11>(q, q), sums);
            entries = entries.add(2 * width);
        }
        if rows % 2 == 1 {
            let last = D::load16(entries);
            let q = sums_in_halves(_mm512_mul_ps(last, present.values), _mm512_setzero_ps());
            present.squares = _mm512_fmadd_ps(q, q, present.squares);
            present.sums = _mm512_fmadd_ps(last, _mm512_shuffle_f32x4::<0b00_00_00_00>(q, q), present.sums);
        }
    }
}

/// The sum of the lanes of `a` in all lanes of the lower half, that of `b` in all of the upper.
#[inline(always)]
unsafe fn sums_in_halves(a: __m512, b: __m512) -> __m512 {
    // SAFETY: the features are there by the caller's promise.
    unsafe {
        let halves =
            _mm512_add_ps(_mm512_shuffle_f32x4::<0b01_00_01_00>(a, b), _mm512_shuffle_f32x4::<0b11_10_11_10>(a, b));
        let sum = _mm512_add_ps(halves, _mm512_shuffle_f32x4::<0b10_11_00_01>(halves, halves));
        let sum = _mm512_add_ps(sum, _mm512_permute_ps::<0b01_00_11_10>(sum));
        _mm512_add_ps(sum, _mm512_permute_ps::<0b10_11_00_01>(sum))
    }
}

/// The sum of squares so far, which starts anew.
#[inline(always)]
unsafe fn sum_of_squares(present: &mut Present<'_>) -> f64 {
    // SAFETY: the features are there by the caller's promise.
    unsafe {
        let squares = std::mem::replace(&mut present.squares, _mm512_setzero_ps());
        let upper = _mm512_shuffle_f32x4::<0b11_10_11_10>(squares, squares);
        f64::from(_mm512_cvtss_f32(squares)) + f64::from(_mm512_cvtss_f32(upper))
    }
}
