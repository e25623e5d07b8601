//! Dense panels: the columns of a supernode of a Cholesky factor.
//!
//! A panel has its diagonal block on top and the rows below it, column by column. From one column to the next are
//! `stride` elements, a multiple of [`LANES`]; rows beyond the last are zero. Columns are three or a multiple of it, and
//! are worked on in groups of six, the last of three if need be. A factor holds for each group the inverse of its own
//! lower triangle, mirrored above the diagonal, so that both solves find columns of it; above that it is zero.

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod lanes;
pub mod portable;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod vectorized;

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
    shape.check(panel);
    #[cfg(target_arch = "x86_64")]
    if let Some(result) = vectorized::factor(panel, shape, small) {
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
    assert!(panel.len() >= shape.len() + LANES && update.len() >= shape.update_len());
    shape.check(panel);
    #[cfg(target_arch = "x86_64")]
    if vectorized::subtract_square(panel, shape, update) {
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
    shape.check(panel);
    assert!(panel.len() >= shape.len() + LANES && x.len() >= shape.stride());
    #[cfg(target_arch = "x86_64")]
    if vectorized::forward(panel, shape, x) {
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
    shape.check(panel);
    assert!(panel.len() >= shape.len() + LANES && x.len() >= shape.stride());
    #[cfg(target_arch = "x86_64")]
    if vectorized::backward(panel, shape, x) {
        return;
    }
    portable::backward(panel, shape, x);
}

/// Rounds values to half precision; one beyond its range becomes infinite.
pub fn round_to_half<W: Scalar>(values: &[W], halves: &mut [f16]) {
    #[cfg(target_arch = "x86_64")]
    if vectorized::round_to_half(values, halves) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: SmallPivot = SmallPivot { floor: 1e-7, raised: 1e-4 };

    /// A panel whose diagonal block is positive definite, with slack behind it.
    fn panel<W: Scalar>(shape: PanelShape, seed: u64) -> Vec<W> {
        let mut state = seed.wrapping_mul(2) | 1;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5
        };
        let mut values = vec![W::ZERO; shape.len() + LANES];
        for column in 0..shape.columns {
            for row in column..shape.rows {
                let dominant = if row == column { 0.7 * shape.columns as f64 } else { 0.0 };
                values[column * shape.stride() + row] = W::from_f64(next() + dominant);
            }
        }
        values
    }

    fn wide<W: Scalar>(values: &[W]) -> Vec<f64> {
        values.iter().map(|v| v.to_f64()).collect()
    }

    fn largest_gap(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    fn held_to_portable<W: Scalar, C: Scalar>(shape: PanelShape, seed: u64, roundoff: f64) {
        let mut ours = panel::<W>(shape, seed);
        let mut twin = ours.clone();
        let depth = (shape.columns + 1) as f64;
        assert_eq!(factor(&mut ours, shape, SMALL), portable::factor(&mut twin, shape, SMALL));
        assert!(largest_gap(&wide(&ours), &wide(&twin)) < 4.0 * depth * roundoff);

        let below = shape.rows - shape.columns;
        let (mut update, mut expected) = (vec![W::ZERO; shape.update_len()], vec![W::ZERO; shape.update_len()]);
        subtract_square(&twin, shape, &mut update);
        portable::subtract_square(&twin, shape, &mut expected);
        for column in 0..below {
            let lower = column * shape.update_stride() + column..column * shape.update_stride() + below;
            assert!(largest_gap(&wide(&update[lower.clone()]), &wide(&expected[lower])) < 4.0 * depth * roundoff);
        }

        let stored: Vec<C> = twin.iter().map(|v| v.cast()).collect();
        let b: Vec<W> = (0..shape.stride())
            .map(|i| W::from_f64(if i < shape.rows { 1.0 / (1.0 + i as f64) } else { 0.0 }))
            .collect();
        for (solve, twin) in [
            (
                forward::<C, W> as fn(&[C], PanelShape, &mut [W]),
                portable::forward::<C, W> as fn(&[C], PanelShape, &mut [W]),
            ),
            (backward::<C, W>, portable::backward::<C, W>),
        ] {
            let (mut x, mut expected) = (b.clone(), b.clone());
            solve(&stored, shape, &mut x);
            twin(&stored, shape, &mut expected);
            assert!(largest_gap(&wide(&x), &wide(&expected)) < 8.0 * shape.rows as f64 * roundoff);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn every_kernel_is_held_to_its_portable_twin(threes in 1usize..30, below in 0usize..90, seed in 0u64..1000) {
            let shape = PanelShape { columns: 3 * threes, rows: 3 * threes + below };
            held_to_portable::<f32, f16>(shape, seed, f32::EPSILON as f64);
            held_to_portable::<f32, f32>(shape, seed, f32::EPSILON as f64);
            held_to_portable::<f64, f64>(shape, seed, f64::EPSILON);
            held_to_portable::<f64, f32>(shape, seed, f64::EPSILON);
            held_to_portable::<f64, f16>(shape, seed, f64::EPSILON);
        }

        #[test]
        fn a_factor_solves_what_it_was_made_of(threes in 1usize..12, seed in 0u64..1000) {
            let shape = PanelShape { columns: 3 * threes, rows: 3 * threes };
            let matrix = panel::<f64>(shape, seed);
            let mut factored = matrix.clone();
            prop_assert_eq!(factor(&mut factored, shape, SMALL), Ok(0));
            let mut x: Vec<f64> = (0..shape.stride()).map(|i| if i < shape.rows { i as f64 - 2.0 } else { 0.0 }).collect();
            let b = x.clone();
            forward(&factored, shape, &mut x);
            backward(&factored, shape, &mut x);
            for (row, b) in b.iter().enumerate().take(shape.rows) {
                let at = |i: usize, j: usize| matrix[i.min(j) * shape.stride() + i.max(j)];
                let sum: f64 = (0..shape.rows).map(|column| at(row, column) * x[column]).sum();
                prop_assert!((sum - b).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn rounding_is_that_of_the_type() {
        let values: Vec<f32> = (0..70).map(|i| (1.3f32).powi(i - 40) * if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let (mut ours, mut twin) = (vec![f16::ZERO; 70], vec![f16::ZERO; 70]);
        round_to_half(&values, &mut ours);
        portable::round_to_half(&values, &mut twin);
        assert_eq!(ours, twin);
    }

    #[test]
    fn bad_pivots_are_raised_or_refused() {
        let shape = PanelShape { columns: 3, rows: 4 };
        let mut panel = vec![0.0f32; shape.len() + LANES];
        panel[0] = 1.0;
        assert_eq!(factor(&mut panel, shape, SMALL), Ok(2));
        assert!((panel[shape.stride() + 1] - 100.0).abs() < 1e-3);
        panel[2 * shape.stride() + 2] = f32::NAN;
        assert_eq!(factor(&mut panel, shape, SMALL), Err(NotFinite));
    }
}
