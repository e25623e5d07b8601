//! Vectors of the CPU under one name, so that a kernel is written once for all of them.
//!
//! Every function is inlined into a caller that has the CPU's features; elsewhere none may be called.

use half::f16;
use std::arch::x86_64::*;

/// A register of several elements.
pub(super) trait Vector: Copy {
    /// What it holds.
    type Element: crate::precision::Scalar;
    /// How many.
    const COUNT: usize;
    /// How many of them make the height of a tile whose accumulators fit the registers.
    const TILE: usize;

    /// # Safety
    /// The CPU has the features, as for all functions here.
    unsafe fn splat(value: Self::Element) -> Self;
    /// # Safety
    /// [`Self::COUNT`] elements are readable.
    unsafe fn load(from: *const Self::Element) -> Self;
    /// # Safety
    /// [`Self::COUNT`] elements are writable.
    unsafe fn store(self, to: *mut Self::Element);
    /// `self + a b`.
    /// # Safety
    /// The features.
    unsafe fn plus(self, a: Self, b: Self) -> Self;
    /// `self - a b`.
    /// # Safety
    /// The features.
    unsafe fn minus(self, a: Self, b: Self) -> Self;
    /// The sum of the elements of each of some vectors.
    /// # Safety
    /// The features.
    unsafe fn sums<const N: usize>(of: [Self; N]) -> [Self::Element; N];
    /// The first `count` elements, the others zero.
    /// # Safety
    /// The features.
    unsafe fn keep_first(self, count: usize) -> Self;
    /// All elements but the first `count`, which become zero.
    /// # Safety
    /// The features.
    unsafe fn keep_from(self, count: usize) -> Self;
}

/// Loads of a storage type.
pub(super) trait LoadFrom<C>: Vector {
    /// # Safety
    /// [`Vector::COUNT`] elements are readable.
    unsafe fn load_from(from: *const C) -> Self;
}

/// Eight words of ones before eight of zeros: a load at `8 - n` masks the first `n`.
const ONES_THEN_ZEROS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

macro_rules! vector {
    ($vector:ident, $element:ident, $count:literal, $tile:literal, $splat:ident, $load:ident, $store:ident, $fma:ident, $fnma:ident, |$v:ident| $sum:expr, |$w:ident, $kept:ident| $first:expr, $from:expr) => {
        impl Vector for $vector {
            type Element = $element;
            const COUNT: usize = $count;
            const TILE: usize = $tile;
            #[inline(always)]
            unsafe fn splat(value: $element) -> Self {
                // SAFETY: the caller has the features.
                unsafe { $splat(value) }
            }
            #[inline(always)]
            unsafe fn load(from: *const $element) -> Self {
                // SAFETY: the caller's promise.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $element) {
                // SAFETY: the caller's promise.
                unsafe { $store(to, self) }
            }
            #[inline(always)]
            unsafe fn plus(self, a: Self, b: Self) -> Self {
                // SAFETY: the caller has the features.
                unsafe { $fma(a, b, self) }
            }
            #[inline(always)]
            unsafe fn minus(self, a: Self, b: Self) -> Self {
                // SAFETY: the caller has the features.
                unsafe { $fnma(a, b, self) }
            }
            #[inline(always)]
            unsafe fn sums<const N: usize>(of: [Self; N]) -> [$element; N] {
                let mut sums = [0.0; N];
                for (sum, $v) in sums.iter_mut().zip(of) {
                    // SAFETY: the caller has the features.
                    *sum = unsafe { $sum };
                }
                sums
            }
            #[inline(always)]
            unsafe fn keep_first(self, $kept: usize) -> Self {
                let $w = self;
                // SAFETY: the caller has the features.
                unsafe { $first }
            }
            #[inline(always)]
            unsafe fn keep_from(self, $kept: usize) -> Self {
                let $w = self;
                // SAFETY: the caller has the features.
                unsafe { $from }
            }
        }

        impl LoadFrom<$element> for $vector {
            #[inline(always)]
            unsafe fn load_from(from: *const $element) -> Self {
                // SAFETY: the caller's promise.
                unsafe { $load(from) }
            }
        }
    };
}

vector!(
    __m256,
    f32,
    8,
    2,
    _mm256_set1_ps,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_fmadd_ps,
    _mm256_fnmadd_ps,
    |v| {
        let four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    },
    |v, count| _mm256_and_ps(v, _mm256_loadu_ps(ONES_THEN_ZEROS.as_ptr().add(8 - count.min(8)).cast())),
    _mm256_andnot_ps(_mm256_loadu_ps(ONES_THEN_ZEROS.as_ptr().add(8 - count.min(8)).cast()), v)
);
vector!(
    __m256d,
    f64,
    4,
    2,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_fmadd_pd,
    _mm256_fnmadd_pd,
    |v| {
        let two = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd::<1>(v));
        _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
    },
    |v, count| _mm256_and_pd(v, _mm256_loadu_pd(ONES_THEN_ZEROS.as_ptr().add(8 - 2 * count.min(4)).cast())),
    _mm256_andnot_pd(_mm256_loadu_pd(ONES_THEN_ZEROS.as_ptr().add(8 - 2 * count.min(4)).cast()), v)
);
vector!(
    __m512,
    f32,
    16,
    4,
    _mm512_set1_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_fmadd_ps,
    _mm512_fnmadd_ps,
    |v| _mm512_reduce_add_ps(v),
    |v, count| _mm512_maskz_mov_ps(((1u32 << count.min(16)) - 1) as u16, v),
    _mm512_maskz_mov_ps(!((1u32 << count.min(16)) - 1) as u16, v)
);
vector!(
    __m512d,
    f64,
    8,
    4,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_fmadd_pd,
    _mm512_fnmadd_pd,
    |v| _mm512_reduce_add_pd(v),
    |v, count| _mm512_maskz_mov_pd(((1u32 << count.min(8)) - 1) as u8, v),
    _mm512_maskz_mov_pd(!((1u32 << count.min(8)) - 1) as u8, v)
);

macro_rules! load_from {
    ($storage:ty, $vector:ty, |$from:ident| $load:expr) => {
        impl LoadFrom<$storage> for $vector {
            #[inline(always)]
            unsafe fn load_from($from: *const $storage) -> Self {
                // SAFETY: the caller's promise; f16 is 16 bits of plain data.
                unsafe { $load }
            }
        }
    };
}

load_from!(f16, __m256, |from| _mm256_cvtph_ps(_mm_loadu_si128(from.cast())));
load_from!(f16, __m512, |from| _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())));
load_from!(f32, __m256d, |from| _mm256_cvtps_pd(_mm_loadu_ps(from)));
load_from!(f32, __m512d, |from| _mm512_cvtps_pd(_mm256_loadu_ps(from)));
load_from!(f16, __m256d, |from| _mm256_cvtps_pd(_mm_cvtph_ps(_mm_loadl_epi64(from.cast()))));
load_from!(f16, __m512d, |from| _mm512_cvtps_pd(_mm256_cvtph_ps(_mm_loadu_si128(from.cast()))));
