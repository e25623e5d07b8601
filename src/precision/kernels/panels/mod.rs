//! Dense panels: the columns of a supernode of a Cholesky factor.
//!
//! A panel has its diagonal block on top and the rows below it, column by column. From one column to the next are
//! `stride` elements, a multiple of [`LANES`]; rows beyond the last are zero. Columns are three or a multiple of it, and
//! are worked on in groups of six, the last of three if need be. A factor holds for each group the inverse of its own
//! lower triangle, mirrored above the diagonal, so that both solves find columns of it; above that it is zero.

// Elsewhere there is the portable kernel alone, and no unit to choose.
#![cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]

#[cfg(target_arch = "x86_64")]
mod factor;
pub mod portable;
#[cfg(target_arch = "x86_64")]
mod solve;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::precision::cpu::{VectorUnit, vector_unit};
use crate::precision::{Scalar, f16};

/// Strides are multiples of this, so that vector loads and stores of whole columns stay inside them.
pub const LANES: usize = 16;

/// The shape of a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PanelShape {
    /// Columns, and rows of the diagonal block: a multiple of 3.
    pub columns: usize,
    /// Rows, those of the diagonal block included.
    pub rows: usize,
}

impl PanelShape {
    /// Elements from one column to the next.
    pub fn stride(self) -> usize {
        self.rows.next_multiple_of(LANES)
    }

    /// Elements of the whole panel.
    pub fn len(self) -> usize {
        self.columns * self.stride()
    }

    /// Whether it has no columns.
    pub fn is_empty(self) -> bool {
        self.columns == 0
    }

    /// Elements from one column to the next of what the rows below the diagonal block give to later panels.
    pub fn update_stride(self) -> usize {
        (self.rows - self.columns).next_multiple_of(LANES)
    }

    /// Elements of that update.
    pub fn update_len(self) -> usize {
        (self.rows - self.columns) * self.update_stride()
    }

    fn check<T>(self, panel: &[T]) {
        assert!(self.columns.is_multiple_of(3) && self.columns <= self.rows && panel.len() >= self.len());
    }
}

/// What is done about small pivots: one below `floor` becomes `raised`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SmallPivot {
    /// The smallest pivot that is taken as it is.
    pub floor: f64,
    /// What a smaller one becomes.
    pub raised: f64,
}

/// Why a panel has no factor: a pivot is not finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotFinite;

/// Replaces a panel (lower part of the diagonal block, all rows below) by its Cholesky factor. Returns how many
/// pivots were too small and raised.
///
/// # Errors
/// [`NotFinite`] at the first pivot that is none.
///
/// # Panics
/// If the panel is shorter than its shape says.
pub fn factor<W: Scalar>(panel: &mut [W], shape: PanelShape, small: SmallPivot) -> Result<usize, NotFinite> {
    factor_with(vector_unit(), panel, shape, small)
}

/// [`factor`] on a vector unit of choice; in portable Rust where there is no kernel for it, as all that follow.
///
/// # Errors
/// As of [`factor`].
pub fn factor_with<W: Scalar>(
    unit: VectorUnit,
    panel: &mut [W],
    shape: PanelShape,
    small: SmallPivot,
) -> Result<usize, NotFinite> {
    shape.check(panel);
    #[cfg(target_arch = "x86_64")]
    if let Some(result) = x86::factor(unit, panel, shape, small) {
        return result;
    }
    portable::factor(panel, shape, small)
}

/// Subtracts `L Lᵀ` of the rows below the diagonal block from the lower part of `update`, whose columns are
/// [`PanelShape::update_stride`] apart. What lies above its diagonal or in rows beyond the last may change too.
///
/// `panel` has [`LANES`] elements more than its shape says.
///
/// # Panics
/// If `panel` or `update` is too short.
pub fn subtract_square<W: Scalar>(panel: &[W], shape: PanelShape, update: &mut [W]) {
    subtract_square_with(vector_unit(), panel, shape, update);
}

/// [`subtract_square`] on a vector unit of choice.
pub fn subtract_square_with<W: Scalar>(unit: VectorUnit, panel: &[W], shape: PanelShape, update: &mut [W]) {
    assert!(panel.len() >= shape.len() + LANES && update.len() >= shape.update_len());
    shape.check(panel);
    #[cfg(target_arch = "x86_64")]
    if x86::subtract_square(unit, panel, shape, update).is_some() {
        return;
    }
    portable::subtract_square(panel, shape, update);
}

