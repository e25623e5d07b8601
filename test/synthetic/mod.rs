//! Worlds of landmarks with random descriptors, and keyframes that see them: places without images.
#![allow(dead_code, reason = "each test uses some of it")]

use halfslam::geometry::{PinholeCamera, Se3, se3};
use halfslam::odometry::KeyframeId;
use halfslam::place::{DescribedKeyframe, Feature};
use halfslam::sensors::Rig;
use nalgebra::{Matrix6, Point3, Translation3, UnitQuaternion, Vector2, Vector3, Vector6};
use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// A camera of 90 degrees.
pub const CAMERA: PinholeCamera = PinholeCamera { fx: 320.0, fy: 320.0, cx: 319.5, cy: 239.5, width: 640, height: 480 };
/// Landmarks further away (m) are not seen: walls would hide them.
const SIGHT_M: f64 = 7.0;
/// Bits of a descriptor that differ from one view to the next.
const FLIPPED_BITS: usize = 14;
/// Features per keyframe, at most.
const FEATURE_COUNT: usize = 300;

pub struct Landmark {
    pub p_world: Point3<f64>,
    pub descriptor: [u8; 32],
}

#[derive(Default)]
pub struct World {
    pub landmarks: Vec<Landmark>,
}

impl World {
    /// Landmarks on the walls of a room: `size` (m) along x, y and z, around `center`.
    pub fn room(seed: u64, center: Point3<f64>, size: Vector3<f64>, count: usize) -> Self {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let landmarks = (0..count).map(|index| {
            let mut at = |half: f64| random.random_range(-half..half);
            let half = size / 2.0;
            let sign = if index % 2 == 0 { 1.0 } else { -1.0 };
            let offset = if index % 4 < 2 {
                Vector3::new(sign * half.x + at(0.3), at(half.y), at(half.z))
            } else {
                Vector3::new(at(half.x), sign * half.y + at(0.3), at(half.z))
            };
            let mut descriptor = [0; 32];
            random.fill_bytes(&mut descriptor);
            Landmark { p_world: center + offset, descriptor }
        });
        Self { landmarks: landmarks.collect() }
    }

    /// Landmarks on a round wall of this radius (m) about the origin whose `side_count` sides look the same.
    pub fn ring(seed: u64, radius_m: f64, side_count: usize, landmarks_per_side: usize) -> Self {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let angle = std::f64::consts::TAU / side_count as f64;
        let side: Vec<Landmark> = (0..landmarks_per_side)
            .map(|_| {
                let around = random.random_range(0.0..angle);
                let (r, z) = (radius_m + random.random_range(-0.3..0.3), random.random_range(-1.0..2.0));
                let mut descriptor = [0; 32];
                random.fill_bytes(&mut descriptor);
                Landmark { p_world: Point3::new(r * around.cos(), r * around.sin(), z), descriptor }
            })
            .collect();
        let turned = |turn: usize| pose(0.0, 0.0, angle * turn as f64);
        let landmarks = (0..side_count).flat_map(|turn| {
            side.iter().map(move |landmark| Landmark {
                p_world: turned(turn) * landmark.p_world,
                descriptor: landmark.descriptor,
            })
        });
        Self { landmarks: landmarks.collect() }
    }

    /// This world with another one beside it.
    pub fn and(mut self, other: Self) -> Self {
        self.landmarks.extend(other.landmarks);
        self
    }

    /// What the robot sees from here, with noise of half a pixel, of a hundredth of the depth and in the descriptors.
    pub fn features(&self, t_world_base: &Se3, random: &mut Pcg64Mcg) -> Vec<Feature> {
        let t_camera_world = (t_world_base * Rig::optical_looking_ahead()).inverse();
        let mut features = Vec::new();
        for landmark in &self.landmarks {
            let p_camera = t_camera_world * landmark.p_world;
            let px = CAMERA.project(&p_camera);
            if p_camera.z < 0.3 || p_camera.z > SIGHT_M || !CAMERA.contains(&px, 2.0) {
                continue;
            }
            let mut noise = |size: f64| random.random_range(-size..size);
            let px = px + Vector2::new(noise(0.8), noise(0.8));
            let depth_m = p_camera.z * (1.0 + noise(0.015));
            let mut descriptor = landmark.descriptor;
            for _ in 0..FLIPPED_BITS {
                let bit = random.random_range(0..256usize);
                descriptor[bit / 8] ^= 1 << (bit % 8);
            }
            let p_camera = Some(Point3::from(CAMERA.ray(&px) * depth_m));
            features.push(Feature { px, descriptor, p_camera, color: [descriptor[0], 100, 200] });
        }
        while features.len() > FEATURE_COUNT {
            let index = random.random_range(0..features.len());
            features.swap_remove(index);
        }
        features
    }
}

