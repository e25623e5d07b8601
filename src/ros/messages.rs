//! The messages that the nodes name, so that they need not name r2r.

pub use r2r::halfslam::msg::Keyframe;
pub use r2r::nav_msgs::msg::Odometry;
pub use r2r::sensor_msgs::msg::Imu;
