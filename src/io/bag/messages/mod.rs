//! The ROS messages that recordings of robots are made of, as plain structs.
//!
//! Fields have the names, order and units of the ROS definitions, which stand beside each struct.

mod geometry;
mod nav;
mod sensor;
mod standard;

pub use geometry::{
    Point, Pose, PoseStamped, PoseWithCovariance, Quaternion, Transform, TransformStamped, Twist, TwistWithCovariance,
    Vector3,
};
pub use nav::{Odometry, TfMessage};
pub use sensor::{CameraInfo, CompressedImage, Image, Imu, RegionOfInterest};
pub use standard::{Header, Time};

use serde::{Serialize, de::DeserializeOwned};

/// A message that can be a topic's type.
pub trait Message: Serialize + DeserializeOwned {
    /// Full name of the type, e.g. `sensor_msgs/msg/Image`.
    const TYPE: &'static str;
}

/// Each type's name and the text of its definition, without those of the types it is made of.
pub(super) const DEFINITIONS: &[(&str, &str)] = &[
    ("builtin_interfaces/Time", standard::TIME),
    ("std_msgs/Header", standard::HEADER),
    ("geometry_msgs/Vector3", geometry::VECTOR3),
    ("geometry_msgs/Point", geometry::POINT),
    ("geometry_msgs/Quaternion", geometry::QUATERNION),
    ("geometry_msgs/Pose", geometry::POSE),
    ("geometry_msgs/PoseStamped", geometry::POSE_STAMPED),
    ("geometry_msgs/PoseWithCovariance", geometry::POSE_WITH_COVARIANCE),
    ("geometry_msgs/Transform", geometry::TRANSFORM),
    ("geometry_msgs/TransformStamped", geometry::TRANSFORM_STAMPED),
    ("geometry_msgs/Twist", geometry::TWIST),
    ("geometry_msgs/TwistWithCovariance", geometry::TWIST_WITH_COVARIANCE),
    ("sensor_msgs/Image", sensor::IMAGE),
    ("sensor_msgs/CompressedImage", sensor::COMPRESSED_IMAGE),
    ("sensor_msgs/RegionOfInterest", sensor::REGION_OF_INTEREST),
    ("sensor_msgs/CameraInfo", sensor::CAMERA_INFO),
    ("sensor_msgs/Imu", sensor::IMU),
    ("nav_msgs/Odometry", nav::ODOMETRY),
    ("tf2_msgs/TFMessage", nav::TF_MESSAGE),
];
