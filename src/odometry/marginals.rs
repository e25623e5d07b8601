//! How certain the adjusted window is.

use super::adjustment::bundle_of;
use super::normal_matrix::{add_blocks, add_relative_poses, by_landmark, linearize, uninformed};
use super::window::Window;
use crate::bundle::{Bundle, BundleLandmark, BundleObservation};
use crate::geometry::se3::adjoint;
use nalgebra::{Cholesky, DMatrix, Dyn, Matrix6, RowVector6};

/// Covariances of the newest keyframe's camera `[ρ; φ]` (m, rad), in its own frame, with all landmarks and other poses
/// marginalized.
pub(super) struct Marginals {
    /// Relative to the keyframe before.
    pub since_previous: Matrix6<f64>,
    /// Relative to the oldest of the window.
    pub since_oldest: Matrix6<f64>,
    /// The part of the former that is of what the newest keyframe's pixels err in common, from 0 to 1.
    pub common_part: f64,
}

/// How certain the newest keyframe is; and sets the standard deviation of every adjusted depth.
///
/// What keyframes that have left told is left out: it is relative to one that is held, and of the newest motion it says
/// little. `None` if there are fewer than two keyframes.
pub(super) fn settle(window: &mut Window) -> Option<Marginals> {
    let pose_count = window.keyframes.len();
    // Relative to the keyframe before the newest: that one is the gauge.
    let gauge = pose_count.checked_sub(2)?;
    let (bundle, ids) = bundle_of(window, 0, |_, _| true);
    let slot = |pose: usize| if pose < gauge { Some(pose) } else { pose.checked_sub(1).filter(|_| pose != gauge) };
    let mut normal = uninformed(pose_count - 1);
    for ((landmark, seen), id) in by_landmark(&bundle).zip(&ids) {
        let depth_information = add_landmark(&mut normal, &bundle, landmark, &seen, slot);
        let depth = window.landmarks.get_mut(id).and_then(|landmark| landmark.inverse_depth.as_mut());
        if let (Some(depth), true) = (depth, depth_information > 0.0) {
            depth.sigma = 1.0 / depth_information.sqrt();
        }
    }
    add_relative_poses(&mut normal, &bundle, slot);
    let factor = normal.cholesky()?;
    let newest = pose_count - 1;
    let covariance = |from: usize| covariance_of_motion(&factor, &bundle, slot, from, newest);
    let seen = bundle.observations.iter().filter(|observation| observation.keyframe == newest).count();
    let noise = &window.noise;
    Some(Marginals {
        since_previous: covariance(gauge) * noise.design_effect(seen),
        since_oldest: covariance(0) * noise.design_effect(bundle.observations.len() / pose_count),
        common_part: noise.common_part(seen),
    })
}

/// The covariance of the motion between two poses in the latter's frame, from the factor of the normal matrix.
fn covariance_of_motion(
    factor: &Cholesky<f64, Dyn>,
    bundle: &Bundle,
    slot: impl Fn(usize) -> Option<usize>,
    from: usize,
    to: usize,
) -> Matrix6<f64> {
    let t_to_from = bundle.poses[to].t_world_camera.inverse() * bundle.poses[from].t_world_camera;
    let mut by_poses = DMatrix::zeros(factor.l_dirty().nrows(), 6);
    for (pose, by_pose) in [(slot(from), -adjoint(&t_to_from)), (slot(to), Matrix6::identity())] {
        if let Some(pose) = pose {
            by_poses.fixed_view_mut::<6, 6>(6 * pose, 0).copy_from(&by_pose.transpose());
        }
    }
    by_poses.tr_mul(&factor.solve(&by_poses)).fixed_view::<6, 6>(0, 0).into_owned()
}

