//! What happened in a solve.

use crate::precision::Precision;
use serde::Serialize;

/// Time by phase of a solve, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PhaseTimes {
    /// Residuals and cost.
    pub residual_ms: f64,
    /// Jacobian, its scaling and its rounding to storage.
    pub jacobian_ms: f64,
    /// Computing the preconditioner.
    pub factor_ms: f64,
    /// Applying the preconditioner.
    pub triangular_ms: f64,
    /// Products with the Jacobian and its transpose.
    pub product_ms: f64,
    /// The linear solver as a whole: products, preconditioner and its vectors.
    pub linear_ms: f64,
    /// Update of the unknowns.
    pub update_ms: f64,
}

/// What happened in one nonlinear solve.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SolveStatistics {
    /// Which problem: `bundle`, `pose_graph`, ...
    pub problem: String,
    /// Name of the precision policy.
    pub policy: String,
    /// The linear solver: `cgnr` on the whole Jacobian, or `schur`, with the landmarks eliminated.
    pub linear_solver: String,
    /// The precision in which the factor that preconditions is stored at the end, which is higher than the policy's where
    /// that pays; `None` without a factor.
    pub factor_precision: Option<Precision>,
    /// Half the sum of squared whitened (and robustified) residuals before.
    pub initial_cost: f64,
    /// The same after.
    pub final_cost: f64,
    /// Cost after each outer iteration, the initial one first.
    pub cost_history: Vec<f64>,
    /// Outer iterations.
    pub iterations: usize,
    /// Steps that were tried and not taken.
    pub rejected_steps: usize,
    /// Entries of the Jacobian that the products' precision rounded to zero, all outer iterations together.
    pub flushed_to_zero: usize,
    /// Iterations of the linear solver, all outer iterations together.
    pub cg_iterations: usize,
    /// Whether a stopping test other than the iteration limit ended it.
    pub converged: bool,
    /// Why it stopped, with the value and the tolerance.
    pub stop_reason: String,
    /// Repeats one precision higher, and why.
    pub escalations: Vec<String>,
    /// Why the end may be wrong though it was reached as it should be, as where a map rejects most of its loops; empty if
    /// nothing speaks against it.
    pub doubts: Vec<String>,
    /// Number of residual rows.
    pub row_count: usize,
    /// Number of unknowns.
    pub column_count: usize,
    /// Time of the whole solve.
    pub solve_ms: f64,
    /// Time by phase.
    pub phases: PhaseTimes,
}

impl SolveStatistics {
    /// Of two solves of a problem, one after the other: what the one that counts ended with, and what both took.
    pub(crate) fn followed_by(self, later: Self, later_counts: bool) -> Self {
        let (a, b) = (&self.phases, &later.phases);
        let phases = PhaseTimes {
            residual_ms: a.residual_ms + b.residual_ms,
            jacobian_ms: a.jacobian_ms + b.jacobian_ms,
            factor_ms: a.factor_ms + b.factor_ms,
            triangular_ms: a.triangular_ms + b.triangular_ms,
            product_ms: a.product_ms + b.product_ms,
            linear_ms: a.linear_ms + b.linear_ms,
            update_ms: a.update_ms + b.update_ms,
        };
        let later_costs: &[f64] = if later_counts { &later.cost_history } else { &[] };
        let sums = Self {
            initial_cost: self.initial_cost,
            cost_history: [&self.cost_history, later_costs].concat(),
            iterations: self.iterations + later.iterations,
            rejected_steps: self.rejected_steps + later.rejected_steps,
            flushed_to_zero: self.flushed_to_zero + later.flushed_to_zero,
            cg_iterations: self.cg_iterations + later.cg_iterations,
            escalations: [&self.escalations[..], &later.escalations].concat(),
            solve_ms: self.solve_ms + later.solve_ms,
            phases,
            ..Self::default()
        };
        let end = if later_counts { later } else { self };
        Self {
            problem: end.problem,
            policy: end.policy,
            linear_solver: end.linear_solver,
            factor_precision: end.factor_precision,
            final_cost: end.final_cost,
            converged: end.converged,
            stop_reason: end.stop_reason,
            doubts: end.doubts,
            row_count: end.row_count,
            column_count: end.column_count,
            ..sums
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_solves_took_is_added_up_and_one_end_counts() {
        let solve = |final_cost: f64, iterations: usize, escalation: &str| SolveStatistics {
            initial_cost: 9.0,
            final_cost,
            cost_history: vec![9.0, final_cost],
            iterations,
            stop_reason: format!("at {final_cost}"),
            doubts: vec![format!("of {final_cost}")],
            escalations: vec![escalation.into()],
            phases: PhaseTimes { linear_ms: 2.0, ..PhaseTimes::default() },
            ..SolveStatistics::default()
        };
        for later_counts in [true, false] {
            let both = solve(4.0, 3, "first").followed_by(solve(1.0, 5, "second"), later_counts);
            let (cost, reason) = if later_counts { (1.0, "at 1") } else { (4.0, "at 4") };
            assert_eq!((both.initial_cost, both.final_cost, both.stop_reason.as_str()), (9.0, cost, reason));
            assert_eq!(both.doubts, [format!("of {cost}")]);
            assert_eq!(both.cost_history.last(), Some(&cost));
            assert_eq!((both.iterations, both.phases.linear_ms), (8, 4.0));
            assert_eq!(both.escalations, ["first", "second"]);
        }
    }
}
