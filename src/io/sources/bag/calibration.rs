//! From `CameraInfo` to calibrations.

use crate::geometry::{PinholeCamera, Se3};
use crate::io::bag::messages::CameraInfo;
use crate::io::sources::calibration::{Calibration, SecondKind};
use crate::sensors::{Distortion, RawCamera, SensorError};
use nalgebra::{Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};

/// The rectified camera of a calibration: its projection, or its intrinsics where there is no projection.
fn rectified(info: &CameraInfo) -> PinholeCamera {
    let (width, height) = (info.width, info.height);
    if info.p[0] > 0.0 {
        PinholeCamera { fx: info.p[0], fy: info.p[5], cx: info.p[2], cy: info.p[6], width, height }
    } else {
        intrinsics(info)
    }
}

fn intrinsics(info: &CameraInfo) -> PinholeCamera {
    PinholeCamera { fx: info.k[0], fy: info.k[4], cx: info.k[2], cy: info.k[5], width: info.width, height: info.height }
}

/// Rotation of the raw camera into the rectified one; none where nothing is said.
fn rotation(info: &CameraInfo) -> Rotation3<f64> {
    if info.r.iter().all(|v| *v == 0.0) {
        return Rotation3::identity();
    }
    Rotation3::from_matrix_unchecked(Matrix3::from_row_slice(&info.r))
}

/// Whether images are not rectified yet: their calibration bends them, and their topic is not called rectified.
fn is_raw(info: &CameraInfo, image_topic: &str) -> bool {
    let bends = info.d.iter().any(|v| *v != 0.0) || rotation(info).angle() > 1e-6;
    bends && !image_topic.contains("rect") && info.k[0] > 0.0
}

/// What the calibrations say of the cameras.
///
/// - `infos`: of the left and of the second camera, with the names of their image topics.
pub(super) fn from_infos(
    left: Option<(&CameraInfo, &str)>,
    second: Option<(&CameraInfo, &str)>,
    kind: SecondKind,
) -> Result<Calibration, SensorError> {
    let mut calibration = Calibration::default();
    let Some((left, left_topic)) = left else { return Ok(calibration) };
    let raw = is_raw(left, left_topic);
    let raw_camera = |info: &CameraInfo| -> Result<RawCamera, SensorError> {
        let distortion = Distortion::from_name(&info.distortion_model, &info.d)?;
        Ok(RawCamera { pinhole: intrinsics(info), distortion })
    };
    calibration.camera = Some(if raw { raw_camera(left)? } else { RawCamera::from(rectified(left)) });
    let (SecondKind::Right, Some((right, _))) = (kind, second) else { return Ok(calibration) };
    let camera = rectified(right);
    let baseline_m = -right.p[3] / camera.fx;
    if !(baseline_m.is_finite() && baseline_m > 0.0) {
        return Err(SensorError::Calibration(format!(
            "right camera_info: expected p[3] = -fx * baseline, negative, found p[3] = {} and fx = {}",
            right.p[3], camera.fx
        )));
    }
    if raw {
        let (r_left, r_right) = (rotation(left), rotation(right));
        let turn = UnitQuaternion::from_rotation_matrix(&(r_left.inverse() * r_right));
        let offset = r_left.inverse() * Vector3::new(baseline_m, 0.0, 0.0);
        calibration.right = Some((raw_camera(right)?, Se3::from_parts(Translation3::from(offset), turn)));
    } else {
        calibration.baseline_m = Some(baseline_m);
    }
    Ok(calibration)
}
