//! When a solve wants more precision, and how it goes on in it.

use super::{Following, Run};
use crate::solver::{Problem, SolverError};

/// A solve whose last step decreased the cost by less than this share is about to converge.
const CONVERGING: f64 = 1e-2;

/// The share of a step over which its direction is judged,
const SHORT: f64 = 1e-3;
/// and the part of what its model promises there that it has to keep.
const PART: f64 = 0.5;

impl<Q: Problem> Run<'_, Q> {
    /// Whether rejected steps tell of a want of precision; the problem stands where they began.
    ///
    /// About to converge they don't if the last of them descends at its start as its model said, in double, over a short
    /// share of it: then it is the problem that bends. Far from there rounding may choose the valley.
    pub(crate) fn doubts_precision(&mut self, problem: &mut Q, promised: f64) -> bool {
        if self.policy.naive || self.policy.raised().is_none() {
            return false;
        }
        if !self.is_converging() {
            return true;
        }
        let before = match self.cost_in_double {
            Some(before) => before,
            None => self.double_cost(problem),
        };
        self.cost_in_double = Some(before);
        let moved = self.system.retract(problem, SHORT);
        let after = self.double_cost(problem);
        problem.restore(&self.state);
        // Along the whole step the model falls by `promised`, at its start twice as fast.
        moved.is_err() || before - after <= PART * 2.0 * SHORT * promised || before.is_nan() || after.is_nan()
    }

    /// Whether the last step that was taken decreased the cost by little.
    fn is_converging(&self) -> bool {
        matches!(
            self.statistics.cost_history[..],
            [.., before, after] if (before - after).abs() <= CONVERGING * before
        )
    }

    /// Repeats one precision higher: from the last accepted state if the solve was about to converge, else from its
    /// start, since steps that are too coarse to descend may have led into a worse valley before.
    ///
    /// Says `false` if there is no higher precision, or if the policy is naive; the problem is at the last accepted state.
    pub(crate) fn escalate(&mut self, problem: &mut Q, why: &str) -> Result<bool, SolverError> {
        problem.restore(&self.state);
        let Some(raised) = self.policy.raised().filter(|_| !self.policy.naive) else {
            return Ok(false);
        };
        if !self.is_converging() {
            problem.restore(&self.initial_state);
            self.state = problem.state();
            self.cost_in_double = Some(self.statistics.initial_cost);
        }
        tracing::debug!("{}: {why}; repeated in higher precision", self.statistics.problem);
        self.statistics.escalations.push(format!(
            "{why}: product {} -> {}, vectors {} -> {}, residual {} -> {}",
            self.policy.product,
            raised.product,
            self.policy.vectors,
            raised.vectors,
            self.policy.residual,
            raised.residual
        ));
        self.policy = raised;
        self.system = (self.make)(&self.policy, problem)?;
        self.statistics.linear_solver = self.system.name().into();
        self.linearization = None;
        self.iterations_of_precision = 0;
        self.noise = 0.0;
        self.gradient_history = [f64::NAN; 2];
        self.decreases = [f64::INFINITY; 2];
        self.following = Following::NotYet;
        self.evaluate_present(problem);
        Ok(true)
    }
}
