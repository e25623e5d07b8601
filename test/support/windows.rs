//! Windows of keyframes that see a tunnel of landmarks, with known truth. Also used by benches.
#![allow(dead_code)]

use halfslam::bundle::{Bundle, BundleLandmark, BundleObservation, BundlePose};
use halfslam::geometry::{PinholeCamera, Se3, se3};
use nalgebra::{Point3, Vector2, Vector6};

/// The camera of all windows: that of a 752x480 stereo rig.
pub const CAMERA: PinholeCamera = PinholeCamera { fx: 420.0, fy: 420.0, cx: 376.0, cy: 240.0, width: 752, height: 480 };
/// Its baseline (m).
pub const BASELINE_M: f64 = 0.11;

/// A seeded generator of numbers: a linear congruential generator's upper bits (Knuth's MMIX constants).
pub struct Random(pub u64);

impl Random {
    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Standard normal (the sum of twelve uniform numbers, less 6).
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// How a window looks.
#[derive(Debug, Clone, Copy)]
pub struct WindowShape {
    /// Keyframes.
    pub keyframes: usize,
    /// Landmarks.
    pub landmarks: usize,
    /// Keyframes in which each is seen, at most.
    pub track_length: usize,
    /// Whether there is a right image.
    pub stereo: bool,
    /// Standard deviation of pixels (px).
    pub noise_px: f64,
    /// Share of observations that are anywhere in the image.
    pub outlier_ratio: f64,
}

/// The window that the article has: 50 keyframes, about 700 landmarks and 2,750 observations.
pub const ARTICLE: WindowShape =
    WindowShape { keyframes: 50, landmarks: 700, track_length: 4, stereo: true, noise_px: 0.5, outlier_ratio: 0.0 };

/// A window with perturbed poses and depths, and the true poses.
pub fn window(seed: u64, shape: &WindowShape) -> (Bundle, Vec<Se3>) {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1));
    for _ in 0..8 {
        random.uniform();
    }
    let mut truth = vec![Se3::identity()];
    while truth.len() < shape.keyframes {
        let turn = 0.06 * (random.uniform() - 0.5);
        let step = Vector6::new(
            0.05 * random.normal(),
            0.02 * random.normal(),
            0.25,
            0.01 * random.normal(),
            turn,
            0.01 * random.normal(),
        );
        truth.push(truth[truth.len() - 1] * se3::exp(&step));
    }
    let fixed = if shape.stereo { 1 } else { 2 };
    let poses = truth
        .iter()
        .enumerate()
        .map(|(i, pose)| {
            let error = Vector6::from_fn(|k, _| if k < 3 { 0.03 } else { 0.01 } * random.normal());
            let fixed = i < fixed;
            BundlePose { t_world_camera: if fixed { *pose } else { pose * se3::exp(&error) }, fixed }
        })
        .collect();
    let mut bundle = Bundle {
        camera: CAMERA,
        baseline_m: BASELINE_M,
        poses,
        landmarks: vec![],
        observations: vec![],
        relative_poses: vec![],
        priors: Vec::new(),
    };
    while bundle.landmarks.len() < shape.landmarks {
        add_landmark(&mut bundle, &truth, shape, &mut random);
    }
    number_by_host(&mut bundle);
    (bundle, truth)
}

/// Numbers landmarks in the order in which keyframes first saw them, as an odometry does.
fn number_by_host(bundle: &mut Bundle) {
    let mut order: Vec<usize> = (0..bundle.landmarks.len()).collect();
    order.sort_by_key(|&index| bundle.landmarks[index].host);
    let mut place = vec![0; order.len()];
    for (to, &from) in order.iter().enumerate() {
        place[from] = to;
    }
    bundle.landmarks = order.iter().map(|&index| bundle.landmarks[index].clone()).collect();
    for seen in &mut bundle.observations {
        seen.landmark = place[seen.landmark];
    }
}

fn add_landmark(bundle: &mut Bundle, truth: &[Se3], shape: &WindowShape, random: &mut Random) {
    let host = (random.uniform() * (truth.len() - 1) as f64) as usize;
    let px_host = Vector2::new(720.0 * random.uniform() + 16.0, 450.0 * random.uniform() + 15.0);
    let depth_m = 2.0 + 12.0 * random.uniform() * random.uniform();
    let p_world = truth[host] * Point3::from(CAMERA.ray(&px_host) * depth_m);
    let mut seen = Vec::new();
    for (keyframe, t_world_camera) in truth.iter().enumerate().skip(host).take(shape.track_length) {
        let p_camera = t_world_camera.inverse() * p_world;
        if p_camera.z < 0.5 || !CAMERA.contains(&CAMERA.project(&p_camera), 0.0) {
            break;
        }
        let true_px = CAMERA.project(&p_camera);
        let mut px = true_px + Vector2::new(random.normal(), random.normal()) * shape.noise_px;
        let right = true_px.x - CAMERA.fx * BASELINE_M / p_camera.z + shape.noise_px * random.normal();
        if keyframe == host {
            px = px_host;
        } else if random.uniform() < shape.outlier_ratio {
            px = Vector2::new(752.0 * random.uniform(), 480.0 * random.uniform());
        }
        seen.push(BundleObservation {
            keyframe,
            landmark: bundle.landmarks.len(),
            px,
            px_right_x: shape.stereo.then_some(right),
            sigma_px: shape.noise_px,
        });
    }
    if seen.len() >= 2 {
        let inverse_depth = 1.0 / (depth_m * (1.0 + 0.15 * (2.0 * random.uniform() - 1.0)));
        bundle.landmarks.push(BundleLandmark { host, px_host, inverse_depth });
        bundle.observations.append(&mut seen);
    }
}

/// The largest distance between a bundle's cameras and their true positions (m).
pub fn worst_position_error_m(bundle: &Bundle, truth: &[Se3]) -> f64 {
    let distance =
        |(pose, truth): (&BundlePose, &Se3)| (pose.t_world_camera.translation.vector - truth.translation.vector).norm();
    bundle.poses.iter().zip(truth).map(distance).fold(0.0, f64::max)
}
