//! What the kernels need of a vector unit.

use crate::precision::Scalar;

/// Some numbers in vector registers: enough for a row of a block, 8 for blocks of six and 4 for blocks of three.
///
/// # Safety
/// Every function needs the features of its vector unit, and [`Self::WIDTH`] elements readable or writable where it
/// loads or stores, unless it says otherwise.
pub(super) trait Lanes: Copy {
    /// What each lane holds.
    type Number: Scalar;
    /// Number of lanes.
    const WIDTH: usize;
    /// Zero in every lane.
    unsafe fn zero() -> Self;
    /// The number at `from` in every lane; reads one element.
    unsafe fn broadcast(from: *const Self::Number) -> Self;
    /// The numbers from `from` on.
    unsafe fn load(from: *const Self::Number) -> Self;
    /// Writes all lanes.
    unsafe fn store(self, to: *mut Self::Number);
    /// The sum, lane by lane.
    unsafe fn add(self, other: Self) -> Self;
    /// The difference, lane by lane.
    unsafe fn subtract(self, other: Self) -> Self;
    /// `self * factor + sum`, lane by lane; of halves the product is rounded, as in [`Scalar::multiply_add`].
    unsafe fn multiply_add(self, factor: Self, sum: Self) -> Self;
    /// Lane `r` of the result is the sum of the lanes of `rows[r]`, added in the order of
    /// [`portable::sum_of_lanes`](super::portable::sum_of_lanes); lanes beyond `B` are zero.
    unsafe fn sums<const B: usize>(rows: [Self; B]) -> Self;
    /// The sum of all lanes, in every lane, added in the same order.
    unsafe fn sum_everywhere(self) -> Self;
    /// The first `count` lanes, the others zero.
    unsafe fn first(self, count: usize) -> Self;
    /// Adds the first `count` lanes to the numbers from `to` on; may add zeros behind them.
    unsafe fn add_first(self, count: usize, to: *mut Self::Number);
    /// What the first lane holds.
    unsafe fn first_lane(self) -> Self::Number;
}

/// Lanes that can be filled from numbers of another precision.
///
/// # Safety
/// As for [`Lanes`].
pub(super) trait Load<C>: Lanes {
    /// The numbers from `from` on, converted.
    unsafe fn load_stored(from: *const C) -> Self;
}

/// Row `r`, or zeros where there is none.
///
/// Helpers of vector code are functions that are always inlined, never closures: a closure that is not inlined is
/// compiled without the features.
///
/// # Safety
/// As for [`Lanes`].
#[inline(always)]
pub(super) unsafe fn row_of<L: Lanes, const B: usize>(rows: &[L; B], r: usize) -> L {
    // SAFETY: the caller's promise.
    if r < B { rows[r] } else { unsafe { L::zero() } }
}
