//! Sixteen lanes on x86-64, over the registers of [`x86_vectors`](super::super::x86_vectors): one of singles in AVX-512,
//! two in AVX2.

use super::super::x86_vectors::{LoadFrom, Vector};
use super::halves::{Halves, Pair};
use super::{HalfKernel, Kernel, LANES, Lanes, Portable, Unit, as_lanes_of, lanes_as, one, same};
use crate::precision::{Precision, Scalar, f16};
use std::arch::x86_64::*;

/// AVX-512: proof that this CPU has it.
#[derive(Debug, Clone, Copy)]
pub struct Avx512(());

/// The same with AVX512-FP16.
#[derive(Debug, Clone, Copy)]
pub struct Avx512Fp16(());

/// AVX2, FMA and F16C: proof that this CPU has them.
#[derive(Debug, Clone, Copy)]
pub struct Avx2(());

/// Runs a kernel on AVX-512.
///
/// # Safety
/// This CPU must have AVX-512 (F, VL, DQ, BW), AVX2, FMA and F16C.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) unsafe fn with_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512(()))
}

/// Runs a kernel on AVX-512 with arithmetic in half precision.
///
/// # Safety
/// This CPU must have AVX512-FP16 besides.
#[target_feature(enable = "avx512fp16,avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
pub(super) unsafe fn with_avx512_fp16<K: HalfKernel>(kernel: K) -> K::Output {
    kernel.run(Avx512Fp16(()))
}

/// Runs a kernel on AVX2.
///
/// # Safety
/// This CPU must have AVX2, FMA and F16C.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) unsafe fn with_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

// SAFETY of what follows: all arrays have sixteen lanes, and the caller has the features of the registers `R`.

#[inline(always)]
unsafe fn mul_add<R: Vector>(a: &Lanes<R::Element>, b: &Lanes<R::Element>, c: &Lanes<R::Element>) -> Lanes<R::Element> {
    let mut sum = [R::Element::ZERO; LANES];
    for i in (0..LANES).step_by(R::COUNT) {
        unsafe {
            let [a, b, c] = [a, b, c].map(|lanes| R::load(lanes.as_ptr().add(i)));
            c.plus(a, b).store(sum.as_mut_ptr().add(i));
        }
    }
    sum
}

#[inline(always)]
unsafe fn splat<R: Vector>(value: R::Element) -> Lanes<R::Element> {
    let mut lanes = [R::Element::ZERO; LANES];
    for i in (0..LANES).step_by(R::COUNT) {
        unsafe { R::splat(value).store(lanes.as_mut_ptr().add(i)) };
    }
    lanes
}

#[inline(always)]
unsafe fn widened<R: LoadFrom<P>, P>(stored: &Lanes<P>) -> Lanes<R::Element> {
    let mut wide = [R::Element::ZERO; LANES];
    for i in (0..LANES).step_by(R::COUNT) {
        unsafe { R::load_from(stored.as_ptr().add(i)).store(wide.as_mut_ptr().add(i)) };
    }
    wide
}

#[inline(always)]
unsafe fn sums<R: Vector, const N: usize>(lanes: &[Lanes<R::Element>; N]) -> [R::Element; N] {
    unsafe {
        let mut sums = [R::splat(R::Element::ZERO); N];
        for k in 0..N {
            sums[k] = R::load(lanes[k].as_ptr());
            for i in (R::COUNT..LANES).step_by(R::COUNT) {
                sums[k] = sums[k].plus(R::splat(R::Element::ONE), R::load(lanes[k].as_ptr().add(i)));
            }
        }
        R::sums(sums)
    }
}

#[inline(always)]
unsafe fn halves_by_sixteen(singles: &Lanes<f32>) -> Lanes<f16> {
    let mut halves = [f16::ZERO; LANES];
    unsafe {
        let rounded = _mm512_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(_mm512_loadu_ps(singles.as_ptr()));
        _mm256_storeu_si256(halves.as_mut_ptr().cast(), rounded);
    }
    halves
}

