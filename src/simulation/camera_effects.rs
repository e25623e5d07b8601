//! What cameras add to a picture: motion blur, changing exposure, noise; and the noise of depth.

use super::options::SimulationOptions;
use super::random::{Random, mix};
use super::texture::{Rgb, Texel};
use crate::geometry::{PinholeCamera, Se3};
use nalgebra::Vector3;

/// Length of the table of noise; rows of pixels begin anywhere in it.
const TABLE: usize = 1 << 16;
/// Depths that a depth camera measures (m).
const DEPTH_RANGE_M: std::ops::RangeInclusive<f32> = 0.25..=10.0;
/// Standard deviation of depth at 1 m (m); it grows with the square of the depth.
const DEPTH_NOISE_M: f32 = 0.0015;

/// How a camera moves: velocity (m/s) and turn rate (rad/s) in its own optical frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CameraMotion {
    /// Velocity of its centre.
    pub velocity: Vector3<f64>,
    /// Turn rate.
    pub turn: Vector3<f64>,
}

impl CameraMotion {
    /// The motion of a camera on a base that drives at `speed` (m/s) along x and turns at `yaw_rate` (rad/s) about z.
    pub fn on_base(t_base_camera: &Se3, speed: f64, yaw_rate: f64) -> Self {
        let turn = Vector3::z() * yaw_rate;
        let velocity = Vector3::x() * speed + turn.cross(&t_base_camera.translation.vector);
        let into_camera = t_base_camera.rotation.inverse();
        Self { velocity: into_camera * velocity, turn: into_camera * turn }
    }
}

/// The effects of a seed and its options.
pub struct CameraEffects {
    seed: u64,
    shutter_secs: f64,
    exposure_change: f64,
    phases: [f64; 2],
    depth_noise: f32,
    /// Rounded normal numbers of the cameras' deviation, and standard normal numbers.
    table: Vec<i16>,
    normal: Vec<f32>,
    has_noise: bool,
}

impl CameraEffects {
    /// The effects that the options ask for.
    pub fn new(options: &SimulationOptions, seed: u64) -> Self {
        let mut random = Random::new(seed, 6000);
        let normal: Vec<f32> = (0..TABLE).map(|_| random.normal() as f32).collect();
        let table = normal.iter().map(|n| (n * options.camera_noise as f32).round() as i16).collect();
        Self {
            seed,
            shutter_secs: options.motion_blur_ms / 1000.0,
            exposure_change: options.exposure_change,
            phases: [0; 2].map(|_| random.between(0.0, std::f64::consts::TAU)),
            depth_noise: options.depth_noise as f32 * DEPTH_NOISE_M,
            table,
            normal,
            has_noise: options.camera_noise > 0.0,
        }
    }

    /// Smears pixels along their motion while the shutter is open, half before and half after the stamp.
    ///
    /// `inverse_depths` (1/m) belongs to the pixels. Sharp pictures stay as they are.
    pub fn blur<T: Texel>(
        &self,
        pixels: &mut [T],
        inverse_depths: &[f32],
        camera: &PinholeCamera,
        motion: &CameraMotion,
    ) {
        if self.shutter_secs <= 0.0 || (motion.velocity.norm() < 1e-9 && motion.turn.norm() < 1e-9) {
            return;
        }
        let (width, height) = (camera.width as usize, camera.height as usize);
        let sharp = pixels.to_vec();
        let shutter = self.shutter_secs as f32;
        let [vx, vy, vz] = [0, 1, 2].map(|i| motion.velocity[i] as f32 * shutter);
        let [wx, wy, wz] = [0, 1, 2].map(|i| motion.turn[i] as f32 * shutter);
        let (fx, fy) = (camera.fx as f32, camera.fy as f32);
        for (row, line) in pixels.chunks_exact_mut(width).enumerate() {
            let y = (row as f32 - camera.cy as f32) / fy;
            for (column, pixel) in line.iter_mut().enumerate() {
                let x = (column as f32 - camera.cx as f32) / fx;
                let near = inverse_depths[row * width + column];
                // Motion of a still point's image (Longuet-Higgins and Prazdny 1980).
                let du = fx * ((x * vz - vx) * near + x * y * wx - (1.0 + x * x) * wy + y * wz);
                let dv = fy * ((y * vz - vy) * near + (1.0 + y * y) * wx - x * y * wy - x * wz);
                let length = du.abs().max(dv.abs());
                if length < 0.25 {
                    continue;
                }
                let shift = if length < 4.0 {
                    2
                } else if length < 8.0 {
                    3
                } else {
                    4
                };
                let count = 1 << shift;
                let mut sum = T::Sum::default();
                for tap in 0..count {
                    let along = (tap as f32 + 0.5) / count as f32 - 0.5;
                    let u = (column as f32 + along * du).clamp(0.0, (width - 2) as f32 + 0.99);
                    let v = (row as f32 + along * dv).clamp(0.0, (height - 2) as f32 + 0.99);
                    let index = v as usize * width + u as usize;
                    let four = [sharp[index], sharp[index + 1], sharp[index + width], sharp[index + width + 1]];
                    let fraction = |t: f32| ((t - t.floor()) * 256.0) as u32;
                    sum = sum + T::between(four, fraction(u), fraction(v), 1);
                }
                *pixel = T::from_sum(sum, shift);
            }
        }
    }

    /// How bright pictures are at a time (s): 1 on average.
    pub fn exposure(&self, secs: f64) -> f64 {
        let swing = 0.65 * (secs * 0.9 + self.phases[0]).sin() + 0.35 * (secs * 2.3 + self.phases[1]).sin();
        1.0 + self.exposure_change * swing
    }

    /// Applies exposure and noise to channels of 8 bits. `picture` is a number of its own for each picture.
    pub fn expose(&self, channels: &mut [u8], row_length: usize, secs: f64, picture: u64) {
        if self.exposure_change > 0.0 {
            let gain = self.exposure(secs);
            let lookup: Vec<u8> = (0..256).map(|level| (f64::from(level) * gain).round().min(255.0) as u8).collect();
            channels.iter_mut().for_each(|value| *value = lookup[usize::from(*value)]);
        }
        if self.has_noise {
            let own = mix(self.seed, picture);
            for (row, line) in channels.chunks_mut(row_length).enumerate() {
                let start = mix(own, row as u64) as usize % (TABLE - row_length);
                for (value, noise) in line.iter_mut().zip(&self.table[start..]) {
                    *value = (i16::from(*value) + noise).clamp(0, 255) as u8;
                }
            }
        }
    }

    /// Depths as a depth camera measures them, in whole millimetres; 0 where it sees nothing.
    pub fn depths_mm(&self, inverse_depths: &[f32], width: usize, picture: u64) -> Vec<u16> {
        let own = mix(self.seed, picture);
        let mut depths = Vec::with_capacity(inverse_depths.len());
        for (row, line) in inverse_depths.chunks_exact(width).enumerate() {
            let start = mix(own, row as u64) as usize % (TABLE - width);
            depths.extend(line.iter().zip(&self.normal[start..]).map(|(&inverse, &normal)| {
                let depth = 1.0 / inverse;
                if !DEPTH_RANGE_M.contains(&depth) {
                    return 0;
                }
                ((depth + self.depth_noise * depth * depth * normal) * 1000.0).round().max(0.0) as u16
            }));
        }
        depths
    }
}

/// Red, green and blue bytes of pixels.
pub fn rgb_bytes(pixels: &[Rgb]) -> Vec<u8> {
    pixels.iter().flat_map(|pixel| pixel.parts()).collect()
}
