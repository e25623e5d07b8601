//! Portable panel kernels: what every other version is held to.

use super::{NotFinite, PanelShape, factor_diagonal, group};
use crate::precision::{Scalar, f16};

/// See [`super::factor`].
pub fn factor<W: Scalar>(panel: &mut [W], shape: PanelShape, floor: f64) -> Result<usize, NotFinite> {
    let (mut raised, mut first) = (0, 0);
    while first < shape.columns {
        let count = group(shape, first);
        raised += if count == 6 {
            factor_group::<W, 6>(panel, shape, first, floor)?
        } else {
            factor_group::<W, 3>(panel, shape, first, floor)?
        };
        first += count;
    }
    Ok(raised)
}

fn factor_group<W: Scalar, const N: usize>(
    panel: &mut [W],
    shape: PanelShape,
    first: usize,
    floor: f64,
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
    let (lower, raised) = factor_diagonal::<W, N>(&mut rest[first..], stride, W::from_f64(floor))?;
    for c in 0..N {
        let (before, from) = rest.split_at_mut(c * stride);
        let column = &mut from[first + N..shape.rows];
        for (p, earlier) in before.chunks_exact(stride).enumerate() {
            for (value, entry) in column.iter_mut().zip(&earlier[first + N..shape.rows]) {
                *value = (-lower[p][c]).multiply_add(*entry, *value);
            }
        }
        for value in column {
            *value *= lower[c][c];
        }
        from[..first + c].fill(W::ZERO);
        from[first + c..first + N].copy_from_slice(&lower[c][c..]);
    }
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
    for (c, column) in panel[..shape.len()].chunks_exact(shape.stride()).enumerate() {
        let solved = x[c] * column[c].cast();
        x[c] = solved;
        for (value, entry) in x[c + 1..shape.rows].iter_mut().zip(&column[c + 1..shape.rows]) {
            *value = (-solved).multiply_add(entry.cast(), *value);
        }
    }
}

/// See [`super::backward`].
pub fn backward<C: Scalar, V: Scalar>(panel: &[C], shape: PanelShape, x: &mut [V]) {
    for (c, column) in panel[..shape.len()].chunks_exact(shape.stride()).enumerate().rev() {
        let mut sum = x[c];
        for (value, entry) in x[c + 1..shape.rows].iter().zip(&column[c + 1..shape.rows]) {
            sum = (-*value).multiply_add(entry.cast(), sum);
        }
        x[c] = sum * column[c].cast();
    }
}

/// See [`super::round_to_half`].
pub fn round_to_half<W: Scalar>(values: &[W], halves: &mut [f16]) {
    for (half, value) in halves.iter_mut().zip(values) {
        *half = value.cast();
    }
}
