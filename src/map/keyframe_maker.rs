//! Keyframes from frames and anybody's odometry.

use crate::geometry::Se3;
use crate::geometry::se3::carried;
use crate::odometry::{Keyframe, KeyframeId};
use crate::sensors::{Frame, Rig};
use nalgebra::Matrix6;
use std::sync::Arc;

crate::options! {
    /// When a frame with a pose from somebody else's odometry becomes a keyframe.
    pub struct KeyframeMakerOptions {
        /// Distance from the last keyframe.
        distance_m: f64 = 0.25, "m", 0.0..=100.0, live;
        /// Rotation from the last keyframe.
        rotation_deg: f64 = 10.0, "deg", 0.0..=180.0, live;
    }
}

/// A pose further than this from the one before (m) is no motion: the odometry was reset.
const MAX_JUMP_M: f64 = 5.0;

#[derive(Debug, Clone)]
struct Pose {
    stamp_nanos: i64,
    t_odom_base: Se3,
    covariance: Matrix6<f64>,
}

/// Makes keyframes from frames and the poses of anybody's odometry (wheels, a filter), by how far the robot moved.
#[derive(Debug, Clone)]
pub struct KeyframeMaker {
    options: KeyframeMakerOptions,
    rig: Rig,
    next_id: u64,
    last: Option<Pose>,
    newest: Option<(i64, Se3)>,
}

impl KeyframeMaker {
    /// A maker that has seen nothing; the first frame becomes a keyframe.
    pub fn new(options: &KeyframeMakerOptions, rig: &Rig) -> Self {
        Self { options: options.clone(), rig: *rig, next_id: 0, last: None, newest: None }
    }

    /// Changes the options from now on.
    pub fn set_options(&mut self, options: &KeyframeMakerOptions) {
        self.options = options.clone();
    }

    /// Makes a keyframe of this frame if the robot moved or turned enough since the last one.
    ///
    /// - `t_odom_base`: base coordinates into the odometry's world when the frame was taken.
    /// - `covariance`: of that pose, perturbed in the base's own frame `[ρ; φ]` (m, rad). The step's covariance is its
    ///   growth since the last keyframe; zero where it does not grow, as from an odometry that states a constant.
    ///
    /// A frame that is not newer than the one before, or whose pose is not finite, is ignored. After a jump of the
    /// odometry (a reset) the keyframe has no `t_previous_base`, so that the map starts a new run.
    pub fn offer(&mut self, frame: Arc<Frame>, t_odom_base: &Se3, covariance: &Matrix6<f64>) -> Option<Keyframe> {
        let stamp_nanos = frame.stamp_nanos;
        let finite = t_odom_base.to_homogeneous().iter().chain(covariance.iter()).all(|v| v.is_finite());
        let newer = self.newest.is_none_or(|(newest, _)| stamp_nanos > newest);
        if !finite || !newer {
            tracing::debug!(stamp_nanos, finite, newer, "frame ignored");
            return None;
        }
        let before = self.newest.replace((stamp_nanos, *t_odom_base));
        let jumped = before.is_some_and(|(_, t)| (t.inverse() * t_odom_base).translation.vector.norm() > MAX_JUMP_M);
        if jumped {
            tracing::warn!(stamp_nanos, "the odometry jumped; a new run starts");
            self.last = None;
        }
        let (t_previous_base, step_covariance) = match &self.last {
            None => (None, Matrix6::zeros()),
            Some(last) => {
                let step = last.t_odom_base.inverse() * t_odom_base;
                let moved = step.translation.vector.norm() >= self.options.distance_m
                    || step.rotation.angle() >= self.options.rotation_deg.to_radians();
                if !moved {
                    return None;
                }
                (Some(step), growth(&last.covariance, covariance, &step))
            }
        };
        let id = KeyframeId(self.next_id);
        self.next_id += 1;
        self.last = Some(Pose { stamp_nanos, t_odom_base: *t_odom_base, covariance: *covariance });
        Some(Keyframe {
            id,
            t_odom_base: *t_odom_base,
            t_previous_base,
            covariance: step_covariance,
            frame,
            rig: self.rig,
            depths: Vec::new(),
        })
    }

