//! What a bundle consists of.

use super::SquareRootPrior;
use crate::geometry::{PinholeCamera, Se3};
use nalgebra::{Matrix6, Vector2};

/// A keyframe's camera in a bundle.
#[derive(Debug, Clone, PartialEq)]
pub struct BundlePose {
    /// Camera coordinates into world coordinates.
    pub t_world_camera: Se3,
    /// Whether it stays as it is.
    pub fixed: bool,
}

/// A landmark as its inverse depth along the ray of the keyframe that saw it first.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleLandmark {
    /// Index of the keyframe that saw it first.
    pub host: usize,
    /// Where it was seen there (px); this observation defines the ray, and only its right pixel or depth is a residual.
    pub px_host: Vector2<f64>,
    /// One over its depth in the host's camera (1/m).
    pub inverse_depth: f64,
}

/// A landmark seen in a keyframe.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleObservation {
    /// Index of the keyframe.
    pub keyframe: usize,
    /// Index of the landmark.
    pub landmark: usize,
    /// Where in the (left) image (px).
    pub px: Vector2<f64>,
    /// Column in the right image, or in the virtual right image of a depth camera (px).
    pub px_right_x: Option<f64>,
    /// Standard deviation of each pixel coordinate (px).
    pub sigma_px: f64,
}

/// A relative pose between two keyframes, from wheel odometry or a motion prior.
#[derive(Debug, Clone, PartialEq)]
pub struct RelativePoseFactor {
    /// Index of the first keyframe.
    pub from: usize,
    /// Index of the second keyframe.
    pub to: usize,
    /// Measured: coordinates of camera `to` into those of camera `from`.
    pub t_from_to: Se3,
    /// Upper triangular `R` with `Rᵀ R` the information of `[ρ; φ]`.
    pub sqrt_information: Matrix6<f64>,
}

/// A window of keyframes, landmarks and observations of one rectified camera.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// The (left) camera.
    pub camera: PinholeCamera,
    /// Distance of the (virtual) right camera along x (m), for `px_right_x`.
    pub baseline_m: f64,
    /// The keyframes; at least one is fixed, or there is a prior.
    pub poses: Vec<BundlePose>,
    /// The landmarks; those of the same host should be neighbours, products are faster then.
    pub landmarks: Vec<BundleLandmark>,
    /// The observations.
    pub observations: Vec<BundleObservation>,
    /// Other relations between keyframes.
    pub relative_poses: Vec<RelativePoseFactor>,
    /// What else is known of keyframes: from others that left the window ([`Bundle::marginalize`]), or from other sensors.
    pub priors: Vec<SquareRootPrior>,
}
