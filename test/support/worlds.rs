//! Tiny worlds for odometry: points that a tracker knows, and a textured wall that is rendered.

use halfslam::frontend::{FrontendError, FrontendOptions, Tracker, measuring_baseline_m};
use halfslam::geometry::{PinholeCamera, Se3};
use halfslam::sensors::{Depth, DepthImage, Frame, Images, Rig, WheelSample};
use image::{GrayImage, Luma};
use nalgebra::{Matrix6, Point3, Translation3, UnitQuaternion, Vector2, Vector3};
use std::sync::Arc;

/// Time between frames: 20 Hz.
pub const FRAME_NANOS: i64 = 50_000_000;

/// A stereo rig 0.3 m above the floor, looking ahead.
pub fn stereo_rig() -> Rig {
    let camera = PinholeCamera { fx: 230.0, fy: 230.0, cx: 159.5, cy: 119.5, width: 320, height: 240 };
    let t_base_camera = Se3::translation(0.1, 0.05, 0.3) * Rig::optical_looking_ahead();
    Rig { camera, depth: Depth::Stereo { baseline_m: 0.12 }, t_base_camera }
}

/// The same with a depth camera.
pub fn depth_rig() -> Rig {
    Rig { depth: Depth::Image, ..stereo_rig() }
}

/// A number in 0..1 from two others, always the same.
pub fn hashed(a: u64, b: u64) -> f64 {
    let mut value = a.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    value = (value ^ (value >> 31)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    value = (value ^ (value >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    ((value ^ (value >> 32)) >> 11) as f64 / (1u64 << 53) as f64
}

/// A number of mean 0 and standard deviation 1, nearly normal, always the same.
fn noise(a: u64, b: u64) -> f64 {
    (0..12).map(|index| hashed(a.wrapping_mul(12) + index, b)).sum::<f64>() - 6.0
}

/// A drive on a circle of 1.5 m radius at 0.6 m/s: the base's pose, identity at time 0.
pub fn circle(stamp_nanos: i64) -> Se3 {
    let (radius_m, speed) = (1.5, 0.6);
    let yaw = speed * stamp_nanos as f64 * 1e-9 / radius_m;
    let position = Vector3::new(radius_m * yaw.sin(), radius_m * (1.0 - yaw.cos()), 0.0);
    Se3::from_parts(Translation3::from(position), UnitQuaternion::from_axis_angle(&Vector3::z_axis(), yaw))
}

/// What good wheels say of the circle: half a percent too far.
pub fn wheels_on_circle(stamp_nanos: i64) -> WheelSample {
    let mut t_wheel_base = circle(stamp_nanos);
    t_wheel_base.translation.vector *= 1.005;
    WheelSample { stamp_nanos, t_wheel_base, covariance: Matrix6::zeros() }
}

/// Points on the walls, floor and ceiling of a room of 10 x 10 x 3 m round the circle.
fn room() -> Vec<Point3<f64>> {
    (0..2400u64)
        .map(|index| {
            let at = |axis: u64, low: f64, high: f64| low + (high - low) * hashed(index, axis);
            match index % 6 {
                0 => Point3::new(-5.0, at(1, -3.5, 6.5), at(2, -0.2, 2.8)),
                1 => Point3::new(5.0, at(1, -3.5, 6.5), at(2, -0.2, 2.8)),
                2 => Point3::new(at(1, -5.0, 5.0), -3.5, at(2, -0.2, 2.8)),
                3 => Point3::new(at(1, -5.0, 5.0), 6.5, at(2, -0.2, 2.8)),
                4 => Point3::new(at(1, -5.0, 5.0), at(2, -3.5, 6.5), -0.2),
                _ => Point3::new(at(1, -5.0, 5.0), at(2, -3.5, 6.5), 2.8),
            }
        })
        .collect()
}

/// Sees the true pixels of the room's points along a path, with noise, and nothing in blind stretches.
pub struct TrueTracker {
    rig: Rig,
    options: FrontendOptions,
    points: Vec<Point3<f64>>,
    noise_px: f64,
    /// By how much right columns are wrong, all of them.
    column_error_px: f64,
    blind: Vec<std::ops::Range<i64>>,
    /// The base's pose at a stamp.
    path: Box<dyn Fn(i64) -> Se3 + Send>,
    stamp_nanos: i64,
    /// Points seen in the frame, and in the anchor, with the pixels that were given out.
    given: Vec<(usize, Vector2<f64>)>,
    anchor: Vec<(usize, Vector2<f64>)>,
}

impl TrueTracker {
    pub fn new(rig: &Rig, options: &FrontendOptions, noise_px: f64, blind: Vec<std::ops::Range<i64>>) -> Self {
        Self::on(rig, options, noise_px, blind, circle)
    }

    /// The same on another path than the circle.
    pub fn on(
        rig: &Rig,
        options: &FrontendOptions,
        noise_px: f64,
        blind: Vec<std::ops::Range<i64>>,
        path: impl Fn(i64) -> Se3 + Send + 'static,
    ) -> Self {
        let (given, anchor) = (Vec::new(), Vec::new());
        let (options, points, path) = (options.clone(), room(), Box::new(path));
        let column_error_px = 0.0;
        Self { rig: *rig, options, points, noise_px, column_error_px, blind, path, stamp_nanos: 0, given, anchor }
    }

    /// The same with a right camera that is turned a little: its columns are wrong by so much (px).
    pub fn with_column_error(self, column_error_px: f64) -> Self {
        Self { column_error_px, ..self }
    }

    fn p_camera(&self, index: usize) -> Point3<f64> {
        ((self.path)(self.stamp_nanos) * self.rig.t_base_camera).inverse() * self.points[index]
    }

    fn see(&self, index: usize) -> Option<Vector2<f64>> {
        let p_camera = self.p_camera(index);
        let blind = self.blind.iter().any(|range| range.contains(&self.stamp_nanos));
        let px = self.rig.camera.project(&p_camera);
        let seen = !blind && p_camera.z > 0.2 && self.rig.camera.contains(&px, 8.0);
        let noise = |axis| self.noise_px * noise(index as u64 * 4 + axis, self.stamp_nanos as u64);
        seen.then(|| px + Vector2::new(noise(0), noise(1)))
    }
}

impl Tracker for TrueTracker {
    fn take_up(&mut self, frame: &Arc<Frame>) -> Result<(), FrontendError> {
        self.stamp_nanos = frame.stamp_nanos;
        self.given.clear();
        Ok(())
    }

    fn follow(
        &mut self,
        px_anchor: &[Vector2<f64>],
        _px_predicted: &[Vector2<f64>],
        _within_px: f64,
    ) -> Result<Vec<Option<Vector2<f64>>>, FrontendError> {
        let mut found = Vec::new();
        for px in px_anchor {
            let known = self.anchor.iter().find(|(_, given)| given == px).map(|(index, _)| *index);
            let seen = known.and_then(|index| Some((index, self.see(index)?)));
            self.given.extend(seen);
            found.push(seen.map(|(_, px)| px));
        }
        Ok(found)
    }

    fn new_features(&mut self, px_taken: &[Vector2<f64>]) -> Result<Vec<Vector2<f64>>, FrontendError> {
        let missing = self.options.feature_count.saturating_sub(px_taken.len());
        let taken: Vec<usize> = self.given.iter().map(|(index, _)| *index).collect();
        let free = (0..self.points.len()).filter(|index| !taken.contains(index));
        let new: Vec<(usize, Vector2<f64>)> =
            free.filter_map(|index| Some((index, self.see(index)?))).take(missing).collect();
        self.given.extend(&new);
        Ok(new.into_iter().map(|(_, px)| px).collect())
    }

    fn right_columns(&mut self, px: &[Vector2<f64>], _expected_x: &[Option<f64>]) -> Vec<Option<f64>> {
        if self.rig.depth == Depth::None {
            return vec![None; px.len()];
        }
        let span = self.rig.camera.fx * measuring_baseline_m(&self.rig, &self.options);
        px.iter()
            .map(|px| {
                let index = self.given.iter().find(|(_, given)| given == px)?.0;
                let noise = self.noise_px * noise(index as u64 * 4 + 2, self.stamp_nanos as u64);
                let column = self.rig.camera.project(&self.p_camera(index)).x - span / self.p_camera(index).z;
                Some(column + noise + self.column_error_px)
            })
            .collect()
    }

    fn limit(&mut self, feature_count: usize, _pyramid_levels: usize) {
        self.options.feature_count = feature_count;
    }

    fn set_anchor(&mut self) {
        self.anchor = std::mem::take(&mut self.given);
    }

    fn return_to(&mut self, _older: &Arc<Frame>) -> Result<(), FrontendError> {
        self.anchor.clear();
        Ok(())
    }
}

/// A frame whose images nobody looks at.
pub fn empty_frame(stamp_nanos: i64) -> Arc<Frame> {
    let images = Images::Stereo { left: GrayImage::new(1, 1), right: GrayImage::new(1, 1) };
    Arc::new(Frame { stamp_nanos, images, color: None })
}

/// A texture of smoothed random squares of 6 cm (grey level at a place in m).
fn texture(x: f64, y: f64) -> f64 {
    let (u, v) = (x / 0.06 + 1000.0, y / 0.06 + 1000.0);
    let (iu, iv) = (u.floor(), v.floor());
    let ease = |t: f64| t * t * (3.0 - 2.0 * t);
    let (fu, fv) = (ease(u - iu), ease(v - iv));
    let cell = |du: f64, dv: f64| hashed((iu + du) as u64, (iv + dv) as u64);
    let top = cell(0.0, 0.0) * (1.0 - fu) + cell(1.0, 0.0) * fu;
    let bottom = cell(0.0, 1.0) * (1.0 - fu) + cell(1.0, 1.0) * fu;
    30.0 + 195.0 * (top * (1.0 - fv) + bottom * fv)
}

/// Distance of the rendered wall from the base's start (m); it leans, so that depths differ.
const WALL_M: f64 = 2.0;
const WALL_LEAN: f64 = 0.4;

/// The wall x = WALL_M + WALL_LEAN y as a camera sees it: grey levels and depths.
fn wall(camera: &PinholeCamera, t_world_camera: &Se3) -> (GrayImage, DepthImage) {
    let mut depth = DepthImage::new(camera.width, camera.height);
    let gray = GrayImage::from_fn(camera.width, camera.height, |x, y| {
        let direction = t_world_camera.rotation * camera.ray(&Vector2::new(f64::from(x), f64::from(y)));
        let eye = t_world_camera.translation.vector;
        let along = (WALL_M + WALL_LEAN * eye.y - eye.x) / (direction.x - WALL_LEAN * direction.y);
        let p = eye + direction * along;
        depth.put_pixel(x, y, Luma([along as f32]));
        Luma([texture(p.y, p.z).round() as u8])
    });
    (gray, depth)
}

/// A frame before the wall.
pub fn wall_frame(rig: &Rig, stamp_nanos: i64, t_world_base: &Se3) -> Arc<Frame> {
    let t_world_camera = t_world_base * rig.t_base_camera;
    let (gray, depth) = wall(&rig.camera, &t_world_camera);
    let images = match rig.depth {
        Depth::Stereo { baseline_m } => {
            let right = wall(&rig.camera, &(t_world_camera * Se3::translation(baseline_m, 0.0, 0.0))).0;
            Images::Stereo { left: gray, right }
        }
        Depth::Image => Images::Rgbd { gray, depth },
        Depth::None => Images::Mono { gray },
    };
    Arc::new(Frame { stamp_nanos, images, color: None })
}

/// A gentle sway before the wall: the base's pose, identity at time 0.
pub fn sway(stamp_nanos: i64) -> Se3 {
    let time_secs = stamp_nanos as f64 * 1e-9;
    let position = Vector3::new(0.2 * time_secs, 0.3 * (0.9 * time_secs).sin(), 0.05 * (1.3 * time_secs).sin());
    Se3::from_parts(
        Translation3::from(position),
        UnitQuaternion::from_scaled_axis(Vector3::new(0.02, 0.03, 0.12) * (1.1 * time_secs).sin()),
    )
}
