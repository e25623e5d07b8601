//! Pose, velocity and acceleration of the robot at any time.

use super::path::Path;
use super::route::route;
use super::spline::Spline;
use crate::geometry::Se3;
use crate::simulation::flat::Lanes;
use nalgebra::{Translation3, UnitQuaternion, Vector3};

/// How long the robot rests before it sets out (s).
pub const REST_SECS: f64 = 1.0;
/// Fastest turn (rad/s); smoothing adds a little.
const TURN_RATE: f64 = 0.85;
/// How fast the speed changes (m/s²).
const ACCELERATION: f64 = 0.35;
/// Distance of the tabulated speeds (m).
const SPEED_STEP_M: f64 = 0.03;
/// Time between the controls of the driven length (s).
const TIME_STEP_SECS: f64 = 0.1;

/// The robot's motion at one time. Base frame: x ahead, y to the left, z up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Motion {
    /// Base into world.
    pub t_world_base: Se3,
    /// Speed ahead (m/s).
    pub speed: f64,
    /// Turn rate about z (rad/s).
    pub yaw_rate: f64,
    /// Change of speed (m/s²).
    pub acceleration: f64,
}

/// A tour through a flat.
#[derive(Debug, Clone)]
pub struct Tour {
    path: Path,
    driven: Spline,
}

impl Tour {
    /// Plans a tour of this length of time (s) and this speed (m/s) on straight stretches.
    pub fn new(lanes: &Lanes, seed: u64, duration_secs: f64, speed_mps: f64) -> Self {
        let path = Path::new(lanes, &route(lanes, seed, duration_secs * speed_mps));
        let speeds = speeds(&path, speed_mps);
        let mut driven = Vec::new();
        let (mut length, mut speed) = (SPEED_STEP_M, 0.0f64);
        let rest = ((REST_SECS / TIME_STEP_SECS).ceil() as usize) + 2;
        for step in 0..=(duration_secs / TIME_STEP_SECS).ceil() as usize + 3 {
            driven.push(length);
            if step >= rest {
                let allowed = speeds.get((length / SPEED_STEP_M) as usize).copied().unwrap_or(0.0);
                speed = allowed.min(speed + ACCELERATION * TIME_STEP_SECS);
                length += speed * TIME_STEP_SECS;
            }
        }
        Self { path, driven: Spline::new(driven, TIME_STEP_SECS) }
    }

    /// The motion at a time (s) since the start.
    pub fn at(&self, secs: f64) -> Motion {
        let [length, rate, rate_change] = self.driven.at(secs);
        let point = self.path.at(length);
        let [dx, dy] = point.first;
        let norm = dx.hypot(dy);
        // The parameter is not exactly the length in turns: the chain rule takes care of it.
        let stretch = (dx * point.second[0] + dy * point.second[1]) / norm;
        let rotation = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), dy.atan2(dx));
        let [x, y] = point.position;
        Motion {
            t_world_base: Se3::from_parts(Translation3::new(x, y, 0.0), rotation),
            speed: norm * rate,
            yaw_rate: point.curvature() * norm * rate,
            acceleration: norm * rate_change + stretch * rate * rate,
        }
    }
}

/// The highest speed at each place, so that turns are not too fast and speed changes gently.
fn speeds(path: &Path, speed_mps: f64) -> Vec<f64> {
    let count = (path.length() / SPEED_STEP_M) as usize;
    let limit = |index: usize| {
        let curvature = path.at(index as f64 * SPEED_STEP_M).curvature().abs();
        speed_mps.min(TURN_RATE / curvature.max(1e-6))
    };
    let limits: Vec<f64> = (0..count).map(limit).collect();
    // The slowest nearby, then the mean nearby: never above the limit, and without steps.
    let nearby = 8;
    let window = |index: usize| index.saturating_sub(nearby)..(index + nearby + 1).min(count);
    let slowest: Vec<f64> =
        (0..count).map(|i| limits[window(i)].iter().copied().fold(f64::INFINITY, f64::min)).collect();
    let mut smooth: Vec<f64> =
        (0..count).map(|i| slowest[window(i)].iter().sum::<f64>() / window(i).len() as f64).collect();
    for index in (1..count).rev() {
        let reachable = (smooth[index] * smooth[index] + 2.0 * ACCELERATION * SPEED_STEP_M).sqrt();
        smooth[index - 1] = smooth[index - 1].min(reachable);
    }
    smooth
}
