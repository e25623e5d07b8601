//! Finding the way back to the window's keyframes by what they look like, when no motion that was expected fits.

use super::OdometryOptions;
use super::covariance::diagonal;
use super::localization::{Expected, RANSAC_SIGMAS, View, localize, pose_of, see_depth};
use super::window::{Track, Window};
use crate::frontend::{FrontendError, Tracker, pose_from_points};
use crate::precision::Policy;

/// Newest keyframes that are tried.
const TRIED: usize = 3;

/// How far off a pose from matches may be (m, rad): only where to look is taken from it.
const ROUGH: (f64, f64) = (0.5, 0.2);

/// Looks for the features of the newest keyframes wherever they are in the tracker's frame, and follows those of the
/// first keyframe that is found again, which then is the tracker's anchor: gives its tracks there, and the frame's view.
/// `None` if none is by more than `inliers_already` features, or only with a turn that the gyroscope excludes; the anchor
/// stays then.
///
/// # Errors
/// [`FrontendError`].
pub(super) fn relocalize(
    tracker: &mut dyn Tracker,
    window: &Window,
    unseen: &Expected,
    inliers_already: usize,
    options: &OdometryOptions,
    policy: &Policy,
) -> Result<Option<(Vec<Track>, View)>, FrontendError> {
    for keyframe in window.keyframes.iter().rev().take(TRIED) {
        let tracks = window.tracks_of(keyframe.id);
        let px: Vec<_> = tracks.iter().map(|track| track.px).collect();
        let found = tracker.recognize(&keyframe.frame, &px)?;
        let mut matched: Vec<Track> = (tracks.iter().zip(found))
            .filter_map(|(track, px)| Some(Track { px: px?, px_right_x: None, ..*track }))
            .collect();
        let sighted: Vec<_> = matched.iter().filter_map(|track| window.sighting(track)).collect();
        let points: Vec<_> = sighted.iter().map(|sighting| sighting.p_world).collect();
        let pixels: Vec<_> = sighted.iter().map(|sighting| sighting.px).collect();
        let tolerance_px = RANSAC_SIGMAS * window.sigma_px;
        let Some(t_odom_camera) = pose_from_points(&points, &pixels, &window.camera, tolerance_px)? else { continue };
        let mut expected = Expected { t_odom_camera, covariance: diagonal(ROUGH.0, ROUGH.1), turn_is_sure: false };
        see_depth(tracker, window, &mut matched, &expected);
        let rough = pose_of(window, matched, &expected, options, policy)?;
        let serves = |rough: &View| {
            rough.inlier_count > inliers_already && !unseen.excludes(&rough.t_odom_camera, &rough.covariance)
        };
        let Some(rough) = rough.filter(serves) else { continue };
        // Matched corners are good to a pixel; followed from the keyframe they are good to a fraction.
        expected.t_odom_camera = rough.t_odom_camera;
        tracker.return_to(&keyframe.frame)?;
        let fine = localize(tracker, window, &tracks, &expected, options, policy)?;
        tracing::debug!("recognized keyframe {} by {} features", keyframe.id.0, rough.inlier_count);
        let view = fine.filter(|fine| fine.inlier_count >= rough.inlier_count).unwrap_or(rough);
        return Ok(Some((tracks, view)));
    }
    Ok(None)
}
