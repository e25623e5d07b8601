//! Whether a loop agrees with the odometry and with other loops.

use super::links::{Links, UncertainPose};
use crate::geometry::se3::log;
use crate::place::RelativePose;

/// A verified loop that waits to be believed.
#[derive(Debug, Clone)]
pub(super) struct Hypothesis {
    /// Node of the earlier keyframe.
    pub from: usize,
    /// Node of the later keyframe.
    pub to: usize,
    /// What the images say.
    pub relative: RelativePose,
}

impl Hypothesis {
    /// The relative pose with its covariance.
    pub(super) fn pose(&self) -> UncertainPose {
        UncertainPose { t: self.relative.t_from_to, covariance: self.relative.covariance }
    }
}

/// By how many standard deviations a pose that should be identity differs from it.
pub(super) fn sigmas_from_identity(cycle: &UncertainPose) -> f64 {
    let e = log(&cycle.t);
    cycle.covariance.cholesky().map_or(f64::INFINITY, |factor| e.dot(&factor.solve(&e)).max(0.0).sqrt())
}

/// By how many standard deviations a loop contradicts the surest way through the graph that joins its ends, and the
/// standard deviation of the position along that way (m); `None` if none does.
pub(super) fn contradiction(links: &Links, hypothesis: &Hypothesis) -> Option<(f64, f64)> {
    let known = links.most_certain_path(hypothesis.from, hypothesis.to)?;
    let sigma_m = known.covariance.fixed_view::<3, 3>(0, 0).symmetric_eigenvalues().max().max(0.0).sqrt();
    Some((sigmas_from_identity(&known.inverse().then(&hypothesis.pose())), sigma_m))
}

/// Whether two loops close a cycle: from the first's earlier keyframe over the loop to its later one, along the graph
/// to the second's later one, back over that loop, and along the graph to the start.
///
/// # Source
/// Mangelson et al., *Pairwise Consistent Measurement Set Maximization for Robust Multi-Robot Map Merging* (2018).
pub(super) fn agree(links: &Links, a: &Hypothesis, b: &Hypothesis, max_sigmas: f64) -> bool {
    let (Some(later), Some(earlier)) = (links.most_certain_path(a.to, b.to), links.most_certain_path(b.from, a.from))
    else {
        return false;
    };
    let cycle = a.pose().then(&later).then(&b.pose().inverse()).then(&earlier);
    sigmas_from_identity(&cycle) <= max_sigmas
}
