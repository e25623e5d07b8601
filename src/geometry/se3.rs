//! The group SE(3): rigid transforms in three dimensions.
//!
//! Tangent vectors are `[ρ; φ]`: translation (m) first, then rotation (rad); perturbations act on the right, in the
//! transform's own frame: `t ⊞ δ = t · exp(δ)`.

use nalgebra::{Isometry3, Matrix3, Matrix6, Translation3, UnitQuaternion, Vector3, Vector6};

/// A rigid transform in double precision.
pub type Se3 = Isometry3<f64>;

/// The matrix `[v]×` with `[v]× w = v × w`.
pub fn skew(v: &Vector3<f64>) -> Matrix3<f64> {
    v.cross_matrix()
}

/// The exponential map of `[ρ; φ]` (m, rad).
///
/// # Source
/// Barfoot, *State Estimation for Robotics* (2017), 7.1.3.
pub fn exp(tangent: &Vector6<f64>) -> Se3 {
    let (rho, phi) = (tangent.fixed_rows::<3>(0).into_owned(), tangent.fixed_rows::<3>(3).into_owned());
    let rotation = UnitQuaternion::from_scaled_axis(phi);
    Se3::from_parts(Translation3::from(left_jacobian(&phi) * rho), rotation)
}

/// The logarithm `[ρ; φ]` (m, rad) of a transform, rotation angle at most π.
pub fn log(t: &Se3) -> Vector6<f64> {
    let phi = t.rotation.scaled_axis();
    let rho = left_jacobian_inverse(&phi) * t.translation.vector;
    Vector6::new(rho.x, rho.y, rho.z, phi.x, phi.y, phi.z)
}

/// The left Jacobian of SO(3) at the rotation vector `phi` (rad).
///
/// # Source
/// Barfoot (2017), equation 7.37.
pub fn left_jacobian(phi: &Vector3<f64>) -> Matrix3<f64> {
    let angle_squared = phi.norm_squared();
    let hat = skew(phi);
    let (a, b) = if angle_squared < 1e-8 {
        (0.5 - angle_squared / 24.0, 1.0 / 6.0 - angle_squared / 120.0)
    } else {
        let angle = angle_squared.sqrt();
        ((1.0 - angle.cos()) / angle_squared, (angle - angle.sin()) / (angle_squared * angle))
    };
    Matrix3::identity() + hat * a + hat * hat * b
}

/// The inverse of [`left_jacobian`], for angles below 2π.
pub fn left_jacobian_inverse(phi: &Vector3<f64>) -> Matrix3<f64> {
    let angle_squared = phi.norm_squared();
    let hat = skew(phi);
    let c = if angle_squared < 1e-8 {
        1.0 / 12.0 + angle_squared / 720.0
    } else {
        let angle = angle_squared.sqrt();
        let half = 0.5 * angle;
        (1.0 - half * half.cos() / half.sin()) / angle_squared
    };
    Matrix3::identity() - hat * 0.5 + hat * hat * c
}

/// The adjoint of a transform, which moves a perturbation through it: `t · exp(δ) = exp(Ad(t) δ) · t`, `δ = [ρ; φ]`.
///
/// # Source
/// Barfoot (2017), 7.1.4.
pub fn adjoint(t: &Se3) -> Matrix6<f64> {
    let rotation = t.rotation.to_rotation_matrix();
    let mut result = Matrix6::zeros();
    result.fixed_view_mut::<3, 3>(0, 0).copy_from(rotation.matrix());
    result.fixed_view_mut::<3, 3>(3, 3).copy_from(rotation.matrix());
    result.fixed_view_mut::<3, 3>(0, 3).copy_from(&(skew(&t.translation.vector) * rotation.matrix()));
    result
}

/// A covariance perturbed in one frame, as perturbed in another, into which `t` maps: `Ad(t) Σ Ad(t)ᵀ`.
pub fn carried(covariance: &Matrix6<f64>, t: &Se3) -> Matrix6<f64> {
    let adjoint = adjoint(t);
    adjoint * covariance * adjoint.transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_adjoint_moves_a_perturbation_through_a_transform(
            v in prop::array::uniform6(-1.5f64..1.5),
            w in prop::array::uniform6(-0.5f64..0.5),
        ) {
            let (t, delta) = (exp(&Vector6::from(v)), Vector6::from(w));
            let (left, right) = (t * exp(&delta), exp(&(adjoint(&t) * delta)) * t);
            prop_assert!((left.to_homogeneous() - right.to_homogeneous()).norm() < 1e-9);
        }

        #[test]
        fn log_inverts_exp(v in prop::array::uniform6(-1.5f64..1.5)) {
            let tangent = Vector6::from(v);
            prop_assert!((log(&exp(&tangent)) - tangent).norm() < 1e-9);
        }

        #[test]
        fn exp_of_a_multiple_composes(v in prop::array::uniform6(-1.0f64..1.0)) {
            let tangent = Vector6::from(v);
            let twice = exp(&tangent) * exp(&tangent);
            prop_assert!((twice.to_homogeneous() - exp(&(tangent * 2.0)).to_homogeneous()).norm() < 1e-9);
        }

        #[test]
        fn left_jacobian_times_its_inverse_is_one(v in prop::array::uniform3(-1.7f64..1.7)) {
            let phi = Vector3::from(v);
            prop_assert!((left_jacobian(&phi) * left_jacobian_inverse(&phi) - Matrix3::identity()).norm() < 1e-9);
        }
    }
}
