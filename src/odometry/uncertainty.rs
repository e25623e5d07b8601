//! How uncertain a pose is: by what errs anew each time, and by what errs in the same way all along.

use super::covariance::compose;
use super::window::Window;
use crate::frontend::FrontendOptions;
use crate::geometry::se3::{self, adjoint, carried};
use crate::geometry::{PinholeCamera, Se3};
use crate::sensors::Depth;
use nalgebra::{Matrix6, Matrix6x3, RowVector6, Vector6};

crate::options! {
    /// How far the cameras' calibration is trusted. It errs the same way in every frame, so what it adds to the
    /// uncertainty grows with the way from the start, and not with the square root of the way travelled.
    pub struct CalibrationOptions {
        /// Standard deviation of the scale: that of the calibration target, or of a depth camera.
        scale_sigma: f64 = 0.003, "", 0.0..=1.0, live;
        /// The same of the wheels, which tell it for a single camera.
        wheel_scale_sigma: f64 = 0.01, "", 0.0..=1.0, live;
        /// Standard deviation of the focal length, as a share.
        focal_sigma: f64 = 0.002, "", 0.0..=1.0, live;
        /// Standard deviation of an offset common to all disparities of a stereo pair, before anything is learnt of it.
        disparity_sigma_px: f64 = 0.2, "px", 0.0..=100.0, live;
        /// Standard deviation of what the pixels of one frame err in common, and that no number of features averages out:
        /// distortion that the camera model leaves, a rolling shutter, time stamps, scenery that moves.
        common_sigma_px: f64 = 0.2, "px", 0.0..=100.0, live;
        /// Share of the variance of `common_sigma_px` that lasts from frame to frame instead of being new in each: it does not cancel
        /// out along the way.
        common_lasting_share: f64 = 1.0, "", 0.0..=1.0, live;
        /// The same of an offset common to all depths of a depth camera, at 1 m; it grows with the square of the depth.
        depth_bias_m: f64 = 0.0025, "m", 0.0..=1.0, live;
    }
}

impl CalibrationOptions {
    /// Standard deviation of what the disparities (px) of a pair, or of a depth camera's virtual one, err in common.
    pub(super) fn offset_sigma_px(&self, depth: Depth, frontend: &FrontendOptions) -> f64 {
        match depth {
            Depth::Stereo { .. } => self.disparity_sigma_px,
            Depth::Image => self.depth_bias_m / frontend.depth_sigma_m * frontend.sigma_px,
            Depth::None => 0.0,
        }
    }
}

/// The uncertainty of a pose `[ρ; φ]` (m, rad), perturbed in its own frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Uncertainty {
    /// Covariance of what errs anew each time.
    random: Matrix6<f64>,
    /// How the pose moves with one standard deviation of each thing that never changes: scale, focal length, and the
    /// offset of disparities or depths.
    systematic: Matrix6x3<f64>,
}

impl Uncertainty {
    /// None at all.
    pub(super) fn zero() -> Self {
        Self::random(Matrix6::zeros())
    }

    /// That of a motion which has nothing to do with the cameras.
    pub(super) fn random(covariance: Matrix6<f64>) -> Self {
        Self { random: covariance, systematic: Matrix6x3::zeros() }
    }

    /// That of a motion of the camera, perturbed in its own frame then, that the images tell. Distances are told by
    /// landmarks at their depths, the nearer the better, and an offset of the disparity changes them in proportion to it.
    pub(super) fn seen(
        t_before_camera: &Se3,
        covariance: &Matrix6<f64>,
        window: &Window,
        depth: Depth,
        options: &CalibrationOptions,
    ) -> Self {
        let PinholeCamera { fx, .. } = window.camera;
        let scale_sigma = if depth == Depth::None { options.wheel_scale_sigma } else { options.scale_sigma };
        let offset_sigma_per_m = window.offset.sigma_px() / (fx * window.baseline_m);
        let travelled = t_before_camera.rotation.inverse() * t_before_camera.translation.vector;
        let turned = se3::log(t_before_camera).fixed_rows::<3>(3).into_owned();
        let mut systematic = Matrix6x3::zeros();
        systematic.fixed_view_mut::<3, 1>(0, 0).copy_from(&(travelled * scale_sigma));
        systematic.fixed_view_mut::<3, 1>(3, 1).copy_from(&(turned * options.focal_sigma));
        systematic.fixed_view_mut::<3, 1>(0, 2).copy_from(&(travelled * offset_sigma_per_m * window.depth_m()));
        Self { random: *covariance, systematic }
    }

    /// The same perturbed in frame `a`, of which `t_a_b` maps into it from the one it is in now.
    pub(super) fn carried(&self, t_a_b: &Se3) -> Self {
        Self { random: carried(&self.random, t_a_b), systematic: adjoint(t_a_b) * self.systematic }
    }

    /// That of `t_a_b · t_b_c`, where this is that of `t_a_b`.
    pub(super) fn then(&self, t_b_c: &Se3, of_motion: &Self) -> Self {
        Self {
            random: compose(&self.random, t_b_c, &of_motion.random),
            systematic: adjoint(&t_b_c.inverse()) * self.systematic + of_motion.systematic,
        }
    }

