//! The group SE(2): rigid transforms in the plane.
//!
//! Tangent vectors are `[x, y, θ]` (m, m, rad); perturbations act on the right: `t ⊞ δ = t · exp(δ)`.

use super::Se3;
use nalgebra::{Isometry2, Isometry3, Translation2, Translation3, UnitComplex, UnitQuaternion, Vector2, Vector3};

/// A rigid transform of the plane in double precision.
pub type Se2 = Isometry2<f64>;

/// The exponential map of `[x, y, θ]` (m, m, rad).
pub fn exp(tangent: &Vector3<f64>) -> Se2 {
    let (sine_ratio, cosine_ratio) = ratios(tangent.z);
    let translation = Translation2::new(
        sine_ratio * tangent.x - cosine_ratio * tangent.y,
        cosine_ratio * tangent.x + sine_ratio * tangent.y,
    );
    Se2::from_parts(translation, UnitComplex::new(tangent.z))
}

/// The logarithm `[x, y, θ]` (m, m, rad), `|θ| ≤ π`.
pub fn log(t: &Se2) -> Vector3<f64> {
    let angle = t.rotation.angle();
    let (sine_ratio, cosine_ratio) = ratios(angle);
    let scale = 1.0 / (sine_ratio * sine_ratio + cosine_ratio * cosine_ratio);
    let (x, y) = (t.translation.x, t.translation.y);
    Vector3::new(scale * (sine_ratio * x + cosine_ratio * y), scale * (sine_ratio * y - cosine_ratio * x), angle)
}

/// `sin θ / θ` and `(1 − cos θ) / θ`, also near zero.
fn ratios(angle: f64) -> (f64, f64) {
    if angle.abs() < 1e-4 {
        (1.0 - angle * angle / 6.0, 0.5 * angle)
    } else {
        (angle.sin() / angle, (1.0 - angle.cos()) / angle)
    }
}

/// The transform of space that moves the plane `z = 0` like `t`.
pub fn lift(t: &Se2) -> Se3 {
    Isometry3::from_parts(
        Translation3::new(t.translation.x, t.translation.y, 0.0),
        UnitQuaternion::from_axis_angle(&Vector3::z_axis(), t.rotation.angle()),
    )
}

/// What a transform of space does to the plane `z = 0`: its position in the plane and its heading, the direction of
/// the x axis.
pub fn flatten(t: &Se3) -> Se2 {
    let heading = t.rotation * Vector3::x();
    Se2::new(Vector2::new(t.translation.x, t.translation.y), heading.y.atan2(heading.x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn log_inverts_exp(v in prop::array::uniform3(-3.0f64..3.0)) {
            let tangent = Vector3::from(v);
            prop_assert!((log(&exp(&tangent)) - tangent).norm() < 1e-9);
            let small = tangent * 1e-5;
            prop_assert!((log(&exp(&small)) - small).norm() < 1e-14);
        }

        #[test]
        fn lifting_is_a_homomorphism_that_flattens_back(
            v in prop::array::uniform3(-3.0f64..3.0),
            w in prop::array::uniform3(-3.0f64..3.0),
        ) {
            let (a, b) = (exp(&Vector3::from(v)), exp(&Vector3::from(w)));
            let product = lift(&a) * lift(&b);
            prop_assert!((product.to_homogeneous() - lift(&(a * b)).to_homogeneous()).norm() < 1e-12);
            prop_assert!((flatten(&product).to_homogeneous() - (a * b).to_homogeneous()).norm() < 1e-12);
        }
    }
}
