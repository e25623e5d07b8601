//! Optimizing a pose graph.

use super::chordal::chordal_start;
use super::prepared::Prepared;
use super::problem::GraphProblem;
use super::robust::{Graduation, graduated, loss_of, optimize_plausible};
use super::{PoseGraph, PoseGraphOptions};
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::{Policy, Precision};
use crate::solver::{LinearProblem, Preconditioner, SolveStatistics, SolverError, minimize};
use std::time::Instant;

impl<G: RigidGroup<D>, const D: usize> PoseGraph<G, D> {
    /// Optimizes the nodes in place. On an error nothing is changed.
    ///
    /// # Errors
    /// [`SolverError`] if an index is out of range, an information matrix is not positive semidefinite, or values are
    /// not finite.
    pub fn optimize(&mut self, policy: &Policy, options: &PoseGraphOptions) -> Result<SolveStatistics, SolverError> {
        match options.robust_loss.as_str() {
            "gnc" => optimize_plausible(self, policy, options),
            _ => self.optimize_all(policy, options, Graduation::FULL),
        }
    }

    /// Optimizes with all edges.
    pub(super) fn optimize_all(
        &mut self,
        policy: &Policy,
        options: &PoseGraphOptions,
        graduation: Graduation,
    ) -> Result<SolveStatistics, SolverError> {
        let policy = &policy_of_pose_graphs(policy);
        let earlier = self.prepared.take();
        let mut prepared = Prepared::of(self, earlier)?;
        let started = Instant::now();
        prepared.factor(policy.preconditioner, &options.preconditioner);
        let factor_ms = 1e3 * started.elapsed().as_secs_f64();
        let mut preconditioner = std::mem::take(&mut prepared.preconditioner);
        let mut problem = GraphProblem::<G, D> {
            nodes: self.nodes.iter().map(G::rounded).collect(),
            measurements: &prepared.measurements,
            structure: &prepared.structure,
            variables: &prepared.variables,
            robust_loss: loss_of::<D>(options),
        };
        let given_cost = problem.cost();
        let started = Instant::now();
        choose_start(&mut problem, given_cost, &prepared, &mut preconditioner, policy, options);
        let start_ms = 1e3 * started.elapsed().as_secs_f64();
        let mut solved = match options.robust_loss.as_str() {
            "gnc" => graduated(&mut problem, policy, options, &mut preconditioner, graduation),
            _ => minimize(&mut problem, policy, &options.solver, &mut preconditioner),
        };
        if let Ok(statistics) = &mut solved {
            statistics.phases.factor_ms += factor_ms;
            statistics.solve_ms += factor_ms + start_ms;
            if given_cost.is_finite() {
                statistics.initial_cost = given_cost;
            }
            for (node, (moved, &variable)) in self.nodes.iter_mut().zip(problem.nodes.iter().zip(problem.variables)) {
                if problem.structure.column(variable).is_some() {
                    *node = G::widened(moved);
                }
            }
        }
        prepared.preconditioner = preconditioner;
        self.prepared = Some(prepared);
        solved
    }

    /// How many complete factorizations its solves have taken so far.
    pub fn factorizations(&self) -> usize {
        match self.prepared.as_ref().map(|prepared| &prepared.preconditioner) {
            Some(Preconditioner::Cholesky(factor)) => factor.factor().statistics().factorizations,
            _ => 0,
        }
    }

    /// The graph linearized where it stands: `D` columns of each free node, in order.
    ///
    /// # Errors
    /// As [`Self::optimize`], of a broken graph.
    pub fn linear_problem(&self, options: &PoseGraphOptions) -> Result<LinearProblem, SolverError> {
        let prepared = Prepared::of(self, None)?;
        Ok(LinearProblem::of(&GraphProblem::<G, D> {
            nodes: self.nodes.iter().map(G::rounded).collect(),
            measurements: &prepared.measurements,
            structure: &prepared.structure,
            variables: &prepared.variables,
            robust_loss: loss_of::<D>(options),
        }))
    }
}

