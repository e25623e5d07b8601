//! Sixteen lanes on aarch64: four registers of singles.

use super::{LANES, Lanes, Unit, as_lanes_of, lane_sum, same};
use crate::precision::{Scalar, f16};
use std::arch::aarch64::*;

/// NEON, which every such CPU has.
#[derive(Debug, Clone, Copy)]
pub struct Neon;

impl Unit for Neon {
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
    fn sum<V: Scalar>(self, lanes: &Lanes<V>) -> V {
        if let Some(lanes) = same::<V, f32>(lanes) {
            // SAFETY: as above.
            let sum = unsafe {
                let [a, b, c, d] = [0, 4, 8, 12].map(|i| vld1q_f32(lanes.as_ptr().add(i)));
                vaddvq_f32(vaddq_f32(vaddq_f32(a, b), vaddq_f32(c, d)))
            };
            return V::from_f32(sum);
        }
        lane_sum(lanes)
    }
}
