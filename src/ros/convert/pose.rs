//! Poses, transforms, covariances, stamps and paths.

use crate::geometry::{Se3, StampedPose};
use crate::ros::BadMessage;
use crate::sensors::WheelSample;
use nalgebra::{Matrix6, Quaternion, Translation3, UnitQuaternion, Vector3};
use r2r::builtin_interfaces::msg::Time;
use r2r::geometry_msgs::msg::{Point, Pose, PoseStamped, Transform, TransformStamped, Vector3 as Vector3Msg};
use r2r::std_msgs::msg::Header;
use r2r::{geometry_msgs, nav_msgs};

/// A stamp from nanoseconds.
pub fn time_msg_from_nanos(nanos: i64) -> Time {
    let seconds = nanos.div_euclid(1_000_000_000).clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    Time { sec: seconds as i32, nanosec: nanos.rem_euclid(1_000_000_000) as u32 }
}

/// Nanoseconds from a stamp.
pub fn nanos_from_time_msg(time: &Time) -> i64 {
    i64::from(time.sec) * 1_000_000_000 + i64::from(time.nanosec)
}

/// A header from a stamp (ns) and a frame.
pub fn header_msg(stamp_nanos: i64, frame_id: &str) -> Header {
    Header { stamp: time_msg_from_nanos(stamp_nanos), frame_id: frame_id.into() }
}

/// A pose message from a transform.
pub fn pose_msg_from_se3(t: &Se3) -> Pose {
    let (p, q) = (&t.translation.vector, &t.rotation);
    Pose {
        position: Point { x: p.x, y: p.y, z: p.z },
        orientation: geometry_msgs::msg::Quaternion { x: q.i, y: q.j, z: q.k, w: q.w },
    }
}

/// A transform from a pose message.
///
/// # Errors
/// [`BadMessage`] if a number is not finite or the quaternion is far from unit length.
pub fn se3_from_pose_msg(pose: &Pose) -> Result<Se3, BadMessage> {
    let (p, q) = (&pose.position, &pose.orientation);
    se3_from_parts(Vector3::new(p.x, p.y, p.z), Quaternion::new(q.w, q.x, q.y, q.z))
}

/// A transform message from a transform.
pub fn transform_msg_from_se3(t: &Se3) -> Transform {
    let pose = pose_msg_from_se3(t);
    let Point { x, y, z } = pose.position;
    Transform { translation: Vector3Msg { x, y, z }, rotation: pose.orientation }
}

/// A transform from a transform message.
///
/// # Errors
/// [`BadMessage`] if a number is not finite or the quaternion is far from unit length.
pub fn se3_from_transform_msg(transform: &Transform) -> Result<Se3, BadMessage> {
    let (p, q) = (&transform.translation, &transform.rotation);
    se3_from_parts(Vector3::new(p.x, p.y, p.z), Quaternion::new(q.w, q.x, q.y, q.z))
}

/// A stamped transform: coordinates of `child` into those of `parent`.
pub fn transform_stamped_msg(stamp_nanos: i64, parent: &str, child: &str, t_parent_child: &Se3) -> TransformStamped {
    TransformStamped {
        header: header_msg(stamp_nanos, parent),
        child_frame_id: child.into(),
        transform: transform_msg_from_se3(t_parent_child),
    }
}

fn se3_from_parts(translation: Vector3<f64>, rotation: Quaternion<f64>) -> Result<Se3, BadMessage> {
    let norm = rotation.norm();
    if !translation.iter().all(|value| value.is_finite()) || !norm.is_finite() {
        return Err(BadMessage::new("pose with a number that is not finite"));
    }
    if !(0.9..=1.1).contains(&norm) {
        return Err(BadMessage::new(format!("pose with a quaternion of length {norm:.3}; expected 1")));
    }
    Ok(Se3::from_parts(Translation3::from(translation), UnitQuaternion::from_quaternion(rotation)))
}

/// The covariance of a ROS pose (translation, rotation about the axes of the parent frame; row by row) from one of
/// `[ρ; φ]` perturbed in the pose's own frame (m, rad).
pub fn covariance_msg_from_tangent(covariance: &Matrix6<f64>, rotation: &UnitQuaternion<f64>) -> Vec<f64> {
    let mut both = Matrix6::zeros();
    let matrix = rotation.to_rotation_matrix();
    both.fixed_view_mut::<3, 3>(0, 0).copy_from(matrix.matrix());
    both.fixed_view_mut::<3, 3>(3, 3).copy_from(matrix.matrix());
    let turned = both * covariance * both.transpose();
    (0..36).map(|index| turned[(index / 6, index % 6)]).collect()
}

/// The matrix of a ROS pose's covariance; zero if it is not 6 x 6 or not finite.
fn covariance_from_msg(covariance: &[f64]) -> Matrix6<f64> {
    if covariance.len() != 36 || covariance.iter().any(|value| !value.is_finite()) {
        return Matrix6::zeros();
    }
    Matrix6::from_row_slice(covariance)
}

/// A velocity (m/s, rad/s) in the base's own frame, which took it from the first pose to the second.
pub fn twist_between(first: &Se3, second: &Se3, seconds: f64) -> geometry_msgs::msg::Twist {
    if seconds <= 0.0 {
        return geometry_msgs::msg::Twist::default();
    }
    let velocity = crate::geometry::se3::log(&(first.inverse() * second)) / seconds;
    geometry_msgs::msg::Twist {
        linear: Vector3Msg { x: velocity[0], y: velocity[1], z: velocity[2] },
        angular: Vector3Msg { x: velocity[3], y: velocity[4], z: velocity[5] },
    }
}

