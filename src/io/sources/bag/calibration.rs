//! From `CameraInfo` to calibrations.

use crate::geometry::Se3;
use crate::io::bag::messages;
use crate::io::sources::calibration::Calibration;
use crate::sensors::{CameraInfo, RawCamera, SecondImage, SensorError, check_alike, no_baseline};

impl From<&messages::CameraInfo> for CameraInfo {
    fn from(message: &messages::CameraInfo) -> Self {
        let messages::CameraInfo { width, height, distortion_model, d, k, r, p, .. } = message;
        let (distortion_model, d) = (distortion_model.clone(), d.clone());
        Self { width: *width, height: *height, distortion_model, d, k: *k, r: *r, p: *p }
    }
}

/// Whether images are not rectified yet: their calibration bends them, and their topic is not called rectified.
fn is_raw(info: &CameraInfo, image_topic: &str) -> bool {
    info.bends() && !image_topic.contains("rect")
}

/// What the calibrations say of the cameras.
///
/// - `left`: of the left camera, with the name of its image topic.
/// - `second`: of the second camera.
/// - `t_left_second`: the second camera's optical frame in the left one's, where the transforms tell it and it is another
///   frame.
pub(super) fn from_infos(
    left: Option<(&messages::CameraInfo, &str)>,
    second: Option<&messages::CameraInfo>,
    kind: SecondImage,
    t_left_second: Option<Se3>,
) -> Result<Calibration, SensorError> {
    let mut calibration = Calibration::default();
    let Some((left, left_topic)) = left else { return Ok(calibration) };
    let left = CameraInfo::from(left);
    let raw = is_raw(&left, left_topic);
    calibration.camera = Some(if raw { left.raw()? } else { RawCamera::from(left.rectified()) });
    let Some(second) = second.map(CameraInfo::from) else { return Ok(calibration) };
    match kind {
        SecondImage::Right if raw => {
            let t_left_right = CameraInfo::t_left_right(&left, &second).or(t_left_second);
            calibration.right = Some((second.raw()?, t_left_right.ok_or_else(|| no_baseline(&second))?));
        }
        SecondImage::Right => {
            check_alike(&left.rectified(), &second.rectified())?;
            calibration.baseline_m = Some(second.baseline_m(&left).ok_or_else(|| no_baseline(&second))?);
        }
        SecondImage::Depth => {
            calibration.depth_camera = t_left_second.map(|t_camera_depth| (second.rectified(), t_camera_depth));
        }
        SecondImage::None => {}
    }
    Ok(calibration)
}
