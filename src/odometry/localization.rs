//! The pose of a frame from the tracks that reach it.

use super::OdometryOptions;
use super::surface_view::SurfaceMotion;
use super::window::{Track, Window};
use crate::frontend::{Eye, FrontendError, PosePrior, PoseSolution, Sighting, Start, Tracker, Verdict};
use crate::frontend::{pose_from_points, pose_from_sightings};
use crate::geometry::{Se3, se3};
use crate::precision::Policy;
use nalgebra::{Matrix6, Vector2};

/// A pose that is expected, with its covariance in the camera's own frame `[ρ; φ]`.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub t_odom_camera: Se3,
    pub covariance: Matrix6<f64>,
    /// Whether its rotation is sure: a gyroscope's, which neither slips nor sees what moves, or that of surfaces.
    pub turn_is_sure: bool,
}

impl Expected {
    /// Whether a pose of some covariance turns in a way that a sure rotation excludes; never if it is not sure.
    pub(super) fn excludes(&self, t_odom_camera: &Se3, covariance: &Matrix6<f64>) -> bool {
        let turn = se3::log(&(self.t_odom_camera.inverse() * t_odom_camera)).fixed_rows::<3>(3).into_owned();
        let covariance = (self.covariance + covariance).fixed_view::<3, 3>(3, 3).into_owned();
        let squared = covariance.cholesky().map_or(0.0, |factor| turn.dot(&factor.solve(&turn)));
        self.turn_is_sure && squared > TURN_GATE
    }

    /// How far (squared, whitened) a pose to which it has contributed lies from it: the way from a prior to what becomes of it
    /// with measurements has the covariance that they took away.
    ///
    /// # Source
    /// Hausman, *Specification tests in econometrics* (1978), section 2.
    fn surprise(&self, solution: &PoseSolution) -> f64 {
        let moved = se3::log(&(self.t_odom_camera.inverse() * solution.t_world_camera));
        // A thousandth more, so that there is an inverse where they tell nothing.
        let taken = self.covariance * 1.001 - solution.covariance;
        taken.cholesky().map_or(0.0, |factor| moved.dot(&factor.solve(&moved)))
    }
}

/// A frame whose pose the images told.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub t_odom_camera: Se3,
    /// In the camera's own frame, landmarks given.
    pub covariance: Matrix6<f64>,
    /// Tracks that agree, or whose depth is not known yet.
    pub tracks: Vec<Track>,
    /// Those of them that agree.
    pub inlier_count: usize,
    /// What surfaces told, if features alone did not tell enough.
    pub surfaces: Option<SurfaceMotion>,
}

/// A prior that deviates by more than this squared (99.9% of χ² with 6 degrees of freedom) is not believed: wheels slip.
const PRIOR_GATE: f64 = 22.5;

/// The same of a rotation alone (3 degrees of freedom).
const TURN_GATE: f64 = 16.3;

/// Pixels (in standard deviations) that a sample of RANSAC may be off.
pub(super) const RANSAC_SIGMAS: f64 = 5.0;

/// Follows the tracks into the tracker's frame and estimates its pose; `None` if too few agree.
///
/// # Errors
/// [`FrontendError`].
pub(super) fn localize(
    tracker: &mut dyn Tracker,
    window: &Window,
    tracks: &[Track],
    expected: &Expected,
    options: &OdometryOptions,
    policy: &Policy,
) -> Result<Option<View>, FrontendError> {
    let mut followed = follow(tracker, window, tracks, expected)?;
    see_depth(tracker, window, &mut followed, expected);
    pose_of(window, followed, expected, options, policy)
}

fn follow(
    tracker: &mut dyn Tracker,
    window: &Window,
    tracks: &[Track],
    expected: &Expected,
) -> Result<Vec<Track>, FrontendError> {
    let margin_px = -50.0;
    let visible: Vec<(&Track, Vector2<f64>)> = tracks
        .iter()
        .filter_map(|track| Some((track, window.expectation(track, &expected.t_odom_camera)?.0)))
        .map(|(track, px)| if window.camera.contains(&px, margin_px) { (track, px) } else { (track, track.px) })
        .collect();
    let px_anchor: Vec<Vector2<f64>> = visible.iter().map(|(track, _)| track.px).collect();
    let px_predicted: Vec<Vector2<f64>> = visible.iter().map(|(_, px)| *px).collect();
    let found = tracker.follow(&px_anchor, &px_predicted, uncertainty_px(window, tracks, expected))?;
    let reached = visible.iter().zip(found);
    Ok(reached.filter_map(|((track, _), px)| Some(Track { px: px?, px_right_x: None, ..**track })).collect())
}

/// How far (px, standard deviation) features may be from where an expected pose sees them: by its rotation, and by its
/// translation at the depth of the nearer quarter.
fn uncertainty_px(window: &Window, tracks: &[Track], expected: &Expected) -> f64 {
    let sigma = |first: usize| {
        let variance: f64 = (first..first + 3).map(|index| expected.covariance[(index, index)]).sum();
        (variance / 3.0).sqrt()
    };
    let t_camera_odom = expected.t_odom_camera.inverse();
    let mut depths: Vec<f64> = tracks
        .iter()
        .filter_map(|track| Some((t_camera_odom * window.position(track.id)?.0).z))
        .filter(|&depth_m| depth_m > 0.0)
        .collect();
    depths.sort_by(f64::total_cmp);
    let by_translation = depths.get(depths.len() / 4).map_or(0.0, |depth_m| sigma(0) / depth_m);
    window.camera.fx * sigma(3).hypot(by_translation)
}

