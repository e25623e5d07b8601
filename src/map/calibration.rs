//! How honest the covariances are, learnt from the cycles that loops close.
//!
//! A loop and the way through the graph between its ends form a cycle whose product would be identity without errors.
//! Its logarithm `e` has the covariance `S = Σᵢ θᵢ Vᵢ`: what the odometry states, the drift it may have, and what
//! verification states of loops, each true up to a factor `θᵢ`. The factors that make the latest cycles most likely,
//! `Σ ln det S + eᵀ S⁻¹ e` least, weigh the edges of the graph: an odometry better or worse than it says, of whatever
//! make, is taken for what it is. Whether a loop is *believed* does not depend on them.
//!
//! # Source
//! Zhou, Hu, Zhang and Lange, *MM Algorithms for Variance Components Models* (2019): each iteration multiplies
//! `θᵢ²` by `Σ eᵀ S⁻¹ Vᵢ S⁻¹ e / Σ tr(S⁻¹ Vᵢ)` and never makes the cycles less likely. Here with a gamma prior.

use super::uncertain_pose::{Factors, UncertainPose};
use crate::geometry::se3::log;
use nalgebra::{Matrix6, Vector6};
use std::collections::VecDeque;

/// Cycles that are remembered.
const MAX_CYCLES: usize = 100;
/// What is believed before any cycle, "as stated", weighs as much as this many components of `e`: one cycle.
const PRIOR_WEIGHT: f64 = 6.0;
/// Squared length of `e` in standard deviations beyond which a cycle counts less: 99% of χ² with 6 degrees of freedom.
const OUTLIER_CHI2: f64 = 16.8;
/// Iterations per new cycle; they go on from the last result.
const ITERATIONS: usize = 10;

#[derive(Debug, Clone)]
struct Cycle {
    e: Vector6<f64>,
    sources: [Matrix6<f64>; 3],
}

/// Learns the factors.
#[derive(Debug, Clone, Default)]
pub(super) struct Calibration {
    cycles: VecDeque<Cycle>,
    factors: Factors,
}

impl Calibration {
    /// The most likely factors.
    pub(super) fn factors(&self) -> &Factors {
        &self.factors
    }

    /// Takes in the product of a cycle.
    pub(super) fn observe(&mut self, cycle: &UncertainPose) {
        if self.cycles.len() == MAX_CYCLES {
            self.cycles.pop_front();
        }
        self.cycles.push_back(Cycle { e: log(&cycle.t), sources: cycle.sources });
        for _ in 0..ITERATIONS {
            self.improve();
        }
    }

    /// One iteration. With the prior `θᵢ ~ Γ`, of mode 1 and weight `w`, the new factor is the positive root of
    /// `(Σ tr(S⁻¹ Vᵢ) + w) θ² − w θ − θᵢ² Σ eᵀ S⁻¹ Vᵢ S⁻¹ e = 0`.
    fn improve(&mut self) {
        let (mut found, mut expected) = ([0.0; 3], [0.0; 3]);
        for cycle in &self.cycles {
            let pose = UncertainPose { t: crate::geometry::Se3::identity(), sources: cycle.sources };
            let Some(information) = pose.covariance(&self.factors).cholesky().map(|factor| factor.inverse()) else {
                continue;
            };
            let weighted = information * cycle.e;
            let weight = (OUTLIER_CHI2 / cycle.e.dot(&weighted).max(OUTLIER_CHI2)).min(1.0);
            for (source, covariance) in cycle.sources.iter().enumerate() {
                found[source] += weight * weighted.dot(&(covariance * weighted));
                expected[source] += information.component_mul(covariance).sum();
            }
        }
        let factors = self.factors.to_array();
        self.factors = Factors::from_array(std::array::from_fn(|source| {
            let quadratic = expected[source] + PRIOR_WEIGHT;
            let constant = factors[source] * factors[source] * found[source];
            (PRIOR_WEIGHT + (PRIOR_WEIGHT * PRIOR_WEIGHT + 4.0 * quadratic * constant).sqrt()) / (2.0 * quadratic)
        }));
        // The residuals of a loop tell its errors but for those that they share, and loops to one keyframe share some
        // that cancel in their cycles: they may be worse than they say, never better.
        self.factors.loops = self.factors.loops.max(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Se3, se3::exp};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    /// Cycles of one loop and some steps of odometry whose noise is `true_factors` of what is stated.
    fn learnt(true_factors: &Factors, count: usize) -> Factors {
        let mut random = Pcg64Mcg::seed_from_u64(1);
        let mut calibration = Calibration::default();
        for index in 0..count {
            let step_count = 1 + 7 * (index % 10);
            let stated = Matrix6::identity() * 1e-6;
            let drift = Matrix6::from_diagonal(&Vector6::new(1e-3, 1e-3, 1e-3, 1e-6, 1e-6, 1e-6));
            let step = UncertainPose::by_odometry(&Se3::translation(0.01, 0.0, 0.0), &stated, &drift);
            let seen = UncertainPose::by_loop(&Se3::identity(), &(Matrix6::identity() * 1e-5));
            let mut cycle = (0..step_count).fold(seen, |cycle, _| cycle.then(&step));
            let covariance = cycle.covariance(true_factors);
            // Uniform with a variance of one.
            let noise = Vector6::from_fn(|_, _| random.random_range(-1.0..1.0) * 3f64.sqrt());
            cycle.t = exp(&(covariance.cholesky().expect("positive").l() * noise));
            calibration.observe(&cycle);
        }
        *calibration.factors()
    }

    #[test]
    fn knows_nothing_before_the_first_cycle() {
        assert_eq!(*Calibration::default().factors(), Factors::default());
    }

    #[test]
    fn learns_an_odometry_that_is_better_than_stated_and_loops_that_are_worse() {
        let factors = learnt(&Factors { odometry: 0.2, drift: 0.0, loops: 4.0 }, 100);
        assert!((0.1..0.4).contains(&factors.odometry), "{factors:?}");
        assert!(factors.drift < 0.01, "{factors:?}");
        assert!((2.5..6.0).contains(&factors.loops), "{factors:?}");
    }

    #[test]
    fn learns_an_odometry_that_drifts_more_than_it_may() {
        let factors = learnt(&Factors { odometry: 1.0, drift: 3.0, loops: 1.0 }, 100);
        assert!((1.5..6.0).contains(&factors.drift), "{factors:?}");
        assert!((0.5..2.0).contains(&factors.loops), "{factors:?}");
    }
}
