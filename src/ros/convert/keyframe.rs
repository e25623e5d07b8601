//! Keyframes on their way from the odometry to the map.

use super::pose::{header_msg, nanos_from_time_msg, pose_msg_from_se3, se3_from_pose_msg};
use crate::geometry::PinholeCamera;
use crate::odometry::KeyframeId;
use crate::place::{DescribedKeyframe, Feature};
use crate::ros::BadMessage;
use nalgebra::{Matrix6, Point3, Vector2};
use r2r::halfslam::msg::Keyframe;

/// A message from a keyframe. Pixels and points are rounded to single precision.
pub fn keyframe_msg(keyframe: &DescribedKeyframe, odom_frame: &str, base_frame: &str) -> Keyframe {
    let mut message = Keyframe {
        header: header_msg(keyframe.stamp_nanos, odom_frame),
        child_frame_id: base_frame.into(),
        id: keyframe.id.0,
        pose: pose_msg_from_se3(&keyframe.t_odom_base),
        has_previous: keyframe.t_previous_base.is_some(),
        relative_pose: pose_msg_from_se3(&keyframe.t_previous_base.unwrap_or_default()),
        relative_covariance: (0..36).map(|index| keyframe.covariance[(index / 6, index % 6)]).collect(),
        width: keyframe.camera.width,
        height: keyframe.camera.height,
        fx: keyframe.camera.fx,
        fy: keyframe.camera.fy,
        cx: keyframe.camera.cx,
        cy: keyframe.camera.cy,
        camera_pose: pose_msg_from_se3(&keyframe.t_base_camera),
        ..Keyframe::default()
    };
    for feature in &keyframe.features {
        message.pixels.extend([feature.px.x as f32, feature.px.y as f32]);
        message.descriptors.extend_from_slice(&feature.descriptor);
        let point = feature.p_camera.map_or([f32::NAN; 3], |p| [p.x as f32, p.y as f32, p.z as f32]);
        message.points.extend(point);
        message.colors.extend_from_slice(&feature.color);
    }
    message
}

/// A keyframe from a message.
///
/// # Errors
/// [`BadMessage`] if arrays contradict each other in length, or a pose or the camera is none.
pub fn keyframe_from_msg(message: &Keyframe) -> Result<DescribedKeyframe, BadMessage> {
    let count = message.colors.len() / 3;
    for (name, found, expected) in [
        ("pixels", message.pixels.len(), 2 * count),
        ("descriptors", message.descriptors.len(), 32 * count),
        ("points", message.points.len(), 3 * count),
        ("colors", message.colors.len(), 3 * count),
    ] {
        if found != expected {
            return Err(BadMessage::new(format!("keyframe with {found} numbers in {name}; expected {expected}")));
        }
    }
    let covariance = &message.relative_covariance;
    if covariance.len() != 36 || covariance.iter().any(|value| !value.is_finite()) {
        return Err(BadMessage::new("keyframe whose covariance is not 36 finite numbers"));
    }
    if message.pixels.iter().any(|value| !value.is_finite()) {
        return Err(BadMessage::new("keyframe with a pixel that is not finite"));
    }
    let camera = PinholeCamera {
        fx: message.fx,
        fy: message.fy,
        cx: message.cx,
        cy: message.cy,
        width: message.width,
        height: message.height,
    };
    if !(camera.fx > 0.0 && camera.fy > 0.0 && camera.cx.is_finite() && camera.cy.is_finite()) {
        return Err(BadMessage::new(format!("keyframe with focal lengths {} and {}", camera.fx, camera.fy)));
    }
    Ok(DescribedKeyframe {
        id: KeyframeId(message.id),
        stamp_nanos: nanos_from_time_msg(&message.header.stamp),
        t_odom_base: se3_from_pose_msg(&message.pose)?,
        t_previous_base: message.has_previous.then(|| se3_from_pose_msg(&message.relative_pose)).transpose()?,
        covariance: Matrix6::from_row_slice(covariance),
        camera,
        t_base_camera: se3_from_pose_msg(&message.camera_pose)?,
        features: (0..count).map(|index| feature(message, index)).collect(),
    })
}

/// The feature at `index`, which the lengths allow.
fn feature(message: &Keyframe, index: usize) -> Feature {
    let mut descriptor = [0; 32];
    descriptor.copy_from_slice(&message.descriptors[32 * index..32 * index + 32]);
    let p = &message.points[3 * index..3 * index + 3];
    let seen = p.iter().all(|value| value.is_finite());
    let c = &message.colors[3 * index..3 * index + 3];
    Feature {
        px: Vector2::new(f64::from(message.pixels[2 * index]), f64::from(message.pixels[2 * index + 1])),
        descriptor,
        p_camera: seen.then(|| Point3::new(f64::from(p[0]), f64::from(p[1]), f64::from(p[2]))),
        color: [c[0], c[1], c[2]],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Se3, se3};
    use nalgebra::Vector6;

    fn example() -> DescribedKeyframe {
        let feature = |x: f64, p_camera| Feature {
            px: Vector2::new(x, 20.5),
            descriptor: std::array::from_fn(|index| index as u8 ^ x as u8),
            p_camera,
            color: [1, 2, x as u8],
        };
        DescribedKeyframe {
            id: KeyframeId(7),
            stamp_nanos: 1_234_567_890_123,
            t_odom_base: se3::exp(&Vector6::new(1.0, 2.0, 0.5, 0.1, 0.2, 0.3)),
            t_previous_base: Some(se3::exp(&Vector6::new(0.1, 0.0, 0.0, 0.0, 0.0, 0.05))),
            covariance: Matrix6::from_diagonal(&Vector6::new(1.0, 2.0, 3.0, 4.0, 5.0, 6.0)),
            camera: PinholeCamera { fx: 400.0, fy: 401.0, cx: 376.0, cy: 240.0, width: 752, height: 480 },
            t_base_camera: Se3::translation(0.1, 0.0, 0.3),
            features: vec![feature(3.0, Some(Point3::new(0.5, -0.25, 2.0))), feature(9.0, None)],
        }
    }

    #[test]
    fn a_keyframe_comes_back() {
        let keyframe = example();
        let back = keyframe_from_msg(&keyframe_msg(&keyframe, "odom", "base_link")).unwrap();
        assert_eq!((back.id, back.stamp_nanos, back.camera), (keyframe.id, keyframe.stamp_nanos, keyframe.camera));
        assert_eq!((back.features, back.covariance), (keyframe.features, keyframe.covariance));
        let step = back.t_previous_base.unwrap().inverse() * keyframe.t_previous_base.unwrap();
        assert!(se3::log(&step).norm() < 1e-12);
    }

    #[test]
    fn the_first_keyframe_has_none_before_it() {
        let first = DescribedKeyframe { t_previous_base: None, ..example() };
        assert_eq!(keyframe_from_msg(&keyframe_msg(&first, "odom", "base")).unwrap().t_previous_base, None);
    }

    #[test]
    fn arrays_that_contradict_each_other_are_refused() {
        let mut message = keyframe_msg(&example(), "odom", "base");
        message.descriptors.pop();
        let error = keyframe_from_msg(&message).unwrap_err().to_string();
        assert!(error.contains("63 numbers in descriptors; expected 64"), "{error}");
    }
}
