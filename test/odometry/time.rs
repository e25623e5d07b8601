//! What is done beside the frames, and how long frames may take.

use crate::policy;
use crate::worlds::*;
use halfslam::frontend::{FrontendError, Tracker};
use halfslam::odometry::{Estimate, KeyframeId, Odometry, OdometryOptions, TrackingState};
use halfslam::sensors::Frame;
use nalgebra::Vector2;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_thread_for_keyframes_changes_no_bit() {
    let rig = stereo_rig();
    let drive = |second_thread: bool| {
        let mut options = OdometryOptions::default();
        options.window.second_thread = second_thread;
        let blink = 100 * FRAME_NANOS..104 * FRAME_NANOS;
        let tracker = TrueTracker::new(&rig, &options.frontend, 0.3, vec![blink]);
        let mut odometry = Odometry::with_tracker(&options, &rig, &policy("mixed"), Box::new(tracker)).unwrap();
        let estimates: Vec<Estimate> =
            (0..150).map(|index| odometry.track(&empty_frame(index * FRAME_NANOS))).collect();
        (estimates, odometry.finish().map(|(keyframe, _)| keyframe))
    };
    let (with, without) = (drive(true), drive(false));
    for (a, b) in with.0.iter().zip(&without.0) {
        assert_eq!((a.t_odom_base, a.covariance, a.state), (b.t_odom_base, b.covariance, b.state));
        let told = |estimate: &Estimate| estimate.keyframe.as_ref().map(|k| (k.id, k.t_odom_base, k.covariance));
        assert_eq!(told(a), told(b));
    }
    assert_eq!(with.1.map(|k| (k.id, k.t_odom_base)), without.1.map(|k| (k.id, k.t_odom_base)));
}

