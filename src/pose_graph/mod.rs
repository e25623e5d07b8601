//! Pose graph optimization: keyframe poses from relative poses between them, in space and in the plane.
//!
//! The linear solver is CGNR with a complete Cholesky factor as its preconditioner, computed by supernodes and anew where
//! that costs less than going on with an old one. Where memory does not allow that, the factor is an incomplete one from
//! the Jacobian where every relative pose is as measured: with poses perturbed in their own frames it depends on no
//! estimate, so the factor stays good to the end of a solve.

mod chordal;
mod graph;
mod growth;
mod innovation;
mod nearest_rotation;
mod optimize;
mod prepared;
mod problem;
mod relaxation;
mod robust;
mod spread;
mod start;
mod support;
mod validate;
mod verdict;
mod whitening;

pub use graph::{PlanarPoseGraph, PoseGraph, PoseGraphEdge, is_information};

use crate::solver::SolverOptions;
use crate::sparse::CholeskyOptions;

crate::options! {
    /// How a pose graph is optimized.
    pub struct PoseGraphOptions {
        /// How edges that may be wrong (loop closures) count less where they contradict the others: linearly (huber), ever less (cauchy, geman_mcclure), or not at all unless they are plausible, by a loss that begins as nearly the square (gnc).
        robust_loss: String = "huber", "", &["huber", "cauchy", "geman_mcclure", "gnc"], live;
        /// From how many standard deviations on they do, and are called rejected.
        robust_sigmas: f64 = 3.0, "standard deviations", 0.1..=1000.0, live;
        /// Where a solve starts: from the given nodes, from a chordal relaxation of the measurements, or from the better of the two where the given nodes are bad.
        start: String = "auto", "", &["auto", "given", "chordal"], live;
    }
    groups {
        /// When the solve stops.
        solver: SolverOptions = solver_defaults();
        /// The factor that preconditions the linear solver.
        preconditioner: CholeskyOptions;
    }
}

/// A pose graph is nearly linear where its start is good, so steps are hardly damped and solved more exactly.
fn solver_defaults() -> SolverOptions {
    SolverOptions {
        initial_damping: 1e-8,
        max_iterations: 50,
        max_linear_iterations: 1000,
        forcing: 0.001,
        ..SolverOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Options, ParameterValue};

    #[test]
    fn the_table_has_the_defaults_of_a_pose_graph() {
        let table = PoseGraphOptions::table();
        let row = table.iter().find(|row| row.name == "solver.max_iterations").unwrap();
        assert_eq!(row.default, ParameterValue::Integer(50));
        assert_eq!(PoseGraphOptions::default().solver.max_iterations, 50);
    }
}
