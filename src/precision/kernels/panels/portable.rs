//! Portable panel kernels: what every other version is held to.

use super::{NotFinite, PanelShape, SmallPivot, group, invert_diagonal, store_inverse};
use crate::precision::{Scalar, f16};

/// See [`super::factor`].
pub fn factor<W: Scalar>(panel: &mut [W], shape: PanelShape, small: SmallPivot) -> Result<usize, NotFinite> {
    let (mut raised, mut first) = (0, 0);
    while first < shape.columns {
        let count = group(shape, first);
        raised += if count == 6 {
            factor_group::<W, 6>(panel, shape, first, small)?
        } else {
            factor_group::<W, 3>(panel, shape, first, small)?
        };
        first += count;
    }
    Ok(raised)
}

fn factor_group<W: Scalar, const N: usize>(
    panel: &mut [W],
    shape: PanelShape,
    first: usize,
    small: SmallPivot,
) -> Result<usize, NotFinite> {
    let stride = shape.stride();
    let (done, rest) = panel.split_at_mut(first * stride);
    for (c, column) in rest[..N * stride].chunks_exact_mut(stride).enumerate() {
        for earlier in done.chunks_exact(stride) {
            let factor = -earlier[first + c];
            for (value, entry) in column[first..shape.rows].iter_mut().zip(&earlier[first..shape.rows]) {
                *value = factor.multiply_add(*entry, *value);
            }
        }
    }
    let (inverse, raised) = invert_diagonal::<W, N>(&rest[first..], stride, small)?;
    for row in first + N..shape.rows {
        let mut solved = [W::ZERO; N];
        for (c, solved) in solved.iter_mut().enumerate() {
            for (p, column) in inverse[..=c].iter().enumerate() {
                *solved = rest[p * stride + row].multiply_add(column[c], *solved);
            }
        }
        for (c, solved) in solved.into_iter().enumerate() {
            rest[c * stride + row] = solved;
        }
    }
    store_inverse(rest, stride, 0, first, &inverse);
    Ok(raised)
}

/// See [`super::subtract_square`].
pub fn subtract_square<W: Scalar>(panel: &[W], shape: PanelShape, update: &mut [W]) {
    let below = shape.rows - shape.columns;
    for (c, column) in update.chunks_exact_mut(shape.update_stride().max(1)).take(below).enumerate() {
        for panel_column in panel[..shape.len()].chunks_exact(shape.stride()) {
            let rows = &panel_column[shape.columns + c..shape.rows];
            let factor = -rows[0];
            for (value, entry) in column[c..below].iter_mut().zip(rows) {
                *value = factor.multiply_add(*entry, *value);
            }
        }
    }
}

/// See [`super::forward`].
pub fn forward<C: Scalar, V: Scalar>(panel: &[C], shape: PanelShape, x: &mut [V]) {
    let (stride, mut first) = (shape.stride(), 0);
    while first < shape.columns {
        let count = group(shape, first);
        let columns = &panel[first * stride..(first + count) * stride];
        let mut solved = [V::ZERO; 6];
        for (c, column) in columns.chunks_exact(stride).enumerate() {
            for (solved, entry) in solved[c..count].iter_mut().zip(&column[first + c..]) {
                *solved = x[first + c].multiply_add(entry.cast(), *solved);
            }
        }
        x[first..first + count].copy_from_slice(&solved[..count]);
        for (column, solved) in columns.chunks_exact(stride).zip(solved) {
            for (value, entry) in x[first + count..shape.rows].iter_mut().zip(&column[first + count..]) {
                *value = (-solved).multiply_add(entry.cast(), *value);
            }
        }
        first += count;
    }
}

/// See [`super::backward`].
pub fn backward<C: Scalar, V: Scalar>(panel: &[C], shape: PanelShape, x: &mut [V]) {
    let (stride, mut end) = (shape.stride(), shape.columns);
    while end > 0 {
        let count = if end % 6 == 3 { 3 } else { 6 };
        let first = end - count;
        let columns = &panel[first * stride..end * stride];
        let mut solved = [V::ZERO; 6];
        for (c, column) in columns.chunks_exact(stride).enumerate() {
            let mut sum = x[first + c];
            for (value, entry) in x[end..shape.rows].iter().zip(&column[end..]) {
                sum = (-*value).multiply_add(entry.cast(), sum);
            }
            // Above the diagonal is the transposed inverse.
            for (solved, entry) in solved[..=c].iter_mut().zip(&column[first..]) {
                *solved = sum.multiply_add(entry.cast(), *solved);
            }
        }
        x[first..end].copy_from_slice(&solved[..count]);
        end = first;
    }
}

/// See [`super::round_to_half`].
pub fn round_to_half<W: Scalar>(values: &[W], halves: &mut [f16]) {
    for (half, value) in halves.iter_mut().zip(values) {
        *half = value.cast();
    }
}
