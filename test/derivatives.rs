//! Every analytic Jacobian agrees with finite differences of its residual.

use half::f16;
use halfslam::bundle::reprojection::{Placement, StereoCamera, by_host};
use halfslam::bundle::{BalCamera, PointCamera, RadialTangentialCamera, RectifiedStereo};
use halfslam::geometry::relative_pose::RigidGroup;
use halfslam::geometry::rigid::Rigid;
use halfslam::geometry::{PinholeCamera, Se2, Se3, se2, se3};
use halfslam::precision::Scalar;
use nalgebra::{Vector3, Vector6};
use proptest::prelude::*;

const STEP: f64 = 1e-6;

/// The columns of central differences of `f` in `D` directions, compared with the analytic rows.
fn assert_derivative<const R: usize, const D: usize>(
    f: impl Fn(&[f64; D]) -> [f64; R],
    analytic: &[[f64; D]; R],
    tolerance: f64,
) {
    for column in 0..D {
        let mut step = [0.0; D];
        step[column] = STEP;
        let forward = f(&step);
        step[column] = -STEP;
        let backward = f(&step);
        for row in 0..R {
            let numeric = (forward[row] - backward[row]) / (2.0 * STEP);
            let gap = (numeric - analytic[row][column]).abs();
            assert!(
                gap < tolerance,
                "row {row}, column {column}: numeric {numeric}, analytic {}",
                analytic[row][column]
            );
        }
    }
}

fn relative_pose_derivative<G: RigidGroup<D>, const D: usize>(a: &G, b: &G, measured: &G) {
    let (a, b, m) = (a.rounded::<f64>(), b.rounded::<f64>(), measured.rounded::<f64>());
    let (by_a, by_b) = G::jacobians(&m, &G::relative(&a, &b));
    let residual_a = |step: &[f64; D]| G::residual(&m, &G::relative(&G::retract(&a, step), &b));
    let residual_b = |step: &[f64; D]| G::residual(&m, &G::relative(&a, &G::retract(&b, step)));
    assert_derivative(residual_a, &by_a, 1e-7);
    assert_derivative(residual_b, &by_b, 1e-7);
}

proptest! {
    #[test]
    fn relative_pose_in_space(
        a in prop::array::uniform6(-1.5f64..1.5),
        b in prop::array::uniform6(-1.5f64..1.5),
        error in prop::array::uniform6(-1.2f64..1.2),
    ) {
        let (a, b) = (se3::exp(&Vector6::from(a)), se3::exp(&Vector6::from(b)));
        let measured: Se3 = a.inverse() * b * se3::exp(&Vector6::from(error)).inverse();
        relative_pose_derivative(&a, &b, &measured);
    }

    #[test]
    fn relative_pose_in_the_plane(
        a in prop::array::uniform3(-3.0f64..3.0),
        b in prop::array::uniform3(-3.0f64..3.0),
        error in prop::array::uniform3(-2.9f64..2.9),
    ) {
        let (a, b) = (se2::exp(&Vector3::from(a)), se2::exp(&Vector3::from(b)));
        let measured: Se2 = a.inverse() * b * se2::exp(&Vector3::from(error)).inverse();
        relative_pose_derivative(&a, &b, &measured);
    }

    #[test]
    fn the_plane_is_space_with_three_numbers_at_rest(
        relative in prop::array::uniform3(-3.0f64..3.0),
        measured in prop::array::uniform3(-3.0f64..3.0),
    ) {
        let (relative, measured) = (se2::exp(&Vector3::from(relative)), se2::exp(&Vector3::from(measured)));
        let plane = Se2::residual(&measured.rounded::<f64>(), &relative.rounded::<f64>());
        let space = Se3::residual(&se2::lift(&measured).rounded::<f64>(), &se2::lift(&relative).rounded::<f64>());
        for (found, expected) in space.iter().zip([plane[0], plane[1], 0.0, 0.0, 0.0, plane[2]]) {
            prop_assert!((found - expected).abs() < 1e-9);
        }
    }
}

const CAMERA: PinholeCamera = PinholeCamera { fx: 420.0, fy: 410.0, cx: 376.0, cy: 240.0, width: 752, height: 480 };
const BASELINE_M: f64 = 0.11;

/// `[u, v, u_right]` of a landmark after perturbing target (6), host (6) and inverse depth (1).
fn project(target: &Se3, host: &Se3, ray: &[f64; 3], inverse_depth: f64, step: &[f64; 13]) -> [f64; 3] {
    let part = |first: usize| std::array::from_fn::<f64, 6, _>(|k| step[first + k]);
    let target = target.rounded::<f64>().retract(&part(0));
    let host = host.rounded::<f64>().retract(&part(6));
    let placement = Placement::new(&target.relative(&host));
    StereoCamera::new(&CAMERA, BASELINE_M).project(&placement, ray, inverse_depth + step[12])
}

/// The Jacobian by target, host and inverse depth.
fn whole_jacobian(t_target_host: &Rigid<f64>, ray: &[f64; 3], inverse_depth: f64) -> [[f64; 13]; 3] {
    let placement = Placement::new(t_target_host);
    let (_, rows) = StereoCamera::<f64>::new(&CAMERA, BASELINE_M).jacobian(&placement, ray, inverse_depth);
    let by_host = by_host(t_target_host);
    rows.map(|row| {
        std::array::from_fn(|k| match k {
            0..6 => row[k],
            6..12 => (0..6).map(|i| row[i] * by_host[i][k - 6]).sum(),
            _ => row[6],
        })
    })
}

