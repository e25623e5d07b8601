//! Conjugate gradients on the normal equations of a linear least-squares problem, through its Jacobian.

use super::system::Trouble;
use crate::precision::kernels::SLACK;
use crate::precision::{Scalar, VectorKernels};
use crate::sparse::BlockJacobian;
use std::time::{Duration, Instant};

/// When conjugate gradients stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CgOptions {
    /// Most iterations.
    pub max_iterations: usize,
    /// Stop when `rᵀ M⁻¹ r` has fallen by the square of this.
    pub relative_tolerance: f64,
    /// `λ` in `(JᵀJ + λ I) x = -g`.
    pub damping: f64,
    /// Stop also after [`IDLE`] iterations in a row that each decreased the damped quadratic model by no more than this.
    pub negligible_decrease: f64,
}

/// How many iterations without a decrease that counts end conjugate gradients. What the next ones would decrease is about
/// as much; one alone may be small by chance.
///
/// # Source
/// Strakoš, Tichý, *On error estimation in the conjugate gradient method and why it works in finite precision
/// computations* (2002): the decreases of some iterations bound the error before them from below, closely.
const IDLE: usize = 2;

/// What conjugate gradients did.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CgStatistics {
    /// Iterations.
    pub iterations: usize,
    /// By how much the damped quadratic model falls: `½ xᵀ (JᵀJ + λ I) x` at the end.
    pub model_decrease: f64,
    /// Whether the tolerance was reached.
    pub converged: bool,
    /// Time in products with the Jacobian.
    pub product_time: Duration,
    /// Time in the preconditioner.
    pub preconditioner_time: Duration,
    /// Time in computing the preconditioner, if this solve did.
    pub factor_time: Duration,
}

/// Vectors of conjugate gradients, allocated once for a structure.
#[derive(Debug, Clone)]
pub struct CgScratch<V> {
    residual: Vec<V>,
    preconditioned: Vec<V>,
    /// With slack behind it, as the product.
    direction: Vec<V>,
    product: Vec<V>,
}

impl<V: VectorKernels> CgScratch<V> {
    /// Vectors for `n` unknowns.
    pub fn new(n: usize) -> Self {
        let zeros = |length| vec![V::ZERO; length];
        let (direction, product) = (zeros(n + SLACK), zeros(n + SLACK));
        Self { residual: zeros(n), preconditioned: zeros(n), direction, product }
    }
}

/// Solves `(JᵀJ + λ I) x = -g` approximately from `x = 0`; `JᵀJ` is never formed.
///
/// Vectors are `V`; `J` is stored in `P` and read once per iteration.
///
/// # Errors
/// [`Trouble`] when a value is not finite, or when a curvature or `rᵀ M⁻¹ r` is not positive, which only rounding can
/// cause; `x` is the last good iterate then.
///
/// # Source
/// Björck, *Numerical Methods for Least Squares Problems* (1996), 7.4.
pub fn cgnr<P, V>(
    jacobian: &BlockJacobian<P>,
    gradient: &[V],
    x: &mut [V],
    preconditioner: &mut dyn ApplyPreconditioner<V>,
    options: &CgOptions,
    scratch: &mut CgScratch<V>,
) -> Result<CgStatistics, Trouble>
where
    P: Scalar,
    V: VectorKernels,
{
    let mut operator = DampedNormal { jacobian, damping: options.damping };
    conjugate_gradients(&mut operator, gradient, x, preconditioner, options, scratch)
}

/// A symmetric positive definite operator, given by its products.
pub(crate) trait NormalOperator<V> {
    /// `z = N p`; returns `pᵀ N p`, as a sum of squares where that can be. Both vectors have slack behind them.
    fn apply(&mut self, p: &[V], z: &mut [V]) -> f64;
}

/// `JᵀJ + λ I`.
struct DampedNormal<'a, P> {
    jacobian: &'a BlockJacobian<P>,
    damping: f64,
}

