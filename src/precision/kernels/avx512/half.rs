//! Lanes of halves, for AVX512-FP16.

use crate::precision::kernels::lanes::{Lanes, Load, row_of};
use half::f16;
use std::arch::x86_64::*;

/// Eight lanes.
#[derive(Clone, Copy)]
pub(in crate::precision::kernels) struct Half8(__m128h);

/// The first four lanes of a register; the others are zero, or of no account.
#[derive(Clone, Copy)]
pub(in crate::precision::kernels) struct Half4(__m128h);

// SAFETY, throughout: the trait's promise; what is loaded and stored is said there.

/// What both have in common: all but how much is loaded and stored, and how sums are laid out.
macro_rules! lane_by_lane {
    () => {
        type Number = f16;

        #[inline(always)]
        unsafe fn zero() -> Self {
            unsafe { Self(_mm_castsi128_ph(_mm_setzero_si128())) }
        }
        #[inline(always)]
        unsafe fn broadcast(from: *const f16) -> Self {
            unsafe { Self(_mm_castsi128_ph(_mm_set1_epi16((*from).to_bits() as i16))) }
        }
        #[inline(always)]
        unsafe fn add(self, other: Self) -> Self {
            unsafe { Self(_mm_add_ph(self.0, other.0)) }
        }
        #[inline(always)]
        unsafe fn subtract(self, other: Self) -> Self {
            unsafe { Self(_mm_sub_ph(self.0, other.0)) }
        }
        #[inline(always)]
        unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
            // Not fused: the product is rounded, too.
            unsafe { Self(_mm_add_ph(_mm_mul_ph(self.0, factor.0), sum.0)) }
        }
        #[inline(always)]
        unsafe fn add_first(self, count: usize, to: *mut f16) {
            unsafe { self.first(count).add(Self::load(to)).store(to) }
        }
        #[inline(always)]
        unsafe fn first_lane(self) -> f16 {
            unsafe { f16::from_bits(_mm_extract_epi16::<0>(_mm_castph_si128(self.0)) as u16) }
        }
        #[inline(always)]
        unsafe fn first(self, count: usize) -> Self {
            unsafe {
                Self(_mm_castsi128_ph(_mm_maskz_mov_epi16(
                    ((1u32 << count.min(8)) - 1) as __mmask8,
                    _mm_castph_si128(self.0),
                )))
            }
        }
    };
}

impl Lanes for Half8 {
    const WIDTH: usize = 8;
    lane_by_lane!();

    #[inline(always)]
    unsafe fn load(from: *const f16) -> Self {
        unsafe { Self(_mm_castsi128_ph(_mm_loadu_si128(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f16) {
        unsafe { _mm_storeu_si128(to.cast(), _mm_castph_si128(self.0)) }
    }
    #[inline(always)]
    unsafe fn sums<const B: usize>(rows: [Self; B]) -> Self {
        unsafe { Self(sums_of_eight(&rows)) }
    }
    #[inline(always)]
    unsafe fn sum_everywhere(self) -> Self {
        unsafe {
            let halves = _mm_setr_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
            let quarters = _mm_setr_epi8(4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
            let eighths = _mm_setr_epi8(2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
            let mut sum = _mm_castph_si128(self.0);
            for order in [halves, quarters, eighths] {
                sum = add(sum, _mm_shuffle_epi8(sum, order));
            }
            Self(_mm_castsi128_ph(sum))
        }
    }
}

impl Lanes for Half4 {
    const WIDTH: usize = 4;
    lane_by_lane!();

    #[inline(always)]
    unsafe fn load(from: *const f16) -> Self {
        unsafe { Self(_mm_castsi128_ph(_mm_loadl_epi64(from.cast()))) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f16) {
        unsafe { _mm_storel_epi64(to.cast(), _mm_castph_si128(self.0)) }
    }
    #[inline(always)]
    unsafe fn sums<const B: usize>(rows: [Self; B]) -> Self {
        unsafe {
            let mut wide = [Half8::zero(); 4];
            for (wide, row) in wide.iter_mut().zip(rows) {
                *wide = Half8(row.first(4).0);
            }
            Self(sums_of_eight(&wide)).first(4)
        }
    }
    #[inline(always)]
    unsafe fn sum_everywhere(self) -> Self {
        unsafe { Self(Half8(self.first(4).0).sum_everywhere().0) }
    }
}

#[inline(always)]
unsafe fn add(a: __m128i, b: __m128i) -> __m128i {
    unsafe { _mm_castph_si128(_mm_add_ph(_mm_castsi128_ph(a), _mm_castsi128_ph(b))) }
}

/// Both halves of each register added: those of `a` below, those of `b` above.
#[inline(always)]
unsafe fn halves(a: Half8, b: Half8) -> __m128i {
    unsafe {
        let (a, b) = (_mm_castph_si128(a.0), _mm_castph_si128(b.0));
        add(_mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b))
    }
}

/// Of two rows in each register four lanes are left; interleaved by two, the upper pair of each meets the lower.
#[inline(always)]
unsafe fn pairs(a: __m128i, b: __m128i) -> __m128i {
    unsafe {
        let (low, high) = (_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
        add(_mm_unpacklo_epi64(low, high), _mm_unpackhi_epi64(low, high))
    }
}

/// Lane `r` is the sum of the lanes of row `r`: lanes four apart first, then two, then neighbours.
#[inline(always)]
unsafe fn sums_of_eight<const B: usize>(rows: &[Half8; B]) -> __m128h {
    unsafe {
        let (a, b) = (halves(row_of(rows, 0), row_of(rows, 4)), halves(row_of(rows, 1), row_of(rows, 5)));
        let (c, d) = (halves(row_of(rows, 2), row_of(rows, 6)), halves(row_of(rows, 3), row_of(rows, 7)));
        let (low, high) = (pairs(a, b), pairs(c, d));
        // low: r0 r0 r1 r1 r4 r4 r5 r5; high: r2 r2 r3 r3 r6 r6 r7 r7. Even lanes of both meet the odd ones.
        let even = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
        let (low, high) = (_mm_shuffle_epi8(low, even), _mm_shuffle_epi8(high, even));
        let sums = add(_mm_unpacklo_epi64(low, high), _mm_unpackhi_epi64(low, high));
        // Rows lie as 0 1 4 5 2 3 6 7.
        _mm_castsi128_ph(_mm_shuffle_epi32::<0b11_01_10_00>(sums))
    }
}

impl Load<f16> for Half8 {
    #[inline(always)]
    unsafe fn load_stored(from: *const f16) -> Self {
        unsafe { Self::load(from) }
    }
}

impl Load<f16> for Half4 {
    #[inline(always)]
    unsafe fn load_stored(from: *const f16) -> Self {
        unsafe { Self::load(from) }
    }
}
