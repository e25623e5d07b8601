//! Sixteen lanes on x86-64, over the registers of [`x86_vectors`](super::super::x86_vectors): one of singles in AVX-512,
//! two in AVX2.

use super::super::x86_vectors::{LoadFrom, Vector};
use super::{Kernel, LANES, Lanes, Portable, Unit, as_lanes_of, one, same};
use crate::precision::{Precision, Scalar, f16};
use std::arch::x86_64::*;

/// AVX-512: proof that this CPU has it.
#[derive(Debug, Clone, Copy)]
pub struct Avx512(());

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
unsafe fn sum<R: Vector>(lanes: &Lanes<R::Element>) -> R::Element {
    unsafe {
        let mut sums = R::load(lanes.as_ptr());
        for i in (R::COUNT..LANES).step_by(R::COUNT) {
            sums = sums.plus(R::splat(R::Element::ONE), R::load(lanes.as_ptr().add(i)));
        }
        R::sums([sums])[0]
    }
}

/// Implements [`Unit`] with registers of singles and of doubles; other numbers, of naive half precision, in portable Rust.
macro_rules! unit {
    ($unit:ident, $singles:ty, $doubles:ty) => {
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
            fn sum<V: Scalar>(self, lanes: &Lanes<V>) -> V {
                if let Some(lanes) = same(lanes) {
                    V::from_f32(unsafe { sum::<$singles>(lanes) })
                } else if let Some(lanes) = same(lanes) {
                    V::from_f64(unsafe { sum::<$doubles>(lanes) })
                } else {
                    Portable.sum(lanes)
                }
            }
        }
    };
}

unit!(Avx512, __m512, __m512d);
unit!(Avx2, __m256, __m256d);
