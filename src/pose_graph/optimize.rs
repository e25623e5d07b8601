//! Optimizing a pose graph.

use super::preconditioner::Prepared;
use super::problem::GraphProblem;
use super::{PoseGraph, PoseGraphOptions};
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::Policy;
use crate::solver::{Loss, SolveStatistics, SolverError, minimize};
use std::time::Instant;

impl<G: RigidGroup<D>, const D: usize> PoseGraph<G, D> {
    /// Optimizes the nodes in place. On an error nothing is changed.
    ///
    /// # Errors
    /// [`SolverError`] if an index is out of range, an information matrix is not positive semidefinite, or values are
    /// not finite.
    pub fn optimize(&mut self, policy: &Policy, options: &PoseGraphOptions) -> Result<SolveStatistics, SolverError> {
        let earlier = self.prepared.take();
        let mut prepared = Prepared::of(self, earlier)?;
        let started = Instant::now();
        prepared.factor(policy.preconditioner, &options.preconditioner);
        let factor_ms = 1e3 * started.elapsed().as_secs_f64();
        let mut problem = GraphProblem::<G, D> {
            nodes: self.nodes.iter().map(G::rounded).collect(),
            measurements: &prepared.measurements,
            structure: &prepared.structure,
            variables: &prepared.variables,
            robust_loss: Loss::Huber(options.huber_sigmas),
        };
        let mut solved = minimize(&mut problem, policy, &options.solver, &mut prepared.preconditioner);
        if let Ok(statistics) = &mut solved {
            statistics.phases.factor_ms += factor_ms;
            statistics.solve_ms += factor_ms;
            for (node, (moved, &variable)) in self.nodes.iter_mut().zip(problem.nodes.iter().zip(problem.variables)) {
                if problem.structure.column(variable).is_some() {
                    *node = G::widened(moved);
                }
            }
        }
        self.prepared = Some(prepared);
        solved
    }
}
