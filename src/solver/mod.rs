//! Nonlinear least squares in chosen precisions: the problem trait, CGNR, the minimizer, its statistics.
//!
//! A problem implements [`Problem`] and calls [`minimize`]; its page shows a whole one.

mod block_jacobi;
mod cgnr;
mod damping;
mod evaluation;
mod linear_problem;
mod loss;
mod minimize;
mod preconditioner;
mod problem;
mod run;
mod separable;
mod statistics;
mod stopping;
mod system;

pub use cgnr::{ApplyPreconditioner, CgOptions, CgScratch, CgStatistics, cgnr};
pub use linear_problem::LinearProblem;
pub use loss::Loss;
pub use minimize::{LinearSolver, minimize, minimize_separable};
pub use preconditioner::{BoundCholesky, Preconditioner, RefreshedCholesky};
pub use problem::Problem;
pub(crate) use separable::Flat;
pub use separable::{Group, Layout, Rows, Separable, Touched, frame_covariance};
pub use statistics::{PhaseTimes, SolveStatistics};
pub use system::Trouble;

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
    /// How a nonlinear solve steps, and when it stops.
    pub struct SolverOptions {
        /// How steps are damped: by Levenberg and Marquardt, or only after a step that did not decrease the cost (Gauss-Newton).
        method: String = "levenberg_marquardt", "", &["levenberg_marquardt", "gauss_newton"], live;
        /// First damping, in units of the normal matrix's diagonal.
        initial_damping: f64 = 1e-4, "", 0.0..=1e6, live;
        /// Most iterations of the outer loop.
        max_iterations: usize = 20usize, "iterations", 1..=1000, live;
        /// A relative decrease of the cost below this ends the solve.
        cost_tolerance: f64 = 1e-6, "", 0.0..=1.0, live;
        /// A largest cosine between the residual and a column of the Jacobian below this ends the solve.
        gradient_tolerance: f64 = 1e-9, "", 0.0..=1.0, live;
        /// Most iterations of the linear solver in one outer iteration.
        max_linear_iterations: usize = 200usize, "iterations", 1..=100000, live;
        /// Largest relative residual at which the linear solver may stop; it falls as the solve converges.
        forcing: f64 = 0.1, "", 1e-8..=0.9, live;
    }
}
