//! Cameras from their `CameraInfo`.

use crate::geometry::PinholeCamera;
use crate::ros::BadMessage;
use crate::sensors;
use r2r::sensor_msgs::msg::CameraInfo;

/// What a message says of a camera.
///
/// # Errors
/// [`BadMessage`] if matrices are incomplete or not finite, or there is no focal length.
pub fn info_from_msg(message: &CameraInfo) -> Result<sensors::CameraInfo, BadMessage> {
    let info = sensors::CameraInfo {
        width: message.width,
        height: message.height,
        distortion_model: message.distortion_model.clone(),
        d: message.d.clone(),
        k: numbers("K", &message.k)?,
        r: numbers("R", &message.r)?,
        p: numbers("P", &message.p)?,
    };
    let camera = info.rectified();
    if !(camera.fx > 0.0 && camera.fy > 0.0 && camera.width > 0 && camera.height > 0) {
        return Err(BadMessage::new(format!(
            "camera_info of {}x{} px with focal lengths {} and {}; expected positive numbers: is the camera calibrated?",
            camera.width, camera.height, camera.fx, camera.fy
        )));
    }
    Ok(info)
}

fn numbers<const N: usize>(name: &str, values: &[f64]) -> Result<[f64; N], BadMessage> {
    let finite = values.iter().all(|value| value.is_finite());
    values
        .try_into()
        .ok()
        .filter(|_| finite)
        .ok_or_else(|| BadMessage::new(format!("camera_info whose {name} is not {N} finite numbers")))
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
    fn a_pair_comes_back() {
        let info = |baseline_m| info_from_msg(&info_msg_from_camera(&CAMERA, baseline_m)).unwrap();
        let (left, right) = (info(0.0), info(0.11));
        assert_eq!(left.rectified(), CAMERA);
        assert!((right.baseline_m(&left).unwrap() - 0.11).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_camera_is_refused() {
        let good = info_msg_from_camera(&CAMERA, 0.0);
        let refused = |message: CameraInfo| info_from_msg(&message).unwrap_err().0;
        let zeros = CameraInfo { k: vec![0.0; 9], p: vec![0.0; 12], ..good.clone() };
        assert!(refused(zeros).contains("calibrated"));
        assert!(refused(CameraInfo { p: vec![1.0; 11], ..good.clone() }).contains("P is not 12"));
        assert!(refused(CameraInfo { k: vec![f64::NAN; 9], ..good }).contains("K is not 9"));
    }
}
