//! Camera files: calibrations in YAML, for recordings that have none.

use super::SourceError;
use super::calibration::Calibration;
use crate::geometry::{PinholeCamera, Se3};
use crate::io::trajectory::se3_from_rows;
use crate::sensors::{Distortion, RawCamera, Rig, SensorError};
use nalgebra::{Quaternion, Translation3, UnitQuaternion};
use serde::Deserialize;
use std::path::Path;

/// Camera files of common cameras, by name.
pub const CAMERA_PRESETS: &[(&str, &str)] = &[
    ("7scenes", include_str!("../../../config/camera/7scenes.yaml")),
    ("kitti", include_str!("../../../config/camera/kitti.yaml")),
    ("realsense_d435", include_str!("../../../config/camera/realsense_d435.yaml")),
    ("tum_freiburg1", include_str!("../../../config/camera/tum_freiburg1.yaml")),
    ("tum_freiburg2", include_str!("../../../config/camera/tum_freiburg2.yaml")),
    ("tum_freiburg3", include_str!("../../../config/camera/tum_freiburg3.yaml")),
];

/// A camera file: everything is optional, and what it says counts more than the recording.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CameraFile {
    /// Width of the images (px).
    pub width: Option<u32>,
    /// Height of the images (px).
    pub height: Option<u32>,
    /// Focal length along x (px).
    pub fx: Option<f64>,
    /// Focal length along y (px).
    pub fy: Option<f64>,
    /// Principal point, x (px).
    pub cx: Option<f64>,
    /// Principal point, y (px).
    pub cy: Option<f64>,
    /// `none`, `radtan` (or `plumb_bob`, `rational_polynomial`) or `equidistant`.
    pub distortion_model: Option<String>,
    /// The model's parameters.
    pub distortion: Vec<f64>,
    /// Distance of the two cameras of a rectified pair (m).
    pub baseline_m: Option<f64>,
    /// The right camera of a pair that is not rectified.
    pub right: Option<RightCamera>,
    /// The camera of depth images that are not aligned with colour.
    pub depth: Option<DepthCamera>,
    /// Optical frame of the (left) camera (x right, y down, z ahead) into the robot's base.
    pub t_base_camera: Option<TransformText>,
    /// The same with the camera's x axis ahead, y left, z up: how the camera is mounted.
    pub mount: Option<TransformText>,
    /// Units of a depth image in one metre.
    pub depth_units_per_m: Option<f64>,
    /// Frames per second, for recordings without stamps (Hz).
    pub rate_hz: Option<f64>,
}

/// The right camera of a raw pair.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RightCamera {
    /// Focal length along x (px).
    pub fx: f64,
    /// Focal length along y (px).
    pub fy: f64,
    /// Principal point, x (px).
    pub cx: f64,
    /// Principal point, y (px).
    pub cy: f64,
    /// As of the left camera.
    pub distortion_model: Option<String>,
    /// The model's parameters.
    #[serde(default)]
    pub distortion: Vec<f64>,
    /// Optical frame of the right camera into the left one's.
    pub t_left_right: TransformText,
}

/// The camera of depth images that are not aligned with colour. It has no distortion.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepthCamera {
    /// Width of the depth images (px), if it is not that of the colour images.
    pub width: Option<u32>,
    /// Height of the depth images (px), if it is not that of the colour images.
    pub height: Option<u32>,
    /// Focal length along x (px).
    pub fx: f64,
    /// Focal length along y (px).
    pub fy: f64,
    /// Principal point, x (px).
    pub cx: f64,
    /// Principal point, y (px).
    pub cy: f64,
    /// Optical frame of the depth camera into the colour camera's.
    pub t_camera_depth: TransformText,
}

/// A rigid transform as it is written in a camera file: a matrix, or a translation and at most one rotation.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransformText {
    /// Rows of the matrix: 12 or 16 numbers.
    pub matrix: Option<Vec<f64>>,
    /// Translation (m).
    pub translation_m: Option<[f64; 3]>,
    /// Rotation as a quaternion, real part last.
    pub rotation_xyzw: Option<[f64; 4]>,
    /// Rotation as roll, pitch and yaw about the fixed axes x, y, z (degrees).
    pub rotation_rpy_deg: Option<[f64; 3]>,
}

