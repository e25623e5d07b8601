//! How certain the adjusted window is.

use super::adjustment::bundle_of;
use super::window::Window;
use crate::bundle::{Bundle, BundleLandmark, BundleObservation};
use crate::geometry::{Se3, se3, se3::adjoint};
use nalgebra::{DMatrix, Matrix3, Matrix6, Point3, RowVector6, SMatrix, SVector};

/// Information of each pose without anything else (1/m², 1/rad²): it has no say, and keeps the matrix invertible.
const NOTHING: f64 = 1e-6;

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
    let mut normal = DMatrix::<f64>::identity(6 * (pose_count - 1), 6 * (pose_count - 1)) * NOTHING;
    let mut observations = vec![Vec::new(); bundle.landmarks.len()];
    for observation in &bundle.observations {
        observations[observation.landmark].push(observation);
    }
    for ((landmark, seen), id) in bundle.landmarks.iter().zip(&observations).zip(&ids) {
        let depth_information = add_landmark(&mut normal, &bundle, landmark, seen, slot);
        let depth = window.landmarks.get_mut(id).and_then(|landmark| landmark.inverse_depth.as_mut());
        if let (Some(depth), true) = (depth, depth_information > 0.0) {
            depth.sigma = 1.0 / depth_information.sqrt();
        }
    }
    for factor in &bundle.relative_poses {
        let information = factor.sqrt_information.transpose() * factor.sqrt_information;
        let t_to_from = bundle.poses[factor.to].t_world_camera.inverse() * bundle.poses[factor.from].t_world_camera;
        let blocks = [(slot(factor.from), -adjoint(&t_to_from)), (slot(factor.to), Matrix6::identity())];
        add_blocks(&mut normal, &blocks, |a, b| a.transpose() * information * b);
    }
    let newest = 6 * (pose_count - 2);
    let unit = DMatrix::<f64>::from_fn(normal.nrows(), 6, |row, column| f64::from(u8::from(row == newest + column)));
    let columns = normal.cholesky()?.solve(&unit);
    let seen = bundle.observations.iter().filter(|observation| observation.keyframe == pose_count - 1).count();
    Some(columns.fixed_view::<6, 6>(newest, 0) * window.noise.design_effect(seen))
}

pub(super) fn add_blocks<const R: usize>(
    normal: &mut DMatrix<f64>,
    blocks: &[(Option<usize>, SMatrix<f64, R, 6>)],
    product: impl Fn(&SMatrix<f64, R, 6>, &SMatrix<f64, R, 6>) -> Matrix6<f64>,
) {
    for (row, a) in blocks {
        for (column, b) in blocks {
            let (Some(row), Some(column)) = (row, column) else { continue };
            let mut target = normal.fixed_view_mut::<6, 6>(6 * row, 6 * column);
            target += product(a, b);
        }
    }
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

/// Whitened residuals of (u, v, right column), and their derivatives with respect to the observing pose, the host's and the
/// inverse depth.
pub(super) struct Rows {
    pub residual: SVector<f64, 3>,
    pub pose: SMatrix<f64, 3, 6>,
    pub host: SMatrix<f64, 3, 6>,
    pub depth: SVector<f64, 3>,
}

pub(super) fn linearize(bundle: &Bundle, landmark: &BundleLandmark, observation: &BundleObservation) -> Option<Rows> {
    let camera = &bundle.camera;
    let t_camera_host =
        bundle.poses[observation.keyframe].t_world_camera.inverse() * bundle.poses[landmark.host].t_world_camera;
    let ray = camera.ray(&landmark.px_host);
    let p_host = Point3::from(ray / landmark.inverse_depth);
    let p: Point3<f64> = t_camera_host * p_host;
    if p.z < 0.01 {
        return None;
    }
    let inverse_z = 1.0 / p.z;
    let px = camera.project(&p);
    let right = observation.px_right_x.map_or(0.0, |x| px.x - camera.fx * bundle.baseline_m * inverse_z - x);
    let mut residual = (px - observation.px).push(right) / observation.sigma_px;
    let slope = -camera.fx * inverse_z * inverse_z;
    let mut projection = Matrix3::new(
        camera.fx * inverse_z,
        0.0,
        slope * p.x,
        0.0,
        camera.fy * inverse_z,
        -camera.fy * p.y * inverse_z * inverse_z,
        camera.fx * inverse_z,
        0.0,
        slope * (p.x - bundle.baseline_m),
    ) / observation.sigma_px;
    if observation.px_right_x.is_none() {
        projection.row_mut(2).fill(0.0);
    }
    if observation.keyframe == landmark.host {
        // The host's left pixel defines the ray and is no measurement.
        projection.row_mut(0).fill(0.0);
        projection.row_mut(1).fill(0.0);
        residual.fixed_rows_mut::<2>(0).fill(0.0);
    }
    let rotation = rotation_of(&t_camera_host);
    let mut pose = SMatrix::<f64, 3, 6>::zeros();
    pose.fixed_view_mut::<3, 3>(0, 0).copy_from(&-projection);
    pose.fixed_view_mut::<3, 3>(0, 3).copy_from(&(projection * se3::skew(&p.coords)));
    let mut host = SMatrix::<f64, 3, 6>::zeros();
    host.fixed_view_mut::<3, 3>(0, 0).copy_from(&(projection * rotation));
    host.fixed_view_mut::<3, 3>(0, 3).copy_from(&-(projection * rotation * se3::skew(&p_host.coords)));
    let depth = projection * rotation * ray * (-1.0 / (landmark.inverse_depth * landmark.inverse_depth));
    Some(Rows { residual, pose, host, depth })
}

fn rotation_of(t: &Se3) -> Matrix3<f64> {
    *t.rotation.to_rotation_matrix().matrix()
}
