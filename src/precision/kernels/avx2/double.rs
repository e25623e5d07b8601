//! Lanes of `f64`.

use super::Single4;
use crate::precision::kernels::lanes::{Lanes, Load, row_of};
use std::arch::x86_64::*;

/// Four lanes.
#[derive(Clone, Copy)]
pub(in crate::precision::kernels) struct Double4(__m256d);

/// Eight lanes in two registers.
#[derive(Clone, Copy)]
pub(in crate::precision::kernels) struct Double8(Double4, Double4);

// SAFETY, throughout: the trait's promise; what is loaded and stored is said there.

/// Both halves of each register added: those of `a` below, those of `b` above.
#[inline(always)]
unsafe fn halves(a: Double4, b: Double4) -> __m256d {
    unsafe { _mm256_add_pd(_mm256_permute2f128_pd::<0x20>(a.0, b.0), _mm256_permute2f128_pd::<0x31>(a.0, b.0)) }
}

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
        unsafe { Self(_mm256_setzero_pd()) }
    }
    #[inline(always)]
    unsafe fn broadcast(from: *const f64) -> Self {
        unsafe { Self(_mm256_broadcast_sd(&*from)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self {
        unsafe { Self(_mm256_loadu_pd(from)) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f64) {
        unsafe { _mm256_storeu_pd(to, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(_mm256_add_pd(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn subtract(self, other: Self) -> Self {
        unsafe { Self(_mm256_sub_pd(self.0, other.0)) }
    }
    #[inline(always)]
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self {
        unsafe { Self(_mm256_fmadd_pd(self.0, factor.0, sum.0)) }
    }
    #[inline(always)]
    unsafe fn sums<const B: usize>(rows: [Self; B]) -> Self {
        unsafe {
            let low = halves(row_of(&rows, 0), row_of(&rows, 2));
            let high = halves(row_of(&rows, 1), row_of(&rows, 3));
            Self(_mm256_hadd_pd(low, high))
        }
    }
    #[inline(always)]
    unsafe fn sum_everywhere(self) -> Self {
        unsafe {
            let m = _mm256_add_pd(self.0, _mm256_permute2f128_pd::<0x01>(self.0, self.0));
            Self(_mm256_add_pd(m, _mm256_permute_pd::<0b0101>(m)))
        }
    }
    #[inline(always)]
    unsafe fn first(self, count: usize) -> Self {
        const MASKS: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];
        unsafe {
            let mask = _mm256_loadu_si256(MASKS.as_ptr().add(4 - count.min(4)).cast());
            Self(_mm256_and_pd(self.0, _mm256_castsi256_pd(mask)))
        }
    }
    #[inline(always)]
    unsafe fn add_first(self, count: usize, to: *mut f64) {
        unsafe { self.first(count).add(Self::load(to)).store(to) }
    }
    #[inline(always)]
    unsafe fn first_lane(self) -> f64 {
        unsafe { _mm256_cvtsd_f64(self.0) }
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
        unsafe { Self(_mm256_cvtps_pd(Single4::load_stored(from).0)) }
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
        unsafe { Self(Double4::broadcast(from), Double4::broadcast(from)) }
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
