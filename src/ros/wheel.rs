//! Anybody's odometry as the poses of the base.

use super::camera_topics::CameraTopics;
use super::convert::pose::wheel_sample_from_msg;
use super::diagnostics::Diagnostics;
use crate::geometry::Se3;
use crate::sensors::WheelSample;
use r2r::nav_msgs::msg::Odometry;

/// The base's pose from an odometry of any frame of the robot; of the base if its message names none.
///
/// `None`, and the diagnostics say why, if `/tf_static` does not connect that frame with the base, or the message is bad.
pub fn base_sample(
    odometry: &Odometry,
    topic: &'static str,
    camera: &CameraTopics,
    diagnostics: &Diagnostics,
) -> Option<WheelSample> {
    let child = &odometry.child_frame_id;
    let t_base_child = if child.is_empty() { Some(Se3::identity()) } else { camera.t_base_frame(child) };
    let base = camera.base_frame();
    let missing = t_base_child.is_none().then(|| {
        format!("{topic} is of {child}, and no transform from {child} to {base} is on /tf_static: it is ignored")
    });
    diagnostics.trouble("odometry frame", missing);
    let sample = wheel_sample_from_msg(odometry, &t_base_child?.inverse());
    sample.map_err(|bad| diagnostics.reject(topic, &bad)).ok()
}