impl TransformText {
    /// The transform; the error says what is wrong with it.
    fn se3(&self, name: &str) -> Result<Se3, SensorError> {
        let refuse = |what: String| Err(SensorError::Calibration(format!("{name}: {what}")));
        if let Some(matrix) = &self.matrix {
            if self.translation_m.is_some() || self.rotation_xyzw.is_some() || self.rotation_rpy_deg.is_some() {
                return refuse("expected a matrix or a translation and rotation, found both".into());
            }
            let last_row = matrix.get(12..).unwrap_or_default();
            let rows = matrix.first_chunk::<12>().filter(|_| last_row.is_empty() || last_row == [0.0, 0.0, 0.0, 1.0]);
            return match rows.and_then(se3_from_rows) {
                Some(transform) => Ok(transform),
                None => refuse(format!("expected 12 or 16 numbers, the rows of a rigid transform, found {matrix:?}")),
            };
        }
        let rotation = match (self.rotation_xyzw, self.rotation_rpy_deg) {
            (Some(_), Some(_)) => {
                return refuse("expected one rotation, found rotation_xyzw and rotation_rpy_deg".into());
            }
            (Some([x, y, z, w]), None) => {
                let quaternion = Quaternion::new(w, x, y, z);
                let is_unit = (quaternion.norm() - 1.0).abs() < 0.01;
                if !is_unit {
                    return refuse(format!("expected a unit quaternion, found one of norm {}", quaternion.norm()));
                }
                UnitQuaternion::from_quaternion(quaternion)
            }
            (None, Some(degrees)) => {
                let [roll, pitch, yaw] = degrees.map(f64::to_radians);
                UnitQuaternion::from_euler_angles(roll, pitch, yaw)
            }
            (None, None) => UnitQuaternion::identity(),
        };
        let [x, y, z] = self.translation_m.unwrap_or_default();
        let transform = Se3::from_parts(Translation3::new(x, y, z), rotation);
        if transform.to_homogeneous().iter().all(|v| v.is_finite()) {
            return Ok(transform);
        }
        refuse("expected finite numbers".into())
    }
}

impl CameraFile {
    /// Reads a camera file, or the preset of this name.
    ///
    /// # Errors
    /// [`SourceError`] names the file, the line and what is wrong; for a name that is neither, the presets.
    pub fn load(name: &str) -> Result<Self, SourceError> {
        let path = Path::new(name);
        let text = match CAMERA_PRESETS.iter().find(|(preset, _)| *preset == name) {
            Some((_, text)) => (*text).to_owned(),
            None if path.exists() => std::fs::read_to_string(path).map_err(SourceError::io(path))?,
            None => {
                let presets: Vec<&str> = CAMERA_PRESETS.iter().map(|(preset, _)| *preset).collect();
                let reason =
                    format!("expected a camera file or one of the presets {}; found neither", presets.join(", "));
                return Err(SourceError::Format { path: path.into(), reason });
            }
        };
        Self::parse(&text).map_err(SourceError::format(path))
    }

    /// Reads the text of a camera file.
    ///
    /// # Errors
    /// Says the line, and what is wrong.
    pub fn parse(text: &str) -> Result<Self, serde_yaml::Error> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        serde_yaml::from_str(text)
    }

    /// Puts what this file says over what the recording says.
    ///
    /// - `size`: width and height of the images (px), where known.
    pub(super) fn apply(&self, calibration: &mut Calibration, size: Option<(u32, u32)>) -> Result<(), SensorError> {
        let raw_size = calibration.camera.as_ref().map(|camera| (camera.pinhole.width, camera.pinhole.height));
        let (known_width, known_height) = size.or(raw_size).unzip();
        let size = (self.width.or(known_width), self.height.or(known_height));
        match (self.fx, self.fy, self.cx, self.cy) {
            (Some(fx), Some(fy), Some(cx), Some(cy)) => {
                let (Some(width), Some(height)) = size else {
                    return Err(SensorError::Calibration("camera file: expected width and height, found none".into()));
                };
                let distortion = distortion(self.distortion_model.as_deref(), &self.distortion)?;
                let pinhole = PinholeCamera { fx, fy, cx, cy, width, height };
                calibration.camera = Some(RawCamera { pinhole, distortion });
            }
            (None, None, None, None) => {
                if self.distortion_model.is_some() || !self.distortion.is_empty() {
                    let reason = "camera file: expected fx, fy, cx and cy beside the distortion, found none";
                    return Err(SensorError::Calibration(reason.into()));
                }
                if let (Some(camera), (Some(width), Some(height))) = (&mut calibration.camera, size) {
                    (camera.pinhole.width, camera.pinhole.height) = (width, height);
                }
            }
            _ => {
                let reason = "camera file: expected all of fx, fy, cx, cy or none, found some";
                return Err(SensorError::Calibration(reason.into()));
            }
        }
        self.apply_pair(calibration)?;
        self.apply_depth(calibration)?;
        match (&self.t_base_camera, &self.mount) {
            (Some(_), Some(_)) => {
                let reason = "camera file: expected t_base_camera or mount, found both";
                return Err(SensorError::Calibration(reason.into()));
            }
            (Some(transform), None) => calibration.t_base_camera = Some(transform.se3("t_base_camera")?),
            (None, Some(mount)) => {
                calibration.t_base_camera = Some(mount.se3("mount")? * Rig::optical_looking_ahead());
            }
            (None, None) => {}
        }
        positive("depth_units_per_m", self.depth_units_per_m, &mut calibration.depth_units_per_m)?;
        positive("rate_hz", self.rate_hz, &mut calibration.rate_hz)
    }

    fn apply_depth(&self, calibration: &mut Calibration) -> Result<(), SensorError> {
        let Some(depth) = &self.depth else { return Ok(()) };
        let Some(camera) = &calibration.camera else {
            let reason = "camera file: expected fx, fy, cx and cy of the colour camera beside depth, found none";
            return Err(SensorError::Calibration(reason.into()));
        };
        let DepthCamera { fx, fy, cx, cy, .. } = *depth;
        let (width, height) =
            (depth.width.unwrap_or(camera.pinhole.width), depth.height.unwrap_or(camera.pinhole.height));
        let t_camera_depth = depth.t_camera_depth.se3("depth.t_camera_depth")?;
        calibration.depth_camera = Some((PinholeCamera { fx, fy, cx, cy, width, height }, t_camera_depth));
        Ok(())
    }

    fn apply_pair(&self, calibration: &mut Calibration) -> Result<(), SensorError> {
        if self.baseline_m.is_some() && self.right.is_some() {
            let reason = "camera file: expected baseline_m (rectified pair) or right (raw pair), found both";
            return Err(SensorError::Calibration(reason.into()));
        }
        if self.baseline_m.is_some() {
            positive("baseline_m", self.baseline_m, &mut calibration.baseline_m)?;
            calibration.right = None;
        }
        if let Some(right) = &self.right {
            let Some(left) = &calibration.camera else {
                let reason = "camera file: expected fx, fy, cx and cy of the left camera beside right, found none";
                return Err(SensorError::Calibration(reason.into()));
            };
            let RightCamera { fx, fy, cx, cy, .. } = *right;
            let pinhole = PinholeCamera { fx, fy, cx, cy, ..left.pinhole };
            let distortion = distortion(right.distortion_model.as_deref(), &right.distortion)?;
            let t_left_right = right.t_left_right.se3("right.t_left_right")?;
            calibration.right = Some((RawCamera { pinhole, distortion }, t_left_right));
        }
        Ok(())
    }
}

