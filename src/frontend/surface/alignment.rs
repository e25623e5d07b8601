//! The motion that puts the surfaces of two frames onto each other.

use super::SurfaceImage;
use super::level::Level;
use super::pairs::{Pairs, Row};
use super::problem::StepProblem;
use crate::frontend::PosePrior;
use crate::geometry::{Se3, se3};
use crate::precision::Policy;
use crate::solver::{Preconditioner, SolverOptions, minimize};
use nalgebra::Matrix6;

/// How the camera moved between two frames, by their surfaces.
#[derive(Debug, Clone)]
pub struct SurfaceAlignment {
    /// Coordinates of the later camera into those of the earlier one.
    pub t_earlier_later: Se3,
    /// Covariance of `[ρ; φ]` in the later camera's own frame (m, rad).
    pub covariance: Matrix6<f64>,
    /// Share of the later frame's points that lie on surfaces of the earlier one.
    pub shared: f64,
}

/// Steps at each size of the image, at most: pairs are made anew for each.
const MAX_STEPS: usize = 10;

/// A step is the last one at a size if it moves points by less than this share of a cell.
const SMALL_STEP: f64 = 0.05;

/// Part of a pixel's error that all of a frame's have in common, as a share of its standard deviation: what calibration of
/// depth cameras leaves is as large as what a pixel errs by chance. No number of pixels makes a frame better than that.
const COMMON_SHARE: f64 = 0.5;

/// An alignment counts if so much of the later frame lies on surfaces of the earlier one,
const MIN_SHARED: f64 = 0.3;
/// and so much of what falls into its image,
const MIN_AGREEING: f64 = 0.66;
/// as far as depths are uncertain, by no more than so many standard deviations,
const MAX_DEPTH_SCALE: f64 = 1.5;
/// and if its own standard deviations are at most these (m at a depth of 1 m, and rad): a wall without texture does not tell
/// how one moves along it.
const MAX_SIGMA: f64 = 0.05;

/// Aligns two frames, beginning at what is expected, and where that leads nowhere at no motion; what is expected counts as far
/// as it is certain. `None` if the surfaces do not tell the motion.
///
/// - `prior`: the later camera in the earlier one.
/// - `depth_sigma_m`: standard deviation of depths at 1 m; it grows with the square of the depth.
pub fn align(
    earlier: &SurfaceImage,
    later: &SurfaceImage,
    prior: &PosePrior,
    depth_sigma_m: f64,
    policy: &Policy,
) -> Option<SurfaceAlignment> {
    let from = |start: Se3| from_coarse_to_fine(earlier, later, start, prior, depth_sigma_m, policy);
    from(prior.t_world_camera).or_else(|| from(Se3::identity()))
}

fn from_coarse_to_fine(
    earlier: &SurfaceImage,
    later: &SurfaceImage,
    start: Se3,
    prior: &PosePrior,
    depth_sigma_m: f64,
    policy: &Policy,
) -> Option<SurfaceAlignment> {
    let mut t_earlier_later = start;
    for (earlier, later) in earlier.levels.iter().zip(&later.levels).rev() {
        for _ in 0..MAX_STEPS {
            let pairs = Pairs::new(earlier, later, &t_earlier_later, depth_sigma_m);
            let step = step(pairs, prior, &t_earlier_later, policy)?;
            t_earlier_later *= se3::exp(&step);
            let moved = step.fixed_rows::<3>(0).norm() / later.typical_depth_m()? + step.fixed_rows::<3>(3).norm();
            if moved * later.camera.fx < SMALL_STEP {
                break;
            }
        }
    }
    judged(earlier.levels.first()?, later.levels.first()?, t_earlier_later, prior, depth_sigma_m)
}

/// How much less `count` pixels tell than if each erred on its own.
fn design_effect(count: usize) -> f64 {
    1.0 + count as f64 * COMMON_SHARE * COMMON_SHARE
}

/// One step of Gauss and Newton, in the precisions of the policy.
fn step(pairs: Pairs, prior: &PosePrior, t_earlier_later: &Se3, policy: &Policy) -> Option<nalgebra::Vector6<f64>> {
    let weighted = prior.information * design_effect(pairs.rows.len());
    let root = weighted.cholesky()?.l().transpose();
    let deviation = root * se3::log(&(prior.t_world_camera.inverse() * t_earlier_later));
    let expected = (0..6).map(|k| Row { residual: deviation[k], by_motion: root.row(k).into_owned() });
    let mut problem = StepProblem::new(pairs.rows.into_iter().chain(expected).collect());
    let options = SolverOptions { max_iterations: 1, ..SolverOptions::default() };
    minimize(&mut problem, policy, &options, &mut Preconditioner::BlockJacobi).ok()?;
    Some(problem.step())
}

/// The alignment with its covariance, if it counts.
fn judged(
    earlier: &Level,
    later: &Level,
    t_earlier_later: Se3,
    prior: &PosePrior,
    depth_sigma_m: f64,
) -> Option<SurfaceAlignment> {
    let pairs = Pairs::new(earlier, later, &t_earlier_later, depth_sigma_m);
    let shared = pairs.agreeing_count as f64 / pairs.point_count.max(1) as f64;
    let agreeing = pairs.agreeing_count as f64 / pairs.seen_count.max(1) as f64;
    let effect = design_effect(pairs.rows.len());
    let covariance = (pairs.information() / effect + prior.information).cholesky()?.inverse();
    let sigma = |first: usize| covariance.fixed_view::<3, 3>(first, first).symmetric_eigenvalues().max().sqrt();
    let sigmas = (sigma(0) / later.typical_depth_m()?, sigma(3));
    tracing::debug!(
        "surfaces: shared {shared:.2}, agreeing {agreeing:.2}, scale {:.2}, sigmas {:.4} {:.4}",
        pairs.depth_scale,
        sigmas.0,
        sigmas.1
    );
    let counts = shared >= MIN_SHARED
        && agreeing >= MIN_AGREEING
        && pairs.depth_scale <= MAX_DEPTH_SCALE
        && sigmas.0 <= MAX_SIGMA
        && sigmas.1 <= MAX_SIGMA;
    counts.then_some(SurfaceAlignment { t_earlier_later, covariance, shared })
}
