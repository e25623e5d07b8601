//! A step of the motion between two frames as a least-squares problem.

use super::pairs::Row;
use crate::precision::Scalar;
use crate::solver::Problem;
use crate::sparse::Structure;
use nalgebra::Vector6;

/// Minimizes `‖r + J δ‖²` over the step `δ`: the pairs and the prior, linearized where the step begins.
pub(super) struct StepProblem {
    rows: Vec<Row>,
    structure: Structure,
    step: Vector6<f64>,
}

impl StepProblem {
    pub(super) fn new(rows: Vec<Row>) -> Self {
        let mut structure = Structure::new();
        let motion = structure.add_variable(6);
        structure.add_residual(rows.len(), &[motion]);
        Self { rows, structure, step: Vector6::zeros() }
    }

    /// `[ρ; φ]` (m, rad).
    pub(super) fn step(&self) -> Vector6<f64> {
        self.step
    }
}

impl Problem for StepProblem {
    type State = Vector6<f64>;

    fn name(&self) -> &'static str {
        "surfaces"
    }

    fn structure(&self) -> &Structure {
        &self.structure
    }

    fn residuals<S: Scalar>(&self, residuals: &mut [S]) {
        let step: [S; 6] = std::array::from_fn(|k| S::from_f64(self.step[k]));
        for (residual, row) in residuals.iter_mut().zip(&self.rows) {
            let moved: S = (0..6).map(|k| S::from_f64(row.by_motion[k]) * step[k]).sum();
            *residual = S::from_f64(row.residual) + moved;
        }
    }

    fn linearize<S: Scalar>(&self, jacobian: &mut [S]) {
        for (entries, row) in jacobian.chunks_exact_mut(6).zip(&self.rows) {
            entries.iter_mut().zip(row.by_motion.iter()).for_each(|(entry, by)| *entry = S::from_f64(*by));
        }
    }

    fn retract<S: Scalar>(&mut self, step: &[S]) {
        self.step.iter_mut().zip(step).for_each(|(sum, step)| *sum += step.to_f64());
    }

    fn state(&self) -> Self::State {
        self.step
    }

    fn restore(&mut self, state: &Self::State) {
        self.step = *state;
    }
}
