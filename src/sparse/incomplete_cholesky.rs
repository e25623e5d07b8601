//! The incomplete Cholesky factorization by blocks.

use super::normal_matrix::NormalMatrix;
use super::{SparseError, minimum_degree, reverse_cuthill_mckee};
use crate::precision::kernels::BlockFactor;
use crate::precision::{Precision, Scalar, bf16, f16};
use crate::sparse::Structure;

crate::options! {
    /// How an incomplete Cholesky factor is made.
    pub struct CholeskyOptions {
        /// Largest level of fill: 0 keeps the pattern of the normal matrix, more is closer to the complete factor.
        fill_level: usize = 5usize, "levels", 0..=1000000, startup;
        /// Order of elimination.
        ordering: String = "minimum_degree", "", &["minimum_degree", "reverse_cuthill_mckee", "natural"], startup;
        /// Largest multiple of the diagonal that may be added when a pivot is bad.
        max_shift: f64 = 10.0, "", 0.0..=1e6, startup;
    }
}

/// A factor in one of the storage precisions.
#[derive(Debug, Clone)]
pub(crate) enum Stored<const B: usize> {
    BF16(BlockFactor<bf16, B>),
    F16(BlockFactor<f16, B>),
    F32(BlockFactor<f32, B>),
    F64(BlockFactor<f64, B>),
}

impl<const B: usize> Stored<B> {
    /// Rounds a factor to its storage; `None` if a value does not fit.
    fn of<W: Scalar>(rows: &Rows, values: &[W], precision: Precision) -> Option<Self> {
        fn round<W: Scalar, C: Scalar, const B: usize>(rows: &Rows, values: &[W]) -> Option<BlockFactor<C, B>> {
            let values = values.iter().map(|value| value.cast()).collect();
            BlockFactor::new(rows.starts.clone(), rows.positions.clone(), values)
        }
        Some(match precision {
            Precision::BF16 => Self::BF16(round(rows, values)?),
            Precision::F16 => Self::F16(round(rows, values)?),
            Precision::F32 => Self::F32(round(rows, values)?),
            Precision::F64 => Self::F64(round(rows, values)?),
        })
    }

    /// `x ← (L Lᵀ)⁻¹ x`.
    pub(crate) fn solve<V: Scalar>(&self, x: &mut [V]) {
        match self {
            Self::BF16(factor) => factor.solve(x),
            Self::F16(factor) => factor.solve(x),
            Self::F32(factor) => factor.solve(x),
            Self::F64(factor) => factor.solve(x),
        }
    }
}

/// A factor of one of the block sizes.
#[derive(Debug, Clone)]
pub(crate) enum Sized {
    Three(Stored<3>),
    Six(Stored<6>),
}

/// What making a factor took.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct CholeskyStatistics {
    /// Blocks below the diagonal.
    pub block_count: usize,
    /// Multiple of the diagonal that was added so that every pivot is good.
    pub shift: f64,
    /// Factorizations that a bad pivot ended.
    pub retries: usize,
    /// Bytes of the factor's values.
    pub bytes: usize,
}

/// A block incomplete Cholesky factor, `L Lᵀ ≈ S Jᵀ W J S`, of variables of one size (3 or 6).
///
/// Blocks lie in the order in which the triangular solves read them: for each row of blocks those left of the diagonal,
/// then the inverse of the diagonal block, each column by column. `S` holds powers of two that give the normal matrix a
/// diagonal near one, so before any shift `|L_ij| ≤ √2`: it fits half precision.
///
/// # Source
/// Saad, *Iterative Methods for Sparse Linear Systems* (2003), 10.3, fill by level; diagonal shift: Manteuffel (1980).
#[derive(Debug, Clone)]
pub struct IncompleteCholesky {
    pub(crate) block_size: usize,
    pub(crate) factor: Sized,
    precision: Precision,
    /// By position of elimination: first column of the variable in the Jacobian.
    pub(crate) columns: Vec<u32>,
    /// By column of the Jacobian: its scale in `S`.
    pub(crate) scales: Vec<f64>,
    statistics: CholeskyStatistics,
}

