//! Lanes of `f32`.

use crate::precision::kernels::lanes::{Lanes, Load, row_of};
use crate::precision::kernels::rounded::Round;
use half::{bf16, f16};
use std::arch::x86_64::*;

/// Eight lanes.
#[derive(Clone, Copy)]
pub(in crate::precision::kernels) struct Single8(pub(in crate::precision::kernels) __m256);

/// Four lanes.
#[derive(Clone, Copy)]
pub(in crate::precision::kernels) struct Single4(pub(super) __m128);

// SAFETY, throughout: the trait's promise; what is loaded and stored is said there.

/// Both halves of each register added: those of `a` below, those of `b` above.
#[inline(always)]
unsafe fn halves(a: Single8, b: Single8) -> __m256 {
    unsafe { _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(a.0, b.0), _mm256_permute2f128_ps::<0x31>(a.0, b.0)) }
}

/// In each half of a register: both pairs of `a` added, then both pairs of `b`.
#[inline(always)]
unsafe fn pairs(a: __m256, b: __m256) -> __m256 {
    unsafe { _mm256_add_ps(_mm256_shuffle_ps::<0b01_00_01_00>(a, b), _mm256_shuffle_ps::<0b11_10_11_10>(a, b)) }
}

/// The same of four lanes.
#[inline(always)]
unsafe fn pairs4(a: Single4, b: Single4) -> __m128 {
    unsafe { _mm_add_ps(_mm_movelh_ps(a.0, b.0), _mm_movehl_ps(b.0, a.0)) }
}

