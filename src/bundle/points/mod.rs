//! Bundle adjustment of points with three unknowns, seen by cameras of any model.

mod camera;
mod optimize;
mod problem;
mod radial_tangential;
mod strays;

pub use camera::{BalCamera, PointCamera, RectifiedStereo};
pub use radial_tangential::{RadialTangentialCamera, RadialTangentialLens};

use crate::solver::SolverOptions;
use nalgebra::Point3;

crate::options! {
    /// How a bundle of points is adjusted.
    pub struct PointBundleOptions {
        /// How residuals of outliers count.
        loss: String = "squared", "", &["squared", "huber", "cauchy", "geman_mcclure"], live;
        /// The residual from which on the loss is not the square.
        loss_scale: f64 = 2.0, "standard deviations", 0.01..=1e6, live;
        /// How the linear problem is solved: with the landmarks eliminated (schur), or as a whole (cgnr).
        linear_solver: String = "schur", "", &["schur", "cgnr"], live;
    }
    groups {
        /// When the solve stops.
        solver: SolverOptions = solver_defaults();
    }
}

/// A reconstruction starts farther from its optimum than a window, and its valleys are long.
fn solver_defaults() -> SolverOptions {
    SolverOptions { max_iterations: 200, ..SolverOptions::default() }
}

/// A point seen by a camera, `R` numbers of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointObservation<const R: usize> {
    /// Index of the camera.
    pub camera: usize,
    /// Index of the point.
    pub point: usize,
    /// What was measured (px).
    pub measured: [f64; R],
    /// Standard deviation of each of them (px).
    pub sigma_px: f64,
}

/// Cameras and points, and which camera saw which point where.
#[derive(Debug, Clone, PartialEq)]
pub struct PointBundle<C, const R: usize> {
    /// The cameras.
    pub cameras: Vec<C>,
    /// Which of them stay as they are. None needs to: what no observation determines stays by the damping.
    pub fixed: Vec<bool>,
    /// The points in world coordinates (m).
    pub points: Vec<Point3<f64>>,
    /// The observations.
    pub observations: Vec<PointObservation<R>>,
}
