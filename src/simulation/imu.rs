//! The inertial unit: angular velocity and specific force of the true motion, with bias and noise.

use super::options::SimulationOptions;
use super::random::Random;
use super::tour::Motion;
use crate::sensors::ImuSample;
use nalgebra::Vector3;

/// Gravity (m/s²): at rest the unit measures this upwards.
pub const GRAVITY: f64 = 9.81;
/// Height of the unit above the base frame's origin (m); its axes are the base frame's.
pub const IMU_HEIGHT_M: f64 = 0.1;
/// Noise densities of a MEMS unit: rad/s/√Hz and m/s²/√Hz.
pub const GYRO_NOISE: f64 = 2.0e-4;
/// See [`GYRO_NOISE`].
pub const ACCELEROMETER_NOISE: f64 = 2.5e-3;
/// Standard deviations of the biases at the start (rad/s, m/s²) and of their random walks (per √s).
const GYRO_BIAS: [f64; 2] = [2.0e-3, 2.0e-5];
const ACCELEROMETER_BIAS: [f64; 2] = [3.0e-2, 3.0e-4];

/// An inertial unit with biases of its own.
#[derive(Debug, Clone)]
pub struct Imu {
    random: Random,
    scale: f64,
    rate_hz: f64,
    gyro_bias: Vector3<f64>,
    accelerometer_bias: Vector3<f64>,
}

impl Imu {
    /// A unit with biases drawn from a seed.
    pub fn new(options: &SimulationOptions, seed: u64) -> Self {
        let mut random = Random::new(seed, 4000);
        let scale = options.imu_noise;
        let gyro_bias = vector(&mut random) * (scale * GYRO_BIAS[0]);
        let accelerometer_bias = vector(&mut random) * (scale * ACCELEROMETER_BIAS[0]);
        Self { random, scale, rate_hz: options.imu_rate_hz, gyro_bias, accelerometer_bias }
    }

    /// The next sample, of this motion.
    pub fn read(&mut self, motion: &Motion, stamp_nanos: i64) -> ImuSample {
        let walk = self.scale / self.rate_hz.sqrt();
        self.gyro_bias += vector(&mut self.random) * (walk * GYRO_BIAS[1]);
        self.accelerometer_bias += vector(&mut self.random) * (walk * ACCELEROMETER_BIAS[1]);
        let white = self.scale * self.rate_hz.sqrt();
        // The unit is above the axis that the robot turns about, so its turning adds no lever arm.
        let turn = Vector3::new(0.0, 0.0, motion.yaw_rate);
        let force = Vector3::new(motion.acceleration, motion.speed * motion.yaw_rate, GRAVITY);
        ImuSample {
            stamp_nanos,
            angular_velocity: turn + self.gyro_bias + vector(&mut self.random) * (white * GYRO_NOISE),
            linear_acceleration: force
                + self.accelerometer_bias
                + vector(&mut self.random) * (white * ACCELEROMETER_NOISE),
        }
    }
}

fn vector(random: &mut Random) -> Vector3<f64> {
    Vector3::from_fn(|_, _| random.normal())
}