    /// The covariance of what errs anew each time.
    pub(super) fn by_chance(&self) -> &Matrix6<f64> {
        &self.random
    }

    /// The same if of each error by chance a share is left, but for the part of their variance that lasts, which is left as it
    /// is; the calibration's errors stay.
    pub(super) fn kept(&self, share: &Matrix6<f64>, lasting: f64) -> Self {
        let new = share * self.random * share.transpose();
        Self { random: new * (1.0 - lasting) + self.random * lasting, ..*self }
    }

    /// What is left of it when a direction is known to one standard deviation: `row` is that direction over it, as a
    /// perturbation of the pose. Told often it is still known no better, since what it is known by errs alike each time.
    ///
    /// # Source
    /// The update of Schmidt's filter, which leaves what is systematic as it is (Schmidt, *Application of state-space methods
    /// to navigation problems*, 1966), with the measurement's variance such that one standard deviation remains.
    pub(super) fn bounded_along(&self, row: &RowVector6<f64>) -> Self {
        self.told(row, 0.0).0
    }

    /// The same, and the perturbation of the pose that goes with it, where the direction is off by so many standard deviations.
    pub(super) fn told(&self, row: &RowVector6<f64>, residual: f64) -> (Self, Vector6<f64>) {
        let covariance = self.covariance();
        let variance = (row * covariance * row.transpose())[0];
        if variance <= 1.0 {
            return (self.clone(), Vector6::zeros());
        }
        let measured = variance / (variance - 1.0);
        let gain = covariance * row.transpose() / (variance + measured);
        let kept = Matrix6::identity() - gain * row;
        let told = Self {
            random: kept * self.random * kept.transpose() + gain * gain.transpose() * measured,
            systematic: kept * self.systematic,
        };
        (told, -gain * residual)
    }

    /// The covariance of both together.
    pub(super) fn covariance(&self) -> Matrix6<f64> {
        self.random + self.systematic * self.systematic.transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensors::Rig;

    const STEP: [f64; 6] = [0.2, 0.1, -0.1, 0.02, -0.03, 0.05];

    fn rig() -> Rig {
        let camera = PinholeCamera { fx: 400.0, fy: 400.0, cx: 320.0, cy: 240.0, width: 640, height: 480 };
        Rig { camera, depth: Depth::Stereo { baseline_m: 0.1 }, t_base_camera: Se3::identity() }
    }

    fn step(scale: f64, focal: f64) -> Se3 {
        let t = se3::exp(&Vector6::from(STEP));
        let turned = t.rotation.scaled_axis() * (1.0 + focal);
        let translation = nalgebra::Translation3::from(t.translation.vector * (1.0 + scale));
        Se3::from_parts(translation, nalgebra::UnitQuaternion::from_scaled_axis(turned))
    }

    #[test]
    fn wrong_scale_and_focal_length_move_the_pose_as_is_said() {
        let (options, rig) = (CalibrationOptions::default(), rig());
        let window = Window::new(&rig, &FrontendOptions::default(), &options);
        let one = Uncertainty::seen(&step(0.0, 0.0), &Matrix6::zeros(), &window, rig.depth, &options);
        let path = |scale: f64, focal: f64| (0..20).fold(Se3::identity(), |t, _| t * step(scale, focal));
        let told = (0..20).fold(Uncertainty::zero(), |all, _| all.then(&step(0.0, 0.0), &one));
        let by = |scale: f64, focal: f64| se3::log(&(path(0.0, 0.0).inverse() * path(scale, focal)));
        // By a small part of a standard deviation, so that it is the derivative.
        let (scale, focal) = (1e-3 * options.scale_sigma, 1e-3 * options.focal_sigma);
        assert!((by(scale, 0.0) * 1e3 - told.systematic.column(0)).norm() < 1e-4);
        assert!((by(0.0, focal) * 1e3 - told.systematic.column(1)).norm() < 1e-4);
    }

    #[test]
    fn there_and_back_the_calibration_says_nothing_and_chance_remains() {
        let (options, rig) = (CalibrationOptions::default(), rig());
        let window = Window::new(&rig, &FrontendOptions::default(), &options);
        let (there, chance) = (step(0.0, 0.0), Matrix6::identity() * 1e-6);
        let of = |t: &Se3| Uncertainty::seen(t, &chance, &window, rig.depth, &options);
        let both = of(&there).then(&there.inverse(), &of(&there.inverse()));
        let [scale, focal, offset] = [0, 1, 2].map(|cause| both.systematic.column(cause).into_owned());
        assert!(scale.norm() < 1e-12 && offset.norm() < 1e-12, "{}", both.systematic);
        // A step turns before it moves, so that of the focal length is left what one step moves times what it turns.
        let left = there.translation.vector.norm() * there.rotation.angle() * options.focal_sigma;
        assert!(focal.fixed_rows::<3>(3).norm() < 1e-12 && focal.norm() <= left, "{focal}");
        assert!(both.covariance().trace() > 11e-6);
        assert!(of(&there).covariance().trace() > 6e-6 && of(&there).systematic.norm() > 1e-4);
    }
}
