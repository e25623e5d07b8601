//! How a keyframe hangs on the one before it.

use super::keyframes::MapKeyframe;
use super::uncertain_pose::UncertainPose;
use crate::geometry::Se3;
use crate::place::DescribedKeyframe;
use nalgebra::{Matrix6, Vector6};

crate::options! {
    /// How far the odometry may drift, whatever its own covariance says: what a loop may correct. How far it does is
    /// learnt from the loops.
    pub struct DriftOptions {
        /// Standard deviation of the position after one metre of path; it grows with the root of the path.
        translation_per_root_m: f64 = 0.04, "m", 0.0..=10.0, live;
        /// Standard deviation of the heading after one metre of path; it grows with the root of the path.
        rotation_per_root_m: f64 = 0.015, "rad", 0.0..=10.0, live;
        /// Standard deviation of the heading after one radian of turning; it grows with the root of the turning.
        rotation_per_root_rad: f64 = 0.04, "rad", 0.0..=10.0, live;
    }
}

/// What is known of where a robot is when its odometry starts anew, as standard deviations (m, rad): nothing.
const RESTART_SIGMA: (f64, f64) = (100.0, 20.0);
/// Drift of a step that goes nowhere, as standard deviations (m, rad).
const STEP_SIGMA_FLOOR: (f64, f64) = (0.002, 0.001);

/// A step that is shorter (m) and turns less (rad) than this leads nowhere: its direction is hardly known, and all that it
/// shows was seen already. A robot that rests would fill the map with such steps.
const REST: (f64, f64) = (10.0 * STEP_SIGMA_FLOOR.0, 10.0 * STEP_SIGMA_FLOOR.1);

/// How a keyframe hangs on the one before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OdometryStep {
    /// Its base coordinates into those of the keyframe before.
    pub pose: UncertainPose,
    /// Whether the odometry was started anew, so that only a loop can tell where it is.
    pub restarted: bool,
}

/// How `keyframe` hangs on `last`, the newest keyframe of the map: by `t_odom_base` of both, so that without loops the
/// map is the odometry's own path. What its window says now of the step alone adds up to a worse one, since the window
/// has improved the earlier pose since it was sent.
///
/// - A number that skips some: messages were lost; one covariance covers all lost steps.
/// - No `t_previous_base`, or a number that does not grow: the odometry was started anew. Until a loop tells where,
///   it is taken to stand where the robot was last, by an edge too weak to matter.
/// - Number and stamp of the newest keyframe: a repeated message, `None`.
/// - The robot rests where `last` was: `None`.
///
/// Stamps have no say otherwise: a clock that jumps back does not break the chain.
pub(super) fn odometry_step(
    last: &MapKeyframe,
    keyframe: &DescribedKeyframe,
    drift: &DriftOptions,
) -> Option<OdometryStep> {
    let (newest_id, newest_nanos) = last.newest;
    if keyframe.id == newest_id && keyframe.stamp_nanos == newest_nanos {
        return None;
    }
    if keyframe.t_previous_base.is_none() || keyframe.id <= newest_id {
        let pose = UncertainPose::by_odometry(&Se3::identity(), &diagonal(RESTART_SIGMA), &Matrix6::zeros());
        return Some(OdometryStep { pose, restarted: true });
    }
    let step_count = (keyframe.id.0 - newest_id.0) as f64;
    let stated = (keyframe.covariance + keyframe.covariance.transpose()) * (0.5 * step_count);
    let t_previous_base = last.t_odom_base.inverse() * keyframe.t_odom_base;
    if t_previous_base.translation.vector.norm() < REST.0 && t_previous_base.rotation.angle() < REST.1 {
        return None;
    }
    let pose = UncertainPose::by_odometry(&t_previous_base, &stated, &drift_of(&t_previous_base, drift));
    Some(OdometryStep { pose, restarted: false })
}

/// The covariance of the drift that any odometry may have over this step.
fn drift_of(t_previous_base: &Se3, drift: &DriftOptions) -> Matrix6<f64> {
    let (path_m, turn_rad) = (t_previous_base.translation.vector.norm(), t_previous_base.rotation.angle());
    let translation = drift.translation_per_root_m.powi(2) * path_m + STEP_SIGMA_FLOOR.0.powi(2);
    let rotation = drift.rotation_per_root_m.powi(2) * path_m
        + drift.rotation_per_root_rad.powi(2) * turn_rad
        + STEP_SIGMA_FLOOR.1.powi(2);
    diagonal((translation.sqrt(), rotation.sqrt()))
}

fn diagonal(sigma: (f64, f64)) -> Matrix6<f64> {
    let (t, r) = (sigma.0 * sigma.0, sigma.1 * sigma.1);
    Matrix6::from_diagonal(&Vector6::new(t, t, t, r, r, r))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PinholeCamera;
    use crate::map::uncertain_pose::Factors;
    use crate::odometry::KeyframeId;
    use crate::place::View;

    fn described(id: u64, x: f64, t_previous_base: Option<Se3>) -> DescribedKeyframe {
        DescribedKeyframe {
            id: KeyframeId(id),
            stamp_nanos: id as i64,
            t_odom_base: Se3::translation(x, 0.0, 0.0),
            t_previous_base,
            covariance: Matrix6::identity() * 1e-4,
            camera: PinholeCamera { fx: 4.0, fy: 4.0, cx: 1.5, cy: 1.5, width: 4, height: 4 },
            t_base_camera: Se3::identity(),
            features: Vec::new(),
        }
    }

    fn last() -> MapKeyframe {
        let keyframe = described(7, 1.0, None);
        let view = View::new(&keyframe);
        let newest = (keyframe.id, 7);
        MapKeyframe { id: keyframe.id, stamp_nanos: 7, newest, run: 0, t_odom_base: keyframe.t_odom_base, view }
    }

    #[test]
    fn each_kind_of_step() {
        let drift = DriftOptions::default();
        let measured = Se3::translation(0.5, 0.0, 0.0);
        let next = odometry_step(&last(), &described(8, 1.5, Some(measured)), &drift).expect("new");
        let variance = |step: &OdometryStep| step.pose.covariance(&Factors::default())[(0, 0)];
        assert_eq!(next.pose.t, measured);
        let bridged = odometry_step(&last(), &described(10, 2.5, Some(measured)), &drift).expect("new");
        assert_eq!(bridged.pose.t, Se3::translation(1.5, 0.0, 0.0));
        assert!(variance(&bridged) > 2.0 * variance(&next) && !bridged.restarted);
        for again in [described(8, 1.5, None), described(3, 1.5, Some(measured)), described(0, 0.0, None)] {
            let step = odometry_step(&last(), &again, &drift).expect("new");
            assert!(step.restarted && variance(&step) > 1.0, "{again:?}");
        }
        assert_eq!(odometry_step(&last(), &described(7, 1.0, Some(measured)), &drift), None, "repeated");
        assert_eq!(odometry_step(&last(), &described(8, 1.01, Some(measured)), &drift), None, "at rest");
        let rested = MapKeyframe { newest: (KeyframeId(99), 99), ..last() };
        let off = odometry_step(&rested, &described(100, 1.5, Some(measured)), &drift).expect("new");
        assert!(!off.restarted && off.pose == next.pose, "steps at rest are none that were lost");
    }
}
