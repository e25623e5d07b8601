//! Adjusting a bundle of points.

use super::problem::PointProblem;
use super::strays::strays;
use super::{BalCamera, PointBundle, PointBundleOptions, PointCamera, RadialTangentialCamera, RectifiedStereo};
use crate::bundle::policy_of_bundles;
use crate::precision::Policy;
use crate::solver::{LinearSolver, Loss, Separable, SolveStatistics, SolverError, minimize_separable};
use nalgebra::Point3;

impl PointBundle<BalCamera, 2> {
    /// Adjusts cameras and points in place. On an error nothing is changed. Below double precision a solve that reaches the
    /// limit of iterations is repeated from its start one precision higher.
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

impl PointBundle<RadialTangentialCamera, 2> {
    /// Adjusts poses and points in place; the lens stays as it is. On an error nothing is changed.
    ///
    /// # Errors
    /// [`SolverError`] if an index is out of range, or values are not finite.
    pub fn optimize(&mut self, policy: &Policy, options: &PointBundleOptions) -> Result<SolveStatistics, SolverError> {
        adjust::<_, 2, 6>(self, policy, options)
    }
}

fn adjust<C: PointCamera<R, D>, const R: usize, const D: usize>(
    bundle: &mut PointBundle<C, R>,
    policy: &Policy,
    options: &PointBundleOptions,
) -> Result<SolveStatistics, SolverError> {
    validate(bundle)?;
    let values = |bundle: &PointBundle<C, R>| (bundle.cameras.clone(), bundle.points.clone());
    let (cameras, points) = values(bundle);
    let statistics = solve(bundle, policy, options)?;
    let Some((mut strays, indices)) = strays(bundle, &cameras, &points) else { return Ok(statistics) };
    let end = values(bundle);
    // Alone first: beside points that are far from their places the others would take wrong steps.
    let again = solve(&mut strays, policy, options).and_then(|_| {
        indices.iter().zip(&strays.points).for_each(|(&index, point)| bundle.points[index] = *point);
        solve(bundle, policy, options)
    });
    let is_better = again.as_ref().is_ok_and(|again| again.final_cost < statistics.final_cost);
    if !is_better {
        (bundle.cameras, bundle.points) = end;
    }
    let both = statistics.followed_by(again.unwrap_or_default(), is_better);
    let done = if is_better { " and were set back" } else { "" };
    let stop_reason = format!("{}; {} points came to lie behind their cameras{done}", both.stop_reason, indices.len());
    Ok(SolveStatistics { stop_reason, ..both })
}

fn solve<C: PointCamera<R, D>, const R: usize, const D: usize>(
    bundle: &mut PointBundle<C, R>,
    policy: &Policy,
    options: &PointBundleOptions,
) -> Result<SolveStatistics, SolverError> {
    let loss = match options.loss.as_str() {
        "huber" => Loss::Huber(options.loss_scale),
        "cauchy" => Loss::Cauchy(options.loss_scale),
        "geman_mcclure" => Loss::GemanMcClure(options.loss_scale),
        _ => Loss::Squared,
    };
    let mut problem = PointProblem::<C, R, D>::new(bundle, loss);
    let linear_solver = LinearSolver::named(&options.linear_solver);
    let mut policy = policy_of_bundles(policy);
    let start = problem.state();
    let mut statistics = minimize_separable(&mut problem, &policy, &options.solver, linear_solver)?;
    // Rounding may lead into a valley that has no end within the limit, where exact steps find another.
    while let Some(raised) = policy.raised().filter(|_| !statistics.converged && !policy.naive) {
        let end = problem.state();
        problem.restore(&start);
        let mut again = minimize_separable(&mut problem, &raised, &options.solver, linear_solver)?;
        again
            .escalations
            .insert(0, format!("{}: solved again from the start in higher precision", statistics.stop_reason));
        let is_better = again.final_cost <= statistics.final_cost;
        if !is_better {
            problem.restore(&end);
        }
        statistics = statistics.followed_by(again, is_better);
        policy = raised;
    }
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
