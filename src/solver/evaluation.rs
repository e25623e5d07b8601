//! Residuals and cost at a state, in a chosen precision.

use super::Problem;
use crate::precision::{Precision, Scalar, f16};

/// Evaluates residuals in a precision; holds its buffers, so that nothing is allocated in the loop.
#[derive(Debug, Default)]
pub(crate) struct Evaluator {
    half: Vec<f16>,
    single: Vec<f32>,
}

impl Evaluator {
    /// Writes the residuals, computed in `precision`, and returns the cost `½ Σ ρ_b(‖r_b‖²)`.
    ///
    /// The sum over all blocks is kept in double in every precision: it is no part of the solution, and the costs of
    /// different policies are to be compared.
    pub(crate) fn evaluate<Q: Problem>(&mut self, problem: &Q, precision: Precision, residuals: &mut [f64]) -> f64 {
        match precision {
            Precision::BF16 | Precision::F16 => evaluate_in(problem, &mut self.half, residuals),
            Precision::F32 => evaluate_in(problem, &mut self.single, residuals),
            Precision::F64 => problem.residuals(residuals),
        }
        let structure = problem.structure();
        let block_cost = |block: usize| {
            let squared: f64 = residuals[structure.rows(block)].iter().map(|r| r * r).sum();
            problem.loss(block).evaluate(squared).0
        };
        0.5 * (0..structure.residual_block_count()).map(block_cost).sum::<f64>()
    }
}

fn evaluate_in<S: Scalar, Q: Problem>(problem: &Q, buffer: &mut Vec<S>, residuals: &mut [f64]) {
    buffer.resize(residuals.len(), S::ZERO);
    problem.residuals(buffer);
    for (wide, narrow) in residuals.iter_mut().zip(buffer) {
        *wide = narrow.to_f64();
    }
}
