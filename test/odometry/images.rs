//! Rendered images of a wall: motion, rest, jumps and blackouts.

use crate::worlds::*;
use crate::{distance_m, policy};
use halfslam::geometry::Se3;
use halfslam::odometry::{Odometry, OdometryOptions, TrackingState};
use halfslam::sensors::{Frame, Images, Rig};
use image::GrayImage;
use std::sync::Arc;

#[test]
fn rendered_stereo_and_depth_are_followed_to_millimetres() {
    let options = OdometryOptions::default();
    for rig in [stereo_rig(), depth_rig()] {
        let mut odometry = Odometry::new(&options, &rig, &policy("mixed")).unwrap();
        // Every fifth frame is dropped.
        for index in (0..60).filter(|index| index % 5 != 3) {
            let stamp_nanos = index * FRAME_NANOS;
            let estimate = odometry.track(&wall_frame(&rig, stamp_nanos, &sway(stamp_nanos)));
            assert_eq!(estimate.state, TrackingState::Tracking, "frame {index}");
            let error_m = distance_m(&estimate.t_odom_base, &sway(stamp_nanos));
            // 1.5% of a metre of path before a wall 2 m away, of which 320 pixels show little parallax.
            assert!(error_m < 0.015, "{:?}, frame {index}: {error_m} m", rig.depth);
        }
    }
}

/// The wall with noise of some grey levels on it, another at each time.
fn noisy_wall(rig: &Rig, stamp_nanos: i64, t_world_base: &Se3, gray_levels: f64) -> Arc<Frame> {
    let mut frame = Arc::unwrap_or_clone(wall_frame(rig, stamp_nanos, t_world_base));
    if let Images::Stereo { left, right } = &mut frame.images {
        for (number, image) in [left, right].into_iter().enumerate() {
            for (index, pixel) in image.iter_mut().enumerate() {
                let uniform = hashed(index as u64, (stamp_nanos + number as i64) as u64) - 0.5;
                *pixel = (f64::from(*pixel) + 12f64.sqrt() * gray_levels * uniform).clamp(0.0, 255.0) as u8;
            }
        }
    }
    Arc::new(frame)
}

#[test]
fn a_robot_at_rest_does_not_drift() {
    let rig = stereo_rig();
    let mut odometry = Odometry::new(&OdometryOptions::default(), &rig, &policy("mixed")).unwrap();
    // A minute at 2 Hz has the noise of a minute at 20 Hz in every frame, and takes a tenth of the time to make.
    let farthest_m = (0..120)
        .map(|index| {
            let estimate = odometry.track(&noisy_wall(&rig, 10 * index * FRAME_NANOS, &Se3::identity(), 2.0));
            assert_eq!(estimate.state, TrackingState::Tracking);
            estimate.t_odom_base.translation.vector.norm()
        })
        .fold(0.0, f64::max);
    assert!(farthest_m < 1e-3, "{farthest_m} m");
}

#[test]
fn a_jump_that_nobody_expected_is_found_by_what_things_look_like() {
    // From one frame to the next the camera moves sideways by half a metre and turns by half a radian.
    let rig = stereo_rig();
    let mut odometry = Odometry::new(&OdometryOptions::default(), &rig, &policy("mixed")).unwrap();
    let jumped = Se3::from_parts(
        nalgebra::Translation3::new(0.1, 0.5, 0.0),
        nalgebra::UnitQuaternion::from_axis_angle(&nalgebra::Vector3::z_axis(), -0.5),
    );
    for index in 0..10 {
        let stamp_nanos = index * FRAME_NANOS;
        let truth = if index < 5 { Se3::identity() } else { jumped };
        let estimate = odometry.track(&noisy_wall(&rig, stamp_nanos, &truth, 1.0));
        assert_eq!(estimate.state, TrackingState::Tracking, "frame {index}");
        let error_m = distance_m(&estimate.t_odom_base, &truth);
        assert!(error_m < 0.02, "frame {index}: {error_m} m");
    }
}

#[test]
fn a_view_that_comes_back_after_a_blackout_is_recognized() {
    // Two seconds of black, in which the camera is moved aside and back: the velocity that is carried on is wrong.
    let rig = stereo_rig();
    let mut odometry = Odometry::new(&OdometryOptions::default(), &rig, &policy("mixed")).unwrap();
    let black = GrayImage::new(rig.camera.width, rig.camera.height);
    let mut last = None;
    for index in 0..60 {
        let stamp_nanos = index * FRAME_NANOS;
        let frame = if (10..50).contains(&index) {
            let images = Images::Stereo { left: black.clone(), right: black.clone() };
            Arc::new(Frame { stamp_nanos, images, color: None })
        } else {
            wall_frame(&rig, stamp_nanos, &sway(if index < 10 { stamp_nanos } else { stamp_nanos - 40 * FRAME_NANOS }))
        };
        last = Some(odometry.track(&frame));
    }
    let last = last.unwrap();
    assert_eq!(last.state, TrackingState::Tracking);
    let error_m = distance_m(&last.t_odom_base, &sway(19 * FRAME_NANOS));
    assert!(error_m < 0.01, "{error_m} m");
    assert!(last.covariance.fixed_view::<3, 3>(0, 0).trace().sqrt() < 0.05, "the covariance must shrink again");
}
