//! Taking keyframes out of a window without forgetting what they told of the others.

use super::problem::BundleProblem;
use super::{Bundle, BundleOptions, SquareRootPrior};
use crate::precision::{Policy, Precision};
use crate::solver::{Flat, Problem, SolverError};
use nalgebra::{DMatrix, DVector, RealField};
use std::collections::BTreeMap;

impl Bundle {
    /// The prior that keeps what `dropped` keyframes tell of the others, made at the present estimate: of the landmarks
    /// that they host, of relative poses from or to them, and of the bundle's priors that tie them. Landmarks are marginalized
    /// with their hosts; what dropped keyframes saw of landmarks hosted elsewhere is lost.
    ///
    /// The caller takes these keyframes, their landmarks, the observations of both and the relative poses out of the
    /// bundle, sets this one in place of the priors that tie them, and renumbers [`SquareRootPrior::keyframes`]. `None` if nothing ties them to the others.
    ///
    /// Computed in the precision of the policy's vectors, by orthogonal transformations alone: of `[J r]`, weighted as the
    /// solve weighs it, the columns of landmarks, then of dropped poses are eliminated by QR; what is left of the rows is
    /// the prior.
    ///
    /// # Errors
    /// [`SolverError`] if the bundle is broken or an index is out of range.
    ///
    /// # Source
    /// Demmel, Gao, Solà, Cremers, Usenko, *Square Root Marginalization for Sliding-Window Bundle Adjustment* (2021).
    pub fn marginalize(
        &self,
        dropped: &[usize],
        policy: &Policy,
        options: &BundleOptions,
    ) -> Result<Option<SquareRootPrior>, SolverError> {
        if let Some(keyframe) = dropped.iter().find(|&&keyframe| keyframe >= self.poses.len()) {
            let count = self.poses.len();
            return Err(SolverError::Problem(format!("bundle: there is no pose {keyframe} among {count} to drop")));
        }
        let mut problem = BundleProblem::new(self, options)?;
        let rows = Rows::of(self, &mut problem, dropped);
        if rows.kept.is_empty() || rows.entries.is_empty() {
            return Ok(None);
        }
        let (sqrt_information, residual) = match policy.vectors {
            Precision::F64 => rows.eliminate::<f64>(),
            _ => rows.eliminate::<f32>(),
        };
        let t_world_camera = rows.kept.iter().map(|&keyframe| self.poses[keyframe].t_world_camera).collect();
        Ok(Some(SquareRootPrior { keyframes: rows.kept, t_world_camera, sqrt_information, residual }))
    }
}

/// The rows that are to be marginalized.
struct Rows {
    /// Free keyframes that they tie and that stay.
    kept: Vec<usize>,
    /// Columns of dropped poses, which come first, then of kept ones.
    dropped_columns: usize,
    columns: usize,
    /// By landmark, rows that touch none last: row by row its column, then those of poses, then the residual.
    entries: BTreeMap<usize, Vec<Vec<f64>>>,
}

