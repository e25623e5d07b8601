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
        let blocks = problem.structure().by_block(residuals).enumerate();
        0.5 * blocks.map(|(block, rows)| problem.loss(block).evaluate(squared_norm(rows)).0).sum::<f64>()
    }
}

/// The squared norm of a block's residuals.
#[inline(always)]
pub(super) fn squared_norm(rows: &[f64]) -> f64 {
    // A loop over so few rows takes several times as long as what it computes: that over the rows of a pose is unrolled.
    match *rows {
        [a, b, c] => a * a + b * b + c * c,
        [a, b, c, d, e, f] => a * a + b * b + c * c + d * d + e * e + f * f,
        _ => rows.iter().map(|r| r * r).sum(),
    }
}

fn evaluate_in<S: Scalar, Q: Problem>(problem: &Q, buffer: &mut Vec<S>, residuals: &mut [f64]) {
    buffer.resize(residuals.len(), S::ZERO);
    problem.residuals(buffer);
    for (wide, narrow) in residuals.iter_mut().zip(buffer) {
        *wide = narrow.to_f64();
    }
}
