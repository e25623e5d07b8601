//! Refinement of a relative pose on its inliers.

use super::reprojection::{Correspondence, Motion, Residual, TwoViews};
use crate::geometry::{Se3, se3::exp};
use nalgebra::{Matrix6, Vector6};

/// Iterations at most; from a RANSAC pose three or four suffice.
const MAX_ITERATIONS: usize = 10;
/// Residuals of more standard deviations than this count linearly (Huber).
const HUBER_SIGMAS: f64 = 1.5;
/// A step shorter than this (m, rad) ends the iteration.
const STEP_TOLERANCE: f64 = 1e-6;

/// A refined pose.
#[derive(Debug, Clone)]
pub(crate) struct Refined {
    /// First camera's coordinates into the second's.
    pub t_b_a: Se3,
    /// Covariance of a perturbation `[ρ; φ]` of it on the right (m, rad), by the spread of the residuals.
    pub covariance: Matrix6<f64>,
}

/// Minimizes the robust residuals of `chosen` pairs by Gauss-Newton in double precision. `None` if they do not determine
/// the pose.
pub(crate) fn refine(views: &TwoViews, start: &Se3, pairs: &[Correspondence], chosen: &[usize]) -> Option<Refined> {
    let mut t_b_a = *start;
    let mut hessian = Matrix6::zeros();
    for _ in 0..MAX_ITERATIONS {
        let mut gradient = Vector6::zeros();
        hessian = Matrix6::zeros();
        let motion = Motion::new(&t_b_a);
        for residual in chosen.iter().filter_map(|&index| views.residual(&motion, &pairs[index])) {
            let length = residual.chi2().sqrt();
            let weight = if length > HUBER_SIGMAS { HUBER_SIGMAS / length } else { 1.0 };
            let jacobian = residual.jacobian(&motion);
            let weighted = jacobian.transpose() * residual.information * weight;
            hessian += weighted * jacobian;
            gradient += weighted * residual.e;
        }
        let step = hessian.cholesky()?.solve(&gradient);
        if !step.iter().all(|v| v.is_finite()) {
            return None;
        }
        t_b_a *= exp(&step);
        if step.norm() < STEP_TOLERANCE {
            break;
        }
    }
    t_b_a.rotation.renormalize();
    Some(Refined { t_b_a, covariance: hessian.cholesky()?.inverse() * variance_factor(views, &t_b_a, pairs, chosen) })
}

/// The variance of unit weight: how much larger the residuals' squares are than stated, by their median, which the
/// outliers among them hardly move.
fn variance_factor(views: &TwoViews, t_b_a: &Se3, pairs: &[Correspondence], chosen: &[usize]) -> f64 {
    let motion = Motion::new(t_b_a);
    let ratio = |residual: Residual| residual.chi2() / if residual.row_count == 3 { 2.366 } else { 1.386 };
    let mut ratios: Vec<f64> =
        chosen.iter().filter_map(|&index| views.residual(&motion, &pairs[index]).map(ratio)).collect();
    if ratios.is_empty() {
        return 1.0;
    }
    let middle = ratios.len() / 2;
    *ratios.select_nth_unstable_by(middle, f64::total_cmp).1
}
