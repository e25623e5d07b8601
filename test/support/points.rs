//! Reconstructions with known truth: cameras on an arc that look at a cloud of points.
#![allow(dead_code)]

use super::windows::Random;
use halfslam::bundle::{
    BalCamera, PointBundle, PointCamera, PointObservation, RadialTangentialCamera, RectifiedStereo,
};
use halfslam::geometry::{PinholeCamera, Se3, se3};
use nalgebra::{Point3, Vector6};

/// Everything perturbed by hundredths, pixels by half of one.
fn scene<C: PointCamera<R, D>, const R: usize, const D: usize>(
    seed: u64,
    camera_count: usize,
    point_count: usize,
    forward: f64,
    camera: impl Fn(Se3, &mut Random) -> C,
) -> PointBundle<C, R> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(7));
    for _ in 0..8 {
        random.uniform();
    }
    let truth: Vec<C> = (0..camera_count)
        .map(|index| {
            let angle = 1.2 * (index as f64 / camera_count as f64 - 0.5);
            let position =
                Vector6::new(8.0 * angle.sin(), 0.3 * random.normal(), 8.0 * (1.0 - angle.cos()), 0.0, 0.0, 0.0);
            let turn = Vector6::new(0.0, 0.0, 0.0, 0.02 * random.normal(), -angle, 0.02 * random.normal());
            camera(se3::exp(&position) * se3::exp(&turn), &mut random)
        })
        .collect();
    let mut bundle = PointBundle {
        fixed: vec![false; camera_count],
        cameras: Vec::new(),
        points: Vec::new(),
        observations: Vec::new(),
    };
    while bundle.points.len() < point_count {
        let p_world =
            Point3::new(5.0 * random.normal(), 2.0 * random.normal(), forward * (9.0 + 2.0 * random.normal()));
        let point = bundle.points.len();
        let mut seen = Vec::new();
        for (index, camera) in truth.iter().enumerate() {
            let p_camera = camera.pose().inverse() * p_world;
            if p_camera.z * forward > 1.0 && random.uniform() < 0.4 {
                let p = [p_camera.x, p_camera.y, p_camera.z];
                let measured = C::project(&camera.lens::<f64>(), &p).map(|value| value + 0.5 * random.normal());
                seen.push(PointObservation { camera: index, point, measured, sigma_px: 1.0 });
            }
        }
        if seen.len() > 2 {
            bundle.observations.append(&mut seen);
            bundle.points.push(p_world.map(|value| value + 0.05 * random.normal()));
        }
    }
    bundle.cameras = (truth.iter())
        .map(|camera| {
            let error = Vector6::from_fn(|k, _| if k < 3 { 0.03 } else { 0.01 } * random.normal());
            camera.moved(camera.pose() * se3::exp(&error), &[0.0; D])
        })
        .collect();
    bundle
}

/// Cameras as of BAL files: they look down their negative z axis, each with a lens of its own.
pub fn bal_scene(seed: u64, cameras: usize, points: usize) -> PointBundle<BalCamera, 2> {
    scene(seed, cameras, points, -1.0, |pose, random| BalCamera {
        // The arc is in front of the points whichever way z points.
        t_world_camera: Se3::from_parts((-pose.translation.vector).into(), pose.rotation),
        focal_px: 500.0 + 20.0 * random.normal(),
        distortion: [-0.05 + 0.01 * random.normal(), 0.01 * random.normal()],
    })
}

/// Cameras that share one distorted lens, which is known.
pub fn distorted_scene(seed: u64, cameras: usize, points: usize) -> PointBundle<RadialTangentialCamera, 2> {
    scene(seed, cameras, points, 1.0, |t_world_camera, _| RadialTangentialCamera {
        t_world_camera,
        focal_px: 600.0,
        center_px: [640.0, 360.0],
        radial: [-0.05, 0.01, 0.0],
        tangential: [1e-3, -5e-4],
    })
}

/// Stereo cameras that share one lens; the first is fixed.
pub fn stereo_scene(seed: u64, cameras: usize, points: usize) -> PointBundle<RectifiedStereo, 3> {
    let camera = PinholeCamera { fx: 420.0, fy: 420.0, cx: 376.0, cy: 240.0, width: 752, height: 480 };
    let mut bundle = scene(seed, cameras, points, 1.0, |t_world_camera, _| RectifiedStereo {
        camera,
        baseline_m: 0.3,
        t_world_camera,
    });
    bundle.fixed[0] = true;
    bundle
}
