//! Simulated tours that are hard to follow.

use crate::{distance_m, policy};
use halfslam::odometry::{Odometry, OdometryOptions, TrackingState};
use halfslam::sensors::SensorEvent;
use halfslam::simulation::{Preset, Simulation, SimulationOptions};
use std::sync::Arc;

/// A simulated tour: distance from the truth at the end over the path, and the
/// number of frames that were not tracked after the first.
fn tour(options: &SimulationOptions, preset: Preset, inertial: bool) -> (f64, usize) {
    let simulation = Simulation::new(options, 3, preset);
    let mut odometry = Odometry::new(&OdometryOptions::default(), &simulation.rig(), &policy("mixed")).unwrap();
    let (mut lost, mut first_last) = (0, None);
    for event in simulation.events() {
        match event {
            SensorEvent::Imu(sample) if inertial => odometry.add_imu(&sample),
            SensorEvent::Frame(frame) => {
                let estimate = odometry.track(&Arc::new(*frame));
                lost += usize::from(estimate.state != TrackingState::Tracking);
                let first = first_last.map_or(estimate.stamp_nanos, |(first, _, _)| first);
                first_last = Some((first, estimate.stamp_nanos, estimate.t_odom_base));
            }
            _ => {}
        }
    }
    let (first, last, t_odom_base) = first_last.unwrap();
    let truth = simulation.truth();
    let t_true = truth.at(first).unwrap().inverse() * truth.at(last).unwrap();
    (distance_m(&t_true, &t_odom_base) / truth.path_length_m(), lost)
}

#[test]
fn a_few_looks_in_a_second_are_enough() {
    // At 1.5 frames per second turns show half another view, and no motion between two looks is foreseen.
    let options = SimulationOptions { duration_secs: 30.0, frame_rate_hz: 1.5, ..SimulationOptions::default() };
    for preset in [Preset::Stereo, Preset::Rgbd] {
        let (drift, lost) = tour(&options, preset, false);
        assert!(lost <= 1 && drift < 0.03, "{preset:?}: {lost} lost, drift {drift}");
    }
}

#[test]
fn bare_rooms_are_followed_by_their_surfaces() {
    // Walls, floor and ceiling of one colour each: next to no corner that could be followed.
    let options = SimulationOptions {
        duration_secs: 20.0,
        frame_rate_hz: 3.0,
        texture_poor: 1.0,
        ..SimulationOptions::default()
    };
    let (drift, lost) = tour(&options, Preset::Rgbd, false);
    assert!(lost == 0 && drift < 0.03, "{lost} lost, drift {drift}");
}

#[test]
fn a_hard_tour_is_never_lost_for_good() {
    let options = SimulationOptions {
        duration_secs: 15.0,
        frame_rate_hz: 10.0,
        motion_blur_ms: 10.0,
        exposure_change: 0.4,
        texture_poor: 0.3,
        moving_objects: 3,
        dropped_frames: 0.1,
        ..SimulationOptions::default()
    };
    let (drift, lost) = tour(&options, Preset::Stereo, true);
    assert!(lost <= 5 && drift < 0.015, "{lost} lost, drift {drift}");
}
