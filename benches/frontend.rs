//! Time of the front end and of whole frames, on a rendered wall of 752 x 480 px; answers are checked first.

#[path = "../test/support/worlds.rs"]
#[allow(dead_code)]
mod worlds;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use halfslam::frontend::{FrontendOptions, ImageTracker, Tracker};
use halfslam::geometry::PinholeCamera;
use halfslam::odometry::{Odometry, OdometryOptions, TrackingState};
use halfslam::precision::Policy;
use halfslam::sensors::{Frame, Rig};
use std::sync::Arc;
use worlds::{FRAME_NANOS, stereo_rig, sway, wall_frame};

fn frames() -> (Rig, Vec<Arc<Frame>>) {
    let camera = PinholeCamera { fx: 540.0, fy: 540.0, cx: 375.5, cy: 239.5, width: 752, height: 480 };
    let rig = Rig { camera, ..stereo_rig() };
    let frame = |index: i64| wall_frame(&rig, index * FRAME_NANOS, &sway(index * FRAME_NANOS));
    (rig, (0..40).map(frame).collect())
}

fn stages(criterion: &mut Criterion) {
    let (rig, frames) = frames();
    let mut tracker = ImageTracker::new(&FrontendOptions::default(), &rig).expect("no mask");
    tracker.take_up(&frames[0]).expect("a frame");
    let corners = tracker.new_features(&[]).expect("corners");
    let unknown = vec![None; corners.len()];
    let columns = tracker.right_columns(&corners, &unknown);
    let matched = columns.iter().flatten().count();
    assert!(corners.len() >= 190 && matched > 150, "{} corners, {matched} matched", corners.len());

    criterion.bench_function("corners, 200 anew", |bencher| bencher.iter(|| tracker.new_features(&[])));
    criterion.bench_function("stereo, 200 over all disparities", |bencher| {
        bencher.iter(|| tracker.right_columns(&corners, &unknown));
    });
    criterion.bench_function("stereo, 200 near the expected column", |bencher| {
        bencher.iter(|| tracker.right_columns(&corners, &columns));
    });
    tracker.set_anchor();
    criterion.bench_function("pyramid", |bencher| bencher.iter(|| tracker.take_up(&frames[1])));
    let followed = tracker.follow(&corners, &corners, 5.0).expect("tracks").iter().flatten().count();
    assert!(followed > 150, "{followed} followed");
    criterion.bench_function("optical flow, 200 there and back", |bencher| {
        bencher.iter(|| tracker.follow(&corners, &corners, 5.0));
    });
}

fn whole_frames(criterion: &mut Criterion) {
    let (rig, frames) = frames();
    let mut group = criterion.benchmark_group("40 stereo frames");
    group.sample_size(10);
    for name in ["double", "single", "mixed"] {
        let policy = Policy::resolve(name).expect("a policy");
        let odometry = || Odometry::new(&OdometryOptions::default(), &rig, &policy).expect("an odometry");
        let run = |mut odometry: Odometry| frames.iter().map(|frame| odometry.track(frame)).last();
        let last = run(odometry()).expect("frames");
        let truth = sway(last.stamp_nanos);
        let error_m = (last.t_odom_base.translation.vector - truth.translation.vector).norm();
        assert!(last.state == TrackingState::Tracking && error_m < 0.01, "{name}: {error_m} m");
        group.bench_function(name, |bencher| bencher.iter_batched(odometry, run, BatchSize::LargeInput));
    }
    group.finish();
}

criterion_group!(benches, stages, whole_frames);
criterion_main!(benches);
