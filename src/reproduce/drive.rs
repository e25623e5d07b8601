//! One drive of the feature-level simulator through the odometry, and its map.

use super::ReproduceError;
use crate::config::Config;
use crate::evaluation::{Alignment, absolute_error};
use crate::geometry::{StampedPose, Trajectory};
use crate::map::LoopCloser;
use crate::odometry::{Keyframe, Odometry, OdometryOptions};
use crate::precision::Policy;
use crate::sensors::SensorEvent;
use crate::simulation::features::{FeatureOptions, FeatureSimulation};
use crate::simulation::{Preset, Simulation, SimulationOptions};
use std::sync::Arc;

/// Frames per second: a robot of half a metre per second moves 5 cm from one to the next.
const FRAME_RATE_HZ: f64 = 10.0;

/// A stereo robot's tour through a flat of its own.
pub(super) fn tour(seed: u64, duration_secs: f64, features: &FeatureOptions) -> FeatureSimulation {
    let options = SimulationOptions { duration_secs, frame_rate_hz: FRAME_RATE_HZ, ..SimulationOptions::default() };
    FeatureSimulation::new(&Simulation::new(&options, seed, Preset::Stereo), features)
}

/// What the odometry makes of a tour under a policy; one pose for each frame.
///
/// # Errors
/// [`ReproduceError::Odometry`] if the rig does not serve.
pub(super) fn odometry(
    simulation: &FeatureSimulation,
    policy: &Policy,
    options: &OdometryOptions,
    mut map: Option<&mut LoopCloser>,
) -> Result<Trajectory, ReproduceError> {
    let tracker = Box::new(simulation.tracker(&options.frontend));
    let mut odometry = Odometry::with_tracker(options, simulation.rig(), policy, tracker)?;
    let feature_count = Config::default().map.place.feature_count;
    let mut poses = Trajectory::default();
    let mut take = |keyframe: Option<Keyframe>| {
        if let (Some(map), Some(keyframe)) = (map.as_deref_mut(), &keyframe) {
            // A loop that cannot be closed leaves the map as it was: that is the result then.
            if let Err(error) = map.add(simulation.describe(keyframe, feature_count)) {
                tracing::debug!("loop not closed: {error}");
            }
        }
    };
    for event in simulation.events() {
        match event {
            SensorEvent::Frame(frame) => {
                let estimate = odometry.track(&Arc::new(*frame));
                poses.push(StampedPose { stamp_nanos: estimate.stamp_nanos, t_world_body: estimate.t_odom_base });
                take(estimate.keyframe);
            }
            SensorEvent::Wheel(sample) => odometry.add_wheel(&sample),
            SensorEvent::Imu(_) => {}
        }
    }
    take(odometry.finish().map(|(keyframe, _)| keyframe));
    Ok(poses)
}

/// Root mean square (m) of the absolute trajectory error after rigid alignment; infinite where it cannot be told.
pub(super) fn ate_m(estimate: &Trajectory, truth: &Trajectory) -> f64 {
    let error = absolute_error(estimate, truth, Alignment::Se3).map(|error| error.translation_m.rmse);
    error.ok().filter(|rmse| rmse.is_finite()).unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(policy: &str, seed: u64) -> (Trajectory, Trajectory) {
        let simulation = tour(seed, 12.0, &FeatureOptions::default());
        let policy = Policy::resolve(policy).unwrap();
        let estimate = odometry(&simulation, &policy, &OdometryOptions::default(), None).unwrap();
        (estimate, simulation.truth())
    }

    #[test]
    fn the_odometry_stays_within_a_percent_of_the_path() {
        for seed in [5, 6] {
            let (estimate, truth) = run("double", seed);
            assert_eq!(estimate.poses().len(), truth.poses().len());
            assert!(truth.path_length_m() > 3.0);
            let ate_m = ate_m(&estimate, &truth);
            assert!(ate_m < 0.01 * truth.path_length_m(), "{ate_m} m");
        }
    }

    #[test]
    fn the_same_seed_drives_the_same_way_again() {
        assert_eq!(run("mixed", 7).0, run("mixed", 7).0);
        assert_ne!(run("mixed", 7).0, run("mixed", 8).0);
    }
}
