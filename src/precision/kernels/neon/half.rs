//! Lanes of halves, for FEAT_FP16.
//!
//! What calls an instruction of that extension has to name it: unlike those of x86-64, these intrinsics are always
//! inlined, or not at all.

use crate::precision::kernels::lanes::{Lanes, Load, row_of};
use half::f16;
use std::arch::aarch64::*;

/// Eight lanes.
#[derive(Clone, Copy)]
pub(in crate::precision::kernels) struct Half8(float16x8_t);

/// Four lanes.
#[derive(Clone, Copy)]
pub(in crate::precision::kernels) struct Half4(float16x4_t);

// SAFETY, throughout: the trait's promise; what is loaded and stored is said there.

/// Both pairs of `a` added, then both pairs of `b`.
#[inline]
#[target_feature(enable = "neon,fp16")]
unsafe fn pairs(a: Half4, b: Half4) -> float16x4_t {
    unsafe {
        let (a, b) = (vreinterpret_u32_f16(a.0), vreinterpret_u32_f16(b.0));
        vadd_f16(vreinterpret_f16_u32(vzip1_u32(a, b)), vreinterpret_f16_u32(vzip2_u32(a, b)))
    }
}

/// Both halves of a register added.
#[inline]
#[target_feature(enable = "neon,fp16")]
unsafe fn halves(lanes: Half8) -> Half4 {
    unsafe { Half4(vadd_f16(vget_low_f16(lanes.0), vget_high_f16(lanes.0))) }
}

/// The sums of four rows.
#[inline]
#[target_feature(enable = "neon,fp16")]
unsafe fn four_sums<const B: usize>(rows: &[Half8; B], first: usize) -> float16x4_t {
    unsafe {
        let (a, b) = (halves(row_of(rows, first)), halves(row_of(rows, first + 1)));
        let (c, d) = (halves(row_of(rows, first + 2)), halves(row_of(rows, first + 3)));
        Half4::sums([a, b, c, d]).0
    }
}

impl Lanes for Half4 {
    type Number = f16;
    const WIDTH: usize = 4;

    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn zero() -> Self {
        unsafe { Self(vreinterpret_f16_u16(vdup_n_u16(0))) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn broadcast(from: *const f16) -> Self {
        unsafe { Self(vreinterpret_f16_u16(vld1_dup_u16(from.cast()))) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn load(from: *const f16) -> Self {
        unsafe { Self(vreinterpret_f16_u16(vld1_u16(from.cast()))) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn store(self, to: *mut f16) {
        unsafe { vst1_u16(to.cast(), vreinterpret_u16_f16(self.0)) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(vadd_f16(self.0, other.0)) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn subtract(self, other: Self) -> Self {
        unsafe { Self(vsub_f16(self.0, other.0)) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        // Not fused: the product is rounded, too.
        unsafe { Self(vadd_f16(vmul_f16(self.0, factor.0), sum.0)) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn sums<const B: usize>(rows: [Self; B]) -> Self {
        unsafe {
            // Lanes two apart meet first, then neighbours.
            let low = pairs(row_of(&rows, 0), row_of(&rows, 1));
            Self(vpadd_f16(low, pairs(row_of(&rows, 2), row_of(&rows, 3))))
        }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn sum_everywhere(self) -> Self {
        unsafe {
            let bits = vreinterpret_u16_f16(self.0);
            let sum = self.add(Self(vreinterpret_f16_u16(vext_u16::<2>(bits, bits))));
            sum.add(Self(vreinterpret_f16_u16(vrev32_u16(vreinterpret_u16_f16(sum.0)))))
        }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn first(self, count: usize) -> Self {
        const MASKS: [u16; 8] = [u16::MAX, u16::MAX, u16::MAX, u16::MAX, 0, 0, 0, 0];
        unsafe {
            let mask = vld1_u16(MASKS.as_ptr().add(4 - count.min(4)));
            Self(vreinterpret_f16_u16(vand_u16(mask, vreinterpret_u16_f16(self.0))))
        }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn add_first(self, count: usize, to: *mut f16) {
        unsafe { self.first(count).add(Self::load(to)).store(to) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn first_lane(self) -> f16 {
        unsafe { f16::from_bits(vget_lane_u16::<0>(vreinterpret_u16_f16(self.0))) }
    }
}

impl Lanes for Half8 {
    type Number = f16;
    const WIDTH: usize = 8;

    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn zero() -> Self {
        unsafe { Self(vreinterpretq_f16_u16(vdupq_n_u16(0))) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn broadcast(from: *const f16) -> Self {
        unsafe { Self(vreinterpretq_f16_u16(vld1q_dup_u16(from.cast()))) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn load(from: *const f16) -> Self {
        unsafe { Self(vreinterpretq_f16_u16(vld1q_u16(from.cast()))) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn store(self, to: *mut f16) {
        unsafe { vst1q_u16(to.cast(), vreinterpretq_u16_f16(self.0)) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(vaddq_f16(self.0, other.0)) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn subtract(self, other: Self) -> Self {
        unsafe { Self(vsubq_f16(self.0, other.0)) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        // Not fused: the product is rounded, too.
        unsafe { Self(vaddq_f16(vmulq_f16(self.0, factor.0), sum.0)) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn sums<const B: usize>(rows: [Self; B]) -> Self {
        unsafe { Self(vcombine_f16(four_sums(&rows, 0), four_sums(&rows, 4))) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn sum_everywhere(self) -> Self {
        unsafe {
            let sum = halves(self).sum_everywhere().0;
            Self(vcombine_f16(sum, sum))
        }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn first(self, count: usize) -> Self {
        unsafe {
            let (low, high) = (Half4(vget_low_f16(self.0)), Half4(vget_high_f16(self.0)));
            Self(vcombine_f16(low.first(count).0, high.first(count.saturating_sub(4)).0))
        }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn add_first(self, count: usize, to: *mut f16) {
        unsafe { self.first(count).add(Self::load(to)).store(to) }
    }
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn first_lane(self) -> f16 {
        unsafe { f16::from_bits(vgetq_lane_u16::<0>(vreinterpretq_u16_f16(self.0))) }
    }
}

impl Load<f16> for Half4 {
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn load_stored(from: *const f16) -> Self {
        unsafe { Self::load(from) }
    }
}

impl Load<f16> for Half8 {
    #[inline]
    #[target_feature(enable = "neon,fp16")]
    unsafe fn load_stored(from: *const f16) -> Self {
        unsafe { Self::load(from) }
    }
}