#[inline(always)]
unsafe fn halves_by_eight(singles: &Lanes<f32>) -> Lanes<f16> {
    let mut halves = [f16::ZERO; LANES];
    for i in [0, 8] {
        unsafe {
            let rounded = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(_mm256_loadu_ps(singles.as_ptr().add(i)));
            _mm_storeu_si128(halves.as_mut_ptr().add(i).cast(), rounded);
        }
    }
    halves
}

/// Implements [`Unit`] with registers of singles and of doubles; other numbers, of naive half precision, in portable Rust.
macro_rules! unit {
    ($unit:ident, $singles:ty, $doubles:ty, $rounded:ident) => {
        impl Unit for $unit {
            const FUSED: bool = true;

            #[inline(always)]
            fn mul_add<V: Scalar>(self, a: &Lanes<V>, b: &Lanes<V>, c: &Lanes<V>) -> Lanes<V> {
                // SAFETY: the unit is proof of its features, here and below.
                if let (Some(a), Some(b), Some(c)) = (same(a), same(b), same(c)) {
                    as_lanes_of(unsafe { mul_add::<$singles>(a, b, c) })
                } else if let (Some(a), Some(b), Some(c)) = (same(a), same(b), same(c)) {
                    as_lanes_of(unsafe { mul_add::<$doubles>(a, b, c) })
                } else {
                    Portable.mul_add(a, b, c)
                }
            }

            #[inline(always)]
            fn splat<V: Scalar>(self, value: V) -> Lanes<V> {
                if let Some(value) = one(value) {
                    as_lanes_of(unsafe { splat::<$singles>(value) })
                } else if let Some(value) = one(value) {
                    as_lanes_of(unsafe { splat::<$doubles>(value) })
                } else {
                    Portable.splat(value)
                }
            }

            #[inline(always)]
            fn widened<P: Scalar, V: Scalar>(self, stored: &Lanes<P>) -> Lanes<V> {
                let (to_single, to_double) = (V::PRECISION == Precision::F32, V::PRECISION == Precision::F64);
                match (same::<P, f16>(stored), same::<P, f32>(stored)) {
                    (Some(halves), _) if to_single => as_lanes_of(unsafe { widened::<$singles, f16>(halves) }),
                    (Some(halves), _) if to_double => as_lanes_of(unsafe { widened::<$doubles, f16>(halves) }),
                    (_, Some(singles)) if to_double => as_lanes_of(unsafe { widened::<$doubles, f32>(singles) }),
                    _ => Portable.widened(stored),
                }
            }

            #[inline(always)]
            fn rounded<S: Scalar, P: Scalar>(self, values: &Lanes<S>) -> Lanes<P> {
                match same::<S, f32>(values) {
                    Some(singles) if P::PRECISION == Precision::F16 => as_lanes_of(unsafe { $rounded(singles) }),
                    _ => Portable.rounded(values),
                }
            }

            #[inline(always)]
            fn sums<V: Scalar, const N: usize>(self, lanes: &[Lanes<V>; N]) -> [V; N] {
                if let Some(lanes) = lanes_as(lanes) {
                    unsafe { sums::<$singles, N>(lanes) }.map(V::from_f32)
                } else if let Some(lanes) = lanes_as(lanes) {
                    unsafe { sums::<$doubles, N>(lanes) }.map(V::from_f64)
                } else {
                    Portable.sums(lanes)
                }
            }
        }
    };
}

unit!(Avx512Fp16, __m512, __m512d, halves_by_sixteen);
unit!(Avx512, __m512, __m512d, halves_by_sixteen);
unit!(Avx2, __m256, __m256d, halves_by_eight);

// SAFETY of what follows: the unit is proof of its features; a pair is a register of plain data.

#[inline(always)]
unsafe fn halves(lanes: &Lanes<f16>) -> __m256h {
    unsafe { _mm256_castsi256_ph(_mm256_loadu_si256(lanes.as_ptr().cast())) }
}

#[inline(always)]
unsafe fn pair(lanes: &Pair) -> __m512h {
    unsafe { _mm512_castsi512_ph(_mm512_loadu_si512(lanes.as_ptr().cast())) }
}

