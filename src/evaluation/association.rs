//! Which poses of two trajectories belong together.

use super::EvaluationError;
use crate::geometry::{Se3, StampedPose, Trajectory};

/// The largest difference of stamps that belong together (ns), as in `evo`.
pub const DEFAULT_MAX_DIFFERENCE_NANOS: i64 = 10_000_000;

/// An estimated pose and the true one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PosePair {
    /// The estimate's stamp (ns).
    pub stamp_nanos: i64,
    /// The estimate.
    pub estimate: Se3,
    /// The truth.
    pub truth: Se3,
}

/// Pairs each pose of the shorter trajectory with the nearest in time of the longer one (the truth, if they are as
/// long), where that is no further than `max_difference_nanos`.
///
/// # Errors
/// [`EvaluationError::NoPairs`].
pub fn associate(
    estimate: &Trajectory,
    truth: &Trajectory,
    max_difference_nanos: i64,
) -> Result<Vec<PosePair>, EvaluationError> {
    let estimate_is_longer = estimate.poses().len() > truth.poses().len();
    let (short, long) = if estimate_is_longer { (truth, estimate) } else { (estimate, truth) };
    let mut pairs = Vec::with_capacity(short.poses().len());
    for pose in short.poses() {
        let Some(nearest) = nearest(long.poses(), pose.stamp_nanos) else { continue };
        if nearest.stamp_nanos.abs_diff(pose.stamp_nanos) > max_difference_nanos.unsigned_abs() {
            continue;
        }
        let (estimate, truth) = if estimate_is_longer { (nearest, pose) } else { (pose, nearest) };
        pairs.push(PosePair {
            stamp_nanos: estimate.stamp_nanos,
            estimate: estimate.t_world_body,
            truth: truth.t_world_body,
        });
    }
    if pairs.is_empty() {
        return Err(EvaluationError::NoPairs {
            estimate_count: estimate.poses().len(),
            estimate_span: span(estimate),
            truth_count: truth.poses().len(),
            truth_span: span(truth),
            max_difference_s: max_difference_nanos as f64 * 1e-9,
        });
    }
    Ok(pairs)
}

/// The pose nearest in time; of two as near, the earlier one.
fn nearest(poses: &[StampedPose], stamp_nanos: i64) -> Option<&StampedPose> {
    let after = poses.partition_point(|pose| pose.stamp_nanos < stamp_nanos);
    let candidates = poses.get(after.saturating_sub(1)..(after + 1).min(poses.len()))?;
    candidates.iter().min_by_key(|pose| pose.stamp_nanos.abs_diff(stamp_nanos))
}

fn span(trajectory: &Trajectory) -> String {
    match (trajectory.poses().first(), trajectory.poses().last()) {
        (Some(first), Some(last)) => {
            format!("{:.3} s to {:.3} s", first.stamp_nanos as f64 * 1e-9, last.stamp_nanos as f64 * 1e-9)
        }
        _ => "no time at all".into(),
    }
}
