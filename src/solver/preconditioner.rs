//! Which preconditioner a solve uses.

use super::cgnr::{ApplyPreconditioner, CgOptions, CgScratch, CgStatistics, cgnr};
use super::system::Trouble;
use crate::precision::{Precision, Scalar, VectorKernels};
use crate::sparse::{BlockJacobian, Cholesky, IncompleteCholesky, SparseError, TriangularScratch};
use std::time::Instant;

/// A preconditioner of conjugate gradients; one that was computed before is kept by the caller between solves.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Preconditioner {
    /// The inverses of the diagonal blocks of the present `JᵀJ + λ I`: for bundle adjustment.
    #[default]
    BlockJacobi,
    /// A static factor of the normal matrix, for pose graphs: it stays as it is from step to step and solve to solve.
    /// The damping is not in it.
    IncompleteCholesky(IncompleteCholesky),
    /// A complete factor of the normal matrix, for pose graphs: computed anew where that pays.
    Cholesky(RefreshedCholesky),
}

/// A static factor with what it needs for the present Jacobian's column scales.
pub(crate) struct BoundFactor<'a, V> {
    pub(crate) factor: &'a IncompleteCholesky,
    pub(crate) scratch: &'a mut TriangularScratch<V>,
}

impl<V: Scalar> ApplyPreconditioner<V> for BoundFactor<'_, V> {
    fn apply(&mut self, r: &[V], z: &mut [V]) {
        self.factor.solve(r, z, self.scratch);
    }
}

/// Iterations that conjugate gradients take with a factor of the very matrix, whose rounding they make up for.
const WITH_FRESH_FACTOR: usize = 3;

/// A factorization that costs no more iterations than this is done for every Jacobian: that of another one costs more.
const CHEAP: usize = 8;

/// A complete factor that serves until going on with it has cost as many iterations of conjugate gradients as computing
/// it anew: then at most twice as much is spent as with the best choice of when to compute it.
#[derive(Debug, Clone)]
pub struct RefreshedCholesky {
    factor: Cholesky,
    /// Iterations that a fresh factor would have saved so far; none before the first factorization.
    spent: Option<usize>,
}

impl RefreshedCholesky {
    /// Takes a factor that need not have been computed yet.
    pub fn new(factor: Cholesky) -> Self {
        Self { factor, spent: None }
    }

    /// The factor.
    pub fn factor(&self) -> &Cholesky {
        &self.factor
    }

    /// Lends it for something else; it is computed anew the next time that it is used here.
    pub fn borrow(&mut self) -> &mut Cholesky {
        self.spent = None;
        &mut self.factor
    }

    /// Has it computed anew for another Jacobian, if that costs so little.
    pub(crate) fn linearized(&mut self, jacobian_entries: usize) {
        if self.factor.iterations_of_its_price(jacobian_entries) <= CHEAP {
            self.spent = None;
        }
    }

    /// Solves as [`cgnr`], computing the factor before or on the way if that is due.
    ///
    /// # Errors
    /// [`Trouble`] as of [`cgnr`], or if the Jacobian is not finite.
    pub(crate) fn solve<P: Scalar, V: VectorKernels>(
        &mut self,
        (jacobian, scales): (&BlockJacobian<P>, &[f64]),
        gradient: &[V],
        x: &mut [V],
        precision: Precision,
        options: &CgOptions,
        scratch: &mut (CgScratch<V>, Option<TriangularScratch<V>>),
    ) -> Result<CgStatistics, Trouble> {
        let mut total = CgStatistics::default();
        if self.factor.set_precision(precision) {
            self.spent = None;
        }
        let price = self.factor.iterations_of_its_price(jacobian.entries().len());
        loop {
            let fresh = self.spent.is_none_or(|spent| spent >= price);
            if fresh {
                let started = Instant::now();
                let factored = self.factor.factor(jacobian, scales, options.damping);
                total.factor_time += started.elapsed();
                factored.map_err(|error: SparseError| Trouble { what: error.to_string() })?;
                (self.spent, scratch.1) = (Some(0), None);
            }
            let allowance = if fresh { usize::MAX } else { price - self.spent.unwrap_or(0) + WITH_FRESH_FACTOR };
            let limited = CgOptions { max_iterations: options.max_iterations.min(allowance), ..*options };
            let vectors = scratch.1.get_or_insert_with(|| self.factor.scratch(scales));
            let mut bound = BoundCholesky { factor: &self.factor, scratch: vectors };
            let solved = cgnr(jacobian, gradient, x, &mut bound, &limited, &mut scratch.0)?;
            total.iterations += solved.iterations;
            total.product_time += solved.product_time;
            total.preconditioner_time += solved.preconditioner_time;
            (total.model_decrease, total.converged) = (solved.model_decrease, solved.converged);
            if !fresh {
                let beyond = solved.iterations.saturating_sub(WITH_FRESH_FACTOR);
                self.spent = self.spent.map(|spent| spent + beyond);
            }
            if solved.converged || fresh || solved.iterations >= options.max_iterations {
                return Ok(total);
            }
        }
    }
}

/// A complete factor with what it needs for the present Jacobian's column scales.
#[derive(Debug)]
pub struct BoundCholesky<'a, V> {
    /// The factor.
    pub factor: &'a Cholesky,
    /// Made by [`Cholesky::scratch`].
    pub scratch: &'a mut TriangularScratch<V>,
}

impl<V: Scalar> ApplyPreconditioner<V> for BoundCholesky<'_, V> {
    fn apply(&mut self, r: &[V], z: &mut [V]) {
        self.factor.solve(r, z, self.scratch);
    }
}
