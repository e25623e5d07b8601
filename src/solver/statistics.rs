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
    /// Of two solves of a problem, one after the other: the end of the later one, and what both took.
    pub(crate) fn followed_by(self, later: Self) -> Self {
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
        Self {
            initial_cost: self.initial_cost,
            cost_history: [self.cost_history, later.cost_history].concat(),
            iterations: self.iterations + later.iterations,
            rejected_steps: self.rejected_steps + later.rejected_steps,
            flushed_to_zero: self.flushed_to_zero + later.flushed_to_zero,
            cg_iterations: self.cg_iterations + later.cg_iterations,
            escalations: [self.escalations, later.escalations].concat(),
            solve_ms: self.solve_ms + later.solve_ms,
            phases,
            ..later
        }
    }
}
