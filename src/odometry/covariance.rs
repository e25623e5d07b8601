//! Covariances of relative poses, carried from one frame to another.

use crate::geometry::Se3;
use crate::geometry::se3::carried;
use nalgebra::{Matrix6, Vector6};

/// The covariance of `t_a_b · t_b_c` in the frame of `c`, from those of the two in their own frames (independent).
pub(super) fn compose(covariance_b: &Matrix6<f64>, t_b_c: &Se3, covariance_c: &Matrix6<f64>) -> Matrix6<f64> {
    carried(covariance_b, &t_b_c.inverse()) + covariance_c
}

/// The diagonal covariance of standard deviations of translation (m) and rotation (rad).
pub(super) fn diagonal(sigma_m: f64, sigma_rad: f64) -> Matrix6<f64> {
    let (a, b) = (sigma_m * sigma_m, sigma_rad * sigma_rad);
    Matrix6::from_diagonal(&Vector6::new(a, a, a, b, b, b))
}

/// The upper triangular `R` with `Rᵀ R` the inverse of a covariance; `None` if that has no inverse.
pub(super) fn sqrt_information(covariance: &Matrix6<f64>) -> Option<Matrix6<f64>> {
    let symmetric = (covariance + covariance.transpose()) * 0.5;
    let information = symmetric.cholesky()?.inverse();
    Some(((information + information.transpose()) * 0.5).cholesky()?.l().transpose())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3;

    #[test]
    fn the_square_root_gives_the_information_back() {
        let covariance = carried(&diagonal(0.1, 0.02), &se3::exp(&Vector6::new(1.0, 2.0, 0.5, 0.1, 0.2, 0.3)));
        let root = sqrt_information(&covariance).unwrap();
        assert!((root.transpose() * root * covariance - Matrix6::identity()).norm() < 1e-9);
        assert_eq!(root[(3, 1)], 0.0);
        assert!(sqrt_information(&Matrix6::zeros()).is_none());
    }
}
