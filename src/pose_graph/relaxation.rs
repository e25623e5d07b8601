//! Linear least squares with three unknowns for each node, for several right-hand sides.

use crate::precision::{Scalar, VectorKernels};
use crate::solver::{BoundCholesky, CgOptions, CgScratch, SolverError, cgnr};
use crate::sparse::{BlockJacobian, Cholesky, Structure, TriangularScratch, VariableIndex};
use nalgebra::{Matrix3, Vector3};

/// `by_from x_from + by_to x_to = target`.
pub(super) struct Equation {
    pub(super) nodes: [usize; 2],
    pub(super) by_from: Matrix3<f64>,
    pub(super) by_to: Matrix3<f64>,
    pub(super) target: Vector3<f64>,
}

/// To how much of its size a solve reduces an error; a start need not be exact.
const TOLERANCE: f64 = 1e-3;

/// The equations with the complete factor of their normal matrix.
pub(super) struct Relaxation<'f, V: Scalar> {
    equations: Vec<Equation>,
    /// By node: its first unknown; `None` if it is fixed.
    columns: Vec<Option<usize>>,
    jacobian: BlockJacobian<V>,
    scales: Vec<f64>,
    factor: &'f mut Cholesky,
    bound: Option<TriangularScratch<V>>,
    scratch: CgScratch<V>,
}

impl<'f, V: VectorKernels> Relaxation<'f, V> {
    /// Factors the equations' normal matrix; `factor` is one of this structure.
    ///
    /// # Errors
    /// [`SolverError`] if an equation is not finite.
    pub(super) fn new(
        equations: Vec<Equation>,
        structure: &Structure,
        variables: &[VariableIndex],
        factor: &'f mut Cholesky,
    ) -> Result<Self, SolverError> {
        let count = structure.column_count();
        let mut relaxation = Self {
            equations: Vec::new(),
            columns: variables.iter().map(|&variable| structure.column(variable)).collect(),
            jacobian: BlockJacobian::new(structure),
            scales: vec![1.0; count],
            factor,
            bound: None,
            scratch: CgScratch::new(count),
        };
        relaxation.set_equations(equations, structure)?;
        Ok(relaxation)
    }

    /// Takes other equations between the same nodes.
    ///
    /// # Errors
    /// As of [`Self::new`].
    pub(super) fn set_equations(&mut self, equations: Vec<Equation>, structure: &Structure) -> Result<(), SolverError> {
        let mut flat = vec![V::ZERO; structure.entry_count()];
        for (equation, block) in equations.iter().zip(flat.chunks_exact_mut(18)) {
            for (row, entries) in block.chunks_exact_mut(6).enumerate() {
                for column in 0..3 {
                    entries[column] = V::from_f64(equation.by_from[(row, column)]);
                    entries[3 + column] = V::from_f64(equation.by_to[(row, column)]);
                }
            }
        }
        let weights = vec![1.0; equations.len()];
        let (zero, mut unused) = (vec![V::ZERO; structure.row_count()], vec![V::ZERO; self.scales.len()]);
        self.jacobian.column_scales(&flat, &weights, &mut self.scales);
        self.jacobian.fill(&flat, &weights, &self.scales, &zero, &mut unused);
        let factored = self.factor.factor(&self.jacobian, &self.scales, 0.0);
        factored.map_err(|error| SolverError::Problem(error.to_string()))?;
        self.bound = None;
        self.equations = equations;
        Ok(())
    }

    /// Adds to the values of the free nodes what the equations lack.
    ///
    /// # Errors
    /// [`SolverError`] if that is not finite.
    pub(super) fn solve(&mut self, values: &mut [Vector3<f64>]) -> Result<(), SolverError> {
        let count = self.scales.len();
        let (mut gradient, mut step) = (vec![V::ZERO; count], vec![V::ZERO; count]);
        let mut residuals = vec![V::ZERO; 3 * self.equations.len()];
        let options =
            CgOptions { max_iterations: 100, relative_tolerance: TOLERANCE, damping: 0.0, negligible_decrease: 0.0 };
        for (equation, rows) in self.equations.iter().zip(residuals.chunks_exact_mut(3)) {
            let [from, to] = equation.nodes.map(|node| values[node]);
            let residual = equation.by_from * from + equation.by_to * to - equation.target;
            rows.copy_from_slice(&[residual.x, residual.y, residual.z].map(V::from_f64));
        }
        self.jacobian.transposed_product(&residuals, &mut gradient);
        let vectors = self.bound.get_or_insert_with(|| self.factor.scratch(&self.scales));
        let mut preconditioner = BoundCholesky { factor: self.factor, scratch: vectors };
        cgnr(&self.jacobian, &gradient, &mut step, &mut preconditioner, &options, &mut self.scratch)
            .map_err(|trouble| SolverError::Problem(trouble.what))?;
        for (value, column) in values.iter_mut().zip(&self.columns) {
            let Some(column) = *column else { continue };
            for k in 0..3 {
                value[k] += step[column + k].to_f64() * self.scales[column + k];
            }
        }
        Ok(())
    }
}
