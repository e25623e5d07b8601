//! Which poses of two trajectories belong together.

use super::EvaluationError;
use crate::geometry::{Se3, StampedPose};

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
/// - `estimate`, `truth`: a [`crate::geometry::Trajectory`], or poses in order of time; like `evo`, this takes several
///   with one stamp as they come.
///
/// # Errors
/// [`EvaluationError::NoPairs`].
pub fn associate(
    estimate: &impl AsRef<[StampedPose]>,
    truth: &impl AsRef<[StampedPose]>,
    max_difference_nanos: i64,
) -> Result<Vec<PosePair>, EvaluationError> {
    let (estimates, truths) = (estimate.as_ref(), truth.as_ref());
    let estimate_is_longer = estimates.len() > truths.len();
    let (short, long) = if estimate_is_longer { (truths, estimates) } else { (estimates, truths) };
    let mut pairs = Vec::with_capacity(short.len());
    for pose in short {
        let Some(nearest) = nearest(long, pose.stamp_nanos) else { continue };
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
            estimate_count: estimates.len(),
            estimate_span: span(estimates),
            truth_count: truths.len(),
            truth_span: span(truths),
            max_difference_s: max_difference_nanos as f64 * 1e-9,
        });
    }
    Ok(pairs)
}

/// The pose nearest in time; of two as near, the one that `evo` takes, which compares seconds in double precision.
fn nearest(poses: &[StampedPose], stamp_nanos: i64) -> Option<&StampedPose> {
    let after = poses.partition_point(|pose| pose.stamp_nanos <= stamp_nanos);
    let before = after.checked_sub(1).and_then(|index| poses.get(index));
    let (Some(before), Some(after)) = (before, poses.get(after)) else {
        return before.or(poses.first());
    };
    let (to_after, to_before) = (after.stamp_nanos.abs_diff(stamp_nanos), before.stamp_nanos.abs_diff(stamp_nanos));
    let after_is_nearer = if to_after.abs_diff(to_before) > SECONDS_RESOLUTION_NANOS {
        to_after < to_before
    } else {
        let stamp = seconds(stamp_nanos);
        seconds(after.stamp_nanos) - stamp < stamp - seconds(before.stamp_nanos)
    };
    Some(if after_is_nearer { after } else { before })
}

/// Differences of today's stamps in seconds are wrong by up to this much in double precision.
const SECONDS_RESOLUTION_NANOS: u64 = 2_000;

/// The double nearest to a stamp in seconds, as if its decimals were read from a file.
fn seconds(stamp_nanos: i64) -> f64 {
    let sign = if stamp_nanos < 0 { "-" } else { "" };
    let nanos = stamp_nanos.unsigned_abs();
    let decimal = format!("{sign}{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    decimal.parse().unwrap_or(stamp_nanos as f64 * 1e-9)
}

fn span(poses: &[StampedPose]) -> String {
    match (poses.first(), poses.last()) {
        (Some(first), Some(last)) => {
            format!("{:.3} s to {:.3} s", first.stamp_nanos as f64 * 1e-9, last.stamp_nanos as f64 * 1e-9)
        }
        _ => "no time at all".into(),
    }
}
