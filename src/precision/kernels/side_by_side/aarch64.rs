//! Sixteen lanes on aarch64: four registers of singles.

use super::halves::{Halves, Pair};
use super::{HalfKernel, LANES, Lanes, Portable, Unit, as_lanes_of, lanes_as, same};
use crate::precision::{Precision, Scalar, f16};
use std::arch::aarch64::*;

/// NEON, which every such CPU has.
#[derive(Debug, Clone, Copy)]
pub struct Neon;

/// The same with FEAT_FP16: proof that this CPU has it.
#[derive(Debug, Clone, Copy)]
pub struct NeonFp16(());

/// Runs a kernel on NEON with arithmetic in half precision.
///
/// # Safety
/// This CPU must have FEAT_FP16.
#[target_feature(enable = "neon,fp16")]
pub(super) unsafe fn with_neon_fp16<K: HalfKernel>(kernel: K) -> K::Output {
    kernel.run(NeonFp16(()))
}

/// Implements [`Unit`] for singles and doubles; other numbers, of naive half precision, in portable Rust.
macro_rules! unit {
    ($unit:ty) => {
        impl Unit for $unit {
            const FUSED: bool = true;

            #[inline(always)]
            fn mul_add<V: Scalar>(self, a: &Lanes<V>, b: &Lanes<V>, c: &Lanes<V>) -> Lanes<V> {
                if let (Some(a), Some(b), Some(c)) = (same::<V, f32>(a), same::<V, f32>(b), same::<V, f32>(c)) {
                    let mut sum = [0.0f32; LANES];
                    for i in (0..LANES).step_by(4) {
                        // SAFETY: NEON is part of the architecture; all arrays have sixteen lanes.
                        unsafe {
                            let [a, b, c] = [a, b, c].map(|lanes| vld1q_f32(lanes.as_ptr().add(i)));
                            vst1q_f32(sum.as_mut_ptr().add(i), vfmaq_f32(c, a, b));
                        }
                    }
                    return as_lanes_of(sum);
                }
                if let (Some(a), Some(b), Some(c)) = (same::<V, f64>(a), same::<V, f64>(b), same::<V, f64>(c)) {
                    let mut sum = [0.0f64; LANES];
                    for i in (0..LANES).step_by(2) {
                        // SAFETY: as above.
                        unsafe {
                            let [a, b, c] = [a, b, c].map(|lanes| vld1q_f64(lanes.as_ptr().add(i)));
                            vst1q_f64(sum.as_mut_ptr().add(i), vfmaq_f64(c, a, b));
                        }
                    }
                    return as_lanes_of(sum);
                }
                std::array::from_fn(|lane| a[lane].multiply_add(b[lane], c[lane]))
            }

            #[inline(always)]
            fn splat<V: Scalar>(self, value: V) -> Lanes<V> {
                [value; LANES]
            }

            #[inline(always)]
            fn widened<P: Scalar, V: Scalar>(self, stored: &Lanes<P>) -> Lanes<V> {
                if let Some(stored) = same::<P, f16>(stored) {
                    let mut wide = [0.0f32; LANES];
                    for i in (0..LANES).step_by(4) {
                        // SAFETY: as above.
                        unsafe {
                            let halves = vreinterpret_f16_u16(vld1_u16(stored.as_ptr().add(i).cast()));
                            vst1q_f32(wide.as_mut_ptr().add(i), vcvt_f32_f16(halves));
                        }
                    }
                    return match same::<f32, V>(&wide) {
                        Some(wide) => *wide,
                        None => std::array::from_fn(|lane| wide[lane].cast()),
                    };
                }
                std::array::from_fn(|lane| stored[lane].cast())
            }

            #[inline(always)]
            fn rounded<S: Scalar, P: Scalar>(self, values: &Lanes<S>) -> Lanes<P> {
                match same::<S, f32>(values) {
                    Some(singles) if P::PRECISION == Precision::F16 => {
                        let mut halves = [f16::ZERO; LANES];
                        for i in (0..LANES).step_by(4) {
                            // SAFETY: as above.
                            unsafe {
                                let rounded = vcvt_f16_f32(vld1q_f32(singles.as_ptr().add(i)));
                                vst1_u16(halves.as_mut_ptr().add(i).cast(), vreinterpret_u16_f16(rounded));
                            }
                        }
                        as_lanes_of(halves)
                    }
                    _ => Portable.rounded(values),
                }
            }

            #[inline(always)]
            fn sums<V: Scalar, const N: usize>(self, lanes: &[Lanes<V>; N]) -> [V; N] {
                let Some(lanes) = lanes_as::<V, f32, N>(lanes) else { return Portable.sums(lanes) };
                // SAFETY: as above.
                let fold = |lanes: &Lanes<f32>| unsafe {
                    let [a, b, c, d] = [0, 4, 8, 12].map(|i| vld1q_f32(lanes.as_ptr().add(i)));
                    vaddq_f32(vaddq_f32(a, b), vaddq_f32(c, d))
                };
                let mut sums = [0.0f32; N];
                for first in (0..N).step_by(4) {
                    let count = 4.min(N - first);
                    let [a, b, c, d] = [0, 1, 2, 3].map(|k| fold(&lanes[first + k.min(count - 1)]));
                    let mut four = [0.0f32; 4];
                    // SAFETY: as above.
                    unsafe { vst1q_f32(four.as_mut_ptr(), vpaddq_f32(vpaddq_f32(a, b), vpaddq_f32(c, d))) };
                    sums[first..first + count].copy_from_slice(&four[..count]);
                }
                sums.map(V::from_f32)
            }
        }
    };
}

