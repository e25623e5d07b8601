//! Eight lanes of `f64`.

use super::Single8;
use crate::precision::kernels::lanes::{Lanes, Load, row_of};
use std::arch::x86_64::*;

/// Eight lanes.
#[derive(Clone, Copy)]
pub(in crate::precision::kernels) struct Double8(__m512d);

// SAFETY, throughout: the trait's promise; what is loaded and stored is said there.

/// Both halves of each register added: those of `a` below, those of `b` above.
#[inline(always)]
unsafe fn halves(a: Double8, b: Double8) -> __m512d {
    unsafe {
        let lower = _mm512_shuffle_f64x2::<0b01_00_01_00>(a.0, b.0);
        _mm512_add_pd(lower, _mm512_shuffle_f64x2::<0b11_10_11_10>(a.0, b.0))
    }
}

/// In each half of a register both quarters added: those of `a` below, those of `b` above.
#[inline(always)]
unsafe fn quarters(a: __m512d, b: __m512d) -> __m512d {
    unsafe {
        let lower = _mm512_shuffle_f64x2::<0b10_00_10_00>(a, b);
        _mm512_add_pd(lower, _mm512_shuffle_f64x2::<0b11_01_11_01>(a, b))
    }
}

impl Lanes for Double8 {
    type Number = f64;
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(_mm512_setzero_pd()) }
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f64) -> Self {
        unsafe { Self(_mm512_set1_pd(*from)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        unsafe { Self(_mm512_loadu_pd(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { _mm512_storeu_pd(to, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(_mm512_add_pd(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn subtract(self, other: Self) -> Self {
        unsafe { Self(_mm512_sub_pd(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        unsafe { Self(_mm512_fmadd_pd(self.0, factor.0, sum.0)) }
    }
    #[inline(always)]
    unsafe fn sums<const B: usize>(rows: [Self; B]) -> Self {
        unsafe {
            // Each step adds halves of two registers, and leaves both sums in one: lanes of rows r and r + 4, then of
            // four rows, then of eight.
            let (a, b) = (halves(row_of(&rows, 0), row_of(&rows, 4)), halves(row_of(&rows, 1), row_of(&rows, 5)));
            let (c, d) = (halves(row_of(&rows, 2), row_of(&rows, 6)), halves(row_of(&rows, 3), row_of(&rows, 7)));
            let (even, odd) = (quarters(a, c), quarters(b, d));
            let sum = _mm512_add_pd(_mm512_unpacklo_pd(even, odd), _mm512_unpackhi_pd(even, odd));
            // Rows lie as 0 1 4 5 2 3 6 7.
            Self(_mm512_shuffle_f64x2::<0b11_01_10_00>(sum, sum))
        }
    }
    #[inline(always)]
    unsafe fn sum_everywhere(self) -> Self {
        unsafe {
            let m = _mm512_add_pd(self.0, _mm512_shuffle_f64x2::<0b01_00_11_10>(self.0, self.0));
            let m = _mm512_add_pd(m, _mm512_shuffle_f64x2::<0b10_11_00_01>(m, m));
            Self(_mm512_add_pd(m, _mm512_permute_pd::<0b01010101>(m)))
        }
    }
    #[inline(always)]
    unsafe fn first(self, count: usize) -> Self {
        unsafe { Self(_mm512_maskz_mov_pd(((1u32 << count.min(8)) - 1) as __mmask8, self.0)) }
    }
    #[inline(always)]
    unsafe fn add_first(self, count: usize, to: *mut f64) {
        unsafe { self.first(count).add(Self::load(to)).store(to) }
    }
    #[inline(always)]
    unsafe fn first_lane(self) -> f64 {
        unsafe { _mm512_cvtsd_f64(self.0) }
    }
}

impl Load<f64> for Double8 {
    #[inline(always)]
    unsafe fn load_stored(from: *const f64) -> Self {
        unsafe { Self::load(from) }
    }
}

/// What is no double becomes a single first, which rounds nothing.
impl<C> Load<C> for Double8
where
    Single8: Load<C>,
{
    #[inline(always)]
    unsafe fn load_stored(from: *const C) -> Self {
        unsafe { Self(_mm512_cvtps_pd(Single8::load_stored(from).0)) }
    }
}
