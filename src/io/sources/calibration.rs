//! What is known of a recording's cameras, from itself and from a camera file.

use crate::geometry::{PinholeCamera, Se3};
use crate::sensors::{Depth, RawCamera, Rectification, Rig, SecondImage, SensorError};

/// What is known of a recording's cameras.
#[derive(Debug, Clone, Default)]
pub(super) struct Calibration {
    /// The (left) camera.
    pub camera: Option<RawCamera>,
    /// The right camera of a raw pair, and its optical frame into the left one's.
    pub right: Option<(RawCamera, Se3)>,
    /// The camera of depth images that are not aligned with colour, and its optical frame into the colour camera's.
    pub depth_camera: Option<(PinholeCamera, Se3)>,
    /// Distance of the cameras of a rectified pair (m).
    pub baseline_m: Option<f64>,
    /// Optical frame of the (left, raw) camera into the base.
    pub t_base_camera: Option<Se3>,
    /// Units of a depth image in one metre.
    pub depth_units_per_m: Option<f64>,
    /// Frames per second where there are no stamps (Hz).
    pub rate_hz: Option<f64>,
}

impl Calibration {
    /// Optical frame of the (left, raw) camera into the base; looking ahead where nothing is said.
    pub(super) fn t_base_camera(&self) -> Se3 {
        self.t_base_camera.unwrap_or_else(Rig::optical_looking_ahead)
    }

    /// Optical frame of the camera that takes depth images into the base.
    pub(super) fn t_base_depth(&self) -> Se3 {
        let t_camera_depth = self.depth_camera.map_or_else(Se3::identity, |(_, t_camera_depth)| t_camera_depth);
        self.t_base_camera() * t_camera_depth
    }

    /// Whether the images have the size (width and height, px) that the calibration says; to be asked before memory is
    /// taken for that size. Rectified images keep it.
    pub(super) fn check_size(&self, size: (u32, u32)) -> Result<(), String> {
        match &self.camera {
            Some(RawCamera { pinhole, .. }) if (pinhole.width, pinhole.height) != size => Err(format!(
                "expected {}x{} pixels as the calibration says, found {}x{}",
                pinhole.width, pinhole.height, size.0, size.1
            )),
            _ => Ok(()),
        }
    }

    /// What makes frames of the images.
    pub(super) fn rectification(&self, second: SecondImage) -> Result<Rectification, SensorError> {
        let Some(camera) = &self.camera else {
            return Err(missing("fx, fy, cx, cy"));
        };
        let t_base_camera = self.t_base_camera();
        match (second, &self.right, self.baseline_m) {
            (SecondImage::None, _, _) => Rectification::single(camera, Depth::None, t_base_camera),
            (SecondImage::Depth, _, _) => {
                let aligned = Rectification::single(camera, Depth::Image, t_base_camera)?;
                match &self.depth_camera {
                    Some((depth_camera, t_camera_depth)) => aligned.with_depth_camera(depth_camera, t_camera_depth),
                    None => Ok(aligned),
                }
            }
            (SecondImage::Right, Some((right, t_left_right)), _) => {
                Rectification::stereo(camera, right, t_left_right, &t_base_camera)
            }
            (SecondImage::Right, None, Some(baseline_m)) => {
                Rectification::none(Rig { camera: camera.pinhole, depth: Depth::Stereo { baseline_m }, t_base_camera })
            }
            (SecondImage::Right, None, None) => Err(missing("baseline_m (rectified pair) or right (raw pair)")),
        }
    }
}

fn missing(what: &str) -> SensorError {
    SensorError::Calibration(format!(
        "the recording does not say {what}; give it in a camera file (option source.camera_file, see \
         docs/camera_file.md)"
    ))
}
