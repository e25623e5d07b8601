//! The cameras of a robot and where they sit on it.

use crate::geometry::{PinholeCamera, Se3};

/// How a rig sees depth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Depth {
    /// A second camera with the same intrinsics, this far to the right (m).
    Stereo {
        /// Distance of the two cameras (m).
        baseline_m: f64,
    },
    /// A depth image aligned with the camera's.
    Image,
    /// Not at all.
    None,
}

/// The (left) camera, its depth, and where it sits on the robot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rig {
    /// The rectified (left) camera.
    pub camera: PinholeCamera,
    /// How depth is seen.
    pub depth: Depth,
    /// Optical frame of the (left) camera into the robot's base frame (x forward, y left, z up).
    pub t_base_camera: Se3,
}

impl Rig {
    /// The rotation from an optical frame (x right, y down, z forward) into a body frame (x forward, y left, z up):
    /// the pose of a camera that looks ahead, for recordings that name no robot.
    pub fn optical_looking_ahead() -> Se3 {
        let rotation = nalgebra::Rotation3::from_matrix_unchecked(nalgebra::Matrix3::new(
            0.0, 0.0, 1.0, //
            -1.0, 0.0, 0.0, //
            0.0, -1.0, 0.0,
        ));
        Se3::from_parts(nalgebra::Translation3::identity(), nalgebra::UnitQuaternion::from_rotation_matrix(&rotation))
    }
}