/// The forward solve: replaces the first elements of `x` by `L⁻¹` of them and subtracts from the others, which belong to
/// the rows below, what that implies. `x` has [`PanelShape::stride`] elements, `panel` [`LANES`] more than its shape says.
///
/// # Panics
/// If `panel` or `x` is too short.
pub fn forward<C: Scalar, V: Scalar>(panel: &[C], shape: PanelShape, x: &mut [V]) {
    forward_with(vector_unit(), panel, shape, x);
}

/// [`forward`] on a vector unit of choice.
pub fn forward_with<C: Scalar, V: Scalar>(unit: VectorUnit, panel: &[C], shape: PanelShape, x: &mut [V]) {
    shape.check(panel);
    assert!(panel.len() >= shape.len() + LANES && x.len() >= shape.stride());
    #[cfg(target_arch = "x86_64")]
    if x86::forward(unit, panel, shape, x).is_some() {
        return;
    }
    portable::forward(panel, shape, x);
}

/// The backward solve: replaces the first elements of `x` by the solution of `Lᵀ`, those of the rows below being known.
/// `x` has [`PanelShape::stride`] elements, finite beyond the last row too; `panel` has [`LANES`] more than its shape says.
///
/// # Panics
/// If `panel` or `x` is too short.
pub fn backward<C: Scalar, V: Scalar>(panel: &[C], shape: PanelShape, x: &mut [V]) {
    backward_with(vector_unit(), panel, shape, x);
}

/// [`backward`] on a vector unit of choice.
pub fn backward_with<C: Scalar, V: Scalar>(unit: VectorUnit, panel: &[C], shape: PanelShape, x: &mut [V]) {
    shape.check(panel);
    assert!(panel.len() >= shape.len() + LANES && x.len() >= shape.stride());
    #[cfg(target_arch = "x86_64")]
    if x86::backward(unit, panel, shape, x).is_some() {
        return;
    }
    portable::backward(panel, shape, x);
}

/// Rounds values to half precision; one beyond its range becomes infinite.
pub fn round_to_half<W: Scalar>(values: &[W], halves: &mut [f16]) {
    round_to_half_with(vector_unit(), values, halves);
}

/// [`round_to_half`] on a vector unit of choice.
pub fn round_to_half_with<W: Scalar>(unit: VectorUnit, values: &[W], halves: &mut [f16]) {
    #[cfg(target_arch = "x86_64")]
    if x86::round_to_half(unit, values, halves).is_some() {
        return;
    }
    portable::round_to_half(values, halves);
}

/// How many columns are worked on together from column `first` on.
#[inline(always)]
fn group(shape: PanelShape, first: usize) -> usize {
    if shape.columns - first >= 6 { 6 } else { 3 }
}

/// The inverse of the Cholesky factor of the lower part of a diagonal block, column by column; and how many pivots were
/// raised.
#[inline(always)]
fn invert_diagonal<W: Scalar, const N: usize>(
    block: &[W],
    stride: usize,
    small: SmallPivot,
) -> Result<([[W; N]; N], usize), NotFinite> {
    let (mut lower, mut inverse, mut raised) = ([[W::ZERO; N]; N], [[W::ZERO; N]; N], 0);
    for c in 0..N {
        let mut pivot = block[c * stride + c];
        for column in &lower[..c] {
            pivot -= column[c] * column[c];
        }
        if !pivot.is_finite() {
            return Err(NotFinite);
        }
        if pivot.to_f64() < small.floor {
            pivot = W::from_f64(small.raised);
            raised += 1;
        }
        inverse[c][c] = W::ONE / pivot.sqrt();
        for r in c + 1..N {
            let mut sum = block[c * stride + r];
            for column in &lower[..c] {
                sum -= column[r] * column[c];
            }
            lower[c][r] = sum * inverse[c][c];
        }
    }
    for c in 0..N {
        for r in c + 1..N {
            let mut sum = W::ZERO;
            for k in c..r {
                sum -= lower[k][r] * inverse[c][k];
            }
            inverse[c][r] = sum * inverse[r][r];
        }
    }
    Ok((inverse, raised))
}

/// Puts a group's inverse into its columns, mirrored above the diagonal; rows above from `top` on become zero.
#[inline(always)]
fn store_inverse<W: Scalar, const N: usize>(
    columns: &mut [W],
    stride: usize,
    top: usize,
    first: usize,
    inverse: &[[W; N]; N],
) {
    for (c, column) in columns.chunks_exact_mut(stride).take(N).enumerate() {
        column[top..first].fill(W::ZERO);
        for (r, value) in column[first..first + N].iter_mut().enumerate() {
            *value = inverse[r.min(c)][r.max(c)];
        }
    }
}
