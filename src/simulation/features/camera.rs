//! The cameras as they are, not as their calibration says.

use super::distortion::Distortion;
use super::{FeatureOptions, Landmarks, Sight};
use crate::geometry::{PinholeCamera, Se3};
use crate::sensors::{Depth, Rig};
use crate::simulation::random::Random;
use nalgebra::Vector2;

/// The true cameras of a robot, a little different from the rig that its odometry knows.
#[derive(Debug, Clone)]
pub(super) struct TrueCamera {
    camera: PinholeCamera,
    t_base_camera: Se3,
    depth: Depth,
    /// By how much the right camera's columns are shifted (px).
    column_error_px: f64,
    /// What the scale is to be multiplied by.
    stretch: f64,
    left: Distortion,
    right: Distortion,
}

impl TrueCamera {
    /// Draws the errors of a rig's calibration.
    pub(super) fn new(rig: &Rig, options: &FeatureOptions, seed: u64) -> Self {
        let mut random = Random::new(seed, 4500);
        let magnified = 1.0 + options.focal_error * random.normal();
        let camera = PinholeCamera { fx: rig.camera.fx * magnified, fy: rig.camera.fy * magnified, ..rig.camera };
        let column_error_px = options.column_error_px * random.normal();
        let stretch = 1.0 + options.scale_error * random.normal();
        let mut distortion = || Distortion::new(&camera, options.distortion_error_px, &mut random);
        let (left, right) = (distortion(), distortion());
        Self { camera, t_base_camera: rig.t_base_camera, depth: rig.depth, column_error_px, stretch, left, right }
    }

    /// Whether it tells no depth.
    pub(super) fn is_single(&self) -> bool {
        self.depth == Depth::None
    }

    /// What it sees of a landmark when the base is at a pose.
    pub(super) fn sight(&self, landmarks: &Landmarks, index: usize, t_world_base: &Se3) -> Option<Sight> {
        let Sight { px, depth_m } = landmarks.sight(index, &self.camera, &(t_world_base * self.t_base_camera))?;
        Some(Sight { px: px + self.left.at(&px), depth_m })
    }

    /// The disparity (px) of a landmark that is seen so with a (virtual) right camera `baseline_m` apart.
    pub(super) fn disparity_px(&self, sight: &Sight, baseline_m: f64) -> f64 {
        let by_depth_px = self.camera.fx * baseline_m * self.stretch / sight.depth_m;
        if !matches!(self.depth, Depth::Stereo { .. }) {
            return by_depth_px;
        }
        let right_px = sight.px - Vector2::new(by_depth_px, 0.0);
        by_depth_px + self.column_error_px + self.left.at(&sight.px).x - self.right.at(&right_px).x
    }
}
