//! Sixteen lanes on x86-64: one register of singles in AVX-512, two in AVX2.

use super::{Kernel, LANES, Lanes, Unit, as_lanes_of, lane_sum, one, same};
use crate::precision::{Scalar, f16};
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

// SAFETY of the sums: `lanes` has sixteen lanes, and the features are there.

#[inline(always)]
unsafe fn sum_single_avx512(lanes: *const f32) -> f32 {
    unsafe { _mm512_reduce_add_ps(_mm512_loadu_ps(lanes)) }
}

#[inline(always)]
unsafe fn sum_double_avx512(lanes: *const f64) -> f64 {
    unsafe { _mm512_reduce_add_pd(_mm512_add_pd(_mm512_loadu_pd(lanes), _mm512_loadu_pd(lanes.add(8)))) }
}

#[inline(always)]
unsafe fn sum_single_avx2(lanes: *const f32) -> f32 {
    unsafe {
        let eight = _mm256_add_ps(_mm256_loadu_ps(lanes), _mm256_loadu_ps(lanes.add(8)));
        let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    }
}

#[inline(always)]
unsafe fn sum_double_avx2(lanes: *const f64) -> f64 {
    unsafe {
        let a = _mm256_add_pd(_mm256_loadu_pd(lanes), _mm256_loadu_pd(lanes.add(4)));
        let b = _mm256_add_pd(_mm256_loadu_pd(lanes.add(8)), _mm256_loadu_pd(lanes.add(12)));
        let four = _mm256_add_pd(a, b);
        let two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd::<1>(four));
        _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
    }
}

/// Implements [`Unit`] with registers of `$s` singles and `$d` doubles.
macro_rules! unit {
    ($unit:ident, $s:literal, $d:literal, $load_s:ident, $store_s:ident, $set_s:ident, $fma_s:ident,
     $load_d:ident, $store_d:ident, $set_d:ident, $fma_d:ident, $load_h:ident, $widen_h:ident, $widen_s:ident,
     $load_half_register:ident, $sum_s:ident, $sum_d:ident) => {
        impl Unit for $unit {
            const FUSED: bool = true;

            #[inline(always)]
            fn mul_add<V: Scalar>(self, a: &Lanes<V>, b: &Lanes<V>, c: &Lanes<V>) -> Lanes<V> {
                if let (Some(a), Some(b), Some(c)) = (same::<V, f32>(a), same::<V, f32>(b), same::<V, f32>(c)) {
                    let mut sum = [0.0f32; LANES];
                    for i in (0..LANES).step_by($s) {
                        // SAFETY: the token proves the features; all arrays have sixteen lanes.
                        unsafe {
                            let (a, b, c) = (a.as_ptr().add(i), b.as_ptr().add(i), c.as_ptr().add(i));
                            $store_s(sum.as_mut_ptr().add(i), $fma_s($load_s(a), $load_s(b), $load_s(c)));
                        }
                    }
                    return as_lanes_of(sum);
                }
                if let (Some(a), Some(b), Some(c)) = (same::<V, f64>(a), same::<V, f64>(b), same::<V, f64>(c)) {
                    let mut sum = [0.0f64; LANES];
                    for i in (0..LANES).step_by($d) {
                        // SAFETY: as above.
                        unsafe {
                            let (a, b, c) = (a.as_ptr().add(i), b.as_ptr().add(i), c.as_ptr().add(i));
                            $store_d(sum.as_mut_ptr().add(i), $fma_d($load_d(a), $load_d(b), $load_d(c)));
                        }
                    }
                    return as_lanes_of(sum);
                }
                std::array::from_fn(|lane| a[lane].multiply_add(b[lane], c[lane]))
            }

            #[inline(always)]
            fn splat<V: Scalar>(self, value: V) -> Lanes<V> {
                if let Some(value) = one::<V, f32>(value) {
                    let mut lanes = [0.0f32; LANES];
                    for i in (0..LANES).step_by($s) {
                        // SAFETY: as above.
                        unsafe { $store_s(lanes.as_mut_ptr().add(i), $set_s(value)) };
                    }
                    return as_lanes_of(lanes);
                }
                if let Some(value) = one::<V, f64>(value) {
                    let mut lanes = [0.0f64; LANES];
                    for i in (0..LANES).step_by($d) {
                        // SAFETY: as above.
                        unsafe { $store_d(lanes.as_mut_ptr().add(i), $set_d(value)) };
                    }
                    return as_lanes_of(lanes);
                }
                [value; LANES]
            }

            #[inline(always)]
            fn widened<P: Scalar, V: Scalar>(self, stored: &Lanes<P>) -> Lanes<V> {
                let singles = if let Some(stored) = same::<P, f16>(stored) {
                    let mut wide = [0.0f32; LANES];
                    for i in (0..LANES).step_by($s) {
                        // SAFETY: as above.
                        unsafe {
                            let halves = $load_h(stored.as_ptr().add(i).cast());
                            $store_s(wide.as_mut_ptr().add(i), $widen_h(halves));
                        }
                    }
                    Some(wide)
                } else {
                    same::<P, f32>(stored).copied()
                };
                match (singles, one::<V, f64>(V::ZERO)) {
                    (Some(singles), None) => as_lanes_of(singles),
                    (Some(singles), Some(_)) => {
                        let mut wide = [0.0f64; LANES];
                        for i in (0..LANES).step_by($d) {
                            // SAFETY: as above.
                            unsafe {
                                let singles = $load_half_register(singles.as_ptr().add(i));
                                $store_d(wide.as_mut_ptr().add(i), $widen_s(singles));
                            }
                        }
                        as_lanes_of(wide)
                    }
                    (None, _) => std::array::from_fn(|lane| stored[lane].cast()),
                }
            }

            #[inline(always)]
            fn sum<V: Scalar>(self, lanes: &Lanes<V>) -> V {
                if let Some(lanes) = same::<V, f32>(lanes) {
                    // SAFETY: as above.
                    return V::from_f32(unsafe { $sum_s(lanes.as_ptr()) });
                }
                if let Some(lanes) = same::<V, f64>(lanes) {
                    // SAFETY: as above.
                    return V::from_f64(unsafe { $sum_d(lanes.as_ptr()) });
                }
                lane_sum(lanes)
            }
        }
    };
}

unit!(
    Avx512,
    16,
    8,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_set1_ps,
    _mm512_fmadd_ps,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_set1_pd,
    _mm512_fmadd_pd,
    _mm256_loadu_si256,
    _mm512_cvtph_ps,
    _mm512_cvtps_pd,
    _mm256_loadu_ps,
    sum_single_avx512,
    sum_double_avx512
);
unit!(
    Avx2,
    8,
    4,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_set1_ps,
    _mm256_fmadd_ps,
    _mm256_loadu_pd,
    _mm256_storeu_pd,
    _mm256_set1_pd,
    _mm256_fmadd_pd,
    _mm_loadu_si128,
    _mm256_cvtph_ps,
    _mm256_cvtps_pd,
    _mm_loadu_ps,
    sum_single_avx2,
    sum_double_avx2
);