fn distortion(model: Option<&str>, parameters: &[f64]) -> Result<Distortion, SensorError> {
    Distortion::from_name(model.unwrap_or("radtan"), parameters)
}

fn positive(name: &str, value: Option<f64>, target: &mut Option<f64>) -> Result<(), SensorError> {
    match value {
        Some(value) if !(value.is_finite() && value > 0.0) => {
            Err(SensorError::Calibration(format!("camera file: {name}: expected a positive number, found {value}")))
        }
        Some(value) => {
            *target = Some(value);
            Ok(())
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_make_cameras() {
        for (name, _) in CAMERA_PRESETS {
            let mut calibration = Calibration::default();
            CameraFile::load(name).unwrap().apply(&mut calibration, Some((640, 480))).unwrap();
            assert!(calibration.camera.is_some() || *name == "kitti", "{name}");
        }
    }

    #[test]
    fn a_mount_adds_the_optical_rotation() {
        let mut calibration = Calibration::default();
        let file = CameraFile::parse("mount: {translation_m: [0.1, 0, 0.3], rotation_rpy_deg: [0, 30, 0]}").unwrap();
        file.apply(&mut calibration, None).unwrap();
        let ahead = calibration.t_base_camera() * nalgebra::Vector3::z();
        assert!((ahead - nalgebra::Vector3::new(30f64.to_radians().cos(), 0.0, -0.5)).norm() < 1e-12);
    }

    #[test]
    fn mistakes_are_named() {
        for (text, message) in [
            ("fx: 1\nfocal: 2", "unknown field `focal`"),
            ("fx: 1", "all of fx, fy, cx, cy or none"),
            ("rate_hz: 0", "rate_hz: expected a positive number, found 0"),
            (
                "{fx: 1, fy: 1, cx: 1, cy: 1, distortion_model: omni, distortion: [1]}",
                "unknown distortion model 'omni'",
            ),
            ("{fx: 1, fy: 1, cx: 1, cy: 1, distortion: [1, 2, 3]}", "expected 4, 5, 8, 12 or 14 numbers, found 3"),
            ("t_base_camera: {matrix: [1, 2]}", "t_base_camera: expected 12 or 16 numbers"),
            ("mount: {rotation_xyzw: [1, 1, 0, 0]}", "expected a unit quaternion"),
            ("distortion: [0.1, 0, 0, 0]", "expected fx, fy, cx and cy beside the distortion"),
            (
                "depth: {fx: 1, fy: 1, cx: 1, cy: 1, t_camera_depth: {}}",
                "of the colour camera beside depth, found none",
            ),
        ] {
            let size = Some((4, 4));
            let error = match CameraFile::parse(text) {
                Ok(file) => file.apply(&mut Calibration::default(), size).unwrap_err().to_string(),
                Err(error) => error.to_string(),
            };
            assert!(error.contains(message), "{error}");
        }
        let error = CameraFile::load("nonesuch").unwrap_err().to_string();
        assert!(error.contains("presets 7scenes, kitti"), "{error}");
    }
}
