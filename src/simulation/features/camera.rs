//! The cameras as they are, not as their calibration says.

use super::{FeatureOptions, Landmarks, Sight};
use crate::geometry::{PinholeCamera, Se3};
use crate::sensors::{Depth, Rig};
use crate::simulation::random::Random;

/// The true cameras of a robot, a little different from the rig that its odometry knows.
#[derive(Debug, Clone)]
pub(super) struct TrueCamera {
    camera: PinholeCamera,
    t_base_camera: Se3,
    depth: Depth,
    /// By how much the right camera's columns are shifted (px).
    column_error_px: f64,
}

impl TrueCamera {
    /// Draws the errors of a rig's calibration.
    pub(super) fn new(rig: &Rig, options: &FeatureOptions, seed: u64) -> Self {
        let mut random = Random::new(seed, 4500);
        let stretch = 1.0 + options.focal_error * random.normal();
        let camera = PinholeCamera { fx: rig.camera.fx * stretch, fy: rig.camera.fy * stretch, ..rig.camera };
        let column_error_px = options.column_error_px * random.normal();
        Self { camera, t_base_camera: rig.t_base_camera, depth: rig.depth, column_error_px }
    }

    /// Whether it tells no depth.
    pub(super) fn is_single(&self) -> bool {
        self.depth == Depth::None
    }

    /// What it sees of a landmark when the base is at a pose.
    pub(super) fn sight(&self, landmarks: &Landmarks, index: usize, t_world_base: &Se3) -> Option<Sight> {
        landmarks.sight(index, &self.camera, &(t_world_base * self.t_base_camera))
    }

    /// The disparity (px) of a depth (m) with a (virtual) right camera `baseline_m` apart.
    pub(super) fn disparity_px(&self, depth_m: f64, baseline_m: f64) -> f64 {
        let error_px = if matches!(self.depth, Depth::Stereo { .. }) { self.column_error_px } else { 0.0 };
        self.camera.fx * baseline_m / depth_m + error_px
    }
}
