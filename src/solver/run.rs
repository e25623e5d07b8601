//! What the outer loop remembers between its steps, and its bookkeeping.

use super::cgnr::{CgOptions, CgStatistics};
use super::evaluation::Evaluator;
use super::system::{Linearization, System, Trouble, system_for};
use super::{Preconditioner, Problem, SolveStatistics, SolverError, SolverOptions};
use crate::precision::{Policy, Precision};
use std::time::Instant;

/// A step that was tried: the problem stands at its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial {
    /// Cost at its end in the policy's precision; not finite if it cannot be evaluated.
    pub(crate) cost: f64,
    /// Decrease that the model promised, in units of the cost.
    pub(crate) promised: f64,
}

/// A solve in progress.
pub(crate) struct Run<'a, Q: Problem> {
    pub(crate) policy: Policy,
    pub(crate) statistics: SolveStatistics,
    /// Cost at the present state in the policy's precision.
    pub(crate) cost: f64,
    options: &'a SolverOptions,
    system: Box<dyn System<Q>>,
    evaluator: Evaluator,
    residuals: Vec<f64>,
    trial_residuals: Vec<f64>,
    state: Q::State,
    initial_state: Q::State,
    linearization: Option<Linearization>,
    gradient_history: [f64; 2],
    started: Instant,
}

impl<'a, Q: Problem> Run<'a, Q> {
    pub(crate) fn start(problem: &Q, policy: &Policy, options: &'a SolverOptions) -> Result<Self, SolverError> {
        policy.validate().map_err(|error| SolverError::Problem(error.to_string()))?;
        let started = Instant::now();
        let structure = problem.structure();
        let mut run = Self {
            policy: policy.clone(),
            statistics: SolveStatistics {
                problem: problem.name().into(),
                policy: policy.name.clone(),
                row_count: structure.row_count(),
                column_count: structure.column_count(),
                ..SolveStatistics::default()
            },
            cost: f64::NAN,
            options,
            system: system_for(policy, problem, options.scaling)?,
            evaluator: Evaluator::default(),
            residuals: vec![0.0; structure.row_count()],
            trial_residuals: vec![0.0; structure.row_count()],
            state: problem.state(),
            initial_state: problem.state(),
            linearization: None,
            gradient_history: [f64::NAN; 2],
            started,
        };
        run.statistics.initial_cost = run.trial_cost(problem, Precision::F64);
        if !run.statistics.initial_cost.is_finite() {
            return Err(SolverError::NotFinite("the residuals at the initial state"));
        }
        run.evaluate_present(problem);
        run.statistics.cost_history.push(run.cost);
        Ok(run)
    }

    fn evaluate_present(&mut self, problem: &Q) {
        let start = Instant::now();
        self.cost = self.evaluator.evaluate(problem, self.policy.residual, &mut self.residuals);
        self.statistics.phases.residual_ms += milliseconds_since(start);
    }

    /// Cost at the problem's state in any precision, the residuals into the buffer of trials.
    pub(crate) fn trial_cost(&mut self, problem: &Q, precision: Precision) -> f64 {
        let start = Instant::now();
        let cost = self.evaluator.evaluate(problem, precision, &mut self.trial_residuals);
        self.statistics.phases.residual_ms += milliseconds_since(start);
        cost
    }

    /// Linearizes unless it has been done since the last accepted step; returns the gradient's cosine.
    pub(crate) fn linearize(&mut self, problem: &Q) -> Result<f64, Trouble> {
        if !self.cost.is_finite() {
            return Err(Trouble { what: format!("the cost is {}", self.cost) });
        }
        if self.linearization.is_none() {
            let start = Instant::now();
            let linearization = self.system.linearize(problem, &self.residuals);
            self.statistics.phases.jacobian_ms += milliseconds_since(start);
            let linearization = linearization?;
            self.statistics.flushed_to_zero += linearization.rounding.flushed;
            self.gradient_history = [self.gradient_history[1], linearization.gradient_cosine * self.cost.sqrt()];
            self.linearization = Some(linearization);
        }
        Ok(self.linearization.map_or(0.0, |linearization| linearization.gradient_cosine))
    }

