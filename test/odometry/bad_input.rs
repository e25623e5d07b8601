//! Stamps out of order, images that show nothing or are of another camera, and rigs that cannot serve.

use crate::worlds::*;
use crate::{distance_m, policy};
use halfslam::geometry::{PinholeCamera, Se3};
use halfslam::odometry::{Estimate, Odometry, OdometryError, OdometryOptions, TrackingState};
use halfslam::sensors::{Depth, Frame, Images, ImuSample, Rig, WheelSample};
use image::GrayImage;
use nalgebra::{Matrix6, Vector3};
use std::sync::Arc;

#[test]
fn frames_that_are_not_newer_change_nothing() {
    let (options, rig) = (OdometryOptions::default(), stereo_rig());
    let run = |extra: bool| {
        let mut odometry = Odometry::new(&options, &rig, &policy("mixed")).unwrap();
        let mut last = None;
        for index in 0..20 {
            let stamp_nanos = index * FRAME_NANOS;
            let estimate = odometry.track(&wall_frame(&rig, stamp_nanos, &sway(stamp_nanos)));
            if extra {
                for old in [stamp_nanos, stamp_nanos - FRAME_NANOS, i64::MIN] {
                    let again = odometry.track(&wall_frame(&rig, old, &Se3::identity()));
                    assert_eq!((again.stamp_nanos, again.t_odom_base), (stamp_nanos, estimate.t_odom_base));
                    assert!(again.keyframe.is_none() && again.solve.is_none());
                }
            }
            last = Some(estimate.t_odom_base);
        }
        last.unwrap()
    };
    // Two runs over images also show that the same input gives the same bits.
    assert_eq!(run(false), run(true));
}

#[test]
fn a_clock_that_was_set_back_costs_one_frame() {
    let rig = stereo_rig();
    let mut odometry = Odometry::new(&OdometryOptions::default(), &rig, &policy("mixed")).unwrap();
    let late_nanos = 1000 * FRAME_NANOS;
    for index in 0..30 {
        // A recording that is played again at the tenth frame, while the camera moves on.
        let stamp_nanos = if index < 10 { late_nanos + index * FRAME_NANOS } else { index * FRAME_NANOS };
        let truth = sway(index * FRAME_NANOS);
        let estimate = odometry.track(&wall_frame(&rig, stamp_nanos, &truth));
        // Where it starts again no image tells how it came there.
        let state = if index == 11 { TrackingState::Lost } else { TrackingState::Tracking };
        assert_eq!(estimate.state, state, "frame {index}");
        assert_eq!(estimate.stamp_nanos == stamp_nanos, index != 10, "frame {index}");
        // Starting again, it does not know how far the camera went in the two frames.
        let error_m = distance_m(&estimate.t_odom_base, &truth);
        assert!(error_m < 0.05, "frame {index}: {error_m} m");
    }
}

