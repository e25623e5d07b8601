//! Why a keyframe was refused, or a loop not closed.

use crate::solver::SolverError;

/// Why a keyframe was refused, or a loop not closed.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// The keyframe holds a number that is none; the map is as before.
    #[error("keyframe {id}: {what} is not finite")]
    NotFinite {
        /// Number of the keyframe.
        id: u64,
        /// Which of its parts.
        what: &'static str,
    },
    /// The covariance is not one; the map is as before.
    #[error("keyframe {id}: covariance has a negative variance ({found:e}); expected a positive semidefinite matrix")]
    Covariance {
        /// Number of the keyframe.
        id: u64,
        /// The smallest eigenvalue or diagonal entry found.
        found: f64,
    },
    /// The camera cannot be one; the map is as before.
    #[error("keyframe {id}: camera {width}x{height} with focal lengths {fx}, {fy}; expected all of them positive")]
    Camera {
        /// Number of the keyframe.
        id: u64,
        /// Image width (px).
        width: u32,
        /// Image height (px).
        height: u32,
        /// Focal length along x (px).
        fx: f64,
        /// Focal length along y (px).
        fy: f64,
    },
    /// The graph cannot be optimized; the keyframe is kept, the loop is not.
    #[error("pose graph: {0}")]
    Solver(#[from] SolverError),
}
