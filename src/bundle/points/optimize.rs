//! Adjusting a bundle of points.

use super::problem::PointProblem;
use super::{BalCamera, PointBundle, PointBundleOptions, PointCamera, RectifiedStereo};
use crate::bundle::policy_of_bundles;
use crate::precision::Policy;
use crate::solver::{LinearSolver, Loss, SolveStatistics, SolverError, minimize_separable};
use nalgebra::Point3;

impl PointBundle<BalCamera, 2> {
    /// Adjusts cameras and points in place. On an error nothing is changed.
    ///
    /// # Errors
    /// [`SolverError`] if an index is out of range, or values are not finite.
    pub fn optimize(&mut self, policy: &Policy, options: &PointBundleOptions) -> Result<SolveStatistics, SolverError> {
        adjust::<_, 2, 9>(self, policy, options)
    }
}

impl PointBundle<RectifiedStereo, 3> {
    /// Adjusts poses and points in place. On an error nothing is changed.
    ///
    /// # Errors
    /// [`SolverError`] if an index is out of range, or values are not finite.
    pub fn optimize(&mut self, policy: &Policy, options: &PointBundleOptions) -> Result<SolveStatistics, SolverError> {
        adjust::<_, 3, 6>(self, policy, options)
    }
}

fn adjust<C: PointCamera<R, D>, const R: usize, const D: usize>(
    bundle: &mut PointBundle<C, R>,
    policy: &Policy,
    options: &PointBundleOptions,
) -> Result<SolveStatistics, SolverError> {
    validate(bundle)?;
    let loss = match options.loss.as_str() {
        "huber" => Loss::Huber(options.loss_scale),
        "cauchy" => Loss::Cauchy(options.loss_scale),
        "geman_mcclure" => Loss::GemanMcClure(options.loss_scale),
        _ => Loss::Squared,
    };
    let mut problem = PointProblem::<C, R, D>::new(bundle, loss);
    let linear_solver = LinearSolver::named(&options.linear_solver);
    let statistics = minimize_separable(&mut problem, &policy_of_bundles(policy), &options.solver, linear_solver)?;
    bundle.cameras = problem.cameras;
    for (point, [x, y, z]) in bundle.points.iter_mut().zip(problem.points) {
        *point = Point3::new(x, y, z);
    }
    Ok(statistics)
}

/// Checks indices and numbers; names the first item that is wrong.
fn validate<C: PointCamera<R, D>, const R: usize, const D: usize>(
    bundle: &PointBundle<C, R>,
) -> Result<(), SolverError> {
    let problem = |text: String| Err(SolverError::Problem(format!("bundle of points: {text}")));
    let (cameras, points) = (bundle.cameras.len(), bundle.points.len());
    if bundle.fixed.len() != cameras {
        return problem(format!("{} flags for {cameras} cameras", bundle.fixed.len()));
    }
    if let Some(index) = bundle.cameras.iter().position(|camera| !camera.is_finite()) {
        return problem(format!("camera {index} is not finite"));
    }
    if let Some(index) = bundle.points.iter().position(|point| !point.iter().all(|value| value.is_finite())) {
        return problem(format!("point {index} is not finite"));
    }
    for (index, seen) in bundle.observations.iter().enumerate() {
        if seen.camera >= cameras || seen.point >= points {
            return problem(format!(
                "observation {index} is of point {} by camera {}, but there are {points} points and {cameras} cameras",
                seen.point, seen.camera
            ));
        }
        if !seen.measured.iter().all(|value| value.is_finite()) {
            return problem(format!("observation {index} is not finite"));
        }
        if !(seen.sigma_px > 0.0 && seen.sigma_px.is_finite()) {
            return problem(format!(
                "observation {index} has a standard deviation of {} px; expected > 0",
                seen.sigma_px
            ));
        }
    }
    Ok(())
}