#[test]
fn every_keyframe_comes_with_the_next_frame_and_the_last_one_at_the_end() {
    let (rig, options) = (stereo_rig(), OdometryOptions::default());
    let tracker = TrueTracker::new(&rig, &options.frontend, 0.3, vec![]);
    let mut odometry = Odometry::with_tracker(&options, &rig, &policy("mixed"), Box::new(tracker)).unwrap();
    let mut stamps = Vec::new();
    let mut take = |keyframe: Option<halfslam::odometry::Keyframe>| {
        stamps.extend(keyframe.map(|keyframe| (keyframe.id, keyframe.frame.stamp_nanos)));
    };
    for index in 0..100 {
        let estimate = odometry.track(&empty_frame(index * FRAME_NANOS));
        if let Some(keyframe) = &estimate.keyframe {
            assert_eq!(keyframe.frame.stamp_nanos, (index - 1) * FRAME_NANOS);
        }
        take(estimate.keyframe);
    }
    let last = odometry.finish();
    assert!(last.as_ref().is_none_or(|(_, solve)| solve.is_some()), "its window's solve comes with it");
    take(last.map(|(keyframe, _)| keyframe));
    assert!(odometry.finish().is_none());
    assert_eq!(stamps[0], (KeyframeId(0), 0));
    assert!(stamps.len() > 5 && stamps.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(stamps.iter().enumerate().all(|(index, (id, _))| id.0 == index as u64));
}

#[test]
fn a_clock_that_is_set_back_loses_no_keyframe() {
    let (rig, options) = (stereo_rig(), OdometryOptions::default());
    let drive = |stamps: &mut dyn Iterator<Item = i64>| {
        let tracker = TrueTracker::new(&rig, &options.frontend, 0.3, vec![]);
        let mut odometry = Odometry::with_tracker(&options, &rig, &policy("mixed"), Box::new(tracker)).unwrap();
        let estimates: Vec<Estimate> = stamps.map(|stamp_nanos| odometry.track(&empty_frame(stamp_nanos))).collect();
        estimates
    };
    let start = 1000 * FRAME_NANOS;
    let forward = |count: i64| (0..count).map(move |index| start + index * FRAME_NANOS);
    let came = drive(&mut forward(60)).iter().rposition(|estimate| estimate.keyframe.is_some()).unwrap();
    // The last frame before the clock is set back becomes a keyframe; the second one after it is the first in order.
    let again = drive(&mut forward(came as i64).chain([0, FRAME_NANOS]));
    let estimate = again.last().unwrap();
    let keyframe = estimate.keyframe.as_ref().unwrap();
    assert_eq!(keyframe.frame.stamp_nanos, again[came - 1].stamp_nanos);
    assert!(keyframe.t_odom_base != again[came - 1].t_odom_base, "adjusted");
    assert_eq!((estimate.stamp_nanos, estimate.t_odom_base), (FRAME_NANOS, keyframe.t_odom_base));
}

/// A tracker that needs time for every feature that it follows, and for a keyframe's depths.
struct Slow {
    tracker: TrueTracker,
    per_feature: Duration,
    per_keyframe: Duration,
}

impl Tracker for Slow {
    fn take_up(&mut self, frame: &Arc<Frame>) -> Result<(), FrontendError> {
        self.tracker.take_up(frame)
    }

    fn follow(
        &mut self,
        px_anchor: &[Vector2<f64>],
        px_predicted: &[Vector2<f64>],
        within_px: f64,
    ) -> Result<Vec<Option<Vector2<f64>>>, FrontendError> {
        std::thread::sleep(self.per_feature * px_anchor.len() as u32);
        self.tracker.follow(px_anchor, px_predicted, within_px)
    }

    fn new_features(&mut self, px_taken: &[Vector2<f64>]) -> Result<Vec<Vector2<f64>>, FrontendError> {
        self.tracker.new_features(px_taken)
    }

    fn right_columns(&mut self, px: &[Vector2<f64>], expected_x: &[Option<f64>]) -> Vec<Option<f64>> {
        if expected_x.iter().all(Option::is_none) {
            std::thread::sleep(self.per_keyframe);
        }
        self.tracker.right_columns(px, expected_x)
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

#[test]
fn a_slow_tracker_follows_fewer_features_and_still_follows() {
    let rig = stereo_rig();
    let drive = |frame_budget_ms: f64| {
        let options = OdometryOptions { frame_budget_ms, ..OdometryOptions::default() };
        let tracker = TrueTracker::new(&rig, &options.frontend, 0.3, vec![]);
        // Four times what it may take, with all of some 150 features, not counting anything else.
        let tracker = Box::new(Slow { tracker, per_feature: Duration::from_micros(100), per_keyframe: Duration::ZERO });
        let mut odometry = Odometry::with_tracker(&options, &rig, &policy("mixed"), tracker).unwrap();
        let estimates: Vec<Estimate> =
            (0..120).map(|index| odometry.track(&empty_frame(index * FRAME_NANOS))).collect();
        assert!(estimates.iter().all(|estimate| estimate.state == TrackingState::Tracking));
        estimates
    };
    let (free, hurried) = (drive(0.0), drive(4.0));
    assert!(free.iter().all(|estimate| estimate.feature_share == 1.0));
    let last = hurried.last().unwrap();
    assert!(last.feature_share < 0.6, "{}", last.feature_share);
    let inliers = |estimates: &[Estimate]| estimates.last().unwrap().inlier_count;
    assert!(inliers(&hurried) as f64 <= 0.7 * inliers(&free) as f64, "{} of {}", inliers(&hurried), inliers(&free));
}

#[test]
fn the_time_for_a_keyframe_counts_where_it_is_made() {
    let rig = stereo_rig();
    let mut options = OdometryOptions { frame_budget_ms: 10.0, ..OdometryOptions::default() };
    options.window.second_thread = false;
    let tracker = TrueTracker::new(&rig, &options.frontend, 0.3, vec![]);
    // Twice what a frame may take.
    let tracker = Slow { tracker, per_feature: Duration::ZERO, per_keyframe: Duration::from_millis(20) };
    let mut odometry = Odometry::with_tracker(&options, &rig, &policy("mixed"), Box::new(tracker)).unwrap();
    let mut track = |index: i64| odometry.track(&empty_frame(index * FRAME_NANOS));
    let mut before = (0..2).map(&mut track).last().unwrap();
    // The first keyframe is made at once, the others when their frames' poses are known.
    for index in 2.. {
        let estimate = track(index);
        if estimate.keyframe.is_some() {
            assert!(estimate.feature_share < before.feature_share, "{}", estimate.feature_share);
            return;
        }
        before = estimate;
    }
}

#[test]
fn however_little_time_there_is_a_start_finds_features_enough() {
    let rig = stereo_rig();
    let options = OdometryOptions { frame_budget_ms: 1e-3, min_inliers: 30, ..OdometryOptions::default() };
    let blind = 60 * FRAME_NANOS..90 * FRAME_NANOS;
    let tracker = TrueTracker::new(&rig, &options.frontend, 0.3, vec![blind]);
    let mut odometry = Odometry::with_tracker(&options, &rig, &policy("mixed"), Box::new(tracker)).unwrap();
    let estimates: Vec<Estimate> = (0..120).map(|index| odometry.track(&empty_frame(index * FRAME_NANOS))).collect();
    // A fifth of the features would be forty; a start needs sixty with depth.
    assert_eq!(estimates.last().map(|estimate| estimate.feature_share), Some(0.2));
    assert!(estimates[95..].iter().all(|estimate| estimate.state == TrackingState::Tracking));
}
