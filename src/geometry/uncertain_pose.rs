//! A relative pose with its uncertainty by source.

use super::Se3;
use super::se3::adjoint;
use nalgebra::Matrix6;

/// A relative pose; its covariance is a sum over so many sources.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UncertainPose<const SOURCES: usize> {
    /// Coordinates of the second frame into those of the first.
    pub t: Se3,
    /// Covariances of a perturbation `[ρ; φ]` on the right (m, rad), by source.
    pub sources: [Matrix6<f64>; SOURCES],
}

impl<const SOURCES: usize> UncertainPose<SOURCES> {
    /// A pose that is certain: none at all.
    pub fn identity() -> Self {
        Self { t: Se3::identity(), sources: [Matrix6::zeros(); SOURCES] }
    }

    /// The covariance, each source counted by its factor.
    pub fn weighted_covariance(&self, factors: &[f64; SOURCES]) -> Matrix6<f64> {
        self.sources.iter().zip(factors).map(|(covariance, factor)| covariance * *factor).sum()
    }

    /// First this pose, then `next`, whose error is independent.
    pub fn then(&self, next: &Self) -> Self {
        let carried = carried(&self.sources, &next.t.inverse());
        Self { t: self.t * next.t, sources: std::array::from_fn(|source| carried[source] + next.sources[source]) }
    }

    /// The pose the other way.
    pub fn inverse(&self) -> Self {
        Self { t: self.t.inverse(), sources: carried(&self.sources, &self.t) }
    }
}

/// Covariances perturbed in one frame, as perturbed in another into which `t` maps.
fn carried<const SOURCES: usize>(sources: &[Matrix6<f64>; SOURCES], t: &Se3) -> [Matrix6<f64>; SOURCES] {
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
        let pose = |v: [f64; 6], sigmas: [f64; 2]| UncertainPose {
            t: exp(&Vector6::from(v)),
            sources: sigmas.map(|sigma| Matrix6::identity() * (sigma * sigma)),
        };
        let first = pose([1.0, 2.0, 0.5, 0.3, -0.2, 0.8], [0.01, 0.0]);
        let second = pose([2.0, -1.0, 0.0, 0.1, 0.4, -0.5], [0.003, 0.004]);
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
        let (spread, formula) = (sum / f64::from(count), chain.weighted_covariance(&[1.0; 2]));
        assert!((spread - formula).norm() < 0.1 * formula.norm());
        let back = chain.inverse().inverse();
        assert!((back.weighted_covariance(&[1.0; 2]) - formula).norm() < 1e-12);
        let doubled = chain.weighted_covariance(&[1.0, 2.0]) - formula;
        assert!((doubled - chain.sources[1]).norm() < 1e-15);
    }
}