impl Lanes for Single8 {
    type Number = f32;
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(_mm256_setzero_ps()) }
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        unsafe { Self(_mm256_broadcast_ss(&*from)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(_mm256_loadu_ps(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(_mm256_add_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn subtract(self, other: Self) -> Self {
        unsafe { Self(_mm256_sub_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        unsafe { Self(_mm256_fmadd_ps(self.0, factor.0, sum.0)) }
    }
    #[inline(always)]
    unsafe fn sums<const B: usize>(rows: [Self; B]) -> Self {
        unsafe {
            // Lane by lane, the other half of the register is added first, then the other pair, then the neighbour.
            let (a, b) = (halves(row_of(&rows, 0), row_of(&rows, 4)), halves(row_of(&rows, 1), row_of(&rows, 5)));
            let (c, d) = (halves(row_of(&rows, 2), row_of(&rows, 6)), halves(row_of(&rows, 3), row_of(&rows, 7)));
            let (low, high) = (pairs(a, b), pairs(c, d));
            Self(_mm256_hadd_ps(low, high))
        }
    }
    #[inline(always)]
    unsafe fn sum_everywhere(self) -> Self {
        unsafe {
            let m = _mm256_add_ps(self.0, _mm256_permute2f128_ps::<0x01>(self.0, self.0));
            let m = _mm256_add_ps(m, _mm256_permute_ps::<0b01_00_11_10>(m));
            Self(_mm256_add_ps(m, _mm256_permute_ps::<0b10_11_00_01>(m)))
        }
    }
    #[inline(always)]
    unsafe fn first(self, count: usize) -> Self {
        const MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
        unsafe {
            let mask = _mm256_loadu_si256(MASKS.as_ptr().add(8 - count.min(8)).cast());
            Self(_mm256_and_ps(self.0, _mm256_castsi256_ps(mask)))
        }
    }
    #[inline(always)]
    unsafe fn add_first(self, count: usize, to: *mut f32) {
        unsafe {
            if count == 6 {
                // No more than six are read and written, so that the next load of a neighbour need not wait.
                let low = _mm_add_ps(_mm_loadu_ps(to), _mm256_castps256_ps128(self.0));
                let old = _mm_castpd_ps(_mm_load_sd(to.add(4).cast()));
                let high = _mm_add_ps(old, _mm256_extractf128_ps::<1>(self.0));
                _mm_storeu_ps(to, low);
                _mm_store_sd(to.add(4).cast(), _mm_castps_pd(high));
            } else {
                self.first(count).add(Self::load(to)).store(to);
            }
        }
    }
    #[inline(always)]
    unsafe fn first_lane(self) -> f32 {
        unsafe { _mm256_cvtss_f32(self.0) }
    }
}

impl Load<f32> for Single8 {
    #[inline(always)]
    unsafe fn load_stored(from: *const f32) -> Self {
        unsafe { Self::load(from) }
    }
}

impl Load<f16> for Single8 {
    #[inline(always)]
    unsafe fn load_stored(from: *const f16) -> Self {
        unsafe { Self(_mm256_cvtph_ps(_mm_loadu_si128(from.cast()))) }
    }
}

impl Load<bf16> for Single8 {
    #[inline(always)]
    unsafe fn load_stored(from: *const bf16) -> Self {
        // A bf16 is the upper half of an f32.
        unsafe {
            let wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
            Self(_mm256_castsi256_ps(_mm256_slli_epi32::<16>(wide)))
        }
    }
}

impl Round for Single8 {
    #[inline(always)]
    unsafe fn round(self) -> Self {
        unsafe { Self(_mm256_cvtph_ps(_mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(self.0))) }
    }
    #[inline(always)]
    unsafe fn store_halves(self, to: *mut f16) {
        unsafe { _mm_storeu_si128(to.cast(), _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(self.0)) }
    }
    #[inline(always)]
    unsafe fn exchanged<const DISTANCE: usize>(self) -> Self {
        unsafe {
            Self(match DISTANCE {
                1 => _mm256_permute_ps::<0b10_11_00_01>(self.0),
                2 => _mm256_permute_ps::<0b01_00_11_10>(self.0),
                _ => _mm256_permute2f128_ps::<0x01>(self.0, self.0),
            })
        }
    }
}

impl Lanes for Single4 {
    type Number = f32;
    const WIDTH: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(_mm_setzero_ps()) }
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        unsafe { Self(_mm_broadcast_ss(&*from)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(_mm_loadu_ps(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(_mm_add_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn subtract(self, other: Self) -> Self {
        unsafe { Self(_mm_sub_ps(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        unsafe { Self(_mm_fmadd_ps(self.0, factor.0, sum.0)) }
    }
    #[inline(always)]
    unsafe fn sums<const B: usize>(rows: [Self; B]) -> Self {
        unsafe {
            let (low, high) = (pairs4(row_of(&rows, 0), row_of(&rows, 1)), pairs4(row_of(&rows, 2), row_of(&rows, 3)));
            Self(_mm_hadd_ps(low, high))
        }
    }
    #[inline(always)]
    unsafe fn sum_everywhere(self) -> Self {
        unsafe {
            let m = _mm_add_ps(self.0, _mm_permute_ps::<0b01_00_11_10>(self.0));
            Self(_mm_add_ps(m, _mm_permute_ps::<0b10_11_00_01>(m)))
        }
    }
    #[inline(always)]
    unsafe fn first(self, count: usize) -> Self {
        const MASKS: [i32; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];
        unsafe {
            let mask = _mm_loadu_si128(MASKS.as_ptr().add(4 - count.min(4)).cast());
            Self(_mm_and_ps(self.0, _mm_castsi128_ps(mask)))
        }
    }
    #[inline(always)]
    unsafe fn add_first(self, count: usize, to: *mut f32) {
        unsafe { self.first(count).add(Self::load(to)).store(to) }
    }
    #[inline(always)]
    unsafe fn first_lane(self) -> f32 {
        unsafe { _mm_cvtss_f32(self.0) }
    }
}

impl Load<f32> for Single4 {
    #[inline(always)]
    unsafe fn load_stored(from: *const f32) -> Self {
        unsafe { Self::load(from) }
    }
}

impl Load<f16> for Single4 {
    #[inline(always)]
    unsafe fn load_stored(from: *const f16) -> Self {
        unsafe { Self(_mm_cvtph_ps(_mm_loadl_epi64(from.cast()))) }
    }
}

impl Load<bf16> for Single4 {
    #[inline(always)]
    unsafe fn load_stored(from: *const bf16) -> Self {
        unsafe {
            let wide = _mm_cvtepu16_epi32(_mm_loadl_epi64(from.cast()));
            Self(_mm_castsi128_ps(_mm_slli_epi32::<16>(wide)))
        }
    }
}

impl Round for Single4 {
    #[inline(always)]
    unsafe fn round(self) -> Self {
        unsafe { Self(_mm_cvtph_ps(_mm_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(self.0))) }
    }
    #[inline(always)]
    unsafe fn store_halves(self, to: *mut f16) {
        unsafe { _mm_storel_epi64(to.cast(), _mm_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(self.0)) }
    }
    #[inline(always)]
    unsafe fn exchanged<const DISTANCE: usize>(self) -> Self {
        unsafe {
            Self(match DISTANCE {
                1 => _mm_permute_ps::<0b10_11_00_01>(self.0),
                _ => _mm_permute_ps::<0b01_00_11_10>(self.0),
            })
        }
    }
}
