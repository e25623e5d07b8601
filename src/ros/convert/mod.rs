//! Between ROS messages and halfslam's own types: pure functions, output named first.

pub mod camera;
pub mod cloud;
pub mod graph;
pub mod image;
pub mod imu;
pub mod keyframe;
pub mod pose;
pub mod solve;