/// Adds what the observations of a landmark tell of the poses, its depth marginalized:
/// `Σ Aᵀ A − (Σ Aᵀ b)(Σ Aᵀ b)ᵀ / Σ bᵀ b`. Gives `Σ bᵀ b`, the information of the depth.
fn add_landmark(
    normal: &mut DMatrix<f64>,
    bundle: &Bundle,
    landmark: &BundleLandmark,
    seen: &[&BundleObservation],
    slot: impl Fn(usize) -> Option<usize>,
) -> f64 {
    // Poses that the landmark ties together, and its depth's share in each.
    let mut coupling: Vec<(Option<usize>, RowVector6<f64>)> = vec![(slot(landmark.host), RowVector6::zeros())];
    let mut depth_information = 0.0;
    for observation in seen {
        let Some(rows) = linearize(bundle, landmark, observation) else { continue };
        depth_information += rows.depth.norm_squared();
        let (pose, host) = (slot(observation.keyframe), slot(landmark.host));
        if observation.keyframe == landmark.host {
            // The host moves ray and eye alike: only the depth is told.
            continue;
        }
        add_blocks(normal, &[(pose, rows.pose), (host, rows.host)], |a, b| a.transpose() * b);
        coupling[0].1 += rows.depth.transpose() * rows.host;
        coupling.push((pose, rows.depth.transpose() * rows.pose));
    }
    if depth_information > 0.0 {
        add_blocks(normal, &coupling, |a, b| -a.transpose() * b / depth_information);
    }
    depth_information
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::FrontendOptions;
    use crate::geometry::{PinholeCamera, Se3, se3};
    use crate::odometry::covariance::{compose, diagonal};
    use crate::odometry::motion::Motion;
    use crate::odometry::window::{LandmarkId, Track, WindowKeyframe};
    use crate::odometry::{CalibrationOptions, KeyframeId};
    use crate::sensors::{Depth, Frame, Images, Rig};
    use nalgebra::{Point3, Vector6};
    use std::sync::Arc;

    /// Keyframes one step apart that see so many landmarks, and wheels that tell the motion if `by_wheels` does.
    fn window(keyframes: u64, landmarks: u64, by_wheels: Option<Matrix6<f64>>) -> Window {
        let camera = PinholeCamera { fx: 400.0, fy: 400.0, cx: 320.0, cy: 240.0, width: 640, height: 480 };
        let rig = Rig { camera, depth: Depth::Stereo { baseline_m: 0.1 }, t_base_camera: Se3::identity() };
        let mut window = Window::new(&rig, &FrontendOptions::default(), &CalibrationOptions::default());
        let wave = |value: u64| (value as f64 * 2.399).sin();
        let t_before_base = step();
        for id in 0..keyframes {
            let t_odom_camera = (0..id).fold(Se3::identity(), |pose, _| pose * t_before_base);
            let tracks = (0..landmarks).map(|landmark| {
                let depth_m = 6.0 + 2.0 * wave(3 * landmark + 2);
                let p =
                    Point3::new(depth_m * 0.6 * wave(3 * landmark), depth_m * 0.5 * wave(3 * landmark + 1), depth_m);
                let p_camera = t_odom_camera.inverse() * p;
                let px = camera.project(&p_camera);
                Track { id: LandmarkId(landmark), px, px_right_x: Some(px.x - 40.0 / p_camera.z) }
            });
            let measured = by_wheels.filter(|_| id > 0).map(|covariance| Motion {
                t_before_base,
                covariance,
                turn_measured: false,
            });
            let images = Images::Mono { gray: Default::default() };
            let frame = Arc::new(Frame { stamp_nanos: 0, images, color: None });
            let by_chance = Matrix6::zeros();
            let id = KeyframeId(id);
            let tracks: Vec<Track> = tracks.collect();
            window.push(WindowKeyframe { id, stamp_nanos: 0, t_odom_camera, measured, by_chance, frame }, &tracks);
        }
        window
    }

    fn step() -> Se3 {
        se3::exp(&Vector6::new(0.05, 0.02, 0.1, 0.01, 0.02, 0.01))
    }

    #[test]
    fn wheels_alone_tell_motions_that_add_up() {
        let by_wheels = diagonal(0.02, 0.01);
        let told = settle(&mut window(6, 0, Some(by_wheels))).unwrap();
        let sum = (0..5).fold(Matrix6::zeros(), |sum, _| compose(&sum, &step(), &by_wheels));
        assert!((told.since_previous - by_wheels).norm() < 1e-6 * by_wheels.norm(), "{}", told.since_previous);
        assert!((told.since_oldest - sum).norm() < 1e-6 * sum.norm(), "{}", told.since_oldest);
    }

    #[test]
    fn landmarks_seen_all_along_leave_less_than_the_sum() {
        let told = settle(&mut window(6, 100, None)).unwrap();
        let sum = (0..5).fold(Matrix6::zeros(), |sum, _| compose(&sum, &step(), &told.since_previous));
        assert!(told.since_oldest.cholesky().is_some() && sum.trace() > 2.5 * told.since_oldest.trace());
        // Of two the oldest is the one before.
        let told = settle(&mut window(2, 100, None)).unwrap();
        let ratio = told.since_oldest.component_div(&told.since_previous);
        assert!((ratio[(0, 0)] - ratio[(5, 5)]).abs() < 1e-9 && (ratio[(0, 0)] - 1.0).abs() < 0.01, "{ratio}");
        assert!(settle(&mut window(1, 100, None)).is_none());
    }
}
