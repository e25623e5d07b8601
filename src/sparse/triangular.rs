//! The two triangular solves of an incomplete factor.

use super::incomplete_cholesky::Sized;
use super::{Cholesky, IncompleteCholesky};
use crate::precision::Scalar;
use crate::precision::kernels::{gather_scaled, scatter_scaled};

/// Vectors of the triangular solves in the precision of the linear solver, for one Jacobian's column scales.
#[derive(Debug, Clone)]
pub struct TriangularScratch<V> {
    /// `S_L S_J⁻¹`, in elimination order: the factor's column scales over the Jacobian's.
    ratios: Vec<V>,
    /// In elimination order, each block padded as the factor wants it.
    work: Vec<V>,
}

impl IncompleteCholesky {
    /// What [`Self::solve`] needs for a Jacobian whose columns are scaled by `scales`.
    pub fn scratch<V: Scalar>(&self, scales: &[f64]) -> TriangularScratch<V> {
        let columns = self.columns.iter().flat_map(|&first| first as usize..first as usize + self.block_size);
        let ratios: Vec<V> = columns.map(|column| V::from_f64(self.scales[column] / scales[column])).collect();
        let work = vec![V::ZERO; self.columns.len() * self.block_size.next_power_of_two()];
        TriangularScratch { ratios, work }
    }

    /// `z = S_J⁻¹ S_L P (L Lᵀ)⁻¹ Pᵀ S_L S_J⁻¹ r`, an approximation of `(S_J Jᵀ W J S_J)⁻¹ r`, computed in `V`.
    pub fn solve<V: Scalar>(&self, r: &[V], z: &mut [V], scratch: &mut TriangularScratch<V>) {
        let TriangularScratch { ratios, work } = scratch;
        match &self.factor {
            Sized::Three(factor) => {
                gather_scaled::<V, 3, 4>(r, &self.columns, ratios, work);
                factor.solve(work);
                scatter_scaled::<V, 3, 4>(work, &self.columns, ratios, z);
            }
            Sized::Six(factor) => {
                gather_scaled::<V, 6, 8>(r, &self.columns, ratios, work);
                factor.solve(work);
                scatter_scaled::<V, 6, 8>(work, &self.columns, ratios, z);
            }
        }
    }
}

impl Cholesky {
    /// What [`Self::solve`] needs for a Jacobian whose columns are scaled by `scales`.
    pub fn scratch<V: Scalar>(&self, scales: &[f64]) -> TriangularScratch<V> {
        let columns = self.columns().iter().flat_map(|&first| first as usize..first as usize + self.size());
        let ratios: Vec<V> = columns.map(|column| V::from_f64(self.scales()[column] / scales[column])).collect();
        TriangularScratch { work: vec![V::ZERO; ratios.len()], ratios }
    }

    /// `z = S_J⁻¹ S_L P (L Lᵀ)⁻¹ Pᵀ S_L S_J⁻¹ r` as of [`IncompleteCholesky::solve`], computed in `V`.
    pub fn solve<V: Scalar>(&self, r: &[V], z: &mut [V], scratch: &mut TriangularScratch<V>) {
        let TriangularScratch { ratios, work } = scratch;
        let (size, columns) = (self.size(), self.columns());
        let with_appended = self.appended().count() > 0;
        if with_appended {
            z.copy_from_slice(r);
            self.appended().forward(z, size);
        }
        let r = if with_appended { &*z } else { r };
        match size {
            6 => gather_scaled::<V, 6, 6>(r, columns, ratios, work),
            _ => gather_scaled::<V, 3, 3>(r, columns, ratios, work),
        }
        self.solve_in_order(work);
        match size {
            6 => scatter_scaled::<V, 6, 6>(work, columns, ratios, z),
            _ => scatter_scaled::<V, 3, 3>(work, columns, ratios, z),
        }
        if with_appended {
            self.appended().backward(z, size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CholeskyOptions, Structure};
    use super::*;
    use crate::precision::Precision;
    use nalgebra::{DMatrix, DVector};

    /// A chain of poses with some loops, and a prior on the first.
    fn loops<const B: usize>(count: usize) -> (Structure, Vec<f64>) {
        let mut structure = Structure::new();
        let poses: Vec<usize> = (0..count).map(|_| structure.add_variable(B)).collect();
        structure.add_residual(B, &[poses[0]]);
        for i in 1..count {
            structure.add_residual(B, &[poses[i - 1], poses[i]]);
            structure.add_residual(B, &[poses[(i * i) % i], poses[i]]);
            structure.add_residual(B, &[poses[(7 * i) % count], poses[(5 * i + 3) % count]]);
        }
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5
        };
        let mut flat: Vec<f64> = (0..structure.entry_count()).map(|_| random()).collect();
        for block in 0..structure.residual_block_count() {
            let range = structure.entries(block);
            let width = range.len() / B;
            for r in 0..B {
                flat[range.start + r * width + r] += 2.0;
            }
        }
        (structure, flat)
    }

    fn dense(structure: &Structure, flat: &[f64]) -> DMatrix<f64> {
        let mut jacobian = DMatrix::zeros(structure.row_count(), structure.column_count());
        for block in 0..structure.residual_block_count() {
            let width = structure.entries(block).len() / structure.rows(block).len();
            for (row, line) in structure.rows(block).zip(flat[structure.entries(block)].chunks_exact(width)) {
                for (local, variable) in structure.pieces_of(block) {
                    for k in 0..variable.size {
                        jacobian[(row, variable.column + k)] += line[local + k];
                    }
                }
            }
        }
        jacobian
    }

    fn error_of<const B: usize>(precision: Precision, level: usize, ordering: &str) -> f64 {
        let (structure, flat) = loops::<B>(25);
        let options = CholeskyOptions { fill_level: level, ordering: ordering.into(), ..CholeskyOptions::default() };
        let factor = IncompleteCholesky::from_jacobian(&structure, &flat, None, &options, precision).unwrap();
        assert_eq!((factor.statistics().shift, factor.precision()), (0.0, precision));
        let jacobian = dense(&structure, &flat);
        let n = structure.column_count();
        let r = DVector::from_fn(n, |i, _| ((i * 37) % 11) as f64 - 5.0);
        let expected = (jacobian.transpose() * &jacobian).cholesky().unwrap().solve(&r);
        let mut scratch = factor.scratch::<f64>(&vec![1.0; n]);
        let mut z = vec![0.0; n];
        factor.solve(r.as_slice(), &mut z, &mut scratch);
        (DVector::from_vec(z) - &expected).norm() / expected.norm()
    }

    #[test]
    fn with_all_fill_it_is_the_dense_cholesky_factor() {
        for ordering in ["minimum_degree", "reverse_cuthill_mckee", "natural"] {
            assert!(error_of::<6>(Precision::F64, 1000, ordering) < 1e-11);
            assert!(error_of::<3>(Precision::F64, 1000, ordering) < 1e-11);
            assert!(error_of::<6>(Precision::F32, 1000, ordering) < 1e-4);
            assert!(error_of::<6>(Precision::F16, 1000, ordering) < 0.2);
        }
    }

    #[test]
    fn more_fill_is_nearer() {
        let errors: Vec<f64> = [0, 1, 3].map(|level| error_of::<6>(Precision::F64, level, "natural")).into();
        assert!(errors[0] > errors[2] && errors[2] < 0.5, "{errors:?}");
    }
}
