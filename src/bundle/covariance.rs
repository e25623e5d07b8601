//! Marginal covariance of a pose: the inverse of the Schur complement of the landmarks.

use super::problem::BundleProblem;
use crate::solver::{Problem, SolverError};
use nalgebra::{DMatrix, Matrix6};

/// The covariance of a keyframe's pose, landmarks and other poses marginalized.
///
/// `S = H_pp − Σ_l H_pl H_ll⁻¹ H_lp` with `H = Jᵀ W J`, poses `p`, landmarks `l`; the block of `S⁻¹`.
pub(super) fn pose_covariance(problem: &BundleProblem, keyframe: usize) -> Result<Matrix6<f64>, SolverError> {
    let Some(column) = problem.pose_column(keyframe) else { return Ok(Matrix6::zeros()) };
    let mut schur = pose_information(problem);
    let undetermined =
        || SolverError::Problem(format!("bundle: the measurements do not determine the pose of keyframe {keyframe}"));
    // Roundoff lets the factorization of a singular matrix pass; the diagonal of its factor shows it.
    let diagonal = schur.diagonal();
    schur.fill_upper_triangle_with_lower_triangle();
    let factor = schur.cholesky().ok_or_else(undetermined)?;
    let pivots = factor.l_dirty().diagonal();
    if pivots.iter().zip(diagonal.iter()).any(|(pivot, entry)| pivot * pivot <= 1e-13 * entry) {
        return Err(undetermined());
    }
    let mut unit = DMatrix::zeros(diagonal.len(), 6);
    unit.fixed_view_mut::<6, 6>(column, 0).fill_with_identity();
    factor.solve_mut(&mut unit);
    let block = unit.fixed_view::<6, 6>(column, 0);
    Ok((block + block.transpose()) * 0.5)
}

/// The information of all free poses, landmarks marginalized; lower triangle.
fn pose_information(problem: &BundleProblem) -> DMatrix<f64> {
    let structure = problem.structure();
    let size = problem.pose_column_count();
    let mut residuals = vec![0.0f64; structure.row_count()];
    problem.residuals(&mut residuals);
    let mut jacobian = vec![0.0f64; structure.entry_count()];
    problem.linearize(&mut jacobian);

    let mut information = DMatrix::zeros(size, size);
    // By landmark: its own information, and that with each pose.
    let mut own = vec![0.0; structure.column_count() - size];
    let mut with_poses: Vec<Vec<(usize, f64)>> = vec![Vec::new(); own.len()];
    for block in 0..structure.residual_block_count() {
        let rows = structure.rows(block);
        let squared_norm = residuals[rows.clone()].iter().map(|r| r * r).sum();
        let weight = problem.loss(block).evaluate(squared_norm).1;
        let columns: Vec<Option<usize>> = problem.columns_of(block).collect();
        for row in jacobian[structure.entries(block)].chunks_exact(columns.len()) {
            for (&column_a, &a) in columns.iter().zip(row) {
                let Some(column_a) = column_a else { continue };
                for (&column_b, &b) in columns.iter().zip(row) {
                    let Some(column_b) = column_b else { continue };
                    match (column_a.checked_sub(size), column_b.checked_sub(size)) {
                        (None, None) if column_a >= column_b => information[(column_a, column_b)] += weight * a * b,
                        (Some(landmark), None) => with_poses[landmark].push((column_b, weight * a * b)),
                        (Some(landmark), Some(_)) => own[landmark] += weight * a * b,
                        _ => {}
                    }
                }
            }
        }
    }
    for (own, mut with_poses) in own.into_iter().zip(with_poses) {
        if own <= 0.0 {
            continue;
        }
        with_poses.sort_by_key(|&(column, _)| column);
        with_poses.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            kept.1 += if same { next.1 } else { 0.0 };
            same
        });
        for &(column_a, a) in &with_poses {
            for &(column_b, b) in with_poses.iter().take_while(|(column_b, _)| *column_b <= column_a) {
                information[(column_a, column_b)] -= a * b / own;
            }
        }
    }
    information
}
