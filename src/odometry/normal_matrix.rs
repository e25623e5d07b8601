//! The normal matrix of a window's poses, for what is asked of it beside an adjustment.

use crate::bundle::{Bundle, BundleLandmark, BundleObservation};
use crate::geometry::{Se3, se3, se3::adjoint};
use nalgebra::{DMatrix, Matrix3, Matrix6, Point3, SMatrix, SVector};

/// Information of each pose without anything else (1/m², 1/rad²): it has no say, and keeps the matrix invertible.
const NOTHING: f64 = 1e-6;

/// The normal matrix of so many free poses before anything is added to it: blocks of 6 x 6, perturbations `[ρ; φ]` (m, rad).
pub(super) fn uninformed(count: usize) -> DMatrix<f64> {
    DMatrix::identity(6 * count, 6 * count) * NOTHING
}

/// The landmarks of a bundle with what is seen of each.
pub(super) fn by_landmark(bundle: &Bundle) -> impl Iterator<Item = (&BundleLandmark, Vec<&BundleObservation>)> {
    let mut observations = vec![Vec::new(); bundle.landmarks.len()];
    for observation in &bundle.observations {
        observations[observation.landmark].push(observation);
    }
    bundle.landmarks.iter().zip(observations)
}

/// Adds what wheels and gyroscope tell; `slot` is a pose's place in the matrix, if it is free.
pub(super) fn add_relative_poses(normal: &mut DMatrix<f64>, bundle: &Bundle, slot: impl Fn(usize) -> Option<usize>) {
    for factor in &bundle.relative_poses {
        let information = factor.sqrt_information.transpose() * factor.sqrt_information;
        let t_to_from = bundle.poses[factor.to].t_world_camera.inverse() * bundle.poses[factor.from].t_world_camera;
        let blocks = [(slot(factor.from), -adjoint(&t_to_from)), (slot(factor.to), Matrix6::identity())];
        add_blocks(normal, &blocks, |a, b| a.transpose() * information * b);
    }
}

/// Adds a product of the blocks of each two free poses.
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

/// Whitened residuals of (u, v, right column), and their derivatives with respect to the observing pose, the host's and the
/// inverse depth.
pub(super) struct Rows {
    pub residual: SVector<f64, 3>,
    pub pose: SMatrix<f64, 3, 6>,
    pub host: SMatrix<f64, 3, 6>,
    pub depth: SVector<f64, 3>,
}

/// An observation linearized where the bundle stands, poses perturbed on the right `[ρ; φ]` (m, rad), depth as its inverse (1/m).
/// `None` for what lies behind the camera. A host's own left pixel, and a right column that was not seen, make rows of zeros.
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