/// `mixed` means half precision in the triangular solves of a pose graph, and single in its products: rounded to half,
/// the Jacobian of a long chain is too far from what it was. A policy of the user's own is taken at its word.
fn policy_of_pose_graphs(policy: &Policy) -> Policy {
    match Policy::resolve("mixed") {
        Ok(mixed) if mixed == *policy => Policy { product: Precision::F32, ..mixed },
        _ => policy.clone(),
    }
}

/// Given nodes are bad when the residuals are this many standard deviations on average, squared.
const BAD_START: f64 = 20.0;

/// Puts the problem, whose cost is `given`, where the options say that the solve starts.
fn choose_start<G: RigidGroup<D>, const D: usize>(
    problem: &mut GraphProblem<G, D>,
    given: f64,
    prepared: &Prepared<G, D>,
    preconditioner: &mut Preconditioner,
    policy: &Policy,
    options: &PoseGraphOptions,
) {
    let bad = 2.0 * given > BAD_START * problem.structure.row_count() as f64;
    if options.start == "given" || (options.start == "auto" && !bad) {
        return;
    }
    match chordal_start(&problem.nodes, prepared, preconditioner, policy) {
        Ok(start) => {
            let given_nodes = std::mem::replace(&mut problem.nodes, start);
            let chordal = problem.cost();
            tracing::debug!("pose graph: cost {given:.3e} as given, {chordal:.3e} after chordal relaxation");
            let better = chordal < given;
            if options.start == "auto" && !better {
                problem.nodes = given_nodes;
            }
        }
        Err(error) => tracing::warn!("pose graph: no chordal start: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Se2, se2};
    use crate::pose_graph::{PlanarPoseGraph, PoseGraphEdge};
    use crate::solver::SolverOptions;
    use nalgebra::{Matrix3, Vector3};

    /// A closed walk round a square, measured with noise; nothing is known of its nodes.
    fn square() -> PlanarPoseGraph {
        let count = 80;
        let noise = |i: usize, k: usize| ((i * 37 + k * 11) % 19) as f64 / 9.0 - 1.0;
        let edge = |i: usize| {
            let turn = if i % 20 == 19 { std::f64::consts::FRAC_PI_2 } else { 0.0 };
            let moved =
                se2::exp(&Vector3::new(1.0 + 0.03 * noise(i, 0), 0.03 * noise(i, 1), turn + 0.01 * noise(i, 2)));
            let information = Matrix3::from_diagonal(&Vector3::new(1e3, 2e3, 1e4));
            PoseGraphEdge { from: i, to: (i + 1) % count, t_from_to: moved, information, robust: false }
        };
        PlanarPoseGraph::new(vec![Se2::identity(); count], vec![], (0..count).map(edge).collect())
    }

    #[test]
    fn a_planar_start_is_nearly_the_solution() {
        for policy in ["double", "mixed"] {
            let policy = Policy::resolve(policy).unwrap();
            let one_step = PoseGraphOptions::default();
            let solver = SolverOptions { max_iterations: 1, ..one_step.solver.clone() };
            let one_step = PoseGraphOptions { solver, ..one_step };
            let cost_with = |options| square().optimize(&policy, options).unwrap().final_cost;
            let (early, end) = (cost_with(&one_step), cost_with(&PoseGraphOptions::default()));
            assert!(early < 1.001 * end, "{early} {end}");
        }
    }

    #[test]
    fn a_step_that_promises_nothing_is_not_taken() {
        let (policy, options) = (Policy::resolve("mixed").unwrap(), PoseGraphOptions::default());
        let mut graph = square();
        graph.optimize(&policy, &options).unwrap();
        let solved = graph.clone();
        let again = graph.optimize(&policy, &options).unwrap();
        assert!(again.converged && again.iterations == 0, "{} {}", again.iterations, again.stop_reason);
        assert_eq!(graph, solved);
    }
}
