//! Whether a loop tells something, and whether it agrees with the odometry and with other loops.

use super::links::Links;
use super::uncertain_pose::{Factors, UncertainPose};
use crate::geometry::se3::log;
use crate::place::RelativePose;
use nalgebra::{Matrix6, Vector6};

/// Before a loop is believed the worst is assumed: an odometry that drifts as much as it may, and loops that are three
/// times less certain than their residuals say, which know nothing of errors that all features share (calibration,
/// distortion, registration of the depth).
const GATE: Factors = Factors { odometry: 1.0, drift: 1.0, loops: 9.0 };
/// Standard deviations (m, rad) below which no cycle is said to contradict.
const GATE_FLOOR: (f64, f64) = (0.01, 0.005);

/// A verified loop that waits to be believed.
#[derive(Debug, Clone)]
pub(super) struct Hypothesis {
    /// Node of the earlier keyframe.
    pub from: usize,
    /// Node of the later keyframe.
    pub to: usize,
    /// What the images say.
    pub relative: RelativePose,
    /// What the graph said before: the surest way through it from one to the other.
    pub known: UncertainPose,
}

impl Hypothesis {
    /// The relative pose with its covariance.
    pub(super) fn pose(&self) -> UncertainPose {
        UncertainPose::by_loop(&self.relative.t_from_to, &self.relative.covariance)
    }

    /// Over the loop and back along the graph: identity, were there no errors.
    pub(super) fn cycle(&self) -> UncertainPose {
        self.known.inverse().then(&self.pose())
    }

    /// By how many standard deviations, the worst assumed, it contradicts what the graph said before.
    pub(super) fn contradiction(&self) -> f64 {
        sigmas_from_identity(&self.cycle())
    }

    /// Standard deviation (m), the worst assumed, of the position that the graph said before.
    pub(super) fn known_sigma_m(&self) -> f64 {
        let covariance = self.known.covariance(&GATE);
        covariance.fixed_view::<3, 3>(0, 0).symmetric_eigenvalues().max().max(0.0).sqrt()
    }
}

/// By how many standard deviations, the worst assumed, a pose that should be identity differs from it.
pub(super) fn sigmas_from_identity(cycle: &UncertainPose) -> f64 {
    let e = log(&cycle.t);
    let floor = |k: usize| if k < 3 { GATE_FLOOR.0 } else { GATE_FLOOR.1 };
    let floor = Matrix6::from_diagonal(&Vector6::from_fn(|k, _| floor(k).powi(2)));
    let factor = (cycle.covariance(&GATE) + floor).cholesky();
    factor.map_or(f64::INFINITY, |factor| e.dot(&factor.solve(&e)).max(0.0).sqrt())
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

/// Information (nats) that a measurement of covariance `measured` adds to a relative pose known with covariance
/// `known`: `½ ln det(I + known · measured⁻¹)`.
///
/// # Source
/// Ila, Porta and Andrade-Cetto, *Information-Based Compact Pose SLAM* (2010), V: loops that tell little are left out.
pub(super) fn gain_nats(known: &Matrix6<f64>, measured: &Matrix6<f64>) -> f64 {
    let half_ln_det = |matrix: Matrix6<f64>| Some(matrix.cholesky()?.l().diagonal().map(f64::ln).sum());
    match (half_ln_det(known + measured), half_ln_det(*measured)) {
        (Some(both), Some(alone)) => both - alone,
        _ => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gain_is_what_the_measurement_adds() {
        let unit = Matrix6::identity();
        assert!((gain_nats(&unit, &unit) - 3.0 * 2f64.ln()).abs() < 1e-12, "twice the information in six directions");
        assert!(gain_nats(&(unit * 1e-4), &unit) < 1e-3, "what is known well already");
        assert!(gain_nats(&(unit * 1e4), &unit) > 20.0);
    }
}
