//! A depth camera that sees surfaces where there are no features.

use crate::worlds::*;
use crate::{distance_m, policy};
use halfslam::frontend::{FrontendError, PosePrior, SurfaceAlignment, Tracker};
use halfslam::geometry::{Se3, se3};
use halfslam::odometry::{Estimate, Odometry, OdometryOptions, TrackingState};
use halfslam::precision::Policy;
use halfslam::sensors::{Frame, ImuSample};
use nalgebra::{Matrix6, UnitQuaternion, Vector2, Vector3};
use std::sync::Arc;

/// Frames without a feature.
const BARE: std::ops::Range<i64> = 20..80;

/// A tracker that always knows the motion since an older frame by its surfaces, but for a turn by which they are wrong.
struct Surfaces {
    tracker: TrueTracker,
    t_base_camera: Se3,
    wrong_turn_rad: f64,
    stamp_nanos: i64,
}

impl Tracker for Surfaces {
    fn take_up(&mut self, frame: &Arc<Frame>) -> Result<(), FrontendError> {
        self.stamp_nanos = frame.stamp_nanos;
        self.tracker.take_up(frame)
    }

    fn follow(
        &mut self,
        px_anchor: &[Vector2<f64>],
        px_predicted: &[Vector2<f64>],
        within_px: f64,
    ) -> Result<Vec<Option<Vector2<f64>>>, FrontendError> {
        self.tracker.follow(px_anchor, px_predicted, within_px)
    }

    fn new_features(&mut self, px_taken: &[Vector2<f64>]) -> Result<Vec<Vector2<f64>>, FrontendError> {
        self.tracker.new_features(px_taken)
    }

    fn right_columns(&mut self, px: &[Vector2<f64>], expected_x: &[Option<f64>]) -> Vec<Option<f64>> {
        self.tracker.right_columns(px, expected_x)
    }

    fn align(&mut self, older: &Arc<Frame>, _prior: &PosePrior, _policy: &Policy) -> Option<SurfaceAlignment> {
        let [t_older, t_now] = [older.stamp_nanos, self.stamp_nanos].map(|stamp| circle(stamp) * self.t_base_camera);
        let wrong = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), self.wrong_turn_rad);
        let t_earlier_later = t_older.inverse() * t_now * wrong;
        // A share that is lost with each metre.
        let shared = (1.0 - t_earlier_later.translation.vector.norm()).max(0.3);
        Some(SurfaceAlignment { t_earlier_later, covariance: Matrix6::identity() * 1e-6, shared })
    }

    fn limit(&mut self, feature_count: usize, pyramid_levels: usize) {
        self.tracker.limit(feature_count, pyramid_levels);
    }

    fn set_anchor(&mut self) {
        self.tracker.set_anchor();
    }

    fn return_to(&mut self, older: &Arc<Frame>) -> Result<(), FrontendError> {
        self.tracker.return_to(older)
    }
}

/// A drive of 120 frames, with a gyroscope.
fn drive(wrong_turn_rad: f64) -> Vec<Estimate> {
    let (options, rig) = (OdometryOptions::default(), depth_rig());
    let blind = Vec::from_iter(std::iter::once(BARE.start * FRAME_NANOS..BARE.end * FRAME_NANOS));
    let tracker = TrueTracker::new(&rig, &options.frontend, 0.3, blind);
    let tracker = Box::new(Surfaces { tracker, t_base_camera: rig.t_base_camera, wrong_turn_rad, stamp_nanos: 0 });
    let mut odometry = Odometry::with_tracker(&options, &rig, &policy("mixed"), tracker).unwrap();
    let turn = se3::log(&circle(1_000_000_000)).fixed_rows::<3>(3).into_owned();
    let mut drive = Vec::new();
    for index in 0..120 {
        for tenth in 0..10 {
            let stamp_nanos = index * FRAME_NANOS + tenth * FRAME_NANOS / 10;
            let linear_acceleration = Vector3::zeros();
            odometry.add_imu(&ImuSample { stamp_nanos, angular_velocity: turn, linear_acceleration });
        }
        drive.push(odometry.track(&empty_frame(index * FRAME_NANOS)));
    }
    drive
}

#[test]
fn surfaces_carry_through_where_there_are_no_features() {
    let drive = drive(0.0);
    for (estimate, index) in drive.iter().zip(0i64..) {
        assert_eq!(estimate.state, TrackingState::Tracking, "frame {index}");
        let error_m = distance_m(&estimate.t_odom_base, &circle(estimate.stamp_nanos));
        assert!(error_m < 0.02, "frame {index}: {error_m} m");
        if BARE.contains(&index) {
            assert!(estimate.inlier_count == 0 && estimate.surface_share.is_some(), "frame {index}");
        }
    }
    // A quarter of a metre apart, not in each frame. A keyframe comes with the frame after it.
    let path_m = 0.6 * (BARE.end - BARE.start) as f64 * FRAME_NANOS as f64 * 1e-9;
    let keyframes = drive[BARE.start as usize + 1..=BARE.end as usize].iter().filter(|e| e.keyframe.is_some()).count();
    assert!((keyframes as f64 - path_m / 0.25).abs() <= 2.0, "{keyframes} in {path_m} m");
    let of = |index: i64| drive[index as usize].covariance.trace();
    assert!(of(BARE.end - 1) > of(BARE.start) + 1e-6, "each alignment adds to it");
    // Features are found again, and then surfaces are not asked.
    assert!(drive[110..].iter().all(|estimate| estimate.inlier_count > 50 && estimate.surface_share.is_none()));
}

#[test]
fn surfaces_that_turn_as_the_gyroscope_excludes_tell_nothing() {
    let drive = drive(0.2);
    let bare = &drive[BARE.start as usize..BARE.end as usize];
    assert!(bare.iter().all(|estimate| estimate.state == TrackingState::Lost && estimate.surface_share.is_none()));
}