#[test]
fn no_image_makes_it_panic() {
    let (options, rig) = (OdometryOptions::default(), stereo_rig());
    let (width, height) = (rig.camera.width, rig.camera.height);
    let pair = |left: GrayImage, right: GrayImage| Images::Stereo { left, right };
    let flat = |level: u8| GrayImage::from_pixel(width, height, image::Luma([level]));
    let static_noise = |seed: u64| {
        GrayImage::from_fn(width, height, |x, y| image::Luma([(256.0 * hashed(u64::from(x * 1000 + y), seed)) as u8]))
    };
    let stripes = GrayImage::from_fn(width, height, |x, _| image::Luma([if x % 16 < 8 { 20 } else { 220 }]));
    let bad = vec![
        pair(flat(0), flat(0)),
        pair(flat(255), flat(255)),
        pair(static_noise(1), static_noise(2)),
        pair(stripes.clone(), stripes),
        pair(GrayImage::new(0, 0), GrayImage::new(0, 0)),
        pair(GrayImage::new(1, 1), GrayImage::new(1, 1)),
        pair(flat(90), GrayImage::new(64, 48)),
        pair(GrayImage::new(2 * width, 2 * height), GrayImage::new(2 * width, 2 * height)),
        Images::Mono { gray: flat(90) },
    ];
    // Bad images first, then amid good ones.
    for good_before in [0, 10] {
        let mut odometry = Odometry::new(&options, &rig, &policy("mixed")).unwrap();
        let mut index = 0;
        let mut track = |images: Option<Images>| {
            let stamp_nanos = index * FRAME_NANOS;
            index += 1;
            let good = wall_frame(&rig, stamp_nanos, &sway(stamp_nanos));
            odometry.track(&images.map_or(good, |images| Arc::new(Frame { stamp_nanos, images, color: None })))
        };
        for _ in 0..good_before {
            assert_eq!(track(None).state, TrackingState::Tracking);
        }
        for images in &bad {
            let estimate = track(Some(images.clone()));
            assert!(estimate.t_odom_base.to_homogeneous().iter().all(|value| value.is_finite()));
            assert!(estimate.covariance.iter().all(|value| value.is_finite()));
        }
        let estimates: Vec<Estimate> = (0..20).map(|_| track(None)).collect();
        assert_eq!(estimates[19].state, TrackingState::Tracking, "after {good_before} good frames and the bad ones");
    }
}

#[test]
fn images_that_contradict_the_rig_are_lost_not_used() {
    let (options, rig) = (OdometryOptions::default(), stereo_rig());
    let mut odometry = Odometry::new(&options, &rig, &policy("mixed")).unwrap();
    odometry.track(&wall_frame(&rig, 0, &Se3::identity()));
    let small = Rig { camera: PinholeCamera { width: 160, height: 120, ..rig.camera }, ..rig };
    let estimate = odometry.track(&wall_frame(&small, FRAME_NANOS, &Se3::identity()));
    assert_eq!(estimate.state, TrackingState::Lost);
    let estimate = odometry.track(&wall_frame(&rig, 2 * FRAME_NANOS, &Se3::identity()));
    assert_eq!(estimate.state, TrackingState::Tracking);
}

#[test]
fn sensors_that_say_what_nothing_measures_are_not_believed() {
    let (options, rig) = (OdometryOptions::default(), stereo_rig());
    let run = |bad: &[f64]| {
        let mut odometry = Odometry::new(&options, &rig, &policy("mixed")).unwrap();
        let mut poses = Vec::new();
        for index in 0..20 {
            let stamp_nanos = index * FRAME_NANOS;
            for (place, &value) in bad.iter().enumerate() {
                let stamp_nanos = stamp_nanos - FRAME_NANOS / 2 + place as i64;
                let vector = Vector3::new(0.0, value, value);
                odometry.add_imu(&ImuSample { stamp_nanos, angular_velocity: vector, linear_acceleration: vector });
                let t_wheel_base = Se3::translation(value, 0.0, 0.0);
                odometry.add_wheel(&WheelSample { stamp_nanos, t_wheel_base, covariance: Matrix6::zeros() });
            }
            let estimate = odometry.track(&wall_frame(&rig, stamp_nanos, &sway(stamp_nanos)));
            assert_eq!(estimate.state, TrackingState::Tracking, "frame {index}");
            poses.push(estimate.t_odom_base);
        }
        poses
    };
    assert_eq!(run(&[f64::NAN, f64::INFINITY, -f64::MAX, 1e200, 1e9]), run(&[]));
}

#[test]
fn rigs_that_cannot_serve_are_refused() {
    let (options, rig) = (OdometryOptions::default(), stereo_rig());
    let refused = |rig: Rig| Odometry::new(&options, &rig, &policy("mixed")).err().unwrap();
    let error = refused(Rig { depth: Depth::Stereo { baseline_m: -0.1 }, ..rig });
    assert!(matches!(error, OdometryError::Rig { .. }), "{error}");
    let error = error.to_string();
    assert!(error.contains("-0.1 m"), "{error}");
}
