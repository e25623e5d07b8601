//! A problem linearized where it stands, for those who solve it in another way.

use super::Problem;
use crate::sparse::Structure;

/// The linear least-squares problem `½ ‖W (J x + r)‖²` of a nonlinear one at its present state, in double precision and
/// without any scaling.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearProblem {
    /// Which residual block touches which variable.
    pub structure: Structure,
    /// `r`, whitened.
    pub residuals: Vec<f64>,
    /// `J` in the flat layout that [`Structure`] describes.
    pub jacobian: Vec<f64>,
    /// `W`: by residual block the root of the slope of its loss.
    pub weights: Vec<f64>,
    /// The nonlinear problem's cost here.
    pub cost: f64,
}

impl LinearProblem {
    /// Linearizes a problem.
    pub fn of<Q: Problem>(problem: &Q) -> Self {
        let structure = problem.structure().clone();
        let mut residuals = vec![0.0; structure.row_count()];
        let mut jacobian = vec![0.0; structure.entry_count()];
        problem.residuals(&mut residuals);
        problem.linearize(&mut jacobian);
        let mut cost = 0.0;
        let weight = |block: usize| {
            let squared = residuals[structure.rows(block)].iter().map(|r| r * r).sum();
            let (loss, slope) = problem.loss(block).evaluate(squared);
            cost += 0.5 * loss;
            slope.sqrt()
        };
        let weights = (0..structure.residual_block_count()).map(weight).collect();
        Self { structure, residuals, jacobian, weights, cost }
    }

    /// Number of rows of the Jacobian that are not all zero: observations of which less is known than of others are
    /// padded with rows that say nothing.
    pub fn row_count(&self) -> usize {
        let of_block = |block: usize| {
            let entries = &self.jacobian[self.structure.entries(block)];
            let width = (entries.len() / self.structure.rows(block).len().max(1)).max(1);
            entries.chunks_exact(width).filter(|row| row.iter().any(|&entry| entry != 0.0)).count()
        };
        (0..self.structure.residual_block_count()).map(of_block).sum()
    }
}
