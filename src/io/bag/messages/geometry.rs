//! geometry_msgs.

use super::{Header, Message};
use crate::geometry::Se3;
use crate::io::bag::cdr::float_array;
use nalgebra as na;
use serde::{Deserialize, Serialize};

/// A free vector.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Vector3 {
    /// Along x.
    pub x: f64,
    /// Along y.
    pub y: f64,
    /// Along z.
    pub z: f64,
}
pub(super) const VECTOR3: &str = "float64 x\nfloat64 y\nfloat64 z\n";

/// A point (m).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Along x (m).
    pub x: f64,
    /// Along y (m).
    pub y: f64,
    /// Along z (m).
    pub z: f64,
}
pub(super) const POINT: &str = "float64 x\nfloat64 y\nfloat64 z\n";

/// A rotation as a unit quaternion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quaternion {
    /// First imaginary part.
    pub x: f64,
    /// Second imaginary part.
    pub y: f64,
    /// Third imaginary part.
    pub z: f64,
    /// Real part.
    pub w: f64,
}
pub(super) const QUATERNION: &str = "float64 x 0\nfloat64 y 0\nfloat64 z 0\nfloat64 w 1\n";

impl Default for Quaternion {
    fn default() -> Self {
        Self { x: 0.0, y: 0.0, z: 0.0, w: 1.0 }
    }
}

/// A position and an orientation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// Where it is (m).
    pub position: Point,
    /// How it is turned.
    pub orientation: Quaternion,
}
pub(super) const POSE: &str = "Point position\nQuaternion orientation\n";

/// A pose with its time and frame.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PoseStamped {
    /// Time, and the frame of the pose.
    pub header: Header,
    /// The pose.
    pub pose: Pose,
}
pub(super) const POSE_STAMPED: &str = "std_msgs/Header header\nPose pose\n";
impl Message for PoseStamped {
    const TYPE: &'static str = "geometry_msgs/msg/PoseStamped";
}

/// A pose with its uncertainty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoseWithCovariance {
    /// The pose.
    pub pose: Pose,
    /// Row-major 6×6: x, y, z (m), rotation about x, y, z (rad).
    #[serde(with = "float_array")]
    pub covariance: [f64; 36],
}
pub(super) const POSE_WITH_COVARIANCE: &str = "Pose pose\nfloat64[36] covariance\n";

impl Default for PoseWithCovariance {
    fn default() -> Self {
        Self { pose: Pose::default(), covariance: [0.0; 36] }
    }
}

/// A rigid transform.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Transform {
    /// Translation (m).
    pub translation: Vector3,
    /// Rotation.
    pub rotation: Quaternion,
}
pub(super) const TRANSFORM: &str = "Vector3 translation\nQuaternion rotation\n";

/// A transform of `child_frame_id` coordinates into those of `header.frame_id`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TransformStamped {
    /// Time, and the parent frame.
    pub header: Header,
    /// The child frame.
    pub child_frame_id: String,
    /// Child coordinates into parent coordinates.
    pub transform: Transform,
}
pub(super) const TRANSFORM_STAMPED: &str = "std_msgs/Header header\nstring child_frame_id\nTransform transform\n";
impl Message for TransformStamped {
    const TYPE: &'static str = "geometry_msgs/msg/TransformStamped";
}

/// A velocity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Twist {
    /// Linear velocity (m/s).
    pub linear: Vector3,
    /// Angular velocity (rad/s).
    pub angular: Vector3,
}
pub(super) const TWIST: &str = "Vector3 linear\nVector3 angular\n";

/// A velocity with its uncertainty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TwistWithCovariance {
    /// The velocity.
    pub twist: Twist,
    /// Row-major 6×6: linear (m/s), angular (rad/s).
    #[serde(with = "float_array")]
    pub covariance: [f64; 36],
}
pub(super) const TWIST_WITH_COVARIANCE: &str = "Twist twist\nfloat64[36] covariance\n";

impl Default for TwistWithCovariance {
    fn default() -> Self {
        Self { twist: Twist::default(), covariance: [0.0; 36] }
    }
}

impl From<na::Vector3<f64>> for Vector3 {
    fn from(v: na::Vector3<f64>) -> Self {
        Self { x: v.x, y: v.y, z: v.z }
    }
}
impl From<Vector3> for na::Vector3<f64> {
    fn from(v: Vector3) -> Self {
        Self::new(v.x, v.y, v.z)
    }
}
impl From<na::UnitQuaternion<f64>> for Quaternion {
    fn from(q: na::UnitQuaternion<f64>) -> Self {
        Self { x: q.i, y: q.j, z: q.k, w: q.w }
    }
}
impl From<Se3> for Pose {
    fn from(t: Se3) -> Self {
        let v = t.translation.vector;
        Self { position: Point { x: v.x, y: v.y, z: v.z }, orientation: t.rotation.into() }
    }
}
impl From<Se3> for Transform {
    fn from(t: Se3) -> Self {
        Self { translation: t.translation.vector.into(), rotation: t.rotation.into() }
    }
}

impl Quaternion {
    /// The rotation, normalized; `None` if it has no direction (zero or not finite), as in messages nobody filled in.
    pub fn rotation(self) -> Option<na::UnitQuaternion<f64>> {
        let quaternion = na::Quaternion::new(self.w, self.x, self.y, self.z);
        let norm = quaternion.norm();
        (norm.is_finite() && norm > 1e-6).then(|| na::UnitQuaternion::from_quaternion(quaternion))
    }
}

impl Pose {
    /// The rigid transform; `None` unless all of it is finite and the quaternion has a direction.
    pub fn se3(self) -> Option<Se3> {
        let Point { x, y, z } = self.position;
        Transform { translation: Vector3 { x, y, z }, rotation: self.orientation }.se3()
    }
}

impl Transform {
    /// The rigid transform; `None` unless all of it is finite and the quaternion has a direction.
    pub fn se3(self) -> Option<Se3> {
        let translation = na::Vector3::from(self.translation);
        let rotation = self.rotation.rotation()?;
        translation.iter().all(|v| v.is_finite()).then(|| Se3::from_parts(translation.into(), rotation))
    }
}
