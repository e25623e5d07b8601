//! nav_msgs and tf2_msgs.

use super::{Header, Message, PoseWithCovariance, TransformStamped, TwistWithCovariance};
use serde::{Deserialize, Serialize};

/// A robot's pose and velocity as an odometry estimates them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Odometry {
    /// Time, and the frame of the pose.
    pub header: Header,
    /// The frame that the pose is of, and in which the velocity is.
    pub child_frame_id: String,
    /// The pose.
    pub pose: PoseWithCovariance,
    /// The velocity.
    pub twist: TwistWithCovariance,
}
pub(super) const ODOMETRY: &str = "std_msgs/Header header\nstring child_frame_id\n\
    geometry_msgs/PoseWithCovariance pose\ngeometry_msgs/TwistWithCovariance twist\n";
impl Message for Odometry {
    const TYPE: &'static str = "nav_msgs/msg/Odometry";
}

/// Transforms between frames, as on `/tf` and `/tf_static`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TfMessage {
    /// The transforms.
    pub transforms: Vec<TransformStamped>,
}
pub(super) const TF_MESSAGE: &str = "geometry_msgs/TransformStamped[] transforms\n";
impl Message for TfMessage {
    const TYPE: &'static str = "tf2_msgs/msg/TFMessage";
}
