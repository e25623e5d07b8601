//! Cameras from their `CameraInfo`.

use crate::geometry::{PinholeCamera, Se3};
use crate::ros::BadMessage;
use crate::sensors::{Depth, Rig};
use r2r::sensor_msgs::msg::CameraInfo;

/// The pinhole camera of rectified images: the left three columns of `P`.
///
/// # Errors
/// [`BadMessage`] if size or focal lengths are not positive, or `P` turns or skews.
pub fn camera_from_info(info: &CameraInfo) -> Result<PinholeCamera, BadMessage> {
    let p = &info.p;
    if p.len() != 12 || p.iter().any(|value| !value.is_finite()) {
        return Err(BadMessage::new("camera_info whose P is not 12 finite numbers"));
    }
    let camera = PinholeCamera { fx: p[0], fy: p[5], cx: p[2], cy: p[6], width: info.width, height: info.height };
    if !(camera.fx > 0.0 && camera.fy > 0.0 && camera.width > 0 && camera.height > 0) {
        return Err(BadMessage::new(format!(
            "camera_info of {}x{} px with focal lengths {} and {} in P; expected positive numbers: is the camera calibrated?",
            camera.width, camera.height, camera.fx, camera.fy
        )));
    }
    Ok(camera)
}

/// A stereo rig from the infos of a rectified pair.
///
/// # Errors
/// [`BadMessage`] if they are no rectified pair: intrinsics differ, or the right `P` names no baseline.
pub fn stereo_rig_from_infos(left: &CameraInfo, right: &CameraInfo, t_base_camera: &Se3) -> Result<Rig, BadMessage> {
    let camera = camera_from_info(left)?;
    let other = camera_from_info(right)?;
    let alike = |a: f64, b: f64| (a - b).abs() <= 0.01 * a.abs().max(1.0);
    if (camera.width, camera.height) != (other.width, other.height)
        || !(alike(camera.fx, other.fx) && alike(camera.fy, other.fy) && alike(camera.cy, other.cy))
    {
        return Err(BadMessage::new(format!(
            "left and right camera_info are not of a rectified pair: {camera:?} and {other:?}; P must agree but for the baseline"
        )));
    }
    let baseline_m = (left.p[3] - right.p[3]) / camera.fx;
    if !(baseline_m > 1e-4 && baseline_m < 10.0) {
        return Err(BadMessage::new(format!(
            "the right camera_info's P[3] is {}; expected -fx times the baseline, which makes it {baseline_m} m",
            right.p[3]
        )));
    }
    Ok(Rig { camera, depth: Depth::Stereo { baseline_m }, t_base_camera: *t_base_camera })
}

/// A rig with aligned depth from the info of its image.
///
/// # Errors
/// [`BadMessage`] as of [`camera_from_info`].
pub fn depth_rig_from_info(info: &CameraInfo, t_base_camera: &Se3) -> Result<Rig, BadMessage> {
    Ok(Rig { camera: camera_from_info(info)?, depth: Depth::Image, t_base_camera: *t_base_camera })
}

/// The info of a rectified camera; `baseline_m` is its distance from the left one.
pub fn info_msg_from_camera(camera: &PinholeCamera, baseline_m: f64) -> CameraInfo {
    let PinholeCamera { fx, fy, cx, cy, width, height } = *camera;
    CameraInfo {
        width,
        height,
        distortion_model: "plumb_bob".into(),
        d: vec![0.0; 5],
        k: vec![fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        r: vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p: vec![fx, 0.0, cx, -fx * baseline_m, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
        ..CameraInfo::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: PinholeCamera = PinholeCamera { fx: 400.0, fy: 400.0, cx: 375.5, cy: 239.5, width: 752, height: 480 };

    #[test]
    fn a_stereo_rig_comes_back() {
        let (left, right) = (info_msg_from_camera(&CAMERA, 0.0), info_msg_from_camera(&CAMERA, 0.11));
        let rig = stereo_rig_from_infos(&left, &right, &Se3::identity()).unwrap();
        let Depth::Stereo { baseline_m } = rig.depth else { panic!("{rig:?}") };
        assert!((baseline_m - 0.11).abs() < 1e-12 && rig.camera == CAMERA);
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        let left = info_msg_from_camera(&CAMERA, 0.0);
        let error = stereo_rig_from_infos(&left, &left, &Se3::identity()).unwrap_err().to_string();
        assert!(error.contains("P[3] is 0") || error.contains("P[3] is -0"), "{error}");
        let smaller = info_msg_from_camera(&PinholeCamera { width: 640, ..CAMERA }, 0.11);
        assert!(stereo_rig_from_infos(&left, &smaller, &Se3::identity()).is_err());
        assert!(camera_from_info(&CameraInfo { p: vec![0.0; 12], ..left }).unwrap_err().0.contains("calibrated"));
    }
}