impl<P: Scalar, V: VectorKernels> NormalOperator<V> for DampedNormal<'_, P> {
    fn apply(&mut self, p: &[V], z: &mut [V]) -> f64 {
        let n = self.jacobian.column_count();
        let curvature = self.jacobian.normal_product(p, z);
        if self.damping == 0.0 {
            return curvature;
        }
        V::add_scaled(&mut z[..n], V::from_f64(self.damping), &p[..n]);
        curvature + self.damping * V::dot(&p[..n], &p[..n])
    }
}

/// Solves `N x = -g` approximately from `x = 0` by preconditioned conjugate gradients; errors as of [`cgnr`].
pub(crate) fn conjugate_gradients<V: VectorKernels>(
    operator: &mut impl NormalOperator<V>,
    gradient: &[V],
    x: &mut [V],
    preconditioner: &mut dyn ApplyPreconditioner<V>,
    options: &CgOptions,
    scratch: &mut CgScratch<V>,
) -> Result<CgStatistics, Trouble> {
    let CgScratch { residual, preconditioned, direction, product } = scratch;
    let mut statistics = CgStatistics::default();
    x.fill(V::ZERO);
    for (r, g) in residual.iter_mut().zip(gradient) {
        *r = -*g;
    }
    timed(&mut statistics.preconditioner_time, || preconditioner.apply(residual, preconditioned));
    let n = x.len();
    direction[..n].copy_from_slice(preconditioned);
    let mut energy = V::dot(residual, preconditioned);
    let target = energy * options.relative_tolerance * options.relative_tolerance;
    let mut idle = 0;
    while energy > target && statistics.iterations < options.max_iterations {
        let curvature = timed(&mut statistics.product_time, || operator.apply(direction, product));
        if !(curvature > 0.0 && curvature.is_finite()) {
            return Err(Trouble::in_linear_solver("curvature", curvature));
        }
        let length = energy / curvature;
        V::add_scaled(x, V::from_f64(length), &direction[..n]);
        V::add_scaled(residual, V::from_f64(-length), &product[..n]);
        statistics.iterations += 1;
        let decrease = 0.5 * length * energy;
        statistics.model_decrease += decrease;
        idle = if decrease <= options.negligible_decrease { idle + 1 } else { 0 };
        if idle == IDLE {
            break;
        }
        timed(&mut statistics.preconditioner_time, || preconditioner.apply(residual, preconditioned));
        let next = V::dot(residual, preconditioned);
        if !(next >= 0.0 && next.is_finite()) {
            return Err(Trouble::in_linear_solver("residual norm", next));
        }
        V::scale_and_add(&mut direction[..n], V::from_f64(next / energy), preconditioned);
        energy = next;
    }
    if !energy.is_finite() {
        return Err(Trouble::in_linear_solver("residual norm", energy));
    }
    statistics.converged = energy <= target || idle == IDLE;
    Ok(statistics)
}

/// A symmetric positive definite approximation of the inverse of `JᵀJ + λ I`.
pub trait ApplyPreconditioner<V> {
    /// `z = M⁻¹ r`.
    fn apply(&mut self, r: &[V], z: &mut [V]);
}

fn timed<R>(total: &mut Duration, work: impl FnOnce() -> R) -> R {
    let start = Instant::now();
    let result = work();
    *total += start.elapsed();
    result
}

#[cfg(test)]
mod tests {
    use super::super::block_jacobi::BlockJacobi;
    use super::*;
    use crate::precision::{Precision, f16};
    use crate::sparse::{CholeskyOptions, IncompleteCholesky, Structure, TriangularScratch};
    use nalgebra::{DMatrix, DVector};
    use proptest::prelude::*;

    struct Factor(IncompleteCholesky, TriangularScratch<f64>);
    impl ApplyPreconditioner<f64> for Factor {
        fn apply(&mut self, r: &[f64], z: &mut [f64]) {
            self.0.solve(r, z, &mut self.1);
        }
    }

