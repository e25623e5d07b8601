//! Samples of the sensors.

use crate::geometry::Se3;
use crate::geometry::se3::adjoint;
use image::{GrayImage, ImageBuffer, Luma, RgbImage};
use nalgebra::{Matrix6, UnitQuaternion, Vector3};

/// Depth along the optical axis (m) per pixel; 0 where there is none.
pub type DepthImage = ImageBuffer<Luma<f32>, Vec<f32>>;

/// The rectified images of one moment.
#[derive(Debug, Clone, PartialEq)]
pub enum Images {
    /// A rectified pair.
    Stereo {
        /// Left image.
        left: GrayImage,
        /// Right image.
        right: GrayImage,
    },
    /// An image with aligned depth.
    Rgbd {
        /// The image.
        gray: GrayImage,
        /// Its depth, same size.
        depth: DepthImage,
    },
    /// A single image.
    Mono {
        /// The image.
        gray: GrayImage,
    },
}

/// The rectified images of one moment, with their time.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// When the images were taken (ns).
    pub stamp_nanos: i64,
    /// The images.
    pub images: Images,
    /// The (left) image in colour, for the map's points.
    pub color: Option<RgbImage>,
}

impl Frame {
    /// The image that poses refer to: left, or the only one.
    pub fn reference(&self) -> &GrayImage {
        match &self.images {
            Images::Stereo { left, .. } => left,
            Images::Rgbd { gray, .. } | Images::Mono { gray } => gray,
        }
    }
}

/// The pose that the wheels (or any other odometry) have summed up.
#[derive(Debug, Clone, PartialEq)]
pub struct WheelSample {
    /// Time (ns).
    pub stamp_nanos: i64,
    /// Base coordinates into the wheel odometry's own world, which drifts.
    pub t_wheel_base: Se3,
    /// Covariance of the pose `[ρ; φ]` as the odometry states it, zero where it does not.
    pub covariance: Matrix6<f64>,
}

impl WheelSample {
    /// Whether its numbers may be measurements: no robot's odometry begins farther away than any place on the Earth, 100,000 km.
    pub fn is_plausible(&self) -> bool {
        let rotation = self.t_wheel_base.rotation.coords.norm();
        self.t_wheel_base.translation.vector.norm() <= 1e8 && (rotation - 1.0).abs() <= 1e-3
    }

    /// From the pose of any frame of the robot.
    ///
    /// - `covariance`: of that pose as ROS messages state it, of `[translation; rotation]` about the axes of the world (m, rad).
    /// - `t_frame_base`: base coordinates into those of the frame.
    pub fn of_frame(stamp_nanos: i64, t_wheel_frame: &Se3, covariance: &Matrix6<f64>, t_frame_base: &Se3) -> Self {
        // World axes to the frame's own, and t · exp(δ) · t_frame_base = t · t_frame_base · exp(Ad(t_frame_base⁻¹) δ).
        let turn = Se3::from_parts(Default::default(), t_wheel_frame.rotation.inverse());
        let carry = adjoint(&t_frame_base.inverse()) * adjoint(&turn);
        let covariance = carry * covariance * carry.transpose();
        Self { stamp_nanos, t_wheel_base: t_wheel_frame * t_frame_base, covariance }
    }
}

/// A sample of the inertial unit, in the axes of the base frame (x ahead, y to the left, z up).
#[derive(Debug, Clone, PartialEq)]
pub struct ImuSample {
    /// Time (ns).
    pub stamp_nanos: i64,
    /// Angular velocity (rad/s).
    pub angular_velocity: Vector3<f64>,
    /// Specific force (m/s²).
    pub linear_acceleration: Vector3<f64>,
}

impl ImuSample {
    /// Whether its numbers may be measurements: no unit measures more than 1,000 rad/s or 100,000 m/s², or what is no number.
    pub fn is_plausible(&self) -> bool {
        self.angular_velocity.norm() <= 1e3 && self.linear_acceleration.norm() <= 1e5
    }

    /// The sample in the axes of another frame, into which `rotation` turns those that it is in now.
    pub fn turned(&self, rotation: &UnitQuaternion<f64>) -> Self {
        Self {
            stamp_nanos: self.stamp_nanos,
            angular_velocity: rotation * self.angular_velocity,
            linear_acceleration: rotation * self.linear_acceleration,
        }
    }
}

/// One sample of any sensor.
// Samples are some hundred bytes and pass one by one; a box for each would cost more than it saves.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq)]
pub enum SensorEvent {
    /// Images.
    Frame(Box<Frame>),
    /// Wheel odometry.
    Wheel(WheelSample),
    /// Inertial unit.
    Imu(ImuSample),
}

impl SensorEvent {
    /// When it was measured (ns).
    pub fn stamp_nanos(&self) -> i64 {
        match self {
            Self::Frame(frame) => frame.stamp_nanos,
            Self::Wheel(sample) => sample.stamp_nanos,
            Self::Imu(sample) => sample.stamp_nanos,
        }
    }
}
