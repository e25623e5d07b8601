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
    /// The true baseline over that of the calibration, or a depth camera's true depths over those it tells.
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

    /// The depth (m) that a depth camera tells of a landmark that is seen so.
    pub(super) fn told_depth_m(&self, sight: &Sight) -> f64 {
        sight.depth_m / self.stretch
    }

    /// The disparity (px) of a landmark that is seen so with a (virtual) right camera `baseline_m` apart.
    pub(super) fn disparity_px(&self, sight: &Sight, baseline_m: f64) -> f64 {
        let by_depth_px = self.camera.fx * baseline_m / self.told_depth_m(sight);
        if !matches!(self.depth, Depth::Stereo { .. }) {
            return by_depth_px;
        }
        let right_px = sight.px - Vector2::new(by_depth_px, 0.0);
        by_depth_px + self.column_error_px + self.left.at(&sight.px).x - self.right.at(&right_px).x
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(options: &FeatureOptions, depth: Depth) -> TrueCamera {
        let camera = PinholeCamera { fx: 400.0, fy: 400.0, cx: 376.0, cy: 240.0, width: 752, height: 480 };
        TrueCamera::new(&Rig { camera, depth, t_base_camera: Se3::identity() }, options, 7)
    }

    #[test]
    fn each_error_of_a_calibration_shows_where_it_should() {
        let exact = FeatureOptions { focal_error: 0.0, column_error_px: 0.0, ..FeatureOptions::default() };
        let stereo = Depth::Stereo { baseline_m: 0.1 };
        let [near, far] = [1.0, 4.0].map(|depth_m| Sight { px: Vector2::new(500.0, 100.0), depth_m });
        let perfect = drawn(&exact, stereo);
        assert_eq!([perfect.disparity_px(&near, 0.1), perfect.disparity_px(&far, 0.1)], [40.0, 10.0]);

        // Of the scale: all distances by the same share, of a pair and of a depth camera.
        let wrong = FeatureOptions { scale_error: 0.01, ..exact.clone() };
        let ratio = |sight: &Sight| drawn(&wrong, stereo).disparity_px(sight, 0.1) / perfect.disparity_px(sight, 0.1);
        assert!((ratio(&near) - 1.0).abs() > 1e-4 && (ratio(&near) - ratio(&far)).abs() < 1e-12);
        assert!((near.depth_m / drawn(&wrong, Depth::Image).told_depth_m(&near) - ratio(&near)).abs() < 1e-12);

        // Of the models: each camera by another shift, which depends on the place.
        let bent = drawn(&FeatureOptions { distortion_error_px: 0.2, ..exact }, stereo);
        let [at_near, at_far] = [(&near, 40.0), (&far, 10.0)].map(|(sight, px)| bent.disparity_px(sight, 0.1) - px);
        assert!(at_near != 0.0 && at_near != at_far && at_near.abs().max(at_far.abs()) < 1.0, "{at_near} {at_far}");
    }
}
