//! Lanes of `f64`.

use super::{Single4, Single8};
use crate::precision::kernels::lanes::{Lanes, Load};
use std::arch::aarch64::*;

/// Four lanes in two registers.
#[derive(Clone, Copy)]
pub(super) struct Double4(float64x2_t, float64x2_t);

/// Eight lanes in four registers.
#[derive(Clone, Copy)]
pub(super) struct Double8(Double4, Double4);

// SAFETY, throughout: the trait's promise; what is loaded and stored is said there.

impl Lanes for Double4 {
    type Number = f64;
    const WIDTH: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(vdupq_n_f64(0.0), vdupq_n_f64(0.0)) }
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f64) -> Self {
        unsafe {
            let lanes = vld1q_dup_f64(from);
            Self(lanes, lanes)
        }
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        unsafe { Self(vld1q_f64(from), vld1q_f64(from.add(2))) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe {
            vst1q_f64(to, self.0);
            vst1q_f64(to.add(2), self.1);
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(vaddq_f64(self.0, other.0), vaddq_f64(self.1, other.1)) }
    }
    #[inline(always)]
    unsafe fn subtract(self, other: Self) -> Self {
        unsafe { Self(vsubq_f64(self.0, other.0), vsubq_f64(self.1, other.1)) }
    }
    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        unsafe { Self(vfmaq_f64(sum.0, self.0, factor.0), vfmaq_f64(sum.1, self.1, factor.1)) }
    }
    #[inline(always)]
    unsafe fn sums<const B: usize>(rows: [Self; B]) -> Self {
        unsafe {
            let row = |r: usize| rows.get(r).map_or(vdupq_n_f64(0.0), |row| vaddq_f64(row.0, row.1));
            Self(vpaddq_f64(row(0), row(1)), vpaddq_f64(row(2), row(3)))
        }
    }
    #[inline(always)]
    unsafe fn sum_everywhere(self) -> Self {
        unsafe {
            let pair = vaddq_f64(self.0, self.1);
            let sum = vpaddq_f64(pair, pair);
            Self(sum, sum)
        }
    }
    #[inline(always)]
    unsafe fn first(self, count: usize) -> Self {
        const MASKS: [u64; 8] = [u64::MAX, u64::MAX, u64::MAX, u64::MAX, 0, 0, 0, 0];
        unsafe {
            let mask = MASKS.as_ptr().add(4 - count.min(4));
            let keep = |lanes, mask| vreinterpretq_f64_u64(vandq_u64(vld1q_u64(mask), vreinterpretq_u64_f64(lanes)));
            Self(keep(self.0, mask), keep(self.1, mask.add(2)))
        }
    }
    #[inline(always)]
    unsafe fn add_first(self, count: usize, to: *mut f64) {
        unsafe { self.first(count).add(Self::load(to)).store(to) }
    }
    #[inline(always)]
    unsafe fn first_lane(self) -> f64 {
        unsafe { vgetq_lane_f64::<0>(self.0) }
    }
}

impl Load<f64> for Double4 {
    #[inline(always)]
    unsafe fn load_stored(from: *const f64) -> Self {
        unsafe { Self::load(from) }
    }
}

/// What is no double becomes a single first, which rounds nothing.
impl<C> Load<C> for Double4
where
    Single4: Load<C>,
{
    #[inline(always)]
    unsafe fn load_stored(from: *const C) -> Self {
        unsafe {
            let single = Single4::load_stored(from).0;
            Self(vcvt_f64_f32(vget_low_f32(single)), vcvt_high_f64_f32(single))
        }
    }
}

impl Lanes for Double8 {
    type Number = f64;
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(Double4::zero(), Double4::zero()) }
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f64) -> Self {
        unsafe {
            let lanes = Double4::broadcast(from);
            Self(lanes, lanes)
        }
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        unsafe { Self(Double4::load(from), Double4::load(from.add(4))) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe {
            self.0.store(to);
            self.1.store(to.add(4));
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(self.0.add(other.0), self.1.add(other.1)) }
    }
    #[inline(always)]
    unsafe fn subtract(self, other: Self) -> Self {
        unsafe { Self(self.0.subtract(other.0), self.1.subtract(other.1)) }
    }
    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        unsafe { Self(self.0.multiply_add(factor.0, sum.0), self.1.multiply_add(factor.1, sum.1)) }
    }
    #[inline(always)]
    unsafe fn sums<const B: usize>(rows: [Self; B]) -> Self {
        unsafe {
            let row = |r: usize| rows.get(r).map_or(Double4::zero(), |row| row.0.add(row.1));
            let four = |first: usize| Double4::sums([row(first), row(first + 1), row(first + 2), row(first + 3)]);
            Self(four(0), four(4))
        }
    }
    #[inline(always)]
    unsafe fn sum_everywhere(self) -> Self {
        unsafe {
            let sum = self.0.add(self.1).sum_everywhere();
            Self(sum, sum)
        }
    }
    #[inline(always)]
    unsafe fn first(self, count: usize) -> Self {
        unsafe { Self(self.0.first(count), self.1.first(count.saturating_sub(4))) }
    }
    #[inline(always)]
    unsafe fn add_first(self, count: usize, to: *mut f64) {
        unsafe { self.first(count).add(Self::load(to)).store(to) }
    }
    #[inline(always)]
    unsafe fn first_lane(self) -> f64 {
        unsafe { self.0.first_lane() }
    }
}

impl<C> Load<C> for Double8
where
    Double4: Load<C>,
{
    #[inline(always)]
    unsafe fn load_stored(from: *const C) -> Self {
        unsafe { Self(Double4::load_stored(from), Double4::load_stored(from.add(4))) }
    }
}