/// A sample of wheel odometry (or anybody's) from its message; `t_child_base` maps base coordinates into those of the frame
/// that the message is about.
///
/// # Errors
/// [`BadMessage`] if the pose is none.
pub fn wheel_sample_from_msg(
    odometry: &nav_msgs::msg::Odometry,
    t_child_base: &Se3,
) -> Result<WheelSample, BadMessage> {
    let t_wheel_child = se3_from_pose_msg(&odometry.pose.pose)?;
    let stamp_nanos = nanos_from_time_msg(&odometry.header.stamp);
    let covariance = covariance_from_msg(&odometry.pose.covariance);
    Ok(WheelSample::of_frame(stamp_nanos, &t_wheel_child, &covariance, t_child_base))
}

/// A path from poses in the frame `frame_id`, in their order.
pub fn path_msg_from_poses(
    poses: impl Iterator<Item = StampedPose>,
    stamp_nanos: i64,
    frame_id: &str,
) -> nav_msgs::msg::Path {
    let stamped = |pose: StampedPose| PoseStamped {
        header: header_msg(pose.stamp_nanos, frame_id),
        pose: pose_msg_from_se3(&pose.t_world_body),
    };
    nav_msgs::msg::Path { header: header_msg(stamp_nanos, frame_id), poses: poses.map(stamped).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3;
    use nalgebra::Vector6;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn poses_and_transforms_come_back(v in prop::array::uniform6(-2.0f64..2.0)) {
            let t = se3::exp(&Vector6::from(v));
            let close = |other: Se3| (t.to_homogeneous() - other.to_homogeneous()).norm() < 1e-12;
            prop_assert!(close(se3_from_pose_msg(&pose_msg_from_se3(&t)).unwrap()));
            prop_assert!(close(se3_from_transform_msg(&transform_msg_from_se3(&t)).unwrap()));
        }

        #[test]
        fn stamps_come_back(nanos in -2_000_000_000_000_000_000i64..2_000_000_000_000_000_000) {
            prop_assert_eq!(nanos_from_time_msg(&time_msg_from_nanos(nanos)), nanos);
        }

        #[test]
        fn covariances_come_back(v in prop::array::uniform6(-2.0f64..2.0), diagonal in prop::array::uniform6(0.1f64..3.0)) {
            let t_wheel_base = se3::exp(&Vector6::from(v));
            let covariance = Matrix6::from_diagonal(&Vector6::from(diagonal));
            let mut message = nav_msgs::msg::Odometry::default();
            message.pose.pose = pose_msg_from_se3(&t_wheel_base);
            message.pose.covariance = covariance_msg_from_tangent(&covariance, &t_wheel_base.rotation);
            let sample = wheel_sample_from_msg(&message, &Se3::identity()).unwrap();
            prop_assert!((sample.covariance - covariance).norm() < 1e-9);
        }

        /// An odometry of another frame says of the base what the base's own would have said.
        #[test]
        fn another_frame_tells_of_the_base(
            v in prop::array::uniform6(-2.0f64..2.0),
            w in prop::array::uniform6(-1.0f64..1.0),
            error in prop::array::uniform6(-1.0f64..1.0),
        ) {
            let (t_wheel_child, t_child_base) = (se3::exp(&Vector6::from(v)), se3::exp(&Vector6::from(w)));
            // The child moves by a small error in its own frame; its covariance is that error's square.
            let error = Vector6::from(error) * 1e-5;
            let mut message = nav_msgs::msg::Odometry::default();
            message.pose.pose = pose_msg_from_se3(&t_wheel_child);
            message.pose.covariance = covariance_msg_from_tangent(&(error * error.transpose()), &t_wheel_child.rotation);
            let sample = wheel_sample_from_msg(&message, &t_child_base).unwrap();
            let moved = t_wheel_child * se3::exp(&error) * t_child_base;
            let of_base = se3::log(&(sample.t_wheel_base.inverse() * moved));
            prop_assert!((sample.covariance - of_base * of_base.transpose()).norm() < 1e-13);
        }
    }

    #[test]
    fn a_perturbation_ahead_is_along_the_parents_y_after_a_quarter_turn() {
        let rotation = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), std::f64::consts::FRAC_PI_2);
        let ahead = Matrix6::from_diagonal(&Vector6::new(4.0, 0.0, 0.0, 0.0, 0.0, 0.0));
        let message = covariance_msg_from_tangent(&ahead, &rotation);
        assert!((message[7] - 4.0).abs() < 1e-12 && message[0].abs() < 1e-12);
    }

    #[test]
    fn what_is_no_pose_is_refused() {
        let mut pose = pose_msg_from_se3(&Se3::identity());
        pose.orientation.w = 0.0;
        assert!(se3_from_pose_msg(&pose).unwrap_err().to_string().contains("length 0.000"));
        pose.position.x = f64::NAN;
        assert!(se3_from_pose_msg(&pose).unwrap_err().to_string().contains("not finite"));
    }

    #[test]
    fn a_twist_is_the_step_over_the_time() {
        let step = se3::exp(&Vector6::new(0.2, 0.0, 0.0, 0.0, 0.0, 0.1));
        let twist = twist_between(&Se3::identity(), &step, 0.5);
        assert!((twist.linear.x - 0.4).abs() < 1e-12 && (twist.angular.z - 0.2).abs() < 1e-12);
    }
}
