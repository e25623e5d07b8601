//! The square root of an information matrix.

use nalgebra::{DMatrix, SMatrix};

/// An eigenvalue below minus this times the largest one is no roundoff.
const INDEFINITE: f64 = 1e-6;

/// Upper triangular `U` with `Uᵀ U = Ω`, also of a singular `Ω`; only its symmetric part counts. `None` if it is not
/// finite, or has a negative eigenvalue that is no roundoff.
pub(super) fn square_root<const D: usize>(information: &SMatrix<f64, D, D>) -> Option<[[f64; D]; D]> {
    if !information.iter().all(|value| value.is_finite()) {
        return None;
    }
    let symmetric = (information + information.transpose()) * 0.5;
    let upper = match symmetric.cholesky() {
        Some(factor) => factor.l().transpose(),
        None => semidefinite_square_root(&symmetric)?,
    };
    Some(std::array::from_fn(|row| std::array::from_fn(|column| upper[(row, column)])))
}

/// `Ω = V Λ Vᵀ`, and the triangular factor of `√Λ Vᵀ` is the root.
fn semidefinite_square_root<const D: usize>(symmetric: &SMatrix<f64, D, D>) -> Option<SMatrix<f64, D, D>> {
    let eigen = DMatrix::from_column_slice(D, D, symmetric.as_slice()).symmetric_eigen();
    let largest = eigen.eigenvalues.amax();
    if eigen.eigenvalues.iter().any(|&value| value < -INDEFINITE * largest) {
        return None;
    }
    let roots = DMatrix::from_diagonal(&eigen.eigenvalues.map(|value| value.max(0.0).sqrt()));
    let upper = (roots * eigen.eigenvectors.transpose()).qr().r();
    Some(SMatrix::from_fn(|row, column| upper[(row, column)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Matrix3, Matrix6};
    use proptest::prelude::*;

    fn squared<const D: usize>(upper: [[f64; D]; D]) -> SMatrix<f64, D, D> {
        let upper = SMatrix::<f64, D, D>::from_fn(|row, column| upper[row][column]);
        upper.transpose() * upper
    }

    proptest! {
        #[test]
        fn its_square_is_the_information_of_any_rank(
            values in prop::collection::vec(-2.0f64..2.0, 36),
            rank in 0usize..=6,
        ) {
            let mut rows = Matrix6::from_column_slice(&values);
            for row in rank..6 {
                rows.row_mut(row).fill(0.0);
            }
            let information = rows.transpose() * rows;
            let root = square_root(&information).unwrap();
            prop_assert!((squared(root) - information).amax() < 1e-9);
            prop_assert!((0..6).all(|row| (0..row).all(|column| root[row][column].abs() < 1e-12)));
        }
    }

    #[test]
    fn what_is_no_information_is_refused() {
        assert!(square_root(&Matrix3::new(1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)).is_none());
        assert!(square_root(&(Matrix3::identity() * f64::NAN)).is_none());
    }
}
