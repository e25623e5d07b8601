//! The triangular solves with a panel, in the vectors of x86-64: one text for AVX2 and AVX-512, for every storage of the factor
//! and every vector.

use super::super::x86_vectors::LoadFrom;
use super::{LANES, PanelShape, group};
use crate::precision::Scalar;

/// Room for a group's elements in whole vectors.
type GroupValues<E> = [E; LANES];

#[inline(always)]
unsafe fn forward_group<L: LoadFrom<C>, C: Scalar, const N: usize>(
    panel: &[C],
    shape: PanelShape,
    x: &mut [L::Element],
    first: usize,
) {
    let stride = shape.stride();
    // SAFETY: the caller has checked the lengths, slack included, and has the features.
    unsafe {
        let columns = panel.as_ptr().add(first * stride);
        let mut solved: GroupValues<L::Element> = [L::Element::ZERO; LANES];
        let mut part = 0;
        while part < N {
            let mut sum = L::splat(L::Element::ZERO);
            for c in 0..N {
                let lower = L::load_from(columns.add(c * stride + first + part)).keep_from(c.saturating_sub(part));
                sum = sum.plus(lower, L::splat(x[first + c]));
            }
            sum.store(solved.as_mut_ptr().add(part));
            part += L::COUNT;
        }
        let mut by = [L::splat(L::Element::ZERO); N];
        for (by, solved) in by.iter_mut().zip(solved) {
            *by = L::splat(solved);
        }
        let mut row = first / LANES * LANES;
        while row < stride {
            let mut value = L::load(x.as_ptr().add(row));
            for (c, by) in by.iter().enumerate() {
                value = value.minus(L::load_from(columns.add(c * stride + row)), *by);
            }
            value.store(x.as_mut_ptr().add(row));
            row += L::COUNT;
        }
        x[first..first + N].copy_from_slice(&solved[..N]);
    }
}

#[inline(always)]
unsafe fn backward_group<L: LoadFrom<C>, C: Scalar, const N: usize>(
    panel: &[C],
    shape: PanelShape,
    x: &mut [L::Element],
    first: usize,
) {
    let stride = shape.stride();
    let mut values = [L::Element::ZERO; N];
    values.copy_from_slice(&x[first..first + N]);
    x[first..first + N].fill(L::Element::ZERO);
    // SAFETY: the caller has checked the lengths, slack included, and has the features.
    unsafe {
        let columns = panel.as_ptr().add(first * stride);
        let mut sums = [L::splat(L::Element::ZERO); N];
        let mut row = first / LANES * LANES;
        while row < stride {
            let known = L::load(x.as_ptr().add(row));
            for (c, sum) in sums.iter_mut().enumerate() {
                *sum = sum.plus(L::load_from(columns.add(c * stride + row)), known);
            }
            row += L::COUNT;
        }
        for (value, sum) in values.iter_mut().zip(L::sums(sums)) {
            *value -= sum;
        }
        let mut solved: GroupValues<L::Element> = [L::Element::ZERO; LANES];
        let mut part = 0;
        while part < N {
            let mut sum = L::splat(L::Element::ZERO);
            for (c, value) in values.iter().enumerate() {
                // Above the diagonal is the transposed inverse.
                let upper =
                    L::load_from(columns.add(c * stride + first + part)).keep_first((c + 1).saturating_sub(part));
                sum = sum.plus(upper, L::splat(*value));
            }
            sum.store(solved.as_mut_ptr().add(part));
            part += L::COUNT;
        }
        x[first..first + N].copy_from_slice(&solved[..N]);
    }
}

/// [`super::forward`] in the vectors `L`.
///
/// # Safety
/// The CPU has the features of `L`, and the lengths are those that the shape says, slack included.
#[inline(always)]
pub(super) unsafe fn forward<L: LoadFrom<C>, C: Scalar>(panel: &[C], shape: PanelShape, x: &mut [L::Element]) {
    let mut first = 0;
    while first < shape.columns {
        let count = group(shape, first);
        // SAFETY: the caller's promise.
        unsafe {
            if count == 6 {
                forward_group::<L, C, 6>(panel, shape, x, first);
            } else {
                forward_group::<L, C, 3>(panel, shape, x, first);
            }
        }
        first += count;
    }
}

/// [`super::backward`] in the vectors `L`.
///
/// # Safety
/// The CPU has the features of `L`, and the lengths are those that the shape says, slack included.
#[inline(always)]
pub(super) unsafe fn backward<L: LoadFrom<C>, C: Scalar>(panel: &[C], shape: PanelShape, x: &mut [L::Element]) {
    let mut first = shape.columns;
    while first > 0 {
        let count = if first % 6 == 3 { 3 } else { 6 };
        first -= count;
        // SAFETY: the caller's promise.
        unsafe {
            if count == 6 {
                backward_group::<L, C, 6>(panel, shape, x, first);
            } else {
                backward_group::<L, C, 3>(panel, shape, x, first);
            }
        }
    }
}
