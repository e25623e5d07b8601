//! Panel kernels for x86-64 with AVX2 or AVX-512: one text for both, and for single and double precision.
//!
//! Tiles begin at multiples of [`LANES`] at or above the row that they are for. What they touch above it is zero in a
//! factor, and is set to zero again where it is written.

use super::lanes::{Lanes, LoadFrom};
use super::{LANES, NotFinite, PanelShape, SmallPivot, group, invert_diagonal, store_inverse};
use crate::precision::{Scalar, f16};
use std::any::TypeId;
use std::arch::x86_64::*;

/// Subtracts from a tile of `M` vectors by `N` columns the product of `depth` columns of `rows` with those of `by`.
#[inline(always)]
unsafe fn subtract_tile<L: Lanes, const M: usize, const N: usize>(
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
unsafe fn subtract_tiles<L: Lanes, const N: usize>(
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
unsafe fn factor_group<L: Lanes, const N: usize>(
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

#[inline(always)]
unsafe fn factor_with<L: Lanes>(
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

#[inline(always)]
unsafe fn subtract_square_with<L: Lanes>(panel: &[L::Element], shape: PanelShape, update: &mut [L::Element]) {
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

#[inline(always)]
unsafe fn forward_with<L: LoadFrom<C>, C: Scalar>(panel: &[C], shape: PanelShape, x: &mut [L::Element]) {
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

#[inline(always)]
unsafe fn backward_with<L: LoadFrom<C>, C: Scalar>(panel: &[C], shape: PanelShape, x: &mut [L::Element]) {
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

/// Eight at a time, the conversion being the same instruction in both units.
#[target_feature(enable = "avx,f16c")]
fn round_single_to_half(values: &[f32], halves: &mut [f16]) {
    for (values, halves) in values.chunks_exact(8).zip(halves.chunks_exact_mut(8)) {
        // SAFETY: eight elements of each; f16 is 16 bits of plain data.
        unsafe {
            let rounded = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(_mm256_loadu_ps(values.as_ptr()));
            _mm_storeu_si128(halves.as_mut_ptr().cast(), rounded);
        }
    }
    let whole = values.len().min(halves.len()) / 8 * 8;
    super::portable::round_to_half(&values[whole..], &mut halves[whole..]);
}

pub(super) fn round_to_half<W: Scalar>(values: &[W], halves: &mut [f16]) -> bool {
    let (Some(_), Some(values)) = (unit(), same::<W, f32>(values)) else { return false };
    // SAFETY: both units have these features.
    unsafe { round_single_to_half(values, halves) };
    true
}

/// The kernels of one vector unit.
macro_rules! unit {
    ($unit:ident, $features:literal, $single:ty, $double:ty) => {
        mod $unit {
            use super::*;

            unit!(@numeric $features, factor_single, square_single, $single, f32);
            unit!(@numeric $features, factor_double, square_double, $double, f64);
            unit!(@solves $features, forward_half_single, backward_half_single, $single, f16, f32);
            unit!(@solves $features, forward_single_single, backward_single_single, $single, f32, f32);
            unit!(@solves $features, forward_half_double, backward_half_double, $double, f16, f64);
            unit!(@solves $features, forward_single_double, backward_single_double, $double, f32, f64);
            unit!(@solves $features, forward_double_double, backward_double_double, $double, f64, f64);
        }
    };
    (@numeric $features:literal, $factor:ident, $square:ident, $lanes:ty, $work:ty) => {
        #[target_feature(enable = $features)]
        pub(super) fn $factor(panel: &mut [$work], shape: PanelShape, small: SmallPivot) -> Result<usize, NotFinite> {
            // SAFETY: this function has the features, and its caller checked the lengths.
            unsafe { factor_with::<$lanes>(panel, shape, small) }
        }
        #[target_feature(enable = $features)]
        pub(super) fn $square(panel: &[$work], shape: PanelShape, update: &mut [$work]) {
            // SAFETY: as above.
            unsafe { subtract_square_with::<$lanes>(panel, shape, update) }
        }
    };
    (@solves $features:literal, $forward:ident, $backward:ident, $lanes:ty, $storage:ty, $vector:ty) => {
        #[target_feature(enable = $features)]
        pub(super) fn $forward(panel: &[$storage], shape: PanelShape, x: &mut [$vector]) {
            // SAFETY: this function has the features, and its caller checked the lengths.
            unsafe { forward_with::<$lanes, $storage>(panel, shape, x) }
        }
        #[target_feature(enable = $features)]
        pub(super) fn $backward(panel: &[$storage], shape: PanelShape, x: &mut [$vector]) {
            // SAFETY: as above.
            unsafe { backward_with::<$lanes, $storage>(panel, shape, x) }
        }
    };
}

unit!(avx2, "avx2,fma,f16c", __m256, __m256d);
unit!(avx512, "avx2,fma,f16c,avx512f,avx512vl,avx512dq", __m512, __m512d);

/// Which of the two units this CPU has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Avx2,
    Avx512,
}

#[inline(always)]
fn unit() -> Option<Unit> {
    // The standard library keeps the answers.
    if !(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")) {
        return None;
    }
    let wide = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq");
    Some(if wide { Unit::Avx512 } else { Unit::Avx2 })
}

/// The same slice if its elements are of type `T`.
fn same<T: 'static, U: 'static>(values: &[T]) -> Option<&[U]> {
    // SAFETY: the types are the same one.
    (TypeId::of::<T>() == TypeId::of::<U>())
        .then(|| unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len()) })
}

/// The same slice if its elements are of type `T`, to be changed.
fn same_mut<T: 'static, U: 'static>(values: &mut [T]) -> Option<&mut [U]> {
    // SAFETY: the types are the same one.
    (TypeId::of::<T>() == TypeId::of::<U>())
        .then(|| unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len()) })
}

/// Calls the kernel of this CPU's unit.
macro_rules! call {
    ($unit:expr, $name:ident($($argument:expr),*)) => {
        match $unit {
            // SAFETY: the unit was found to be there.
            Unit::Avx2 => unsafe { avx2::$name($($argument),*) },
            // SAFETY: as above.
            Unit::Avx512 => unsafe { avx512::$name($($argument),*) },
        }
    };
}

pub(super) fn factor<W: Scalar>(
    panel: &mut [W],
    shape: PanelShape,
    small: SmallPivot,
) -> Option<Result<usize, NotFinite>> {
    let unit = unit()?;
    if let Some(panel) = same_mut::<W, f32>(panel) {
        return Some(call!(unit, factor_single(panel, shape, small)));
    }
    let panel = same_mut::<W, f64>(panel)?;
    Some(call!(unit, factor_double(panel, shape, small)))
}

pub(super) fn subtract_square<W: Scalar>(panel: &[W], shape: PanelShape, update: &mut [W]) -> bool {
    let Some(unit) = unit() else { return false };
    if let (Some(panel), Some(update)) = (same::<W, f32>(panel), same_mut::<W, f32>(update)) {
        call!(unit, square_single(panel, shape, update));
        return true;
    }
    if let (Some(panel), Some(update)) = (same::<W, f64>(panel), same_mut::<W, f64>(update)) {
        call!(unit, square_double(panel, shape, update));
        return true;
    }
    false
}

macro_rules! dispatch_solve {
    ($name:ident, $half_single:ident, $single_single:ident, $half_double:ident, $single_double:ident, $double_double:ident) => {
        pub(super) fn $name<C: Scalar, V: Scalar>(panel: &[C], shape: PanelShape, x: &mut [V]) -> bool {
            let Some(unit) = unit() else { return false };
            if let Some(x) = same_mut::<V, f32>(x) {
                if let Some(panel) = same::<C, f16>(panel) {
                    call!(unit, $half_single(panel, shape, x));
                } else if let Some(panel) = same::<C, f32>(panel) {
                    call!(unit, $single_single(panel, shape, x));
                } else {
                    return false;
                }
                return true;
            }
            let Some(x) = same_mut::<V, f64>(x) else { return false };
            if let Some(panel) = same::<C, f16>(panel) {
                call!(unit, $half_double(panel, shape, x));
            } else if let Some(panel) = same::<C, f32>(panel) {
                call!(unit, $single_double(panel, shape, x));
            } else if let Some(panel) = same::<C, f64>(panel) {
                call!(unit, $double_double(panel, shape, x));
            } else {
                return false;
            }
            true
        }
    };
}

dispatch_solve!(
    forward,
    forward_half_single,
    forward_single_single,
    forward_half_double,
    forward_single_double,
    forward_double_double
);
dispatch_solve!(
    backward,
    backward_half_single,
    backward_single_single,
    backward_half_double,
    backward_single_double,
    backward_double_double
);
