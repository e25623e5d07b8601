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
}

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
    let damping = V::from_f64(options.damping);
    while energy > target && statistics.iterations < options.max_iterations {
        let mut curvature = timed(&mut statistics.product_time, || jacobian.normal_product(direction, product));
        if options.damping > 0.0 {
            V::add_scaled(&mut product[..n], damping, &direction[..n]);
            curvature += options.damping * V::dot(&direction[..n], &direction[..n]);
        }
        if !(curvature > 0.0 && curvature.is_finite()) {
            return Err(Trouble::in_linear_solver("curvature", curvature));
        }
        let length = energy / curvature;
        V::add_scaled(x, V::from_f64(length), &direction[..n]);
        V::add_scaled(residual, V::from_f64(-length), &product[..n]);
        statistics.iterations += 1;
        statistics.model_decrease += 0.5 * length * energy;
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
    statistics.converged = energy <= target;
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
