//! What the iterative solver is compared with: Gauss-Newton with a sparse Cholesky factor of the whole problem.

use crate::geometry::se3;
use crate::pose_graph::{PoseGraph, PoseGraphOptions};
use crate::precision::Precision;
use crate::solver::{LinearProblem, SolverError};
use crate::sparse::{CholeskyOptions, IncompleteCholesky};
use nalgebra::Vector6;

/// Levels of fill that no factor reaches: it is complete.
const COMPLETE: usize = 1_000_000;

/// Optimizes a graph in double precision; each step factors the normal matrix at the present state completely, in the
/// order of least degree. Ends when the cost falls by less than the options' relative tolerance; a step that does not
/// decrease it is taken back. Gives the number of factorizations.
///
/// # Errors
/// [`SolverError`] if the graph is broken or its normal matrix singular.
pub(super) fn optimize_directly(graph: &mut PoseGraph, options: &PoseGraphOptions) -> Result<usize, SolverError> {
    let complete = CholeskyOptions { fill_level: COMPLETE, max_shift: 0.0, ..options.preconditioner.clone() };
    let mut linear = graph.linear_problem(options)?;
    for factorizations in 1..=options.solver.max_iterations {
        let LinearProblem { structure, jacobian, weights, .. } = &linear;
        let factor = IncompleteCholesky::from_jacobian(structure, jacobian, Some(weights), &complete, Precision::F64)
            .map_err(|error| SolverError::Problem(error.to_string()))?;
        let gradient = gradient(&linear);
        let mut step = vec![0.0; gradient.len()];
        factor.solve(&gradient, &mut step, &mut factor.scratch(&vec![1.0; gradient.len()]));
        let before = graph.nodes.clone();
        for (node, pose) in graph.nodes.iter_mut().enumerate() {
            if let Some(column) = structure.column(node) {
                *pose *= se3::exp(&-Vector6::from_column_slice(&step[column..column + 6]));
                pose.rotation.renormalize();
            }
        }
        let cost = linear.cost;
        let next = graph.linear_problem(options)?;
        let decrease = (cost - next.cost) / cost;
        if decrease.is_nan() || decrease < 0.0 {
            graph.nodes = before;
        }
        if decrease.is_nan() || decrease <= options.solver.cost_tolerance {
            return Ok(factorizations);
        }
        linear = next;
    }
    Ok(options.solver.max_iterations)
}

/// `Jᵀ W² r`.
fn gradient(linear: &LinearProblem) -> Vec<f64> {
    let LinearProblem { structure, residuals, jacobian, weights, .. } = linear;
    let mut gradient = vec![0.0; structure.column_count()];
    for block in 0..structure.residual_block_count() {
        let rows = structure.rows(block);
        let entries = &jacobian[structure.entries(block)];
        let width = entries.len() / rows.len();
        for (residual, line) in residuals[rows].iter().zip(entries.chunks_exact(width)) {
            for (local, variable) in structure.pieces_of(block).filter(|(_, variable)| !variable.fixed) {
                for k in 0..variable.size {
                    gradient[variable.column + k] += weights[block] * weights[block] * line[local + k] * residual;
                }
            }
        }
    }
    gradient
}

#[cfg(test)]
mod tests {
    use super::super::growing_map::GrowingMap;
    use super::*;
    use crate::precision::Policy;

    #[test]
    fn ends_where_the_iterative_solver_ends() {
        let map = GrowingMap::new(3, 150);
        let mut graph = map.graph(150);
        let mut direct = graph.clone();
        let options = PoseGraphOptions::default();
        let solved = graph.optimize(&Policy::resolve("double").unwrap(), &options).unwrap();
        assert!(optimize_directly(&mut direct, &options).unwrap() >= 2);
        assert!(solved.final_cost < 0.5 * solved.initial_cost);
        let cost = direct.linear_problem(&options).unwrap().cost;
        assert!((cost / solved.final_cost - 1.0).abs() < 1e-3, "{cost} {}", solved.final_cost);
        let apart = |(a, b): (&crate::geometry::Se3, &crate::geometry::Se3)| {
            (a.translation.vector - b.translation.vector).norm()
        };
        assert!(graph.nodes.iter().zip(&direct.nodes).map(apart).fold(0.0, f64::max) < 1e-3);
    }
}
