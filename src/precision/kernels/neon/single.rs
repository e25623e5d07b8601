//! Lanes of `f32`.

use crate::precision::kernels::lanes::{Lanes, Load, row_of};
use crate::precision::kernels::rounded::Round;
use half::{bf16, f16};
use std::arch::aarch64::*;

/// Four lanes.
#[derive(Clone, Copy)]
pub(in crate::precision::kernels) struct Single4(pub(super) float32x4_t);

/// Eight lanes in two registers.
#[derive(Clone, Copy)]
pub(in crate::precision::kernels) struct Single8(pub(super) Single4, pub(super) Single4);

// SAFETY, throughout: the trait's promise; what is loaded and stored is said there.

/// Both pairs of `a` added, then both pairs of `b`.
#[inline(always)]
unsafe fn pairs(a: Single4, b: Single4) -> float32x4_t {
    unsafe {
        let (a, b) = (vreinterpretq_f64_f32(a.0), vreinterpretq_f64_f32(b.0));
        vaddq_f32(vreinterpretq_f32_f64(vzip1q_f64(a, b)), vreinterpretq_f32_f64(vzip2q_f64(a, b)))
    }
}

/// The sums of four rows.
#[inline(always)]
unsafe fn four_sums<const B: usize>(rows: &[Single8; B], first: usize) -> Single4 {
    unsafe {
        let (a, b) = (row_of(rows, first), row_of(rows, first + 1));
        let (c, d) = (row_of(rows, first + 2), row_of(rows, first + 3));
        Single4::sums([a.0.add(a.1), b.0.add(b.1), c.0.add(c.1), d.0.add(d.1)])
    }
}

impl Lanes for Single4 {
    type Number = f32;
    const WIDTH: usize = 4;

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(vdupq_n_f32(0.0)) }
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        unsafe { Self(vld1q_dup_f32(from)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(vld1q_f32(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { vst1q_f32(to, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(vaddq_f32(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn subtract(self, other: Self) -> Self {
        unsafe { Self(vsubq_f32(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        unsafe { Self(vfmaq_f32(sum.0, self.0, factor.0)) }
    }
    #[inline(always)]
    unsafe fn sums<const B: usize>(rows: [Self; B]) -> Self {
        unsafe {
            // Lanes two apart meet first, then neighbours.
            let low = pairs(row_of(&rows, 0), row_of(&rows, 1));
            Self(vpaddq_f32(low, pairs(row_of(&rows, 2), row_of(&rows, 3))))
        }
    }
    #[inline(always)]
    unsafe fn sum_everywhere(self) -> Self {
        unsafe {
            let sum = self.add(self.exchanged::<2>());
            sum.add(sum.exchanged::<1>())
        }
    }
    #[inline(always)]
    unsafe fn first(self, count: usize) -> Self {
        const MASKS: [u32; 8] = [u32::MAX, u32::MAX, u32::MAX, u32::MAX, 0, 0, 0, 0];
        unsafe {
            let mask = vld1q_u32(MASKS.as_ptr().add(4 - count.min(4)));
            Self(vreinterpretq_f32_u32(vandq_u32(mask, vreinterpretq_u32_f32(self.0))))
        }
    }
    #[inline(always)]
    unsafe fn add_first(self, count: usize, to: *mut f32) {
        unsafe { self.first(count).add(Self::load(to)).store(to) }
    }
    #[inline(always)]
    unsafe fn first_lane(self) -> f32 {
        unsafe { vgetq_lane_f32::<0>(self.0) }
    }
}

impl Load<f32> for Single4 {
    #[inline(always)]
    unsafe fn load_stored(from: *const f32) -> Self {
        unsafe { Self::load(from) }
    }
}

impl Load<f16> for Single4 {
    #[inline(always)]
    unsafe fn load_stored(from: *const f16) -> Self {
        unsafe { Self(vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from.cast())))) }
    }
}

impl Load<bf16> for Single4 {
    #[inline(always)]
    unsafe fn load_stored(from: *const bf16) -> Self {
        // A bf16 is the upper half of an f32.
        unsafe { Self(vreinterpretq_f32_u32(vshll_n_u16::<16>(vld1_u16(from.cast())))) }
    }
}

impl Round for Single4 {
    #[inline(always)]
    unsafe fn round(self) -> Self {
        unsafe { Self(vcvt_f32_f16(vcvt_f16_f32(self.0))) }
    }
    #[inline(always)]
    unsafe fn store_halves(self, to: *mut f16) {
        unsafe { vst1_u16(to.cast(), vreinterpret_u16_f16(vcvt_f16_f32(self.0))) }
    }
    #[inline(always)]
    unsafe fn exchanged<const DISTANCE: usize>(self) -> Self {
        unsafe { Self(if DISTANCE == 1 { vrev64q_f32(self.0) } else { vextq_f32::<2>(self.0, self.0) }) }
    }
}

impl Lanes for Single8 {
    type Number = f32;
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(Single4::zero(), Single4::zero()) }
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f32) -> Self {
        unsafe {
            let lanes = Single4::broadcast(from);
            Self(lanes, lanes)
        }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(Single4::load(from), Single4::load(from.add(4))) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
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
    unsafe fn add_first(self, count: usize, to: *mut f32) {
        unsafe { self.first(count).add(Self::load(to)).store(to) }
    }
    #[inline(always)]
    unsafe fn first_lane(self) -> f32 {
        unsafe { self.0.first_lane() }
    }
}

impl<C> Load<C> for Single8
where
    Single4: Load<C>,
{
    #[inline(always)]
    unsafe fn load_stored(from: *const C) -> Self {
        unsafe { Self(Single4::load_stored(from), Single4::load_stored(from.add(4))) }
    }
}

impl Round for Single8 {
    #[inline(always)]
    unsafe fn round(self) -> Self {
        unsafe { Self(self.0.round(), self.1.round()) }
    }
    #[inline(always)]
    unsafe fn store_halves(self, to: *mut f16) {
        unsafe {
            self.0.store_halves(to);
            self.1.store_halves(to.add(4));
        }
    }
    #[inline(always)]
    unsafe fn exchanged<const DISTANCE: usize>(self) -> Self {
        unsafe {
            match DISTANCE {
                4 => Self(self.1, self.0),
                _ => Self(self.0.exchanged::<DISTANCE>(), self.1.exchanged::<DISTANCE>()),
            }
        }
    }
}
