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

/// Fewer sums than this are taken one by one; more of them share their shuffles, eight at a time.
const FEW: usize = 3;

// The sums of the elements of eight registers: two registers become one that has half as many partial sums of both, until
// there is one of each. Not with closures, which have no features. SAFETY: the caller has the features.

#[inline(always)]
unsafe fn eight_sums_of_8(v: [__m256; 8]) -> [f32; 8] {
    unsafe {
        let low = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
        let high = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
        let upper = _mm256_permute2f128_ps::<0x31>(low, high);
        std::mem::transmute::<__m256, [f32; 8]>(_mm256_add_ps(_mm256_permute2f128_ps::<0x20>(low, high), upper))
    }
}

#[inline(always)]
unsafe fn eight_sums_of_4(v: [__m256d; 8]) -> [f64; 8] {
    unsafe {
        let low = four_sums_of_4(v[0], v[1], v[2], v[3]);
        let high = four_sums_of_4(v[4], v[5], v[6], v[7]);
        std::mem::transmute::<[__m256d; 2], [f64; 8]>([low, high])
    }
}

#[inline(always)]
unsafe fn four_sums_of_4(a: __m256d, b: __m256d, c: __m256d, d: __m256d) -> __m256d {
    unsafe {
        let (a, c) = (_mm256_hadd_pd(a, b), _mm256_hadd_pd(c, d));
        _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(a, c), _mm256_permute2f128_pd::<0x31>(a, c))
    }
}

#[inline(always)]
unsafe fn eight_sums_of_16(v: [__m512; 8]) -> [f32; 8] {
    unsafe {
        let low = quarters_of_four(halves_of_two(v[0], v[1]), halves_of_two(v[2], v[3]));
        let high = quarters_of_four(halves_of_two(v[4], v[5]), halves_of_two(v[6], v[7]));
        let pairs = _mm512_add_ps(_mm512_unpacklo_ps(low, high), _mm512_unpackhi_ps(low, high));
        let sums = _mm512_add_ps(pairs, _mm512_permute_ps::<0b01_00_11_10>(pairs));
        let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
        let sums = _mm512_castps512_ps256(_mm512_permutexvar_ps(order, sums));
        std::mem::transmute::<__m256, [f32; 8]>(sums)
    }
}

/// In quarters of a register: `a₀ + a₂, a₁ + a₃, b₀ + b₂, b₁ + b₃`.
#[inline(always)]
unsafe fn halves_of_two(a: __m512, b: __m512) -> __m512 {
    unsafe { _mm512_add_ps(_mm512_mask_blend_ps(0xff00, a, b), _mm512_shuffle_f32x4::<0x4e>(a, b)) }
}

/// One quarter for each of the two in `a` and the two in `b`.
#[inline(always)]
unsafe fn quarters_of_four(a: __m512, b: __m512) -> __m512 {
    unsafe { _mm512_add_ps(_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0xdd>(a, b)) }
}

#[inline(always)]
unsafe fn eight_sums_of_8_doubles(v: [__m512d; 8]) -> [f64; 8] {
    unsafe {
        let low = fold_quarters(pairs_of_two(v[0], v[1]), pairs_of_two(v[2], v[3]));
        let high = fold_quarters(pairs_of_two(v[4], v[5]), pairs_of_two(v[6], v[7]));
        std::mem::transmute::<__m512d, [f64; 8]>(fold_quarters(low, high))
    }
}

/// In each quarter of a register a partial sum of both.
#[inline(always)]
unsafe fn pairs_of_two(a: __m512d, b: __m512d) -> __m512d {
    unsafe { _mm512_add_pd(_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b)) }
}

/// Neighbouring quarters added: those of `a`, then those of `b`.
#[inline(always)]
unsafe fn fold_quarters(a: __m512d, b: __m512d) -> __m512d {
    unsafe { _mm512_add_pd(_mm512_shuffle_f64x2::<0x88>(a, b), _mm512_shuffle_f64x2::<0xdd>(a, b)) }
}

macro_rules! vector {
    ($vector:ident, $element:ident, $count:literal, $tile:literal, $splat:ident, $load:ident, $store:ident, $fma:ident, $fnma:ident, |$v:ident| $sum:expr, $eight:ident, |$w:ident, $kept:ident| $first:expr, $from:expr) => {
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
                let mut done = 0;
                while done < N {
                    // SAFETY: the caller has the features.
                    unsafe {
                        if N - done < FEW {
                            let $v = of[done];
                            sums[done] = $sum;
                            done += 1;
                            continue;
                        }
                        let mut eight = [of[done]; 8];
                        for k in 1..8.min(N - done) {
                            eight[k] = of[done + k];
                        }
                        let found = $eight(eight);
                        for k in 0..8.min(N - done) {
                            sums[done + k] = found[k];
                        }
                    }
                    done += 8;
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
    eight_sums_of_8,
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
    eight_sums_of_4,
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
    eight_sums_of_16,
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
    eight_sums_of_8_doubles,
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
