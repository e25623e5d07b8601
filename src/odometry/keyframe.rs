//! Frames that are kept.

use crate::geometry::Se3;
use crate::sensors::{Frame, Rig};
use nalgebra::{Matrix6, Vector2};
use std::sync::Arc;

/// Number of a keyframe, counted from 0 in the order in which they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct KeyframeId(pub u64);

/// A frame that is kept: what visual odometry hands to the map.
#[derive(Debug, Clone)]
pub struct Keyframe {
    /// Its number.
    pub id: KeyframeId,
    /// Base coordinates into the odometry's world, as estimated when it was made.
    pub t_odom_base: Se3,
    /// Its base coordinates into those of the keyframe before, as the window sees both now; `None` for the first one.
    pub t_previous_base: Option<Se3>,
    /// Covariance of `t_previous_base`, perturbed in the keyframe's own base frame `[ρ; φ]` (m, rad).
    pub covariance: Matrix6<f64>,
    /// The images.
    pub frame: Arc<Frame>,
    /// The cameras.
    pub rig: Rig,
    /// Of a single camera: pixels whose depth (m) its motion has told.
    pub depths: Vec<(Vector2<f64>, f64)>,
}
