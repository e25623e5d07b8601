//! Pose graph optimization: keyframe poses from relative poses between them, in space and in the plane.
//!
//! The linear solver is CGNR with an incomplete Cholesky preconditioner. It is computed from the Jacobian where every
//! relative pose is as measured. With poses perturbed in their own frames that Jacobian depends on no estimate, so the
//! factor stays good to the end of a solve, and from one solve to the next.

mod chordal;
mod graph;
mod nearest_rotation;
mod optimize;
mod prepared;
mod problem;
mod relaxation;
mod start;
mod validate;
mod whitening;

pub use graph::{PlanarPoseGraph, PoseGraph, PoseGraphEdge};

use crate::solver::SolverOptions;
use crate::sparse::CholeskyOptions;

crate::options! {
    /// How a pose graph is optimized.
    pub struct PoseGraphOptions {
        /// Residuals of loop edges beyond this many standard deviations count linearly (Huber).
        huber_sigmas: f64 = 3.0, "standard deviations", 0.1..=1000.0, live;
        /// Where a solve starts: from the given nodes, from a chordal relaxation of the measurements, or from the better of the two where the given nodes are bad.
        start: String = "auto", "", &["auto", "given", "chordal"], live;
    }
    groups {
        /// When the solve stops.
        solver: SolverOptions = solver_defaults();
        /// The factor that preconditions the linear solver; complete, whatever the level of fill, on graphs that are little more than chains.
        preconditioner: CholeskyOptions;
    }
}

/// A pose graph is nearly linear where its start is good, so steps are hardly damped and solved more exactly.
fn solver_defaults() -> SolverOptions {
    SolverOptions {
        initial_damping: 1e-8,
        max_iterations: 50,
        max_linear_iterations: 1000,
        forcing: 0.01,
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
