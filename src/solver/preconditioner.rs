//! Which preconditioner a solve uses.

use super::cgnr::{ApplyPreconditioner, CgOptions, CgScratch, CgStatistics, cgnr};
use super::system::Trouble;
use crate::precision::{Precision, Scalar, VectorKernels};
use crate::sparse::{BlockJacobian, Cholesky, IncompleteCholesky, SparseError, Structure, TriangularScratch};
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
    Cholesky(Box<RefreshedCholesky>),
}

impl Preconditioner {
    /// The precision in which its factor is stored, if it has one.
    pub fn factor_precision(&self) -> Option<Precision> {
        match self {
            Self::BlockJacobi => None,
            Self::IncompleteCholesky(factor) => Some(factor.precision()),
            Self::Cholesky(factor) => Some(factor.factor().precision()),
        }
    }
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

/// A factor that is computed at the price of so few iterations is stored in single at least. It is read hardly more often
/// than it is written, and belongs to a graph that is little more than chains. Rounding it to half blurs their softest
/// motions, which costs more iterations than reading half as much saves.
const CHEAP: usize = 8;

/// Half the bytes make an iteration cost half as much at best: a fresh factor in half precision that needs more than twice
/// the iterations of an exact one does not pay.
const MOST_IN_HALF: usize = 2 * WITH_FRESH_FACTOR;

/// A complete factor that serves until going on with it has cost as many iterations of conjugate gradients as computing
/// it anew: then at most twice as much is spent as with the best choice of when to compute it.
#[derive(Debug, Clone)]
pub struct RefreshedCholesky {
    factor: Cholesky,
    /// Iterations that a fresh factor would have saved so far; none before the first factorization.
    spent: Option<usize>,
    /// Whether half precision does not pay, so that the factor is stored in single at least.
    wide: bool,
}

impl RefreshedCholesky {
    /// Takes a factor, for Jacobians of so many entries, that need not have been computed yet.
    pub fn new(factor: Cholesky, jacobian_entries: usize) -> Self {
        let mut refreshed = Self { factor, spent: None, wide: false };
        refreshed.widen(jacobian_entries);
        refreshed
    }

    /// The factor.
    pub fn factor(&self) -> &Cholesky {
        &self.factor
    }

    /// Takes a structure that goes on where that of the factor ends; `false` if the factor is of no more use.
    pub(crate) fn append(&mut self, structure: &Structure) -> bool {
        let serves_on = self.factor.append(structure);
        // Each row that the factor lacks may cost an iteration.
        if self.factor.lacking_rows() >= self.factor.iterations_of_its_price(structure.entry_count()) {
            self.spent = None;
        }
        serves_on
    }

    /// Lends it for something else of the same structure; it is computed anew the next time that it is used here.
    ///
    /// # Errors
    /// [`SparseError`] if there is no such factor.
    pub fn borrow(&mut self, structure: &Structure) -> Result<&mut Cholesky, SparseError> {
        self.spent = None;
        self.renew(structure)?;
        Ok(&mut self.factor)
    }

    /// Says that what it was lent for has left a factor of nearly the Jacobian to come: it serves on as one of an older
    /// Jacobian does.
    pub(crate) fn serve_on(&mut self) {
        self.wide |= self.factor.precision() >= Precision::F32;
        self.spent = Some(0);
    }

    /// Makes it a factor of the whole structure if it is of a part of it.
    fn renew(&mut self, structure: &Structure) -> Result<(), SparseError> {
        if self.factor.is_appended() {
            self.factor = self.factor.renewed(structure)?;
            self.widen(structure.entry_count());
        }
        Ok(())
    }

    /// Has a factor that costs little to compute stored in single at least.
    fn widen(&mut self, jacobian_entries: usize) {
        self.wide |= self.factor.iterations_of_its_price(jacobian_entries) <= CHEAP;
        if self.wide {
            self.factor.set_precision(self.factor.precision().max(Precision::F32));
        }
    }

    /// Solves as [`cgnr`], computing the factor before or on the way if that is due.
    ///
    /// # Errors
    /// [`Trouble`] as of [`cgnr`], or if the Jacobian is not finite.
    pub(crate) fn solve<P: Scalar, V: VectorKernels>(
        &mut self,
        (structure, jacobian, scales): (&Structure, &BlockJacobian<P>, &[f64]),
        gradient: &[V],
        x: &mut [V],
        precision: Precision,
        options: &CgOptions,
        scratch: &mut (CgScratch<V>, Option<TriangularScratch<V>>),
    ) -> Result<CgStatistics, Trouble> {
        let mut total = CgStatistics::default();
        // A naive policy gets what it asks for.
        let naive = V::PRECISION == Precision::F16;
        let stored = if self.wide && !naive { precision.max(Precision::F32) } else { precision };
        if self.factor.set_precision(stored) {
            self.spent = None;
        }
        let price = self.factor.iterations_of_its_price(jacobian.entries().len());
        loop {
            let fresh = self.spent.is_none_or(|spent| spent >= price);
            if fresh {
                let started = Instant::now();
                let factored = self.refactor(structure, (jacobian, scales), options.damping);
                total.factor_time += started.elapsed();
                factored.map_err(|error| Trouble { what: error.to_string() })?;
                (self.spent, scratch.1) = (Some(0), None);
            } else if scratch.1.is_none() {
                self.factor.factor_appended(jacobian, options.damping);
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
            if fresh {
                self.wide |= solved.iterations > MOST_IN_HALF;
            } else {
                let beyond = solved.iterations.saturating_sub(WITH_FRESH_FACTOR);
                self.spent = self.spent.map(|spent| spent + beyond);
            }
            if solved.converged || fresh || solved.iterations >= options.max_iterations {
                return Ok(total);
            }
        }
    }

    /// Computes the factor of the whole present structure.
    fn refactor<P: Scalar>(
        &mut self,
        structure: &Structure,
        (jacobian, scales): (&BlockJacobian<P>, &[f64]),
        damping: f64,
    ) -> Result<(), SparseError> {
        self.renew(structure)?;
        let factored = self.factor.factor(jacobian, scales, damping);
        // It has widened itself if there was need.
        self.wide |= self.factor.precision() >= Precision::F32;
        factored
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
