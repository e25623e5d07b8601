//! Lanes of halves on a unit that computes in single precision only: each result is rounded.
//!
//! A product of two halves is exact in single precision, and a sum rounded to single first is rounded to half as if it
//! had been exact, for single has more than twice as many bits and two more. So the bits are those of true arithmetic.
//!
//! # Source
//! Figueroa, *When is double rounding innocuous?* (1995).

use super::lanes::{Lanes, Load};
use half::f16;

/// Lanes of singles all of which are halves.
#[derive(Clone, Copy)]
pub(super) struct Rounded<L>(L);

/// What lanes of singles need beyond that.
///
/// # Safety
/// As for [`Lanes`].
pub(super) trait Round: Load<f16> + Lanes<Number = f32> {
    /// Each lane rounded to half precision.
    unsafe fn round(self) -> Self;
    /// Writes all lanes, which are halves, as such.
    unsafe fn store_halves(self, to: *mut f16);
    /// Each lane with the one `DISTANCE` (1, 2, or half the width) away, pairwise exchanged.
    unsafe fn exchanged<const DISTANCE: usize>(self) -> Self;
}

// SAFETY, throughout: the trait's promise; what is loaded and stored is said there.

impl<L: Round> Lanes for Rounded<L> {
    type Number = f16;
    const WIDTH: usize = L::WIDTH;

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { Self(L::zero()) }
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f16) -> Self {
        unsafe { Self(L::broadcast(&(*from).to_f32())) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f16) -> Self {
        unsafe { Self(L::load_stored(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f16) {
        unsafe { self.0.store_halves(to) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(self.0.add(other.0).round()) }
    }
    #[inline(always)]
    unsafe fn subtract(self, other: Self) -> Self {
        unsafe { Self(self.0.subtract(other.0).round()) }
    }
    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        unsafe { Self(self.0.multiply_add(factor.0, L::zero()).round()).add(sum) }
    }
    #[inline(always)]
    unsafe fn sums<const B: usize>(rows: [Self; B]) -> Self {
        unsafe {
            let mut sums = [0.0f32; 8];
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum = row.sum_everywhere().0.first_lane();
            }
            Self(L::load(sums.as_ptr()))
        }
    }
    #[inline(always)]
    unsafe fn sum_everywhere(self) -> Self {
        unsafe {
            let sum = if L::WIDTH == 8 { self.add(Self(self.0.exchanged::<4>())) } else { self };
            let sum = sum.add(Self(sum.0.exchanged::<2>()));
            sum.add(Self(sum.0.exchanged::<1>()))
        }
    }
    #[inline(always)]
    unsafe fn first(self, count: usize) -> Self {
        unsafe { Self(self.0.first(count)) }
    }
    #[inline(always)]
    unsafe fn add_first(self, count: usize, to: *mut f16) {
        unsafe { self.first(count).add(Self::load(to)).store(to) }
    }
    #[inline(always)]
    unsafe fn first_lane(self) -> f16 {
        unsafe { f16::from_f32(self.0.first_lane()) }
    }
}

impl<L: Round> Load<f16> for Rounded<L> {
    #[inline(always)]
    unsafe fn load_stored(from: *const f16) -> Self {
        unsafe { Self::load(from) }
    }
}