    /// A ring of `count` poses of three unknowns, as a structure, a flat and a dense Jacobian.
    fn ring(count: usize, entries: &[f64]) -> (Structure, Vec<f64>, DMatrix<f64>) {
        let mut structure = Structure::new();
        let poses: Vec<usize> = (0..count).map(|_| structure.add_variable(3)).collect();
        let mut dense = DMatrix::zeros(3 * count, 3 * count);
        let mut flat = Vec::new();
        for i in 0..count {
            let (a, b) = (poses[i], poses[(i + 1) % count]);
            structure.add_residual(3, &[a, b]);
            for row in 0..3 {
                for (k, column) in (3 * a..3 * a + 3).chain(3 * b..3 * b + 3).enumerate() {
                    let value = entries[flat.len() % entries.len()] + if k == row { 2.0 } else { 0.0 };
                    dense[(3 * i + row, column)] += value;
                    flat.push(value);
                }
            }
        }
        (structure, flat, dense)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(30))]
        #[test]
        fn solves_least_squares_like_dense_qr(entries in prop::collection::vec(-0.4f64..0.4, 90), count in 3usize..12) {
            let (structure, flat, dense) = ring(count, &entries);
            let (n, m) = (structure.column_count(), structure.row_count());
            let mut jacobian = BlockJacobian::<f64>::new(&structure);
            let mut scales = vec![0.0; n];
            let weights = vec![1.0; structure.residual_block_count()];
            jacobian.column_scales(&flat, &weights, &mut scales);
            let residual: Vec<f64> = (0..m).map(|i| ((i * 7) % 5) as f64 - 2.0).collect();
            let mut gradient = vec![0.0; n];
            jacobian.fill(&flat, &weights, &scales, &residual, &mut gradient);
            let expected = dense.qr().solve(&-DVector::from_vec(residual)).unwrap();

            let options = CgOptions { max_iterations: 500, relative_tolerance: 1e-12, damping: 0.0, negligible_decrease: 0.0 };
            let mut blocks = BlockJacobi::of(&jacobian, Precision::F64);
            blocks.invert(0.0);
            let complete = CholeskyOptions { fill_level: 1000, ..CholeskyOptions::default() };
            let factor = IncompleteCholesky::from_jacobian(&structure, &flat, None, &complete, Precision::F64).unwrap();
            let scratch = factor.scratch(&scales);
            let preconditioners: [&mut dyn ApplyPreconditioner<f64>; 2] = [&mut blocks, &mut Factor(factor, scratch)];
            let mut iterations = Vec::new();
            for preconditioner in preconditioners {
                let mut y = vec![0.0; n];
                let solved =
                    cgnr(&jacobian, &gradient, &mut y, preconditioner, &options, &mut CgScratch::new(n)).unwrap();
                let x = DVector::from_iterator(n, y.iter().zip(&scales).map(|(y, scale)| y * scale));
                prop_assert!(solved.converged);
                prop_assert!((x - &expected).norm() < 1e-7 * (1.0 + expected.norm()));
                // `½ xᵀ JᵀJ x` is what the model falls by at its minimum.
                let decrease = -0.5 * y.iter().zip(&gradient).map(|(y, g)| y * g).sum::<f64>();
                prop_assert!((solved.model_decrease - decrease).abs() < 1e-6 * (1.0 + decrease));
                iterations.push(solved.iterations);
            }
            prop_assert!(iterations[1] <= 3, "a complete factor leaves nothing to do: {iterations:?}");
        }
    }

    #[test]
    fn what_is_not_finite_is_noticed() {
        let (structure, flat, _) = ring(4, &[0.1]);
        let mut jacobian = BlockJacobian::<f16>::new(&structure);
        let n = structure.column_count();
        let (weights, scales) = (vec![1.0; 4], vec![1.0; n]);
        let mut gradient = vec![0.0f32; n];
        jacobian.fill(&flat, &weights, &scales, &[1.0; 12], &mut gradient);
        gradient[2] = f32::NAN;
        let mut blocks = BlockJacobi::of(&jacobian, Precision::F16);
        blocks.invert(0.0);
        let options =
            CgOptions { max_iterations: 10, relative_tolerance: 1e-3, damping: 0.0, negligible_decrease: 0.0 };
        let found = cgnr(&jacobian, &gradient, &mut vec![0.0; n], &mut blocks, &options, &mut CgScratch::new(n));
        assert!(found.is_err(), "{found:?}");
    }
}
