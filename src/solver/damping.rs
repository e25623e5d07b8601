//! How far a step may be trusted: the damping of Levenberg and Marquardt, or none.

use super::SolverOptions;

/// The damping `λ` of `(JᵀJ + λ I) x = -g` in unknowns whose columns have unit norm.
///
/// # Source
/// Madsen, Nielsen, Tingleff, *Methods for Non-Linear Least Squares Problems* (2004), 3.2 and 2.21 (Nielsen's update).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Damping {
    lambda: f64,
    growth: f64,
    gauss_newton: bool,
}

/// Beyond this the step is a ten-billionth of the steepest descent's: nothing is left to try.
const MOST: f64 = 1e10;
/// The first damping after a rejected step of an undamped solve.
const FIRST: f64 = 1e-6;

impl Damping {
    pub(crate) fn new(options: &SolverOptions) -> Self {
        let gauss_newton = options.method == "gauss_newton";
        Self { lambda: if gauss_newton { 0.0 } else { options.initial_damping }, growth: 2.0, gauss_newton }
    }

    /// The present `λ`.
    pub(crate) fn lambda(&self) -> f64 {
        self.lambda
    }

    /// After a step that was taken; `gain` is its true decrease over the decrease of the model.
    pub(crate) fn accepted(&mut self, gain: f64) {
        let shrink = (1.0 - (2.0 * gain.min(2.0) - 1.0).powi(3)).max(1.0 / 3.0);
        self.lambda = if self.gauss_newton { 0.0 } else { self.lambda * shrink };
        if self.lambda < 1e-16 {
            self.lambda = 0.0;
        }
        self.growth = 2.0;
    }

    /// After a step that was not taken; `false` when nothing is left to try.
    pub(crate) fn rejected(&mut self) -> bool {
        self.lambda = (self.lambda * self.growth).max(FIRST);
        self.growth *= 2.0;
        self.lambda <= MOST
    }
}
