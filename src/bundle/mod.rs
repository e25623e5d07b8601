//! Bundle adjustment: keyframe poses and landmarks from what the cameras saw of them.
//!
//! A landmark has one unknown, its inverse depth along the ray of the keyframe that saw it first. The linear solver is
//! conjugate gradients through products with the Jacobian: on the Schur complement of the landmarks, or on the whole.

mod marginalization;
mod optimize;
mod points;
mod prior;
mod problem;
pub mod reprojection;
mod validate;
mod window;

pub use points::{
    BalCamera, PointBundle, PointBundleOptions, PointCamera, PointObservation, RadialTangentialCamera,
    RadialTangentialLens, RectifiedStereo,
};
pub use prior::SquareRootPrior;
pub use window::{Bundle, BundleLandmark, BundleObservation, BundlePose, RelativePoseFactor};

use crate::solver::SolverOptions;
use optimize::policy_of_bundles;

crate::options! {
    /// How a bundle is adjusted.
    pub struct BundleOptions {
        /// Residuals beyond this many standard deviations count linearly (Huber).
        huber_sigmas: f64 = 2.0, "standard deviations", 0.1..=1000.0, live;
        /// How the linear problem is solved: with the landmarks eliminated (schur), or as a whole (cgnr).
        linear_solver: String = "schur", "", &["schur", "cgnr"], live;
    }
    groups {
        /// When the solve stops.
        solver: SolverOptions = solver_defaults();
    }
}

/// Conjugate gradients on the whole come last to what a window determines worst, a single camera's scale.
fn solver_defaults() -> SolverOptions {
    SolverOptions { max_linear_iterations: 1000, ..SolverOptions::default() }
}
