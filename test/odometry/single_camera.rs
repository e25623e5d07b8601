//! One camera on wheels, which tell the scale.

use crate::worlds::*;
use crate::{distance_m, policy};
use halfslam::geometry::{PinholeCamera, Se3};
use halfslam::odometry::{Estimate, Odometry, OdometryOptions, TrackingState};
use halfslam::sensors::{Depth, Rig, SensorEvent, WheelSample};
use halfslam::simulation::{Preset, Simulation, SimulationOptions};
use nalgebra::Matrix6;
use std::sync::Arc;

fn single_rig() -> Rig {
    Rig { depth: Depth::None, ..stereo_rig() }
}

/// Round the circle with true pixels and wheels that claim `scale` times the way; estimates, the first at time 0.
fn drive(scale: f64, frames: i64, noise_px: f64, wheels: bool) -> Vec<Estimate> {
    let (options, rig) = (OdometryOptions::default(), single_rig());
    let tracker = TrueTracker::new(&rig, &options.frontend, noise_px, vec![]);
    let mut odometry = Odometry::with_tracker(&options, &rig, &policy("mixed"), Box::new(tracker)).unwrap();
    let estimate = |index: i64| {
        let stamp_nanos = index * FRAME_NANOS;
        if wheels {
            let mut t_wheel_base = circle(stamp_nanos);
            t_wheel_base.translation.vector *= scale;
            odometry.add_wheel(&WheelSample { stamp_nanos, t_wheel_base, covariance: Matrix6::zeros() });
        }
        odometry.track(&empty_frame(stamp_nanos))
    };
    (0..frames).map(estimate).collect()
}

#[test]
fn the_scale_is_that_of_the_wheels_and_the_shape_that_of_the_images() {
    for scale in [1.0, 1.03] {
        let estimates = drive(scale, 314, 0.3, true);
        assert!(estimates.iter().all(|estimate| estimate.state == TrackingState::Tracking));
        // Half round, 3 m away, and back at the start.
        let half = &estimates[157];
        let expected_m = scale * distance_m(&Se3::identity(), &circle(half.stamp_nanos));
        let found_m = half.t_odom_base.translation.vector.norm();
        assert!((found_m / expected_m - 1.0).abs() < 0.01, "{found_m} m for {expected_m} m");
        let last = &estimates[313];
        let error_m = distance_m(&last.t_odom_base, &circle(last.stamp_nanos));
        assert!(error_m < 0.01 * 9.42, "scale {scale}: {error_m} m after 9.4 m");
        // The wheels' scale is in the covariance: 1% of 3 m.
        let sigma_m = half.covariance.fixed_view::<3, 3>(0, 0).trace().sqrt();
        assert!(sigma_m > 0.02 && sigma_m < 0.3, "{sigma_m} m");
    }
}

#[test]
fn keyframes_carry_the_depths_that_the_motion_told() {
    let estimates = drive(1.0, 100, 0.3, true);
    let keyframe = estimates.iter().rev().find_map(|estimate| estimate.keyframe.as_ref()).unwrap();
    assert!(keyframe.depths.len() > 30, "{}", keyframe.depths.len());
    assert!(keyframe.depths.iter().all(|(_, depth_m)| (0.2..12.0).contains(depth_m)));
}

#[test]
fn without_wheels_it_says_that_it_waits() {
    let estimates = drive(1.0, 10, 0.3, false);
    assert!(estimates.iter().all(|estimate| estimate.state == TrackingState::Initializing));
    assert!(estimates.iter().all(|estimate| estimate.keyframe.is_none()));
}

#[test]
fn a_turn_on_the_spot_shows_no_depth_and_loses_nothing() {
    // Ahead for two seconds, round by half a turn on the spot, and ahead again: nothing that was seen before is in view.
    let rig = Rig { camera: PinholeCamera { fx: 200.0, fy: 200.0, ..stereo_rig().camera }, ..single_rig() };
    let t_base_camera = Se3::translation(0.0, 0.0, 0.3) * Rig::optical_looking_ahead();
    let rig = Rig { t_base_camera, ..rig };
    let pose = |index: i64| {
        let ahead = |frames: i64| 0.03 * frames as f64;
        let (first, turned, second) = (index.min(40), (index - 40).clamp(0, 60), (index - 100).max(0));
        let yaw = std::f64::consts::PI * turned as f64 / 60.0;
        Se3::translation(ahead(first), 0.0, 0.0)
            * Se3::rotation(nalgebra::Vector3::new(0.0, 0.0, yaw))
            * Se3::translation(ahead(second), 0.0, 0.0)
    };
    let options = OdometryOptions::default();
    let path = move |stamp_nanos: i64| pose(stamp_nanos / FRAME_NANOS);
    let tracker = TrueTracker::on(&rig, &options.frontend, 0.3, vec![], path);
    let mut odometry = Odometry::with_tracker(&options, &rig, &policy("mixed"), Box::new(tracker)).unwrap();
    for index in 0..140 {
        let stamp_nanos = index * FRAME_NANOS;
        odometry.add_wheel(&WheelSample { stamp_nanos, t_wheel_base: path(stamp_nanos), covariance: Matrix6::zeros() });
        let estimate = odometry.track(&empty_frame(stamp_nanos));
        assert_eq!(estimate.state, TrackingState::Tracking, "frame {index}");
        let error_m = distance_m(&estimate.t_odom_base, &path(stamp_nanos));
        assert!(error_m < 0.05, "frame {index}: {error_m} m");
    }
}

#[test]
fn a_simulated_tour_is_followed_by_one_camera_and_wheels() {
    let options = SimulationOptions { duration_secs: 40.0, frame_rate_hz: 10.0, ..SimulationOptions::default() };
    let simulation = Simulation::new(&options, 5, Preset::Mono);
    let mut odometry = Odometry::new(&OdometryOptions::default(), &simulation.rig(), &policy("mixed")).unwrap();
    let (mut lost, mut last) = (0, None);
    for event in simulation.events() {
        match event {
            SensorEvent::Wheel(sample) => odometry.add_wheel(&sample),
            SensorEvent::Imu(_) => {}
            SensorEvent::Frame(frame) => {
                let estimate = odometry.track(&Arc::new(*frame));
                lost += usize::from(estimate.state == TrackingState::Lost);
                last = Some(estimate);
            }
        }
    }
    let (truth, last) = (simulation.truth(), last.unwrap());
    let start = truth.poses()[0].t_world_body;
    let t_start_last = start.inverse() * truth.at(last.stamp_nanos).unwrap();
    let drift = distance_m(&last.t_odom_base, &t_start_last) / truth.path_length_m();
    assert!(lost == 0 && drift < 0.02, "{lost} lost, drift {drift}");
}