    /// How exactly the linear problem has to be solved: as exactly as the gradient has fallen, no more.
    ///
    /// # Source
    /// Eisenstat, Walker, *Choosing the forcing terms in an inexact Newton method* (1996), choice 2.
    fn forcing(&self) -> f64 {
        let most = self.options.forcing;
        let ratio = self.gradient_history[1] / self.gradient_history[0];
        if ratio.is_finite() { (0.9 * ratio * ratio).clamp(0.01 * most, most) } else { most }
    }

    /// Solves the linearized problem at a damping, and moves the problem to where the step leads.
    pub(crate) fn try_step(
        &mut self,
        problem: &mut Q,
        preconditioner: &mut Preconditioner,
        damping: f64,
    ) -> Result<Trial, Trouble> {
        let options = CgOptions {
            max_iterations: self.options.max_linear_iterations,
            relative_tolerance: self.forcing(),
            damping,
        };
        let start = Instant::now();
        let solved = self.system.solve(preconditioner, &options);
        let elapsed = milliseconds_since(start);
        let solved: CgStatistics = solved?;
        self.statistics.cg_iterations += solved.iterations;
        self.statistics.phases.linear_ms += elapsed;
        self.statistics.phases.factor_ms += 1e3 * solved.factor_time.as_secs_f64();
        self.statistics.phases.product_ms += 1e3 * solved.product_time.as_secs_f64();
        self.statistics.phases.triangular_ms += 1e3 * solved.preconditioner_time.as_secs_f64();
        let start = Instant::now();
        let moved = self.system.retract(problem);
        self.statistics.phases.update_ms += milliseconds_since(start);
        moved?;
        let model_unit = self.linearization.map_or(1.0, |linearization| linearization.model_unit);
        let cost = self.trial_cost(problem, self.policy.residual);
        Ok(Trial { cost, promised: solved.model_decrease * model_unit })
    }

    /// Takes the step that was tried.
    pub(crate) fn accept(&mut self, problem: &Q, trial: &Trial) {
        std::mem::swap(&mut self.residuals, &mut self.trial_residuals);
        self.state = problem.state();
        self.cost = trial.cost;
        self.linearization = None;
        self.statistics.iterations += 1;
        self.statistics.cost_history.push(trial.cost);
    }

    /// Goes back to before the step that was tried.
    pub(crate) fn reject(&mut self, problem: &mut Q) {
        problem.restore(&self.state);
        self.statistics.rejected_steps += 1;
    }

    /// Whether double precision sees a descent in the rejected step at whose end the problem stands: then the
    /// residuals are too coarse to judge it.
    pub(crate) fn residuals_are_too_coarse(&mut self, problem: &mut Q) -> bool {
        if self.policy.naive || self.policy.residual == Precision::F64 {
            return false;
        }
        let after = self.trial_cost(problem, Precision::F64);
        let end = problem.state();
        problem.restore(&self.state);
        let before = self.trial_cost(problem, Precision::F64);
        problem.restore(&end);
        after < before
    }

    /// Repeats from the last accepted state one precision higher.
    ///
    /// Says `false` if there is no higher precision, or if the policy is naive.
    pub(crate) fn escalate(&mut self, problem: &mut Q, why: &str) -> Result<bool, SolverError> {
        problem.restore(&self.state);
        let Some(raised) = self.policy.raised().filter(|_| !self.policy.naive) else {
            return Ok(false);
        };
        tracing::warn!("{}: {why}; repeated in higher precision", self.statistics.problem);
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
        self.system = system_for(&self.policy, problem, self.options.scaling)?;
        self.linearization = None;
        self.gradient_history = [f64::NAN; 2];
        self.evaluate_present(problem);
        Ok(true)
    }

    /// Ends the solve at the last accepted state.
    pub(crate) fn finish(mut self, problem: &mut Q, converged: bool, reason: String) -> SolveStatistics {
        problem.restore(&self.state);
        let cost = self.trial_cost(problem, Precision::F64);
        self.statistics.final_cost = cost;
        // Also true of a cost that is not a number.
        if !matches!(
            cost.partial_cmp(&self.statistics.initial_cost),
            Some(std::cmp::Ordering::Less | std::cmp::Ordering::Equal)
        ) {
            problem.restore(&self.initial_state);
            self.statistics.final_cost = self.statistics.initial_cost;
        }
        self.statistics.converged = converged;
        self.statistics.stop_reason = reason;
        self.statistics.solve_ms = milliseconds_since(self.started);
        self.statistics
    }
}

fn milliseconds_since(start: Instant) -> f64 {
    1e3 * start.elapsed().as_secs_f64()
}