#[inline(always)]
unsafe fn as_pair(register: __m512h) -> Pair {
    unsafe { std::mem::transmute::<__m512i, Pair>(_mm512_castph_si512(register)) }
}

impl Halves for Avx512Fp16 {
    #[inline(always)]
    fn mul_add_halves(self, a: &Lanes<f16>, b: &Lanes<f16>, c: &Lanes<f16>) -> Lanes<f16> {
        unsafe {
            let sum = _mm256_fmadd_ph(halves(a), halves(b), halves(c));
            std::mem::transmute::<__m256i, Lanes<f16>>(_mm256_castph_si256(sum))
        }
    }

    #[inline(always)]
    fn mul_add_pair(self, a: &Pair, b: &Pair, c: &Pair) -> Pair {
        unsafe { as_pair(_mm512_fmadd_ph(pair(a), pair(b), pair(c))) }
    }

    #[inline(always)]
    fn splat_pair(self, [low, high]: [u32; 2]) -> Pair {
        unsafe {
            let whole = _mm512_mask_set1_epi32(_mm512_set1_epi32(low as i32), 0xff00, high as i32);
            as_pair(_mm512_castsi512_ph(whole))
        }
    }

    #[inline(always)]
    fn sum_of_pair(self, of: &Pair) -> Pair {
        unsafe {
            let whole = _mm512_castph_si512(pair(of));
            let swapped = _mm512_shuffle_i64x2::<0x4e>(whole, whole);
            as_pair(_mm512_add_ph(pair(of), _mm512_castsi512_ph(swapped)))
        }
    }

    #[inline(always)]
    fn sums_of_pairs<const N: usize>(self, pairs: &[Pair; N]) -> [[f32; 2]; N] {
        let mut sums = [[0.0; 2]; N];
        for first in (0..N).step_by(4) {
            // Those that are missing are counted twice, for nothing.
            let [a, b, c, d] = [first, first + 1, first + 2, first + 3].map(|k| &pairs[k.min(N - 1)]);
            let found = unsafe { sums_of_four_pairs(a, b, c, d) };
            let count = 4.min(N - first);
            sums[first..first + count].copy_from_slice(&found[..count]);
        }
        sums
    }
}

/// The sums of the lanes of four pairs.
#[inline(always)]
unsafe fn sums_of_four_pairs(a: &Pair, b: &Pair, c: &Pair, d: &Pair) -> [[f32; 2]; 4] {
    unsafe {
        // Eight partial sums of four numbers each, then two numbers to a register of singles, then four.
        let (low, high) = (fold_two(pair(a), pair(b)), fold_two(pair(c), pair(d)));
        let (low, high) = (fold_wide(low), fold_wide(high));
        let pairs = _mm512_add_ps(_mm512_unpacklo_ps(low, high), _mm512_unpackhi_ps(low, high));
        let sums = _mm512_add_ps(pairs, _mm512_permute_ps::<0b01_00_11_10>(pairs));
        let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
        let sums = _mm512_castps512_ps256(_mm512_permutexvar_ps(order, sums));
        std::mem::transmute::<__m256, [[f32; 2]; 4]>(sums)
    }
}

/// Lanes eight apart added: of `a`, then of `b`.
#[inline(always)]
unsafe fn fold_two(a: __m512h, b: __m512h) -> __m512i {
    unsafe {
        let (a, b) = (_mm512_castph_si512(a), _mm512_castph_si512(b));
        let (low, high) = (_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0xdd>(a, b));
        _mm512_castph_si512(_mm512_add_ph(_mm512_castsi512_ph(low), _mm512_castsi512_ph(high)))
    }
}

/// Four partial sums in single precision, in a quarter each, of four numbers of which there are eight in half precision.
#[inline(always)]
unsafe fn fold_wide(of: __m512i) -> __m512 {
    unsafe {
        let low = _mm512_cvtph_ps(_mm512_castsi512_si256(of));
        let high = _mm512_cvtph_ps(_mm512_extracti64x4_epi64::<1>(of));
        _mm512_add_ps(_mm512_shuffle_f32x4::<0x88>(low, high), _mm512_shuffle_f32x4::<0xdd>(low, high))
    }
}