    /// Stamp of the last keyframe (ns).
    pub fn last_stamp_nanos(&self) -> Option<i64> {
        self.last.as_ref().map(|last| last.stamp_nanos)
    }
}

/// The covariance of a step from those of the poses before and after, both in their own base frame: what is left when
/// the earlier one, seen from the later base, is taken away. Zero unless it is a covariance.
fn growth(before: &Matrix6<f64>, after: &Matrix6<f64>, step: &Se3) -> Matrix6<f64> {
    let grown = after - carried(before, &step.inverse());
    let symmetric = (grown + grown.transpose()) * 0.5;
    if symmetric.symmetric_eigenvalues().min() >= 0.0 { symmetric } else { Matrix6::zeros() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{PinholeCamera, se3::exp};
    use crate::sensors::{Depth, Images};
    use nalgebra::Vector6;

    fn frame(stamp_nanos: i64) -> Arc<Frame> {
        Arc::new(Frame { stamp_nanos, images: Images::Mono { gray: image::GrayImage::new(4, 4) }, color: None })
    }

    fn maker() -> KeyframeMaker {
        let camera = PinholeCamera { fx: 4.0, fy: 4.0, cx: 1.5, cy: 1.5, width: 4, height: 4 };
        let rig = Rig { camera, depth: Depth::None, t_base_camera: Rig::optical_looking_ahead() };
        KeyframeMaker::new(&KeyframeMakerOptions { distance_m: 0.5, rotation_deg: 10.0 }, &rig)
    }

    fn along(x: f64, heading_rad: f64) -> Se3 {
        exp(&Vector6::new(x, 0.0, 0.0, 0.0, 0.0, heading_rad))
    }

    #[test]
    fn takes_what_moved_or_turned_enough() {
        let mut maker = maker();
        let mut offer = |stamp, t: Se3| maker.offer(frame(stamp), &t, &Matrix6::zeros()).map(|keyframe| keyframe.id.0);
        assert_eq!(offer(0, along(0.0, 0.0)), Some(0), "the first one");
        assert_eq!(offer(1, along(0.4, 0.0)), None);
        assert_eq!(offer(2, along(0.6, 0.0)), Some(1));
        assert_eq!(offer(3, along(0.6, 0.1)), None);
        assert_eq!(offer(4, along(0.6, 0.2)), Some(2));
        assert_eq!(offer(4, along(2.0, 0.2)), None, "not newer");
        assert_eq!(offer(5, along(f64::NAN, 0.2)), None, "not a pose");
        assert_eq!(offer(6, along(1.2, 0.2)), Some(3));
    }

    #[test]
    fn a_jump_starts_a_new_run() {
        let mut maker = maker();
        let mut offer = |stamp, t: Se3| maker.offer(frame(stamp), &t, &Matrix6::zeros());
        assert!(offer(0, along(0.0, 0.0)).is_some_and(|keyframe| keyframe.t_previous_base.is_none()));
        assert!(offer(1, along(1.0, 0.0)).is_some_and(|keyframe| keyframe.t_previous_base.is_some()));
        assert!(offer(2, along(90.0, 0.0)).is_some_and(|keyframe| keyframe.t_previous_base.is_none()));
    }

    #[test]
    fn the_step_has_the_growth_of_the_covariance() {
        let step = along(1.0, 0.3);
        let grown = Matrix6::identity() * 0.01;
        let before = Matrix6::from_diagonal(&Vector6::new(0.1, 0.2, 0.0, 0.0, 0.0, 0.05));
        let after = carried(&before, &step.inverse()) + grown;
        assert!((growth(&before, &after, &step) - grown).norm() < 1e-12);
        assert_eq!(growth(&after, &before, &step), Matrix6::zeros(), "a covariance that shrinks says nothing");
    }
}