impl IncompleteCholesky {
    /// Factors the normal matrix of a flat Jacobian (see [`Structure`]), stored in `precision`.
    ///
    /// `weights` holds the square root of each residual block's weight, if not all are one. For a pose graph the
    /// Jacobian should be the one at zero residual: it depends on the measurements alone, so the factor serves all solves.
    ///
    /// The factor is computed in single precision, or in double if it is stored so.
    ///
    /// # Errors
    /// [`SparseError`] if free variables are not all of one size 3 or 6, if the Jacobian is not finite, or if a pivot
    /// stays bad up to `options.max_shift`.
    pub fn from_jacobian<J: Scalar>(
        structure: &Structure,
        flat: &[J],
        weights: Option<&[f64]>,
        options: &CholeskyOptions,
        precision: Precision,
    ) -> Result<Self, SparseError> {
        match structure.variables.iter().find(|variable| !variable.fixed).map_or(6, |variable| variable.size) {
            3 => Self::of_size::<3, J>(structure, flat, weights, options, precision, Sized::Three),
            _ => Self::of_size::<6, J>(structure, flat, weights, options, precision, Sized::Six),
        }
    }

    fn of_size<const B: usize, J: Scalar>(
        structure: &Structure,
        flat: &[J],
        weights: Option<&[f64]>,
        options: &CholeskyOptions,
        precision: Precision,
        sized: fn(Stored<B>) -> Sized,
    ) -> Result<Self, SparseError> {
        let matrix =
            NormalMatrix::<B>::assemble(structure, flat, weights, options.fill_level, |adjacency| {
                match options.ordering.as_str() {
                    "natural" => (0..adjacency.rows()).collect(),
                    "reverse_cuthill_mckee" => reverse_cuthill_mckee(adjacency),
                    _ => minimum_degree(adjacency),
                }
            })?;
        match precision {
            Precision::F64 => Self::of_matrix::<f64, B>(matrix, options, precision, sized),
            _ => Self::of_matrix::<f32, B>(matrix, options, precision, sized),
        }
    }

    fn of_matrix<W: Scalar, const B: usize>(
        matrix: NormalMatrix<B>,
        options: &CholeskyOptions,
        precision: Precision,
        sized: fn(Stored<B>) -> Sized,
    ) -> Result<Self, SparseError> {
        let rows = Rows::of(&matrix.pattern);
        let mut statistics = CholeskyStatistics { block_count: matrix.blocks.len(), ..CholeskyStatistics::default() };
        let stored = loop {
            let bad = match factorize::<W, B>(&matrix, &rows, statistics.shift) {
                Ok(values) => match Stored::of(&rows, values.as_flattened().as_flattened(), precision) {
                    Some(stored) => break stored,
                    None => 0,
                },
                Err(position) => position,
            };
            if statistics.shift >= options.max_shift {
                let column = matrix.columns.get(bad).map_or(0, |&column| column as usize);
                return Err(SparseError::Pivot { column, max_shift: options.max_shift });
            }
            statistics.retries += 1;
            statistics.shift = (4.0 * statistics.shift).max(FIRST_SHIFT);
        };
        statistics.bytes = rows.positions.len() * B * B * bytes_of(precision);
        Ok(Self {
            block_size: B,
            factor: sized(stored),
            precision,
            columns: matrix.columns,
            scales: matrix.scales,
            statistics,
        })
    }

    /// What making it took.
    pub fn statistics(&self) -> CholeskyStatistics {
        self.statistics
    }

    /// Number of unknowns.
    pub fn column_count(&self) -> usize {
        self.scales.len()
    }

    /// The precision in which it is stored.
    pub fn precision(&self) -> Precision {
        self.precision
    }
}

fn bytes_of(precision: Precision) -> usize {
    match precision {
        Precision::BF16 | Precision::F16 => 2,
        Precision::F32 => 4,
        Precision::F64 => 8,
    }
}

/// The first shift after a bad pivot; it grows fourfold.
const FIRST_SHIFT: f64 = 1e-3;
/// The smallest pivot, against a diagonal near one, whose inverse is still well inside half precision.
const SMALLEST_PIVOT: f64 = 1e-8;

/// The rows of a factor: the pattern with each row's diagonal behind it.
struct Rows {
    starts: Vec<u32>,
    positions: Vec<u32>,
}

impl Rows {
    fn of(pattern: &sprs::CsMatI<u32, u32>) -> Self {
        let mut rows = Self { starts: vec![0], positions: Vec::with_capacity(pattern.nnz() + pattern.rows()) };
        for (row, entries) in pattern.outer_iterator().enumerate() {
            rows.positions.extend_from_slice(entries.indices());
            rows.positions.push(row as u32);
            rows.starts.push(rows.positions.len() as u32);
        }
        rows
    }

    fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.starts[row] as usize..self.starts[row + 1] as usize
    }
}

type Block<W, const B: usize> = [[W; B]; B];

/// The blocks of `L` row by row, diagonal blocks inverted; or the position of the first bad pivot.
fn factorize<W: Scalar, const B: usize>(
    matrix: &NormalMatrix<B>,
    rows: &Rows,
    shift: f64,
) -> Result<Vec<Block<W, B>>, usize> {
    let zero = [[W::ZERO; B]; B];
    let mut factor: Vec<Block<W, B>> = vec![zero; rows.positions.len()];
    // By column: where its block is in the present row.
    let mut place = vec![u32::MAX; matrix.columns.len()];
    let mut source = matrix.blocks.iter();
    for row in 0..matrix.columns.len() {
        let range = rows.range(row);
        let (done, present) = factor.split_at_mut(range.start);
        let positions = &rows.positions[range.clone()];
        let (&diagonal, left) = positions.split_last().unwrap_or((&0, &[]));
        debug_assert_eq!(diagonal as usize, row);
        let mut pivot = matrix.diagonal[row].map(|column| column.map(W::from_f64));
        for (c, column) in pivot.iter_mut().enumerate() {
            column[c] += W::from_f64(shift);
        }
        for (k, (&column, block)) in left.iter().zip(&mut source).enumerate() {
            let mut sum = block.map(|column| column.map(W::from_f64));
            let other = rows.range(column as usize);
            for (entry, &shared) in other.clone().zip(&rows.positions[other.start..other.end - 1]) {
                let at = place[shared as usize];
                if at != u32::MAX {
                    subtract_product(&mut sum, &present[at as usize], &done[entry]);
                }
            }
            present[k] = times_transposed(&sum, &done[other.end - 1]);
            place[column as usize] = k as u32;
            let solved = present[k];
            subtract_product(&mut pivot, &solved, &solved);
        }
        for &column in left {
            place[column as usize] = u32::MAX;
        }
        present[left.len()] = inverse_of_cholesky(&pivot).ok_or(row)?;
    }
    Ok(factor)
}

/// `sum -= x yᵀ`, all column by column.
#[inline(always)]
fn subtract_product<W: Scalar, const B: usize>(sum: &mut Block<W, B>, x: &Block<W, B>, y: &Block<W, B>) {
    for (x, y) in x.iter().zip(y) {
        for (column, &factor) in sum.iter_mut().zip(y) {
            for (value, &x) in column.iter_mut().zip(x) {
                *value -= x * factor;
            }
        }
    }
}

/// `x yᵀ`, all column by column.
#[inline(always)]
fn times_transposed<W: Scalar, const B: usize>(x: &Block<W, B>, y: &Block<W, B>) -> Block<W, B> {
    let mut product = [[W::ZERO; B]; B];
    for (x, y) in x.iter().zip(y) {
        for (column, &factor) in product.iter_mut().zip(y) {
            for (value, &x) in column.iter_mut().zip(x) {
                *value += x * factor;
            }
        }
    }
    product
}

/// The inverse of the lower Cholesky factor of a block; `None` if a pivot is too small or not finite.
fn inverse_of_cholesky<W: Scalar, const B: usize>(block: &Block<W, B>) -> Option<Block<W, B>> {
    let mut lower = [[W::ZERO; B]; B];
    for c in 0..B {
        for r in c..B {
            let mut sum = block[c][r];
            for column in &lower[..c] {
                sum -= column[r] * column[c];
            }
            if r == c {
                if !(sum.to_f64() > SMALLEST_PIVOT && sum.is_finite()) {
                    return None;
                }
                lower[c][c] = sum.sqrt();
            } else {
                lower[c][r] = sum / lower[c][c];
            }
        }
    }
    let mut inverse = [[W::ZERO; B]; B];
    for c in 0..B {
        inverse[c][c] = W::ONE / lower[c][c];
        for r in c + 1..B {
            let mut sum = W::ZERO;
            for k in c..r {
                sum -= lower[k][r] * inverse[c][k];
            }
            inverse[c][r] = sum / lower[r][r];
        }
    }
    Some(inverse)
}
