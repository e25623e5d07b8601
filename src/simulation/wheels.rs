//! Wheel odometry: what the encoders of two driven wheels sum up to, with the errors that real wheels have.

use super::options::SimulationOptions;
use super::random::Random;
use super::tour::Tour;
use crate::geometry::Se3;
use nalgebra::{Matrix6, Translation3, UnitQuaternion, Vector3};

/// Distance of the wheels (m).
const TRACK_M: f64 = 0.34;
/// Encoder steps per metre.
const TICKS_PER_M: f64 = 12_000.0;
/// Standard deviation of the wheels' radii and of the track width, as fractions.
const RADIUS_ERROR: f64 = 0.004;
const TRACK_ERROR: f64 = 0.008;
/// Noise of a wheel's way (m per square root of m).
const WAY_NOISE: f64 = 0.0022;
/// Skids per second of driving; during one a wheel turns this much more than it rolls, for so long (s).
const SKID_RATE: f64 = 0.04;
const SKID_EXCESS: f64 = 0.06;
const SKID_SECS: f64 = 0.4;

/// What the wheels say at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct WheelReading {
    /// Base into the odometry's own world, which begins where the robot does.
    pub t_wheel_base: Se3,
    /// Speed ahead (m/s) and turn rate (rad/s).
    pub twist: [f64; 2],
    /// Covariance of the pose, `[ρ; φ]`.
    pub covariance: Matrix6<f64>,
}

/// Wheels with errors of their own.
#[derive(Debug, Clone)]
pub struct Wheels {
    random: Random,
    /// Way that each encoder claims per metre rolled.
    scales: [f64; 2],
    /// What the odometry takes the track width for (m).
    track: f64,
    slip: f64,
    /// Way of each wheel so far: rolled and claimed (m).
    rolled: [f64; 2],
    counted: [f64; 2],
    skids: [f64; 2],
    pose: [f64; 3],
    driven: f64,
    turned: f64,
    last_secs: f64,
}

impl Wheels {
    /// Wheels with errors drawn from a seed.
    pub fn new(options: &SimulationOptions, seed: u64) -> Self {
        let mut random = Random::new(seed, 3000);
        let mut scale = |deviation: f64| 1.0 + options.wheel_drift * deviation * random.normal().clamp(-2.0, 2.0);
        let scales = [scale(RADIUS_ERROR), scale(RADIUS_ERROR)];
        let track = TRACK_M * scale(TRACK_ERROR);
        Self {
            random,
            scales,
            track,
            slip: options.wheel_slip,
            rolled: [0.0; 2],
            counted: [0.0; 2],
            skids: [0.0; 2],
            pose: [0.0; 3],
            driven: 0.0,
            turned: 0.0,
            last_secs: 0.0,
        }
    }

    /// Rolls on to a time (s), in steps that should be short, and reads the odometry.
    pub fn read(&mut self, tour: &Tour, secs: f64) -> WheelReading {
        let elapsed = (secs - self.last_secs).max(0.0);
        let motion = tour.at(self.last_secs + elapsed / 2.0);
        self.last_secs = secs;
        let mut steps = [0.0; 2];
        for (wheel, side) in [-0.5, 0.5].into_iter().enumerate() {
            let way = (motion.speed + side * TRACK_M * motion.yaw_rate) * elapsed;
            if way != 0.0 && self.random.chance(self.slip * SKID_RATE * elapsed) {
                self.skids[wheel] = SKID_SECS;
            }
            let skid = if self.skids[wheel] > 0.0 { 1.0 + SKID_EXCESS } else { 1.0 };
            self.skids[wheel] -= elapsed;
            let noise = self.slip * WAY_NOISE * way.abs().sqrt() * self.random.normal();
            self.rolled[wheel] += way * self.scales[wheel] * skid + noise;
            let counted = (self.rolled[wheel] * TICKS_PER_M).floor() / TICKS_PER_M;
            steps[wheel] = counted - self.counted[wheel];
            self.counted[wheel] = counted;
        }
        let ahead = (steps[0] + steps[1]) / 2.0;
        // The odometry takes the track for a little wider or narrower than it is.
        let turn = (steps[1] - steps[0]) / self.track;
        let heading = self.pose[2] + turn / 2.0;
        self.pose = [self.pose[0] + ahead * heading.cos(), self.pose[1] + ahead * heading.sin(), self.pose[2] + turn];
        self.driven += ahead.abs();
        self.turned += turn.abs();
        let per_second = |x: f64| if elapsed > 0.0 { x / elapsed } else { 0.0 };
        WheelReading {
            t_wheel_base: Se3::from_parts(
                Translation3::new(self.pose[0], self.pose[1], 0.0),
                UnitQuaternion::from_axis_angle(&Vector3::z_axis(), self.pose[2]),
            ),
            twist: [per_second(ahead), per_second(turn)],
            covariance: self.covariance(),
        }
    }

    /// What the odometry thinks of itself: standard deviations that grow with the way and with turns.
    fn covariance(&self) -> Matrix6<f64> {
        let position = (0.02 * self.driven).powi(2) + 1e-6;
        let heading = (0.01 * self.turned + 0.005 * self.driven).powi(2) + 1e-6;
        // Height, roll and pitch do not change on a floor.
        Matrix6::from_diagonal(&nalgebra::Vector6::new(position, position, 1e-6, 1e-6, 1e-6, heading))
    }
}
