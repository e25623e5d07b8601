//! The keyframes of the map.

use super::MapError;
use crate::geometry::Se3;
use crate::odometry::KeyframeId;
use crate::place::{DescribedKeyframe, View};

/// A keyframe of the map; its pose is the node of the same index.
#[derive(Debug, Clone)]
pub(super) struct MapKeyframe {
    /// Its number, as the odometry counts.
    pub id: KeyframeId,
    /// When its images were taken (ns).
    pub stamp_nanos: i64,
    /// Number and stamp (ns) of the newest keyframe that this one stands for: itself, while the robot does not rest.
    pub newest: (KeyframeId, i64),
    /// Which run of the odometry it belongs to, counted from 0.
    pub run: usize,
    /// Base coordinates into the world of that run's odometry.
    pub t_odom_base: Se3,
    /// What can be recognized.
    pub view: View,
}

/// Refuses numbers with which nothing can be computed.
///
/// # Errors
/// [`MapError`] names the keyframe and what is wrong with it.
pub(super) fn check(keyframe: &DescribedKeyframe) -> Result<(), MapError> {
    let id = keyframe.id.0;
    let finite = |t: &Se3| t.to_homogeneous().iter().all(|v| v.is_finite());
    let parts = [
        ("t_odom_base", finite(&keyframe.t_odom_base)),
        ("t_previous_base", keyframe.t_previous_base.as_ref().is_none_or(finite)),
        ("covariance", keyframe.covariance.iter().all(|v| v.is_finite())),
        ("t_base_camera", finite(&keyframe.t_base_camera)),
    ];
    if let Some((what, _)) = parts.into_iter().find(|(_, good)| !good) {
        return Err(MapError::NotFinite { id, what });
    }
    let smallest = keyframe.covariance.diagonal().min();
    if smallest < 0.0 {
        return Err(MapError::Covariance { id, found: smallest });
    }
    let camera = &keyframe.camera;
    let positive = |v: f64| v.is_finite() && v > 0.0;
    let usable = positive(camera.fx) && positive(camera.fy) && camera.width > 0 && camera.height > 0;
    if !usable || !camera.cx.is_finite() || !camera.cy.is_finite() {
        return Err(MapError::Camera { id, width: camera.width, height: camera.height, fx: camera.fx, fy: camera.fy });
    }
    Ok(())
}
