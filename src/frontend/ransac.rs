//! A pose without any first guess.

use super::{FrontendError, stage};
use crate::geometry::{PinholeCamera, Se3};
use nalgebra::{Point3, Translation3, UnitQuaternion, Vector2, Vector3};
use opencv::calib3d::{SOLVEPNP_AP3P, solve_pnp_ransac};
use opencv::core::{Mat, Point2d, Point3d, Vector};
use opencv::prelude::{MatTraitConst, MatTraitConstManual};

/// Fewest points that determine a pose and can contradict it.
const MIN_POINTS: usize = 6;

/// Most samples of four points (three, and one that chooses among their poses): at half outliers 99.9% certainty needs 107; at
/// three quarters so many are 86% certain.
const SAMPLES: i32 = 500;

/// The pose (camera coordinates into world coordinates) that most points (m) agree with within `tolerance_px` of their
/// pixels; `None` if there are too few or none agree. The samples are the same for the same input.
///
/// # Errors
/// [`FrontendError::OpenCv`].
pub fn pose_from_points(
    p_world: &[Point3<f64>],
    px: &[Vector2<f64>],
    camera: &PinholeCamera,
    tolerance_px: f64,
) -> Result<Option<Se3>, FrontendError> {
    let stage = stage("pose from points");
    if p_world.len() < MIN_POINTS || p_world.len() != px.len() {
        return Ok(None);
    }
    // OpenCV's samples come from a generator of its own, seeded alike on each call; this one serves its other parts.
    opencv::core::set_rng_seed(0).map_err(&stage)?;
    let points: Vector<Point3d> = p_world.iter().map(|p| Point3d::new(p.x, p.y, p.z)).collect();
    let pixels: Vector<Point2d> = px.iter().map(|px| Point2d::new(px.x, px.y)).collect();
    let PinholeCamera { fx, fy, cx, cy, .. } = *camera;
    let intrinsics = Mat::from_slice_2d(&[[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]).map_err(&stage)?;
    let (mut rotation, mut translation, mut inliers) = (Mat::default(), Mat::default(), Mat::default());
    let found = solve_pnp_ransac(
        &points,
        &pixels,
        &intrinsics,
        &Mat::default(),
        &mut rotation,
        &mut translation,
        false,
        SAMPLES,
        tolerance_px as f32,
        0.999,
        &mut inliers,
        SOLVEPNP_AP3P,
    )
    .map_err(&stage)?;
    if !found || inliers.rows() < MIN_POINTS as i32 {
        return Ok(None);
    }
    let (phi, t) = (rotation.data_typed::<f64>().map_err(&stage)?, translation.data_typed::<f64>().map_err(&stage)?);
    let (&[x, y, z], &[a, b, c]) = (t, phi) else { return Ok(None) };
    let (t, phi) = (Vector3::new(x, y, z), Vector3::new(a, b, c));
    let t_camera_world = Se3::from_parts(Translation3::from(t), UnitQuaternion::from_scaled_axis(phi));
    let finite = t_camera_world.to_homogeneous().iter().all(|value| value.is_finite());
    Ok(finite.then(|| t_camera_world.inverse()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3;
    use nalgebra::Vector6;

    #[test]
    fn a_far_pose_is_found_among_outliers_and_nonsense_gives_none() {
        let camera = PinholeCamera { fx: 460.0, fy: 460.0, cx: 376.0, cy: 240.0, width: 752, height: 480 };
        let truth = se3::exp(&Vector6::new(1.5, -0.5, -2.0, 0.3, -0.6, 0.2));
        let p_camera = |index: i32| {
            let step = f64::from(index);
            Point3::new((step * 0.7).sin() * 2.0, (step * 1.3).cos() * 1.2, 4.0 + (step * 0.37).sin() * 1.5)
        };
        let points: Vec<Point3<f64>> = (0..60).map(|index| truth * p_camera(index)).collect();
        let mut pixels: Vec<Vector2<f64>> = (0..60).map(|index| camera.project(&p_camera(index))).collect();
        for px in pixels.iter_mut().step_by(3) {
            *px += Vector2::new(60.0, 25.0);
        }
        let pose = pose_from_points(&points, &pixels, &camera, 2.0).unwrap().unwrap();
        assert!(se3::log(&(truth.inverse() * pose)).norm() < 1e-3);
        assert_eq!(pose_from_points(&points, &pixels, &camera, 2.0).unwrap(), Some(pose));
        assert_eq!(pose_from_points(&points[..4], &pixels[..4], &camera, 2.0).unwrap(), None);
        let behind = vec![Point3::new(f64::NAN, 0.0, 0.0); 10];
        assert!(!matches!(pose_from_points(&behind, &pixels[..10], &camera, 2.0), Ok(Some(_))));
    }
}
