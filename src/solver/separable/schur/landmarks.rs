//! The landmarks' own blocks, damped and inverted.

use crate::precision::Scalar;
use crate::precision::kernels::Unit;

/// For each landmark `R⁻¹` with `RᵀR = BᵀB + λ diag(BᵀB)`, and `R⁻ᵀ g`.
#[derive(Debug)]
pub(super) struct Landmarks<V, const L: usize> {
    /// Upper triangular `R⁻¹`.
    pub(super) root_inverses: Vec<[[V; L]; L]>,
    /// The same as computed: what is formed of it cancels.
    pub(super) exact_root_inverses: Vec<[[f64; L]; L]>,
    /// `R⁻ᵀ g`, `g` the gradient.
    pub(super) turned_gradient: Vec<[V; L]>,
}

/// A pivot of a landmark's block below this share of its diagonal leaves the direction undetermined: it stays.
const LEAST_PIVOT: f64 = 1e-13;

impl<V: Scalar, const L: usize> Landmarks<V, L> {
    pub(super) fn new(count: usize) -> Self {
        Self {
            root_inverses: vec![[[V::ZERO; L]; L]; count],
            exact_root_inverses: vec![[[0.0; L]; L]; count],
            turned_gradient: vec![[V::ZERO; L]; count],
        }
    }

    /// Inverts at a damping; returns `‖R⁻ᵀ g‖²`, twice what the landmarks alone would take off the model.
    pub(super) fn invert(&mut self, information: &[[[f64; L]; L]], gradient: &[[V; L]], damping: f64) -> f64 {
        let mut squared_norm = 0.0;
        for (index, (information, gradient)) in information.iter().zip(gradient).enumerate() {
            let root_inverse = root_inverse(information, damping);
            let turned = &mut self.turned_gradient[index];
            for k in 0..L {
                let sum: f64 = (0..=k).map(|i| root_inverse[i][k] * gradient[i].to_f64()).sum();
                squared_norm += sum * sum;
                turned[k] = V::from_f64(sum);
            }
            self.root_inverses[index] = root_inverse.map(|row| row.map(V::from_f64));
            self.exact_root_inverses[index] = root_inverse;
        }
        squared_norm
    }
}

/// `R⁻¹` of a lower triangle with its diagonal multiplied by `1 + λ`; zero columns for directions that are undetermined.
#[inline(always)]
pub(in crate::solver::separable) fn root_inverse<const L: usize>(
    information: &[[f64; L]; L],
    damping: f64,
) -> [[f64; L]; L] {
    // C Cᵀ = H, so R = Cᵀ; row by row, with the inverse alongside.
    let mut c = [[0.0; L]; L];
    let mut inverse = [[0.0; L]; L];
    for i in 0..L {
        for j in 0..i {
            let sum: f64 = (0..j).map(|k| c[i][k] * c[j][k]).sum();
            c[i][j] = if c[j][j] > 0.0 { (information[i][j] - sum) / c[j][j] } else { 0.0 };
        }
        let diagonal = information[i][i] * (1.0 + damping);
        let pivot = diagonal - (0..i).map(|k| c[i][k] * c[i][k]).sum::<f64>();
        if pivot.is_nan() || pivot <= LEAST_PIVOT * diagonal {
            continue;
        }
        c[i][i] = pivot.sqrt();
        // Column i of R⁻¹: R is the transpose of c.
        inverse[i][i] = 1.0 / c[i][i];
        for row in (0..i).rev() {
            let sum: f64 = (row..i).map(|k| inverse[row][k] * c[i][k]).sum();
            inverse[row][i] = -sum * inverse[i][i];
        }
    }
    inverse
}

/// `R⁻ᵀ c`.
#[inline(always)]
pub(super) fn turn<V: Scalar, const L: usize>(root_inverse: &[[V; L]; L], c: &[V; L]) -> [V; L] {
    let mut turned = [V::ZERO; L];
    for k in 0..L {
        for i in 0..=k {
            turned[k] += root_inverse[i][k] * c[i];
        }
    }
    turned
}

/// `R⁻ᵀ C`, in place.
#[inline(always)]
pub(super) fn turn_rows<U: Unit, F: Scalar, const W: usize, const L: usize>(
    _: U,
    root_inverse: &[[F; L]; L],
    c: &mut [[F; W]; L],
) {
    for k in (0..L).rev() {
        let mut turned = [F::ZERO; W];
        for i in 0..=k {
            let entry = root_inverse[i][k];
            for lane in 0..W {
                turned[lane] = entry.mul_add_if(U::FUSED, c[i][lane], turned[lane]);
            }
        }
        c[k] = turned;
    }
}

/// `R⁻¹ t`.
#[inline(always)]
pub(super) fn turn_back<V: Scalar, const L: usize>(root_inverse: &[[V; L]; L], t: &[V; L]) -> [V; L] {
    let mut x = [V::ZERO; L];
    for i in 0..L {
        for k in i..L {
            x[i] += root_inverse[i][k] * t[k];
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precision::kernels::Portable;
    use nalgebra::{Matrix3, Vector3};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_root_inverse_inverts(entries in prop::array::uniform9(-1.0f64..1.0), damping in 0.0f64..1.0) {
            let a = Matrix3::from_row_slice(&entries) + Matrix3::identity() * 2.0;
            let h = a.transpose() * a;
            let information: [[f64; 3]; 3] = std::array::from_fn(|i| std::array::from_fn(|j| h[(i, j)]));
            let damped = h + Matrix3::from_diagonal(&h.diagonal()) * damping;
            let gradient = [1.0, -2.0, 0.5];
            let mut landmarks = Landmarks::<f64, 3>::new(1);
            let squared = landmarks.invert(&[information], &[gradient], damping);
            let expected = damped.try_inverse().unwrap() * Vector3::from(gradient);
            let found = turn_back(&landmarks.root_inverses[0], &landmarks.turned_gradient[0]);
            prop_assert!((Vector3::from(found) - expected).norm() < 1e-9 * expected.norm());
            prop_assert!((squared - expected.dot(&Vector3::from(gradient))).abs() < 1e-9 * squared);
            let turned = turn(&landmarks.root_inverses[0], &gradient);
            prop_assert!((Vector3::from(turned) - Vector3::from(landmarks.turned_gradient[0])).norm() < 1e-12);
            let mut rows = gradient.map(|g| [g; 2]);
            turn_rows(Portable, &landmarks.exact_root_inverses[0], &mut rows);
            for (row, turned) in rows.iter().zip(turned) {
                prop_assert!((row[1] - turned).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn what_is_undetermined_stays() {
        let mut landmarks = Landmarks::<f32, 3>::new(1);
        // One ray sees two directions of three.
        landmarks.invert(&[[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 0.5]]], &[[1.0; 3]], 0.0);
        let x = turn_back(&landmarks.root_inverses[0], &landmarks.turned_gradient[0]);
        assert_eq!(x, [1.0, 1.0, 0.0]);
        landmarks.invert(&[[[0.0; 3]; 3]], &[[0.0; 3]], 0.1);
        assert_eq!(landmarks.root_inverses[0], [[0.0; 3]; 3]);
    }
}