unit!(Neon);
unit!(NeonFp16);

/// `a * b + c` of sixteen halves.
#[inline]
#[target_feature(enable = "neon,fp16")]
unsafe fn mul_add_halves(a: &Lanes<f16>, b: &Lanes<f16>, c: &Lanes<f16>) -> Lanes<f16> {
    let mut sum = [f16::ZERO; LANES];
    for i in [0, 8] {
        // SAFETY: all arrays have sixteen lanes.
        unsafe {
            let [a, b, c] = [a, b, c].map(|lanes| vreinterpretq_f16_u16(vld1q_u16(lanes.as_ptr().add(i).cast())));
            vst1q_u16(sum.as_mut_ptr().add(i).cast(), vreinterpretq_u16_f16(vfmaq_f16(c, a, b)));
        }
    }
    sum
}

/// `a + b` of sixteen halves.
#[inline]
#[target_feature(enable = "neon,fp16")]
unsafe fn add_halves(a: &Lanes<f16>, b: &Lanes<f16>) -> Lanes<f16> {
    let mut sum = [f16::ZERO; LANES];
    for i in [0, 8] {
        // SAFETY: as above.
        unsafe {
            let [a, b] = [a, b].map(|lanes| vreinterpretq_f16_u16(vld1q_u16(lanes.as_ptr().add(i).cast())));
            vst1q_u16(sum.as_mut_ptr().add(i).cast(), vreinterpretq_u16_f16(vaddq_f16(a, b)));
        }
    }
    sum
}

impl Halves for NeonFp16 {
    #[inline(always)]
    fn mul_add_halves(self, a: &Lanes<f16>, b: &Lanes<f16>, c: &Lanes<f16>) -> Lanes<f16> {
        // SAFETY: the unit is proof of its features, here and below.
        unsafe { mul_add_halves(a, b, c) }
    }

    #[inline(always)]
    fn mul_add_pair(self, a: &Pair, b: &Pair, c: &Pair) -> Pair {
        unsafe { [mul_add_halves(&a[0], &b[0], &c[0]), mul_add_halves(&a[1], &b[1], &c[1])] }
    }

    #[inline(always)]
    fn splat_pair(self, of: [u32; 2]) -> Pair {
        of.map(|word| [f16::from_bits(word as u16); LANES])
    }

    #[inline(always)]
    fn sum_of_pair(self, pair: &Pair) -> Pair {
        [unsafe { add_halves(&pair[0], &pair[1]) }; 2]
    }

    #[inline(always)]
    fn sums_of_pairs<const N: usize>(self, pairs: &[Pair; N]) -> [[f32; 2]; N] {
        let mut sums = [[0.0; 2]; N];
        for (sums, pair) in sums.iter_mut().zip(pairs) {
            // SAFETY: the unit is proof of its features.
            *sums = unsafe { [sum_of_halves(&pair[0]), sum_of_halves(&pair[1])] };
        }
        sums
    }
}

/// The sum of sixteen halves, in single precision from eight of them on.
#[inline]
#[target_feature(enable = "neon,fp16")]
unsafe fn sum_of_halves(lanes: &Lanes<f16>) -> f32 {
    // SAFETY: there are sixteen lanes.
    unsafe {
        let [low, high] = [0, 8].map(|i| vreinterpretq_f16_u16(vld1q_u16(lanes.as_ptr().add(i).cast())));
        let eight = vaddq_f16(low, high);
        vaddvq_f32(vaddq_f32(vcvt_f32_f16(vget_low_f16(eight)), vcvt_f32_f16(vget_high_f16(eight))))
    }
}
