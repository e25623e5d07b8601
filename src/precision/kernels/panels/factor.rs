//! The factor of a panel and what it gives to later ones, in the vectors of x86-64: one text for AVX2 and AVX-512, for single
//! and double precision.
//!
//! Tiles begin at multiples of [`LANES`] at or above the row that they are for. What they touch above it is zero in a
//! factor, and is set to zero again where it is written.

use super::super::x86_vectors::Vector;
use super::{LANES, NotFinite, PanelShape, SmallPivot, group, invert_diagonal, store_inverse};
use crate::precision::Scalar;

/// Subtracts from a tile of `M` vectors by `N` columns the product of `depth` columns of `rows` with those of `by`.
#[inline(always)]
unsafe fn subtract_tile<L: Vector, const M: usize, const N: usize>(
    tile: *mut L::Element,
    tile_stride: usize,
    rows: *const L::Element,
    by: *const L::Element,
    stride: usize,
    depth: usize,
) {
    // SAFETY: the caller's promise that all of these rows and columns exist, and that the CPU has the features.
    unsafe {
        let mut sums = [[L::splat(L::Element::ZERO); M]; N];
        for (n, sums) in sums.iter_mut().enumerate() {
            for (m, sum) in sums.iter_mut().enumerate() {
                *sum = L::load(tile.add(n * tile_stride + m * L::COUNT));
            }
        }
        for k in 0..depth {
            let mut left = [L::splat(L::Element::ZERO); M];
            for (m, left) in left.iter_mut().enumerate() {
                *left = L::load(rows.add(k * stride + m * L::COUNT));
            }
            for (n, sums) in sums.iter_mut().enumerate() {
                let right = L::splat(*by.add(k * stride + n));
                for (sum, left) in sums.iter_mut().zip(left) {
                    *sum = sum.minus(left, right);
                }
            }
        }
        for (n, sums) in sums.iter().enumerate() {
            for (m, sum) in sums.iter().enumerate() {
                sum.store(tile.add(n * tile_stride + m * L::COUNT));
            }
        }
    }
}

/// [`subtract_tile`] for `height` rows, a multiple of the vector's length.
#[inline(always)]
unsafe fn subtract_tiles<L: Vector, const N: usize>(
    tile: *mut L::Element,
    tile_stride: usize,
    rows: *const L::Element,
    by: *const L::Element,
    stride: usize,
    depth: usize,
    height: usize,
) {
    let mut done = 0;
    while done < height {
        // SAFETY: the caller's promise.
        unsafe {
            let (tile, rows) = (tile.add(done), rows.add(done));
            let left = ((height - done) / L::COUNT).min(L::TILE);
            match left {
                4 => subtract_tile::<L, 4, N>(tile, tile_stride, rows, by, stride, depth),
                3 => subtract_tile::<L, 3, N>(tile, tile_stride, rows, by, stride, depth),
                2 => subtract_tile::<L, 2, N>(tile, tile_stride, rows, by, stride, depth),
                _ => subtract_tile::<L, 1, N>(tile, tile_stride, rows, by, stride, depth),
            }
            done += left.max(1) * L::COUNT;
        }
    }
}

#[inline(always)]
unsafe fn factor_group<L: Vector, const N: usize>(
    panel: &mut [L::Element],
    shape: PanelShape,
    first: usize,
    small: SmallPivot,
) -> Result<usize, NotFinite> {
    let stride = shape.stride();
    let top = first / LANES * LANES;
    let columns = panel[first * stride..].as_mut_ptr();
    // SAFETY: `top` and the stride are multiples of the vector's length, so tiles end with the column; the columns that
    // are read lie before those that are written.
    unsafe {
        let begin: *const L::Element = panel.as_ptr();
        subtract_tiles::<L, N>(columns.add(top), stride, begin.add(top), begin.add(first), stride, first, stride - top);
    }
    let block = &panel[first * stride + first..];
    let (inverse, raised) = invert_diagonal::<L::Element, N>(block, stride, small)?;
    let columns = &mut panel[first * stride..][..N * stride];
    let mut row = top;
    while row < stride {
        // SAFETY: as above.
        unsafe {
            let at = columns.as_mut_ptr().add(row);
            let mut values = [L::splat(L::Element::ZERO); N];
            for (c, value) in values.iter_mut().enumerate() {
                *value = L::load(at.add(c * stride));
            }
            for c in 0..N {
                let mut solved = L::splat(L::Element::ZERO);
                for (value, column) in values.iter().zip(&inverse).take(c + 1) {
                    solved = solved.plus(*value, L::splat(column[c]));
                }
                solved.store(at.add(c * stride));
            }
        }
        row += L::COUNT;
    }
    store_inverse(columns, stride, top, first, &inverse);
    Ok(raised)
}

/// [`super::factor`] in the vectors `L`.
///
/// # Safety
/// The CPU has the features of `L`, and the lengths are those that the shape says.
#[inline(always)]
pub(super) unsafe fn factor<L: Vector>(
    panel: &mut [L::Element],
    shape: PanelShape,
    small: SmallPivot,
) -> Result<usize, NotFinite> {
    let (mut raised, mut first) = (0, 0);
    // What lies above the diagonal is no part of the matrix.
    for (c, column) in panel[..shape.len()].chunks_exact_mut(shape.stride()).enumerate() {
        column[..c].fill(L::Element::ZERO);
    }
    while first < shape.columns {
        let count = group(shape, first);
        // SAFETY: the caller's promise of the features.
        raised += unsafe {
            if count == 6 {
                factor_group::<L, 6>(panel, shape, first, small)?
            } else {
                factor_group::<L, 3>(panel, shape, first, small)?
            }
        };
        first += count;
    }
    Ok(raised)
}

/// [`super::subtract_square`] in the vectors `L`.
///
/// # Safety
/// As of [`factor`]; the panel has its slack.
#[inline(always)]
pub(super) unsafe fn subtract_square<L: Vector>(panel: &[L::Element], shape: PanelShape, update: &mut [L::Element]) {
    let (stride, update_stride, below) = (shape.stride(), shape.update_stride(), shape.rows - shape.columns);
    let mut first = 0;
    while first < below {
        let count = if below - first >= 6 { 6 } else { (below - first).min(3) };
        let top = first / LANES * LANES;
        // SAFETY: rows beyond the panel's last column are in its slack; the caller has checked both lengths.
        unsafe {
            let tile = update.as_mut_ptr().add(first * update_stride + top);
            let rows = panel.as_ptr().add(shape.columns + top);
            let by = panel.as_ptr().add(shape.columns + first);
            let (depth, height) = (shape.columns, update_stride - top);
            match count {
                6 => subtract_tiles::<L, 6>(tile, update_stride, rows, by, stride, depth, height),
                3 => subtract_tiles::<L, 3>(tile, update_stride, rows, by, stride, depth, height),
                2 => subtract_tiles::<L, 2>(tile, update_stride, rows, by, stride, depth, height),
                _ => subtract_tiles::<L, 1>(tile, update_stride, rows, by, stride, depth, height),
            }
        }
        first += count;
    }
}
