//! Loads, stores and sums of eight lanes.

use half::f16;
use std::arch::x86_64::*;

/// Eight halves as singles.
///
/// # Safety
/// 8 elements must be readable at `from`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn load_half(from: *const f16) -> __m256 {
    // SAFETY: the caller's promise; f16 is 16 bits of plain data.
    _mm256_cvtph_ps(unsafe { _mm_loadu_si128(from.cast()) })
}

/// Eight singles.
///
/// # Safety
/// 8 elements must be readable at `from`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn load_single(from: *const f32) -> __m256 {
    // SAFETY: the caller's promise.
    unsafe { _mm256_loadu_ps(from) }
}

/// The first `B` (3 or 6) of eight lanes, the others zero; reads no more than that, so that a load just after a store
/// of the neighbouring block need not wait for it.
///
/// # Safety
/// `B` elements must be readable at `from`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn load_first<const B: usize>(from: *const f32) -> __m256 {
    // SAFETY: the caller's promise; 4 + 2 or 2 + 1 elements are read.
    unsafe {
        if B == 6 {
            let low = _mm_loadu_ps(from);
            let high = _mm_castpd_ps(_mm_load_sd(from.add(4).cast()));
            _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(low), high)
        } else {
            let low = _mm_castpd_ps(_mm_load_sd(from.cast()));
            let third = _mm_load_ss(from.add(2));
            _mm256_insertf128_ps::<0>(_mm256_setzero_ps(), _mm_movelh_ps(low, third))
        }
    }
}

/// Stores the first `B` (3 or 6) of eight lanes, and nothing beyond.
///
/// # Safety
/// `B` elements must be writable at `to`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn store_first<const B: usize>(to: *mut f32, value: __m256) {
    let low = _mm256_castps256_ps128(value);
    // SAFETY: the caller's promise; 4 + 2 or 2 + 1 elements are written.
    unsafe {
        if B == 6 {
            _mm_storeu_ps(to, low);
            _mm_store_sd(to.add(4).cast(), _mm_castps_pd(_mm256_extractf128_ps::<1>(value)));
        } else {
            _mm_store_sd(to.cast(), _mm_castps_pd(low));
            _mm_store_ss(to.add(2), _mm_movehl_ps(low, low));
        }
    }
}

/// Lane `c` of the result is the sum of the lanes of `m[c]`; lanes 6 and 7 are zero.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn sums_of_six(m: [__m256; 6]) -> __m256 {
    let first = _mm256_hadd_ps(_mm256_hadd_ps(m[0], m[1]), _mm256_hadd_ps(m[2], m[3]));
    let second = _mm256_hadd_ps(_mm256_hadd_ps(m[4], m[5]), _mm256_setzero_ps());
    let low = _mm256_permute2f128_ps::<0x20>(first, second);
    let high = _mm256_permute2f128_ps::<0x31>(first, second);
    _mm256_add_ps(low, high)
}

/// The sum of all lanes, in every lane.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn sum_everywhere(m: __m256) -> __m256 {
    let m = _mm256_add_ps(m, _mm256_permute2f128_ps::<0x01>(m, m));
    let m = _mm256_add_ps(m, _mm256_permute_ps::<0b01_00_11_10>(m));
    _mm256_add_ps(m, _mm256_permute_ps::<0b10_11_00_01>(m))
}

/// All bits set in the first `size` lanes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn first_lanes(size: usize) -> __m256 {
    const MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    // SAFETY: the offset is at most 8, so 8 elements follow it.
    _mm256_castsi256_ps(unsafe { _mm256_loadu_si256(MASKS.as_ptr().add(8 - size.min(8)).cast()) })
}
