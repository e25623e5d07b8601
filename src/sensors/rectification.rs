//! From raw images to frames of a pinhole rig.

use super::calibration::{Distortion, RawCamera, check_pinhole};
use super::pictures::{Picture, Second};
use super::registration::Registration;
use super::undistortion::{Undistortion, rectify_pair};
use super::{Depth, DepthImage, Frame, Images, Rig, SensorError};
use crate::geometry::{PinholeCamera, Se3};

/// Turns the raw images of a rig into frames: checks kinds and sizes, removes lens distortion, and makes the rows of
/// a stereo pair correspond. Images that are rectified already pass unchanged.
#[derive(Debug)]
pub struct Rectification {
    rig: Rig,
    reference: Option<Undistortion>,
    right: Option<Undistortion>,
    registration: Option<Registration>,
}

impl Rectification {
    /// For images that are rectified already.
    ///
    /// # Errors
    /// [`SensorError::Calibration`] if the rig's numbers make no camera.
    pub fn none(rig: Rig) -> Result<Self, SensorError> {
        check_pinhole(&rig.camera)?;
        if let Depth::Stereo { baseline_m } = rig.depth
            && !(baseline_m.is_finite() && baseline_m > 0.0)
        {
            let found = format!("baseline: expected a positive distance in metres, found {baseline_m}");
            return Err(SensorError::Calibration(found));
        }
        Ok(Self { rig, reference: None, right: None, registration: None })
    }

    /// For a single camera, with or without depth that is aligned with its raw image. The rectified camera keeps the
    /// raw one's size and intrinsics.
    ///
    /// - `t_base_camera`: optical frame of the camera into the robot's base.
    ///
    /// # Errors
    /// [`SensorError`] if the numbers make no camera.
    pub fn single(raw: &RawCamera, depth: Depth, t_base_camera: Se3) -> Result<Self, SensorError> {
        let mut this = Self::none(Rig { camera: raw.pinhole, depth, t_base_camera })?;
        if raw.distortion != Distortion::None {
            let rotation = nalgebra::Rotation3::identity();
            this.reference = Some(Undistortion::new(raw, &rotation, &raw.pinhole)?);
        }
        Ok(this)
    }

    /// For a raw stereo pair of one size.
    ///
    /// - `t_left_right`: optical frame of the right camera into that of the left one.
    /// - `t_base_left`: optical frame of the raw left camera into the robot's base; the rig's own `t_base_camera` is
    ///   that of the rectified camera, which is turned a little.
    ///
    /// # Errors
    /// [`SensorError`] if the numbers make no pair with a horizontal baseline.
    pub fn stereo(
        left: &RawCamera,
        right: &RawCamera,
        t_left_right: &Se3,
        t_base_left: &Se3,
    ) -> Result<Self, SensorError> {
        check_pinhole(&left.pinhole)?;
        check_pinhole(&right.pinhole)?;
        let pair = rectify_pair(left, right, t_left_right)?;
        let turn = nalgebra::UnitQuaternion::from_rotation_matrix(&pair.r_rectified_left);
        let rig = Rig {
            camera: pair.camera,
            depth: Depth::Stereo { baseline_m: pair.baseline_m },
            t_base_camera: t_base_left * turn.inverse(),
        };
        let mut this = Self::none(rig)?;
        this.reference = Some(Undistortion::new(left, &pair.r_rectified_left, &pair.camera)?);
        this.right = Some(Undistortion::new(right, &pair.r_rectified_right, &pair.camera)?);
        Ok(this)
    }

    /// The same for depth images that are those of a camera of its own.
    ///
    /// - `t_camera_depth`: optical frame of the depth camera, which has no distortion, into that of the other one.
    ///
    /// # Errors
    /// [`SensorError`] if the numbers make no camera.
    pub fn with_depth_camera(self, depth_camera: &PinholeCamera, t_camera_depth: &Se3) -> Result<Self, SensorError> {
        let registration = Registration::new(&self.rig.camera, depth_camera, t_camera_depth)?;
        Ok(Self { registration: Some(registration), ..self })
    }

    /// The rig of the frames.
    pub fn rig(&self) -> &Rig {
        &self.rig
    }

    /// The frame of a moment's images.
    ///
    /// # Errors
    /// [`SensorError::Kind`], [`SensorError::Size`] if the images are not those of the rig.
    pub fn frame(&self, stamp_nanos: i64, reference: Picture, second: Second) -> Result<Frame, SensorError> {
        self.check_size("left", reference.dimensions())?;
        let (mut gray, mut color) = reference.into_gray();
        if let Some(undistortion) = &self.reference {
            gray = undistortion.gray(&gray)?;
            color = color.map(|color| undistortion.color(&color)).transpose()?;
        }
        let images = match (self.rig.depth, second) {
            (Depth::Stereo { .. }, Second::Right(right)) => {
                self.check_size("right", right.dimensions())?;
                let (right, _) = right.into_gray();
                let right = if let Some(undistortion) = &self.right { undistortion.gray(&right)? } else { right };
                Images::Stereo { left: gray, right }
            }
            (Depth::Image, Second::Depth(depth)) => Images::Rgbd { gray, depth: self.aligned(depth)? },
            (Depth::None, _) => Images::Mono { gray },
            (expected, found) => return Err(wrong_kind(expected, &found)),
        };
        Ok(Frame { stamp_nanos, images, color })
    }

    /// A depth image at the rectified image's pixels.
    fn aligned(&self, depth: DepthImage) -> Result<DepthImage, SensorError> {
        if let Some(registration) = &self.registration {
            check_size("depth", depth.dimensions(), registration.depth_size())?;
            return Ok(registration.register(&depth));
        }
        self.check_size("depth", depth.dimensions())?;
        if let Some(undistortion) = &self.reference { undistortion.depth(&depth) } else { Ok(depth) }
    }

    fn check_size(&self, which: &'static str, size: (u32, u32)) -> Result<(), SensorError> {
        check_size(which, size, (self.rig.camera.width, self.rig.camera.height))
    }
}

fn check_size(which: &'static str, size: (u32, u32), expected: (u32, u32)) -> Result<(), SensorError> {
    let ((width, height), (expected_width, expected_height)) = (size, expected);
    if size == expected {
        return Ok(());
    }
    Err(SensorError::Size { which, expected_width, expected_height, width, height })
}

fn wrong_kind(expected: Depth, found: &Second) -> SensorError {
    SensorError::Kind {
        expected: match expected {
            Depth::Stereo { .. } => "a right image",
            Depth::Image => "a depth image",
            Depth::None => "a single image",
        },
        found: match found {
            Second::Right(_) => "a right image",
            Second::Depth(_) => "a depth image",
            Second::None => "a single image",
        },
    }
}

#[cfg(test)]
mod tests;