impl Rows {
    fn of(bundle: &Bundle, problem: &mut BundleProblem, dropped: &[usize]) -> Self {
        let is_dropped = |keyframe: usize| dropped.contains(&keyframe);
        let frame_count = bundle.poses.len();
        let hosts: Vec<usize> = problem.landmarks.iter().map(|&index| bundle.landmarks[index].host).collect();
        let flat = Flat::<_, 3, 6, 1>::new(problem);
        let structure = flat.structure();
        let mut residuals = vec![0.0f64; structure.row_count()];
        let mut jacobian = vec![0.0f64; structure.entry_count()];
        flat.residuals(&mut residuals);
        flat.linearize(&mut jacobian);

        let chosen: Vec<usize> = (0..structure.residual_block_count())
            .filter(|&block| {
                let landmark = structure.variables_of(block).find_map(|variable| variable.checked_sub(frame_count));
                match landmark {
                    Some(landmark) => is_dropped(hosts[landmark]),
                    None => structure.variables_of(block).any(is_dropped),
                }
            })
            .collect();
        let mut frames: Vec<usize> = chosen.iter().flat_map(|&block| structure.variables_of(block)).collect();
        frames.retain(|&variable| variable < frame_count && structure.column(variable).is_some());
        frames.sort_by_key(|&frame| (!is_dropped(frame), frame));
        frames.dedup();
        let dropped_count = frames.iter().filter(|&&frame| is_dropped(frame)).count();
        let place: BTreeMap<usize, usize> = frames.iter().enumerate().map(|(i, &frame)| (frame, 1 + 6 * i)).collect();
        let columns = 6 * frames.len();

        let mut entries: BTreeMap<usize, Vec<Vec<f64>>> = BTreeMap::new();
        for &block in &chosen {
            let rows = structure.rows(block);
            let squared_norm = residuals[rows.clone()].iter().map(|r| r * r).sum();
            let weight = flat.loss(block).evaluate(squared_norm).1.sqrt();
            let width = structure.entries(block).len() / rows.len();
            for (row, values) in rows.zip(jacobian[structure.entries(block)].chunks_exact(width)) {
                let mut dense = vec![0.0; columns + 2];
                let (mut next, mut landmark) = (0, usize::MAX);
                for variable in structure.variables_of(block) {
                    let (first, size) = if variable < frame_count {
                        (place.get(&variable).copied(), 6)
                    } else {
                        landmark = variable - frame_count;
                        (Some(0), 1)
                    };
                    if let Some(first) = first {
                        for (to, value) in dense[first..first + size].iter_mut().zip(&values[next..next + size]) {
                            *to = weight * value;
                        }
                    }
                    next += size;
                }
                dense[columns + 1] = weight * residuals[row];
                // A monocular observation has no right column: its row is zero.
                if dense.iter().any(|value| *value != 0.0) {
                    entries.entry(landmark).or_default().push(dense);
                }
            }
        }
        let dropped_columns = 6 * dropped_count;
        Self { kept: frames.split_off(dropped_count), dropped_columns, columns, entries }
    }

    /// `R` and `d` of the kept poses.
    fn eliminate<T: RealField + Copy>(&self) -> (DMatrix<f64>, DVector<f64>) {
        let width = self.columns + 1;
        let mut rest: Vec<T> = Vec::new();
        for (&landmark, rows) in &self.entries {
            let stacked = DMatrix::from_fn(rows.len(), width + 1, |i, j| nalgebra::convert::<f64, T>(rows[i][j]));
            // The first row is what the landmark takes for itself.
            let (left, skipped) = if landmark == usize::MAX { (stacked, 0) } else { (triangular(stacked, 1), 1) };
            for i in skipped..left.nrows() {
                rest.extend((1..=width).map(|j| left[(i, j)]));
            }
        }
        let stacked = DMatrix::from_row_slice(rest.len() / width, width, &rest);
        let left = triangular(stacked, self.columns);
        let rows = left.nrows().min(self.columns).saturating_sub(self.dropped_columns);
        let at = |i: usize, j: usize| -> f64 {
            let value = left[(self.dropped_columns + i, self.dropped_columns + j)];
            nalgebra::try_convert(value).unwrap_or(f64::NAN)
        };
        let kept = self.columns - self.dropped_columns;
        (DMatrix::from_fn(rows, kept, at), DVector::from_fn(rows, |i, _| at(i, kept)))
    }
}

/// Zeroes what is below the diagonal in the first `columns` columns, by Householder reflections.
///
/// # Source
/// Golub, Van Loan, *Matrix Computations* (2013), 5.1 and 5.2.
fn triangular<T: RealField + Copy>(mut m: DMatrix<T>, columns: usize) -> DMatrix<T> {
    for k in 0..columns.min(m.nrows().saturating_sub(1)) {
        let mut below = m.view_range(k.., k).clone_owned();
        let norm = below.norm();
        if norm <= T::zero() {
            continue;
        }
        let first = below[0];
        below[0] = if first < T::zero() { first - norm } else { first + norm };
        let squared = below.norm_squared();
        for j in k..m.ncols() {
            let mut column = m.view_range_mut(k.., j);
            let along = below.dot(&column);
            column.axpy(-(along + along) / squared, &below, T::one());
        }
        m.view_range_mut(k + 1.., k).fill(T::zero());
    }
    m
}
