//! Relative poses whose uncertainty has sources of which the true size is known only up to a factor each.

use crate::geometry::{self, Se3};
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

/// A relative pose, its covariance by source in the order of [`Factors`].
pub(super) type UncertainPose = geometry::UncertainPose<3>;

impl UncertainPose {
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
        self.weighted_covariance(&factors.to_array())
    }
}
