//! How far a step may be trusted: the damping of Levenberg and Marquardt, or none.

use super::SolverOptions;
use crate::precision::Policy;

/// The damping `λ` of `(JᵀJ + λ I) x = -g` in unknowns whose columns have unit norm.
///
/// # Source
/// Madsen, Nielsen, Tingleff, *Methods for Non-Linear Least Squares Problems* (2004), 3.2 and 2.21 (Nielsen's update).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Damping {
    lambda: f64,
    /// Below this it would fall short of the curvature that rounded rows feign.
    least: f64,
    growth: f64,
    gauss_newton: bool,
}

/// Beyond this the step is a ten-billionth of the steepest descent's: nothing is left to try.
const MOST: f64 = 1e10;
/// The first damping after a rejected step of an undamped solve.
const FIRST: f64 = 1e-6;

impl Damping {
    /// The first damping. Rows of unit columns, each rounded by a share of `u` at most, have a curvature of some `u²/4` in
    /// directions in which they had none: steps along these would follow the rounding, and conjugate gradients be busy with it.
    pub(crate) fn new(options: &SolverOptions, policy: &Policy) -> Self {
        let gauss_newton = options.method == "gauss_newton";
        let least = if policy.naive { 0.0 } else { 0.25 * policy.product.unit_roundoff().powi(2) };
        Self { lambda: if gauss_newton { 0.0 } else { options.initial_damping }, least, growth: 2.0, gauss_newton }
    }

    /// The present `λ`.
    pub(crate) fn lambda(&self) -> f64 {
        self.lambda
    }

    /// After a step that was taken; `gain` is its true decrease over the decrease of the model.
    pub(crate) fn accepted(&mut self, gain: f64) {
        let shrink = (1.0 - (2.0 * gain.min(2.0) - 1.0).powi(3)).max(1.0 / 3.0);
        self.lambda = if self.gauss_newton { 0.0 } else { (self.lambda * shrink).max(self.least.min(self.lambda)) };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_fall_below_what_rounding_feigns() {
        let options = SolverOptions { initial_damping: 1e-4, ..SolverOptions::default() };
        let after_forty_good_steps = |policy: &str| {
            let mut damping = Damping::new(&options, &Policy::resolve(policy).unwrap());
            (0..40).for_each(|_| damping.accepted(1.0));
            damping.lambda()
        };
        assert_eq!(after_forty_good_steps("mixed"), 2f64.powi(-24));
        assert!(after_forty_good_steps("single") < 1e-14);
        assert_eq!([after_forty_good_steps("double"), after_forty_good_steps("half")], [0.0; 2]);
        let options = SolverOptions { initial_damping: 1e-9, ..options };
        let mut damping = Damping::new(&options, &Policy::resolve("mixed").unwrap());
        damping.accepted(1.0);
        assert_eq!(damping.lambda(), 1e-9, "what is asked for is obeyed");
    }
}
