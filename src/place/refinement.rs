//! Refinement of a relative pose on its inliers.

use super::reprojection::{Correspondence, PixelResidual, TwoViews};
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
    /// Information of a perturbation `[ρ; φ]` of it on the right (1/m, 1/rad, squared).
    pub information: Matrix6<f64>,
}

/// Minimizes the robust reprojection residuals of `chosen` pairs, both ways, by Gauss-Newton in double precision.
/// `None` if they do not determine the pose.
pub(crate) fn refine(views: &TwoViews, start: &Se3, pairs: &[Correspondence], chosen: &[usize]) -> Option<Refined> {
    let mut t_b_a = *start;
    let mut hessian = Matrix6::zeros();
    for _ in 0..MAX_ITERATIONS {
        let mut gradient = Vector6::zeros();
        hessian = Matrix6::zeros();
        let t_a_b = t_b_a.inverse();
        for pair in chosen.iter().map(|&index| &pairs[index]) {
            for residual in [views.forward(&t_b_a, pair), views.backward(&t_a_b, pair)].into_iter().flatten() {
                accumulate(&residual, &mut hessian, &mut gradient);
            }
        }
        let step = hessian.cholesky()?.solve(&gradient);
        t_b_a *= exp(&step);
        if !step.iter().all(|v| v.is_finite()) {
            return None;
        }
        if step.norm() < STEP_TOLERANCE {
            break;
        }
    }
    t_b_a.rotation.renormalize();
    Some(Refined { t_b_a, information: hessian })
}

fn accumulate(residual: &PixelResidual, hessian: &mut Matrix6<f64>, gradient: &mut Vector6<f64>) {
    let length = residual.chi2().sqrt();
    let weight = if length > HUBER_SIGMAS { HUBER_SIGMAS / length } else { 1.0 };
    let weighted = residual.jacobian.transpose() * residual.information * weight;
    *hessian += weighted * residual.jacobian;
    *gradient += weighted * residual.e;
}
