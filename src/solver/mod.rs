//! Nonlinear least squares in chosen precisions: the problem trait, CGNR, the minimizer, its statistics.

mod statistics;

pub use statistics::{PhaseTimes, SolveStatistics};

/// Why a solve could not be done.
#[derive(Debug, thiserror::Error)]
pub enum SolverError {
    /// The problem itself is broken.
    #[error("{0}")]
    Problem(String),
    /// Even the highest precision met a value that is not finite.
    #[error("not finite in {0}")]
    NotFinite(&'static str),
}

crate::options! {
    /// When a nonlinear solve stops.
    pub struct SolverOptions {
        /// Most iterations of the outer loop.
        max_iterations: usize = 20usize, "iterations", 1..=1000, live;
        /// A relative decrease of the cost below this ends the solve.
        cost_tolerance: f64 = 1e-6, "", 0.0..=1.0, live;
        /// Most iterations of the linear solver in one outer iteration.
        max_linear_iterations: usize = 200usize, "iterations", 1..=100000, live;
    }
}
