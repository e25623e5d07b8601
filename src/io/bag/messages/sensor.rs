//! sensor_msgs.

use super::{Header, Message, Quaternion, Vector3};
use crate::io::bag::cdr::{byte_sequence, float_array};
use serde::{Deserialize, Serialize};

/// An uncompressed image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Time, and the camera's optical frame.
    pub header: Header,
    /// Height (px).
    pub height: u32,
    /// Width (px).
    pub width: u32,
    /// Channels and depth: `mono8`, `rgb8`, `16UC1`, …
    pub encoding: String,
    /// Whether values of several bytes are big-endian.
    pub is_bigendian: u8,
    /// Length of a row (bytes).
    pub step: u32,
    /// `height` rows of `step` bytes.
    #[serde(with = "byte_sequence")]
    pub data: Vec<u8>,
}
pub(super) const IMAGE: &str = "std_msgs/Header header\nuint32 height\nuint32 width\nstring encoding\n\
    uint8 is_bigendian\nuint32 step\nuint8[] data\n";
impl Message for Image {
    const TYPE: &'static str = "sensor_msgs/msg/Image";
}

/// A compressed image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompressedImage {
    /// Time, and the camera's optical frame.
    pub header: Header,
    /// How it is compressed, e.g. `jpeg`, `png`, `bgr8; jpeg compressed bgr8`, `16UC1; compressedDepth`.
    pub format: String,
    /// The compressed file.
    #[serde(with = "byte_sequence")]
    pub data: Vec<u8>,
}
pub(super) const COMPRESSED_IMAGE: &str = "std_msgs/Header header\nstring format\nuint8[] data\n";
impl Message for CompressedImage {
    const TYPE: &'static str = "sensor_msgs/msg/CompressedImage";
}

/// A part of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionOfInterest {
    /// Left edge (px).
    pub x_offset: u32,
    /// Upper edge (px).
    pub y_offset: u32,
    /// Height (px); 0 for the whole image.
    pub height: u32,
    /// Width (px); 0 for the whole image.
    pub width: u32,
    /// Whether a rectified part should be computed.
    pub do_rectify: bool,
}
pub(super) const REGION_OF_INTEREST: &str =
    "uint32 x_offset\nuint32 y_offset\nuint32 height\nuint32 width\nbool do_rectify\n";

/// A camera's calibration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CameraInfo {
    /// Time, and the camera's optical frame.
    pub header: Header,
    /// Height of the images (px).
    pub height: u32,
    /// Width of the images (px).
    pub width: u32,
    /// `plumb_bob`, `rational_polynomial` or `equidistant`.
    pub distortion_model: String,
    /// Distortion parameters; `plumb_bob`: k1, k2, t1, t2, k3.
    pub d: Vec<f64>,
    /// Intrinsics of the raw images, row-major 3×3 (px).
    #[serde(with = "float_array")]
    pub k: [f64; 9],
    /// Rotation of the camera into the rectified camera, row-major 3×3.
    #[serde(with = "float_array")]
    pub r: [f64; 9],
    /// Projection of the rectified images, row-major 3×4; in a stereo pair's right camera `p[3] = -fx · baseline`.
    #[serde(with = "float_array")]
    pub p: [f64; 12],
    /// Pixels of the sensor per pixel of the image, along x; 0 as 1.
    pub binning_x: u32,
    /// Pixels of the sensor per pixel of the image, along y; 0 as 1.
    pub binning_y: u32,
    /// The part of the sensor that the images show.
    pub roi: RegionOfInterest,
}
pub(super) const CAMERA_INFO: &str = "std_msgs/Header header\nuint32 height\nuint32 width\nstring distortion_model\n\
    float64[] d\nfloat64[9] k\nfloat64[9] r\nfloat64[12] p\nuint32 binning_x\nuint32 binning_y\nRegionOfInterest roi\n";
impl Message for CameraInfo {
    const TYPE: &'static str = "sensor_msgs/msg/CameraInfo";
}

/// A sample of an inertial unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Imu {
    /// Time, and the unit's frame.
    pub header: Header,
    /// Orientation, where known.
    pub orientation: Quaternion,
    /// Row-major 3×3 (rad²); the first is -1 if the orientation is not known.
    #[serde(with = "float_array")]
    pub orientation_covariance: [f64; 9],
    /// Angular velocity (rad/s).
    pub angular_velocity: Vector3,
    /// Row-major 3×3.
    #[serde(with = "float_array")]
    pub angular_velocity_covariance: [f64; 9],
    /// Specific force (m/s²).
    pub linear_acceleration: Vector3,
    /// Row-major 3×3.
    #[serde(with = "float_array")]
    pub linear_acceleration_covariance: [f64; 9],
}
pub(super) const IMU: &str = "std_msgs/Header header\ngeometry_msgs/Quaternion orientation\n\
    float64[9] orientation_covariance\ngeometry_msgs/Vector3 angular_velocity\n\
    float64[9] angular_velocity_covariance\ngeometry_msgs/Vector3 linear_acceleration\n\
    float64[9] linear_acceleration_covariance\n";
impl Message for Imu {
    const TYPE: &'static str = "sensor_msgs/msg/Imu";
}
