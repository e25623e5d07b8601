//! Linear least squares with three unknowns for each node, for several right-hand sides.

use crate::precision::{Scalar, VectorKernels};
use crate::solver::{BoundCholesky, CgOptions, CgScratch, SolverError, cgnr};
use crate::sparse::{BlockJacobian, Cholesky, Structure, TriangularScratch};

/// To how much of its size a solve reduces an error; a start need not be exact.
const TOLERANCE: f64 = 1e-3;

/// Equations `by_from x_from + by_to x_to + residual = 0`, three for each edge, with the complete factor of their normal
/// matrix. They are written straight into the arrays that are computed with: to make those of an edge takes less time than to
/// read them from a list.
pub(super) struct Relaxation<'f, V: Scalar> {
    /// `[by_from by_to]` of each edge, row by row.
    flat: Vec<V>,
    residuals: Vec<V>,
    weights: Vec<f64>,
    jacobian: BlockJacobian<V>,
    scales: Vec<f64>,
    gradient: Vec<V>,
    step: Vec<V>,
    factor: &'f mut Cholesky,
    bound: Option<TriangularScratch<V>>,
    scratch: CgScratch<V>,
}

impl<'f, V: VectorKernels> Relaxation<'f, V> {
    /// No equations yet; `factor` is one of this structure.
    pub(super) fn new(structure: &Structure, factor: &'f mut Cholesky) -> Self {
        let count = structure.column_count();
        Self {
            flat: vec![V::ZERO; structure.entry_count()],
            residuals: vec![V::ZERO; structure.row_count()],
            weights: vec![1.0; structure.residual_block_count()],
            jacobian: BlockJacobian::new(structure),
            scales: vec![1.0; count],
            gradient: vec![V::ZERO; count],
            step: vec![V::ZERO; count],
            factor,
            bound: None,
            scratch: CgScratch::new(count),
        }
    }

    /// Takes equations, which `write` puts into an edge's 18 coefficients and 3 residuals, all of them, and factors their
    /// normal matrix.
    ///
    /// # Errors
    /// [`SolverError`] if an equation is not finite.
    pub(super) fn set(&mut self, write: impl Fn(usize, &mut [V], &mut [V])) -> Result<(), SolverError> {
        let edges = self.flat.chunks_exact_mut(18).zip(self.residuals.chunks_exact_mut(3));
        for (edge, (coefficients, residuals)) in edges.enumerate() {
            write(edge, coefficients, residuals);
        }
        self.jacobian.column_scales(&self.flat, &self.weights, &mut self.scales);
        self.jacobian.fill(&self.flat, &self.weights, &self.scales, &self.residuals, &mut self.gradient);
        self.bound = None;
        let factored = self.factor.factor(&self.jacobian, &self.scales, 0.0);
        factored.map_err(|error| SolverError::Problem(error.to_string()))
    }

    /// Takes other residuals with the same coefficients.
    pub(super) fn set_residuals(&mut self, write: impl Fn(usize, &mut [V])) {
        for (edge, residuals) in self.residuals.chunks_exact_mut(3).enumerate() {
            write(edge, residuals);
        }
        self.jacobian.transposed_product(&self.residuals, &mut self.gradient);
    }

    /// The unknowns, in order of columns.
    ///
    /// # Errors
    /// [`SolverError`] if they are not finite.
    pub(super) fn solve(&mut self) -> Result<Vec<f64>, SolverError> {
        let options =
            CgOptions { max_iterations: 100, relative_tolerance: TOLERANCE, damping: 0.0, negligible_decrease: 0.0 };
        let vectors = self.bound.get_or_insert_with(|| self.factor.scratch(&self.scales));
        let mut preconditioner = BoundCholesky { factor: self.factor, scratch: vectors };
        cgnr(&self.jacobian, &self.gradient, &mut self.step, &mut preconditioner, &options, &mut self.scratch)
            .map_err(|trouble| SolverError::Problem(trouble.what))?;
        Ok(self.step.iter().zip(&self.scales).map(|(step, scale)| step.to_f64() * scale).collect())
    }
}
