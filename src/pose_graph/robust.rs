//! Edges that may be wrong: their loss, its graduation, and which of them the result rejects.

use super::problem::GraphProblem;
use super::{PoseGraph, PoseGraphOptions};
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::Policy;
use crate::solver::{Loss, Preconditioner, SolveStatistics, SolverError, SolverOptions, minimize};

/// By how much the scale of the graduated loss is divided from one solve to the next.
const GRADUATION: f64 = 1.4;

/// The loss of robust edges, at the end of its graduation if it is graduated.
pub(super) fn loss_of<const D: usize>(options: &PoseGraphOptions) -> Loss {
    match options.robust_loss.as_str() {
        "cauchy" => Loss::Cauchy(options.robust_sigmas),
        "geman_mcclure" | "gnc" => Loss::GemanMcClure(limit::<D>(options).sqrt()),
        _ => Loss::Huber(options.robust_sigmas),
    }
}

/// The squared whitened residual beyond which an edge is taken to be wrong: so many standard deviations above what is
/// expected of `D` residuals, by the mean `D` and the variance `2D` of the χ² distribution.
fn limit<const D: usize>(options: &PoseGraphOptions) -> f64 {
    D as f64 + options.robust_sigmas * (2.0 * D as f64).sqrt()
}

/// Solves with a loss that begins as the square for all residuals and becomes that of Geman and McClure by and by, so
/// that edges which contradict the others lose their say before the good ones have bent to them.
///
/// # Errors
/// As of [`minimize`].
///
/// # Source
/// Yang, Antonante, Tzoumas, Carlone, *Graduated non-convexity for robust spatial perception* (2020), remark 5.
pub(super) fn graduated<G: RigidGroup<D>, const D: usize>(
    problem: &mut GraphProblem<G, D>,
    policy: &Policy,
    options: &PoseGraphOptions,
    preconditioner: &mut Preconditioner,
) -> Result<SolveStatistics, SolverError> {
    let limit = limit::<D>(options);
    let robust = problem.squared_residuals().into_iter().zip(problem.measurements).filter(|(_, edge)| edge.robust);
    let largest = robust.map(|(squared, _)| squared).fold(0.0, f64::max);
    let mut scale = (2.0 * largest / limit).max(1.0);
    let coarse = SolverOptions { max_iterations: 2, ..options.solver.clone() };
    let mut total = SolveStatistics::default();
    while scale > 1.0 && scale.is_finite() {
        problem.robust_loss = Loss::GemanMcClure((scale * limit).sqrt());
        add(&mut total, minimize(problem, policy, &coarse, preconditioner)?);
        scale /= GRADUATION;
    }
    problem.robust_loss = Loss::GemanMcClure(limit.sqrt());
    add(&mut total, minimize(problem, policy, &options.solver, preconditioner)?);
    Ok(total)
}

/// Adds the work of a later solve, whose end is that of both.
fn add(total: &mut SolveStatistics, later: SolveStatistics) {
    let earlier = std::mem::replace(total, later);
    total.iterations += earlier.iterations;
    total.rejected_steps += earlier.rejected_steps;
    total.cg_iterations += earlier.cg_iterations;
    total.flushed_to_zero += earlier.flushed_to_zero;
    total.solve_ms += earlier.solve_ms;
    total.escalations.splice(..0, earlier.escalations);
    total.cost_history.splice(..0, earlier.cost_history);
    let (sum, part) = (&mut total.phases, earlier.phases);
    sum.residual_ms += part.residual_ms;
    sum.jacobian_ms += part.jacobian_ms;
    sum.factor_ms += part.factor_ms;
    sum.triangular_ms += part.triangular_ms;
    sum.product_ms += part.product_ms;
    sum.linear_ms += part.linear_ms;
    sum.update_ms += part.update_ms;
}

impl<G: RigidGroup<D>, const D: usize> PoseGraph<G, D> {
    /// The robust edges that contradict the nodes: their squared whitened residual is more than `robust_sigmas`
    /// standard deviations above what is expected of it. Edges that the graph cannot have are left out.
    pub fn rejected_edges(&self, options: &PoseGraphOptions) -> Vec<usize> {
        let limit = limit::<D>(options);
        let contradicts = |&index: &usize| {
            let edge = &self.edges[index];
            let (Some(from), Some(to)) = (self.nodes.get(edge.from), self.nodes.get(edge.to)) else { return false };
            let relative = G::relative(&from.rounded::<f64>(), &to.rounded::<f64>());
            let residual = nalgebra::SVector::<f64, D>::from(G::residual(&edge.t_from_to.rounded(), &relative));
            edge.robust && residual.dot(&(edge.information * residual)) > limit
        };
        (0..self.edges.len()).filter(contradicts).collect()
    }
}
