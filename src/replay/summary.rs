//! The figures of a replay that scripts read.

use super::{EdgeErrors, Outcome};
use crate::evaluation::{Alignment, absolute_error, relative_error};
use crate::geometry::Trajectory;
use crate::odometry::TrackingState;
use serde::Serialize;

/// The figures of a replay.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Name of the precision policy.
    pub policy: String,
    /// Frames in the recording.
    pub frames: usize,
    /// Frames whose pose came from the images.
    pub tracked: usize,
    /// Frames whose pose did not.
    pub lost: usize,
    /// Keyframes in the map.
    pub keyframes: usize,
    /// Loops that were closed.
    pub loops: usize,
    /// Length of the odometry's path (m).
    pub path_length_m: f64,
    /// Errors of the odometry, where the truth is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub odometry: Option<Errors>,
    /// Errors of the keyframes after the last correction, where the truth is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrected: Option<Errors>,
    /// The map's edges against the truth, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edges: Option<EdgeErrors>,
    /// Time of the odometry per frame (ms).
    pub frame_ms: Quantiles,
    /// Time of describing and loop closing per keyframe (ms).
    pub map_ms: Quantiles,
    /// Time of each solve (ms).
    pub solve_ms: Quantiles,
    /// Why loops were found but not closed.
    pub failed_corrections: Vec<String>,
}

/// Errors of a trajectory against the truth.
#[derive(Debug, Clone, Serialize)]
pub struct Errors {
    /// Root mean square of the absolute error after rigid alignment (m).
    pub ate_rmse_m: f64,
    /// Drift of the position over stretches of the path, in percent of their length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpe_translation_percent: Option<f64>,
    /// Drift of the heading over stretches of the path (deg/m).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpe_rotation_deg_per_m: Option<f64>,
}

/// The middle and the end of a distribution.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Quantiles {
    /// Half are below.
    pub median: f64,
    /// 95% are below.
    pub p95: f64,
    /// 99% are below.
    pub p99: f64,
}

impl Quantiles {
    /// Quantiles of values, nearest rank; zeros if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let rank = |share: f64| {
            let index = (share * values.len() as f64).ceil() as usize;
            values.get(index.saturating_sub(1)).copied().unwrap_or(0.0)
        };
        Self { median: rank(0.5), p95: rank(0.95), p99: rank(0.99) }
    }
}

impl Summary {
    /// The figures of an outcome.
    pub fn of(outcome: &Outcome) -> Self {
        let count = |state| outcome.frames.iter().filter(|frame| frame.state == state).count();
        let corrected = outcome.map.trajectory();
        let errors = |estimate: &Trajectory| outcome.truth.as_ref().and_then(|truth| errors(estimate, truth));
        Self {
            policy: outcome.policy.clone(),
            frames: outcome.frames.len(),
            tracked: count(TrackingState::Tracking),
            lost: count(TrackingState::Lost),
            keyframes: corrected.poses().len(),
            loops: outcome.map.loops().len(),
            path_length_m: outcome.odometry.path_length_m(),
            odometry: errors(&outcome.odometry),
            corrected: errors(&corrected),
            edges: outcome.truth.as_ref().and_then(|truth| EdgeErrors::of(&outcome.map, truth)),
            frame_ms: Quantiles::of(outcome.frames.iter().map(|frame| frame.frame_ms)),
            map_ms: Quantiles::of(outcome.frames.iter().filter_map(|frame| frame.map_ms)),
            solve_ms: Quantiles::of(outcome.solves.iter().map(|solve| solve.solve_ms)),
            failed_corrections: outcome.failed_corrections.clone(),
        }
    }
}

/// The errors of an estimate; `None` if it cannot be compared with the truth.
fn errors(estimate: &Trajectory, truth: &Trajectory) -> Option<Errors> {
    let absolute = absolute_error(estimate, truth, Alignment::Se3).ok()?;
    let segments = relative_error(estimate, truth, Alignment::Se3).ok().and_then(|relative| relative.segments);
    Some(Errors {
        ate_rmse_m: absolute.translation_m.rmse,
        rpe_translation_percent: segments.as_ref().map(|drift| drift.translation_percent),
        rpe_rotation_deg_per_m: segments.as_ref().map(|drift| drift.rotation_deg_per_m),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_of_the_nearest_rank() {
        let of = |values: &[f64]| Quantiles::of(values.iter().copied());
        assert_eq!((of(&[3.0, 1.0, 2.0]).median, of(&[3.0, 1.0, 2.0]).p99), (2.0, 3.0));
        let hundred: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!((of(&hundred).median, of(&hundred).p99), (100.0, 198.0));
        assert_eq!(of(&[]).median, 0.0);
    }
}