/// Looks for the right columns of tracks whose depth is known: they are found fast.
pub(super) fn see_depth(tracker: &mut dyn Tracker, window: &Window, tracks: &mut [Track], expected: &Expected) {
    let known: Vec<(usize, f64)> = (0..tracks.len())
        .filter_map(|index| {
            let (px, column) = window.expectation(&tracks[index], &expected.t_odom_camera)?;
            // The disparity is better known than the pixel.
            Some((index, window.offset.as_seen(tracks[index].px.x - (px.x - column?))))
        })
        .collect();
    let px: Vec<Vector2<f64>> = known.iter().map(|(index, _)| tracks[*index].px).collect();
    let columns: Vec<Option<f64>> = known.iter().map(|(_, column)| Some(*column)).collect();
    for ((index, _), column) in known.iter().zip(tracker.right_columns(&px, &columns)) {
        tracks[*index].px_right_x = column.map(|column| window.offset.corrected(column));
    }
}

/// The pose that the tracks with depth agree on.
pub(super) fn pose_of(
    window: &Window,
    tracks: Vec<Track>,
    expected: &Expected,
    options: &OdometryOptions,
    policy: &Policy,
) -> Result<Option<View>, FrontendError> {
    let sightings: Vec<Option<Sighting>> = tracks.iter().map(|track| window.sighting(track)).collect();
    let measured: Vec<Sighting> = sightings.iter().flatten().copied().collect();
    let Some(solution) = solve(window, &measured, expected, options.min_inliers, policy)? else { return Ok(None) };
    let inlier_count = solution.inlier_count();
    let needed = (options.min_inlier_share * measured.len() as f64).max(options.min_inliers as f64);
    if (inlier_count as f64) < needed {
        tracing::debug!("{inlier_count} of {} features agree; {needed:.0} are needed", measured.len());
        return Ok(None);
    }
    let mut verdicts = solution.verdicts.iter();
    let kept = tracks.into_iter().zip(&sightings).filter_map(|(track, sighting)| match sighting {
        None => Some(track),
        Some(_) => match verdicts.next()? {
            Verdict::Inlier => Some(track),
            Verdict::DirectionOnly => Some(Track { px_right_x: None, ..track }),
            Verdict::Outlier => None,
        },
    });
    let tracks = kept.collect();
    let (t_odom_camera, covariance) = (solution.t_world_camera, solution.covariance);
    Ok(Some(View { t_odom_camera, covariance, tracks, inlier_count, surfaces: None }))
}

/// From the expected pose. If the images contradict it, either it is wrong or most of what they show moves: the pose
/// without its weight, or the one of the features that agree with it, by the gyroscope's verdict or by their number. From
/// scratch if most features then contradict that, unless the gyroscope bears it out.
fn solve(
    window: &Window,
    sightings: &[Sighting],
    expected: &Expected,
    min_inliers: usize,
    policy: &Policy,
) -> Result<Option<PoseSolution>, FrontendError> {
    let eye = Eye { camera: &window.camera, baseline_m: window.baseline_m, sigma_px: window.sigma_px };
    // What features err in common makes all of them together worth less, and so another sensor worth more; but not the last
    // velocity, which is theirs.
    let effect = window.noise.design_effect(sightings.len());
    let weight = if expected.turn_is_sure { effect } else { 1.0 };
    let started = |t_world_camera: Se3, information: Matrix6<f64>, start: Start| {
        let prior = PosePrior { t_world_camera, information: information * weight };
        let solution = pose_from_sightings(sightings, eye, &prior, start, policy)?;
        Some(PoseSolution { covariance: solution.covariance * effect, ..solution })
    };
    let from = |t_world_camera: Se3, information: Matrix6<f64>| started(t_world_camera, information, Start::All);
    let information = expected.covariance.cholesky().map_or_else(Matrix6::zeros, |factor| factor.inverse());
    let hardly = information * 1e-6 + Matrix6::identity() * 1e-6;
    let most = |solution: &Option<PoseSolution>| solution.as_ref().map_or(0, PoseSolution::inlier_count);
    let mut best = from(expected.t_odom_camera, information);
    if let Some(solution) = best.as_ref().filter(|solution| expected.surprise(solution) > PRIOR_GATE) {
        let as_expected = started(expected.t_odom_camera, information, Start::Agreeing);
        let unexpected = from(solution.t_world_camera, hardly).or(best);
        let excluded =
            unexpected.as_ref().is_some_and(|pose| expected.excludes(&pose.t_world_camera, &pose.covariance));
        let needed = if excluded { min_inliers } else { most(&unexpected) + 1 };
        best = as_expected.filter(|solution| solution.inlier_count() >= needed).or(unexpected);
    }
    let borne_out = |pose: &PoseSolution| {
        expected.turn_is_sure
            && pose.inlier_count() >= min_inliers
            && !expected.excludes(&pose.t_world_camera, &pose.covariance)
    };
    if 2 * most(&best) < sightings.len() && !best.as_ref().is_some_and(borne_out) {
        let points: Vec<_> = sightings.iter().map(|sighting| sighting.p_world).collect();
        let pixels: Vec<_> = sightings.iter().map(|sighting| sighting.px).collect();
        let tolerance_px = RANSAC_SIGMAS * window.sigma_px;
        if let Some(pose) = pose_from_points(&points, &pixels, &window.camera, tolerance_px)? {
            let again = from(pose, hardly);
            if most(&again) > most(&best) {
                best = again;
            }
        }
    }
    Ok(best)
}
