//! A relative pose with its uncertainty by source.

use crate::geometry::Se3;
use crate::geometry::se3::adjoint;
use nalgebra::Matrix6;

/// By how much the covariance from each source is too small.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Factors {
    /// Of what the odometry states.
    pub odometry: f64,
    /// Of the drift that any odometry may have.
    pub drift: f64,
    /// Of what verification states of loops.
    pub loops: f64,
}

impl Default for Factors {
    /// Everything is as stated.
    fn default() -> Self {
        Self { odometry: 1.0, drift: 1.0, loops: 1.0 }
    }
}

impl Factors {
    /// In the order of the sources.
    pub(super) fn to_array(self) -> [f64; 3] {
        [self.odometry, self.drift, self.loops]
    }

    /// From an array in the order of the sources.
    pub(super) fn from_array([odometry, drift, loops]: [f64; 3]) -> Self {
        Self { odometry, drift, loops }
    }
}

/// A relative pose; its covariance is a sum over sources whose true size is known only up to a factor each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UncertainPose {
    /// Coordinates of the second frame into those of the first.
    pub t: Se3,
    /// Covariances of a perturbation `[ρ; φ]` on the right (m, rad), in the order of [`Factors`].
    pub sources: [Matrix6<f64>; 3],
}

impl UncertainPose {
    /// A pose that is certain: none at all.
    pub(super) fn identity() -> Self {
        Self { t: Se3::identity(), sources: [Matrix6::zeros(); 3] }
    }

    /// A step of the odometry, with the covariance that it states and that of the drift which it may have.
    pub(super) fn by_odometry(t: &Se3, stated: &Matrix6<f64>, drift: &Matrix6<f64>) -> Self {
        Self { t: *t, sources: [*stated, *drift, Matrix6::zeros()] }
    }

    /// A relative pose that images told.
    pub(super) fn by_loop(t: &Se3, covariance: &Matrix6<f64>) -> Self {
        Self { t: *t, sources: [Matrix6::zeros(), Matrix6::zeros(), *covariance] }
    }

    /// The covariance, each source counted by its factor.
    pub(super) fn covariance(&self, factors: &Factors) -> Matrix6<f64> {
        let [odometry, drift, loops] = &self.sources;
        odometry * factors.odometry + drift * factors.drift + loops * factors.loops
    }

    /// First this pose, then `next`, whose error is independent.
    pub(super) fn then(&self, next: &Self) -> Self {
        let carried = carried(&self.sources, &next.t.inverse());
        Self { t: self.t * next.t, sources: std::array::from_fn(|source| carried[source] + next.sources[source]) }
    }

    /// The pose the other way.
    pub(super) fn inverse(&self) -> Self {
        Self { t: self.t.inverse(), sources: carried(&self.sources, &self.t) }
    }
}

/// Covariances perturbed in one frame, as perturbed in another into which `t` maps.
fn carried(sources: &[Matrix6<f64>; 3], t: &Se3) -> [Matrix6<f64>; 3] {
    let adjoint = adjoint(t);
    sources.map(|covariance| adjoint * covariance * adjoint.transpose())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3::{exp, log};
    use nalgebra::Vector6;

    #[test]
    fn covariance_of_a_chain_equals_that_of_samples() {
        // First order, so small noise: the spread of 4000 noisy products against the formula.
        use rand::{RngExt, SeedableRng};
        let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(3);
        let pose = |v: [f64; 6]| exp(&Vector6::from(v));
        let covariance = |sigma: f64| Matrix6::identity() * (sigma * sigma);
        let first = UncertainPose::by_loop(&pose([1.0, 2.0, 0.5, 0.3, -0.2, 0.8]), &covariance(0.01));
        let second =
            UncertainPose::by_odometry(&pose([2.0, -1.0, 0.0, 0.1, 0.4, -0.5]), &covariance(0.003), &covariance(0.004));
        let chain = first.then(&second);
        let mut sum = Matrix6::zeros();
        let count = 4000;
        for _ in 0..count {
            // Uniform with the same variance.
            let mut noise =
                |sigma: f64| exp(&Vector6::from_fn(|_, _| random.random_range(-1.0..1.0) * sigma * 3f64.sqrt()));
            let sample = first.t * noise(0.01) * second.t * noise(0.005);
            let e = log(&(chain.t.inverse() * sample));
            sum += e * e.transpose();
        }
        let (spread, formula) = (sum / f64::from(count), chain.covariance(&Factors::default()));
        assert!((spread - formula).norm() < 0.1 * formula.norm());
        let back = chain.inverse().inverse();
        assert!((back.covariance(&Factors::default()) - formula).norm() < 1e-12);
    }
}
