//! How certain the adjusted window is.

use super::adjustment::bundle_of;
use super::normal_matrix::{add_blocks, add_relative_poses, by_landmark, linearize, uninformed};
use super::window::Window;
use crate::bundle::{Bundle, BundleLandmark, BundleObservation};
use nalgebra::{DMatrix, Matrix6, RowVector6};

/// The covariance of the newest keyframe's camera relative to the one before `[ρ; φ]`, in its own frame, with all
/// landmarks and other poses marginalized; and sets the standard deviation of every adjusted depth.
///
/// What keyframes that have left told is left out: it is relative to one that is held, and of the newest motion it says
/// little. `None` if there are fewer than two keyframes.
pub(super) fn settle(window: &mut Window) -> Option<Matrix6<f64>> {
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
    let newest = 6 * (pose_count - 2);
    let unit = DMatrix::<f64>::from_fn(normal.nrows(), 6, |row, column| f64::from(u8::from(row == newest + column)));
    let columns = normal.cholesky()?.solve(&unit);
    let seen = bundle.observations.iter().filter(|observation| observation.keyframe == pose_count - 1).count();
    Some(columns.fixed_view::<6, 6>(newest, 0) * window.noise.design_effect(seen))
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
