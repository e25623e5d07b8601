//! The rotation that is nearest to a matrix.

use nalgebra::{Matrix3, Rotation3, UnitQuaternion, Vector3};

/// Newton's iteration converges in fewer steps than this unless the matrix is nearly singular.
const MOST_STEPS: usize = 12;

/// The rotation nearest to a matrix; `None` if it has none to speak of.
///
/// # Source
/// Higham, *Computing the polar decomposition, with applications* (1986): `X ← (X + X⁻ᵀ) / 2`, which keeps the sign of
/// the determinant. A matrix that it does not serve goes through the singular value decomposition.
pub(super) fn nearest_rotation(matrix: &Matrix3<f64>) -> Option<UnitQuaternion<f64>> {
    let norm = matrix.norm();
    if !(norm.is_finite() && norm > 1e-9) {
        return None;
    }
    // A rotation's norm is √3.
    let mut x = matrix * (3f64.sqrt() / norm);
    for _ in 0..MOST_STEPS {
        // The columns of the adjugate's transpose are cross products; dividing by the determinant makes the inverse.
        let (a, b, c) = (x.column(0), x.column(1), x.column(2));
        let cofactors = Matrix3::from_columns(&[b.cross(&c), c.cross(&a), a.cross(&b)]);
        let determinant = a.dot(&cofactors.column(0));
        if determinant < 1e-3 {
            return by_singular_values(matrix);
        }
        let next = (x + cofactors / determinant) * 0.5;
        let change = (next - x).norm_squared();
        x = next;
        if change < 1e-18 {
            return Some(UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(x)));
        }
    }
    by_singular_values(matrix)
}

fn by_singular_values(matrix: &Matrix3<f64>) -> Option<UnitQuaternion<f64>> {
    let svd = matrix.svd(true, true);
    let (u, v_transposed) = (svd.u?, svd.v_t?);
    let mut signs = Vector3::repeat(1.0);
    if u.determinant() * v_transposed.determinant() < 0.0 {
        signs[svd.singular_values.imin()] = -1.0;
    }
    let rotation = u * Matrix3::from_diagonal(&signs) * v_transposed;
    let finite = rotation.iter().all(|value| value.is_finite());
    finite.then(|| UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(rotation)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_other_rotation_is_nearer(values in prop::array::uniform9(-1.0f64..1.0), turn in prop::array::uniform3(-0.1f64..0.1)) {
            let matrix = Matrix3::from_row_slice(&values);
            let found = nearest_rotation(&matrix).unwrap().to_rotation_matrix();
            let other = found * Rotation3::new(Vector3::from(turn));
            prop_assert!((matrix - found.matrix()).norm() <= (matrix - other.matrix()).norm() + 1e-9);
            prop_assert!((found.matrix().determinant() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn nothing_and_no_numbers_have_no_rotation() {
        assert!(nearest_rotation(&Matrix3::zeros()).is_none());
        assert!(nearest_rotation(&(Matrix3::identity() * f64::NAN)).is_none());
    }
}
