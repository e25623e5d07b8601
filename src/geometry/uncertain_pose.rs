//! A relative pose with its uncertainty by source.

use super::Se3;
use super::se3::carried;
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
        let t_end_start = next.t.inverse();
        let carried = self.sources.map(|covariance| carried(&covariance, &t_end_start));
        Self { t: self.t * next.t, sources: std::array::from_fn(|source| carried[source] + next.sources[source]) }
    }

    /// The pose the other way.
    pub fn inverse(&self) -> Self {
        Self { t: self.t.inverse(), sources: self.sources.map(|covariance| carried(&covariance, &self.t)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3::{exp, log};
    use nalgebra::Vector6;

    #[test]
    fn covariance_of_a_chain_equals_that_of_samples() {
        let pose = |v: [f64; 6], sigmas: [f64; 2]| UncertainPose {
            t: exp(&Vector6::from(v)),
            sources: sigmas.map(|sigma| Matrix6::identity() * (sigma * sigma)),
        };
        let first = pose([1.0, 2.0, 0.5, 0.3, -0.2, 0.8], [0.01, 0.0]);
        let second = pose([2.0, -1.0, 0.0, 0.1, 0.4, -0.5], [0.003, 0.004]);
        let chain = first.then(&second);
        // One deviation at a time, both ways, of both poses: all of them have the covariance that was put in.
        let (mut sum, count) = (Matrix6::zeros(), 24.0f64);
        for axis in 0..6 {
            for length in [-(0.5 * count).sqrt(), (0.5 * count).sqrt()] {
                let mut deviation = Vector6::zeros();
                deviation[axis] = length;
                for sample in
                    [first.t * exp(&(deviation * 0.01)) * second.t, first.t * second.t * exp(&(deviation * 0.005))]
                {
                    let e = log(&(chain.t.inverse() * sample));
                    sum += e * e.transpose();
                }
            }
        }
        let (spread, formula) = (sum / count, chain.weighted_covariance(&[1.0; 2]));
        assert!((spread - formula).norm() < 0.01 * formula.norm());
        let back = chain.inverse().inverse();
        assert!((back.weighted_covariance(&[1.0; 2]) - formula).norm() < 1e-12);
        let doubled = chain.weighted_covariance(&[1.0, 2.0]) - formula;
        assert!((doubled - chain.sources[1]).norm() < 1e-15);
    }
}
