//! The pose of a frame by the surfaces that it shows, where features do not tell it.

use super::OdometryOptions;
use super::localization::{Expected, View, localize};
use super::motion::Motion;
use super::window::{Track, Window};
use crate::frontend::{FrontendError, PosePrior, Tracker};
use crate::geometry::se3::carried;
use crate::precision::Policy;

/// What surfaces told of the motion since the newest keyframe.
#[derive(Debug, Clone)]
pub(super) struct SurfaceMotion {
    pub motion: Motion,
    /// Share of the frame that shows what the keyframe showed.
    pub shared: f64,
}

/// Aligns the tracker's frame with the newest keyframe, and follows that keyframe's features, which then is the tracker's
/// anchor, from there: gives its tracks there, and the frame's view, by features and surfaces, or by surfaces alone where
/// too few features agree. `None` if there are no surfaces, or they do not tell the motion, or one that the gyroscope excludes;
/// the anchor stays then.
///
/// # Errors
/// [`FrontendError`].
pub(super) fn view_by_surfaces(
    tracker: &mut dyn Tracker,
    window: &Window,
    expected: &Expected,
    options: &OdometryOptions,
    policy: &Policy,
) -> Result<Option<(Vec<Track>, View)>, FrontendError> {
    let Some(keyframe) = window.keyframes.back() else { return Ok(None) };
    let Some(factor) = expected.covariance.cholesky() else { return Ok(None) };
    let t_world_camera = keyframe.t_odom_camera.inverse() * expected.t_odom_camera;
    let prior = PosePrior { t_world_camera, information: factor.inverse() };
    let Some(aligned) = tracker.align(&keyframe.frame, &prior, policy) else { return Ok(None) };
    tracing::debug!("aligned with keyframe {}, with which {:.0} % are shared", keyframe.id.0, 100.0 * aligned.shared);
    let told = Expected {
        t_odom_camera: keyframe.t_odom_camera * aligned.t_earlier_later,
        covariance: aligned.covariance,
        turn_is_sure: true,
    };
    if expected.excludes(&told.t_odom_camera, &told.covariance) {
        return Ok(None);
    }
    tracker.return_to(&keyframe.frame)?;
    let tracks = window.tracks_of(keyframe.id);
    let by_features = localize(tracker, window, &tracks, &told, options, policy)?
        .filter(|view| !told.excludes(&view.t_odom_camera, &view.covariance));
    let alone = View {
        t_odom_camera: told.t_odom_camera,
        covariance: aligned.covariance,
        tracks: Vec::new(),
        inlier_count: 0,
        surfaces: None,
    };
    let t_base_camera = window.t_base_camera;
    let motion = Motion {
        t_before_base: t_base_camera * aligned.t_earlier_later * t_base_camera.inverse(),
        covariance: carried(&aligned.covariance, &t_base_camera),
        turn_measured: false,
    };
    let surfaces = Some(SurfaceMotion { motion, shared: aligned.shared });
    Ok(Some((tracks, View { surfaces, ..by_features.unwrap_or(alone) })))
}
