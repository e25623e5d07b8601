//! Sixteen lanes of `f32`.

use half::{bf16, f16};
use std::arch::x86_64::*;

/// A storage of which sixteen numbers can be loaded as singles.
pub(super) trait Load16: Copy + 'static {
    /// Sixteen numbers as singles.
    ///
    /// # Safety
    /// The features of AVX-512 must be there, and 16 elements readable.
    unsafe fn load16(from: *const Self) -> __m512;
}

impl Load16 for f32 {
    #[inline(always)]
    unsafe fn load16(from: *const Self) -> __m512 {
        // SAFETY: the caller's promise.
        unsafe { _mm512_loadu_ps(from) }
    }
}

impl Load16 for f16 {
    #[inline(always)]
    unsafe fn load16(from: *const Self) -> __m512 {
        // SAFETY: the caller's promise; f16 is 16 bits of plain data.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
    }
}

impl Load16 for bf16 {
    #[inline(always)]
    unsafe fn load16(from: *const Self) -> __m512 {
        // SAFETY: the caller's promise. A bf16 is the upper half of an f32.
        unsafe {
            let wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(wide))
        }
    }
}