/// A pose on the floor: place (m) and heading (rad).
pub fn pose(x: f64, y: f64, heading: f64) -> Se3 {
    Se3::from_parts(Translation3::new(x, y, 0.0), UnitQuaternion::from_euler_angles(0.0, 0.0, heading))
}

/// Poses round a circle, `step_m` apart, looking ahead.
pub fn circle(center: Point3<f64>, radius_m: f64, step_m: f64, rounds: f64) -> Vec<Se3> {
    let count = (rounds * std::f64::consts::TAU * radius_m / step_m).round() as usize;
    let at = |index: usize| {
        let angle = index as f64 * step_m / radius_m;
        pose(center.x + radius_m * angle.cos(), center.y + radius_m * angle.sin(), angle + std::f64::consts::FRAC_PI_2)
    };
    (0..=count).map(at).collect()
}

/// Keyframes along a path, with odometry that drifts: a bias and noise of these parts of each step.
pub struct Drive<'a> {
    pub world: &'a World,
    pub random: Pcg64Mcg,
    pub bias: Vector6<f64>,
    pub noise: f64,
    t_world_last: Option<Se3>,
    t_odom_last: Se3,
    next_id: u64,
    pub stamp_nanos: i64,
}

impl<'a> Drive<'a> {
    pub fn new(world: &'a World, seed: u64, bias: [f64; 6], noise: f64) -> Self {
        let random = Pcg64Mcg::seed_from_u64(seed);
        let bias = Vector6::from(bias);
        Self {
            world,
            random,
            bias,
            noise,
            t_world_last: None,
            t_odom_last: Se3::identity(),
            next_id: 0,
            stamp_nanos: 0,
        }
    }

    /// The odometry starts anew: at identity, numbers from 0.
    pub fn restart(&mut self) {
        self.t_world_last = None;
        self.t_odom_last = Se3::identity();
        self.next_id = 0;
    }

    /// The keyframe at the next pose.
    pub fn keyframe(&mut self, t_world_base: &Se3) -> DescribedKeyframe {
        let step = self.t_world_last.map(|last| {
            let step = last.inverse() * t_world_base;
            let length = step.translation.vector.norm();
            let noise = Vector6::from_fn(|_, _| self.random.random_range(-1.0..1.0)) * (self.noise * length);
            step * se3::exp(&(self.bias * length + noise))
        });
        if let Some(step) = step {
            self.t_odom_last *= step;
        }
        self.t_world_last = Some(*t_world_base);
        let id = KeyframeId(self.next_id);
        self.next_id += 1;
        self.stamp_nanos += 500_000_000;
        DescribedKeyframe {
            id,
            stamp_nanos: self.stamp_nanos,
            t_odom_base: self.t_odom_last,
            t_previous_base: step,
            covariance: Matrix6::identity() * 1e-6,
            camera: CAMERA,
            t_base_camera: Rig::optical_looking_ahead(),
            features: self.world.features(t_world_base, &mut self.random),
        }
    }
}

/// Root mean square distance (m) of positions from the true ones, both from the first pose on.
pub fn drift_m(estimated: &[Se3], truth: &[Se3]) -> f64 {
    let (first, first_true) = (estimated[0].inverse(), truth[0].inverse());
    let error =
        |(a, b): (&Se3, &Se3)| ((first * a).translation.vector - (first_true * b).translation.vector).norm_squared();
    let sum: f64 = estimated.iter().zip(truth).map(error).sum();
    (sum / truth.len() as f64).sqrt()
}