/// How far a Jacobian in precision `S` is from that in double, relative to its largest entry.
fn jacobian_error<S: Scalar>(t_target_host: &Rigid<f64>, ray: &[f64; 3], inverse_depth: f64) -> f64 {
    let placement = Placement::new(t_target_host);
    let (_, double) = StereoCamera::<f64>::new(&CAMERA, BASELINE_M).jacobian(&placement, ray, inverse_depth);
    let placement = Placement::new(&t_target_host.cast());
    let (ray, inverse_depth) = (ray.map(S::from_f64), S::from_f64(inverse_depth));
    let (_, coarse) = StereoCamera::<S>::new(&CAMERA, BASELINE_M).jacobian(&placement, &ray, inverse_depth);
    let largest = double.as_flattened().iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    let gap = |(a, b): (&f64, &S)| (a - b.to_f64()).abs() / largest;
    double.as_flattened().iter().zip(coarse.as_flattened()).map(gap).fold(0.0, f64::max)
}

proptest! {
    #[test]
    fn reprojection(
        motion in prop::array::uniform6(-0.4f64..0.4),
        host in prop::array::uniform6(-2.0f64..2.0),
        ray in prop::array::uniform2(-0.6f64..0.6),
        inverse_depth in 0.01f64..0.8,
    ) {
        let host = se3::exp(&Vector6::from(host));
        let target = host * se3::exp(&Vector6::from(motion));
        let ray = [ray[0], ray[1], 1.0];
        let t_target_host = target.rounded::<f64>().relative(&host.rounded());
        let analytic = whole_jacobian(&t_target_host, &ray, inverse_depth);
        let along = |step: &[f64; 13]| project(&target, &host, &ray, inverse_depth, step);
        // Pixels per radian are in the thousands; central differences keep nine digits of them.
        assert_derivative(along, &analytic, 2e-4);
        prop_assert!(jacobian_error::<f32>(&t_target_host, &ray, inverse_depth) < 1e-5);
        prop_assert!(jacobian_error::<f16>(&t_target_host, &ray, inverse_depth) < 0.1);
    }

    #[test]
    fn reprojection_stays_finite_and_continuous_behind_the_camera(depth in -2.0f64..2.0, inverse_depth in 1e-6f64..2.0) {
        let camera = StereoCamera::<f64>::new(&CAMERA, BASELINE_M);
        let t = Placement::new(&Rigid::<f64>::from_se3(&Se3::translation(0.1, 0.0, depth / inverse_depth)));
        let px = camera.project(&t, &[0.2, 0.1, 1.0], inverse_depth);
        let (same_px, rows) = camera.jacobian(&t, &[0.2, 0.1, 1.0], inverse_depth);
        prop_assert!(px.iter().all(|value| value.is_finite()));
        prop_assert!(px.iter().zip(&same_px).all(|(a, b)| (a - b).abs() <= 1e-9 * a.abs()));
        prop_assert!(rows.as_flattened().iter().all(|v| v.is_finite()));
    }
}

/// What a camera measures of a moved point, its lens moved too: three steps of the point, then those of the lens.
fn point_camera_derivative<C: PointCamera<R, D>, const R: usize, const D: usize, const N: usize>(
    camera: &C,
    p_camera: [f64; 3],
    scale: [f64; N],
) {
    let mut by_point = [[0.0; 3]; R];
    let mut by_camera = [[0.0; D]; R];
    let measured = C::differentiate(&camera.lens::<f64>(), &p_camera, &mut by_point, &mut by_camera);
    let plain = C::project(&camera.lens::<f64>(), &p_camera);
    assert!(measured.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-9 * (1.0 + b.abs())));
    let analytic: [[f64; N]; R] = std::array::from_fn(|row| {
        std::array::from_fn(|k| scale[k] * if k < 3 { by_point[row][k] } else { by_camera[row][3 + k] })
    });
    let along = |step: &[f64; N]| {
        let p = std::array::from_fn(|k| p_camera[k] + scale[k] * step[k]);
        let lens = std::array::from_fn(|d| if d < 6 { 0.0 } else { scale[d - 3] * step[d - 3] });
        C::project(&camera.moved(*camera.pose(), &lens).lens::<f64>(), &p)
    };
    assert_derivative(along, &analytic, 1e-4);
}

proptest! {
    #[test]
    fn cameras_of_points(x in -2.0f64..2.0, y in -2.0f64..2.0, depth in 1.5f64..20.0, k in prop::array::uniform2(-0.2f64..0.2)) {
        let bal = BalCamera { t_world_camera: Se3::identity(), focal_px: 500.0, distortion: k };
        // Distortion is in other units than pixels: a step of it is made as small as its effect is large.
        point_camera_derivative::<_, 2, 9, 6>(&bal, [x, y, -depth], [1.0, 1.0, 1.0, 1.0, 1e-2, 1e-2]);
        let stereo = RectifiedStereo { camera: CAMERA, baseline_m: BASELINE_M, t_world_camera: Se3::identity() };
        point_camera_derivative::<_, 3, 6, 3>(&stereo, [x, y, depth], [1.0; 3]);
        let distorted = RadialTangentialCamera {
            t_world_camera: Se3::identity(),
            focal_px: 500.0,
            center_px: [320.0, 240.0],
            radial: [k[0], k[1], 0.5 * k[0] * k[1]],
            tangential: [0.05 * k[1], -0.04 * k[0]],
        };
        point_camera_derivative::<_, 2, 6, 3>(&distorted, [x, y, depth], [1.0; 3]);
    }
}
