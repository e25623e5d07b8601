//! What is known of a keyframe once its images are left behind.

use crate::geometry::{PinholeCamera, Se3};
use crate::odometry::{Keyframe, KeyframeId};
use nalgebra::{Matrix6, Point3, Vector2};

/// A point of a keyframe that can be recognized.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Where in the (left) image (px).
    pub px: Vector2<f64>,
    /// Its ORB descriptor, 256 bits.
    pub descriptor: [u8; 32],
    /// In the camera frame (m), where the depth is known.
    pub p_camera: Option<Point3<f64>>,
    /// Colour, red green blue.
    pub color: [u8; 3],
}

/// A keyframe as the loop closer needs it, images left behind: what `msg/Keyframe` carries.
#[derive(Debug, Clone, PartialEq)]
pub struct DescribedKeyframe {
    /// Its number.
    pub id: KeyframeId,
    /// When its images were taken (ns).
    pub stamp_nanos: i64,
    /// Base coordinates into the odometry's world, as estimated when it was made.
    pub t_odom_base: Se3,
    /// Its base coordinates into those of the keyframe before; `None` for the first one.
    pub t_previous_base: Option<Se3>,
    /// Covariance of `t_previous_base` `[ρ; φ]` (m, rad).
    pub covariance: Matrix6<f64>,
    /// The (left) camera.
    pub camera: PinholeCamera,
    /// Optical frame into the base frame.
    pub t_base_camera: Se3,
    /// What can be recognized.
    pub features: Vec<Feature>,
}

impl DescribedKeyframe {
    /// A keyframe with what can be recognized of it.
    pub fn new(keyframe: &Keyframe, features: Vec<Feature>) -> Self {
        Self {
            id: keyframe.id,
            stamp_nanos: keyframe.frame.stamp_nanos,
            t_odom_base: keyframe.t_odom_base,
            t_previous_base: keyframe.t_previous_base,
            covariance: keyframe.covariance,
            camera: keyframe.rig.camera,
            t_base_camera: keyframe.rig.t_base_camera,
            features,
        }
    }
}
