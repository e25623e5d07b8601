//! Pose graph optimization: keyframe poses from relative poses between them, in space and in the plane.
//!
//! The linear solver is CGNR with an incomplete Cholesky preconditioner. It is computed from the Jacobian where every
//! relative pose is as measured. With poses perturbed in their own frames that Jacobian depends on no estimate, so the
//! factor stays good to the end of a solve, and from one solve to the next.

mod graph;
mod optimize;
mod preconditioner;
mod problem;
mod start;
mod whitening;

pub use graph::{PlanarPoseGraph, PoseGraph, PoseGraphEdge};

use crate::solver::SolverOptions;

crate::options! {
    /// How a pose graph is optimized.
    pub struct PoseGraphOptions {
        /// Residuals of loop edges beyond this many standard deviations count linearly (Huber).
        huber_sigmas: f64 = 3.0, "standard deviations", 0.1..=1000.0, live;
    }
    groups {
        /// When the solve stops.
        solver: SolverOptions;
    }
}
