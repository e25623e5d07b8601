//! A window of the article's shape: 50 keyframes on a tour, what they see, and an estimate that is off.

use crate::bundle::{Bundle, BundleLandmark, BundleObservation, BundlePose};
use crate::geometry::{Se3, se3};
use crate::sensors::Depth;
use crate::simulation::features::{FeatureOptions, Landmarks};
use crate::simulation::random::Random;
use crate::simulation::{Preset, Simulation, SimulationOptions};
use nalgebra::{Vector2, Vector6};

/// Keyframes of the window.
pub(super) const KEYFRAMES: usize = 50;
/// New landmarks of each keyframe: 700 in all.
const NEW_LANDMARKS: usize = 14;
/// Keyframes in which a landmark is seen, at most: some 5,500 residuals in all.
const TRACK_LENGTH: usize = 4;
/// Time between keyframes (s).
const INTERVAL_SECS: f64 = 0.5;
/// Standard deviations of the estimate: positions (m), rotations (rad), inverse depths (share).
const POSE_SIGMA: (f64, f64) = (0.03, 0.01);
const DEPTH_SIGMA: f64 = 0.1;

/// A window with an estimate that is off, and the true poses of its cameras.
pub(super) fn window(seed: u64) -> (Bundle, Vec<Se3>) {
    let duration_secs = 3.0 + INTERVAL_SECS * KEYFRAMES as f64;
    let simulation = Simulation::new(&SimulationOptions { duration_secs, ..Default::default() }, seed, Preset::Stereo);
    let options = FeatureOptions::default();
    let landmarks = Landmarks::new(simulation.flat(), &options, seed);
    let rig = simulation.rig();
    let baseline_m = if let Depth::Stereo { baseline_m } = rig.depth { baseline_m } else { 0.0 };
    let mut random = Random::new(seed, 9500);
    let camera_at =
        |index: usize| simulation.tour().at(2.0 + INTERVAL_SECS * index as f64).t_world_base * rig.t_base_camera;
    // In the first camera's world, as the odometry's windows are.
    let t_first_world = camera_at(0).inverse();
    let truth: Vec<Se3> = (0..KEYFRAMES).map(|index| t_first_world * camera_at(index)).collect();
    let mut bundle = Bundle {
        camera: rig.camera,
        baseline_m,
        poses: Vec::new(),
        landmarks: Vec::new(),
        observations: Vec::new(),
        relative_poses: Vec::new(),
        priors: Vec::new(),
    };
    for (index, pose) in truth.iter().enumerate() {
        let error = Vector6::from_fn(|k, _| random.normal() * if k < 3 { POSE_SIGMA.0 } else { POSE_SIGMA.1 });
        let fixed = index == 0;
        bundle.poses.push(BundlePose { t_world_camera: if fixed { *pose } else { pose * se3::exp(&error) }, fixed });
    }
    let mut taken = vec![false; landmarks.count()];
    for host in 0..KEYFRAMES {
        let mut found = 0;
        for (landmark, taken) in taken.iter_mut().enumerate() {
            if found == NEW_LANDMARKS {
                break;
            }
            let Some(sight) = landmarks.sight(landmark, &rig.camera, &camera_at(host)).filter(|_| !*taken) else {
                continue;
            };
            let seen_next =
                host + 1 == KEYFRAMES || landmarks.sight(landmark, &rig.camera, &camera_at(host + 1)).is_some();
            if !seen_next {
                continue;
            }
            (*taken, found) = (true, found + 1);
            let index = bundle.landmarks.len();
            let mut px_host = sight.px;
            for keyframe in host..(host + TRACK_LENGTH).min(KEYFRAMES) {
                let Some(sight) = landmarks.sight(landmark, &rig.camera, &camera_at(keyframe)) else { break };
                let mut noise = || options.noise_px * random.normal();
                let px = sight.px + Vector2::new(noise(), noise());
                let right = sight.px.x - rig.camera.fx * baseline_m / sight.depth_m + noise();
                if keyframe == host {
                    px_host = px;
                }
                let sigma_px = options.noise_px;
                bundle.observations.push(BundleObservation {
                    keyframe,
                    landmark: index,
                    px,
                    px_right_x: Some(right),
                    sigma_px,
                });
            }
            let inverse_depth = (1.0 + DEPTH_SIGMA * random.normal().clamp(-3.0, 3.0)) / sight.depth_m;
            bundle.landmarks.push(BundleLandmark { host, px_host, inverse_depth });
        }
    }
    (bundle, truth)
}

/// Root mean square distance (m) of a bundle's cameras from their true positions.
pub(super) fn position_error_m(bundle: &Bundle, truth: &[Se3]) -> f64 {
    let squared = |(pose, truth): (&BundlePose, &Se3)| {
        (pose.t_world_camera.translation.vector - truth.translation.vector).norm_squared()
    };
    (bundle.poses.iter().zip(truth).map(squared).sum::<f64>() / truth.len() as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::BundleOptions;

    #[test]
    fn it_has_the_articles_shape() {
        let (bundle, truth) = window(1);
        let problem = bundle.linear_problem(&BundleOptions::default()).unwrap();
        let columns = problem.structure.column_count();
        let rows = problem.row_count();
        assert_eq!(truth.len(), KEYFRAMES);
        assert!((4500..6500).contains(&rows) && (900..=1000).contains(&columns), "{rows} x {columns}");
        assert!(position_error_m(&bundle, &truth) > 0.02);
    }
}
