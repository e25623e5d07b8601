//! Lanes of `f64`.

use super::Single4;
use crate::precision::kernels::lanes::{Lanes, Load, row_of};
use std::arch::aarch64::*;

/// Four lanes in two registers.
#[derive(Clone, Copy)]
pub(in crate::precision::kernels) struct Double4(float64x2_t, float64x2_t);

/// Eight lanes in four registers.
#[derive(Clone, Copy)]
pub(in crate::precision::kernels) struct Double8(Double4, Double4);

// SAFETY, throughout: the trait's promise; what is loaded and stored is said there.

/// The sums of four rows.
#[inline(always)]
unsafe fn four_sums<const B: usize>(rows: &[Double8; B], first: usize) -> Double4 {
    unsafe {
        let (a, b) = (row_of(rows, first), row_of(rows, first + 1));
        let (c, d) = (row_of(rows, first + 2), row_of(rows, first + 3));
        Double4::sums([a.0.add(a.1), b.0.add(b.1), c.0.add(c.1), d.0.add(d.1)])
    }
}

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
            let (a, b) = (row_of(&rows, 0), row_of(&rows, 1));
            let (c, d) = (row_of(&rows, 2), row_of(&rows, 3));
            let low = vpaddq_f64(vaddq_f64(a.0, a.1), vaddq_f64(b.0, b.1));
            Self(low, vpaddq_f64(vaddq_f64(c.0, c.1), vaddq_f64(d.0, d.1)))
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
            let (low, high) = (vreinterpretq_u64_f64(self.0), vreinterpretq_u64_f64(self.1));
            let low = vandq_u64(vld1q_u64(mask), low);
            let high = vandq_u64(vld1q_u64(mask.add(2)), high);
            Self(vreinterpretq_f64_u64(low), vreinterpretq_f64_u64(high))
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
        unsafe { Self(four_sums(&rows, 0), four_sums(&rows, 4)) }
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
