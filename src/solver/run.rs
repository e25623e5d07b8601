//! What the outer loop remembers between its steps, and its bookkeeping.

mod escalation;
mod following;

use super::cgnr::{CgOptions, CgStatistics};
use super::system::{Linearization, System, Trouble};
use super::{Preconditioner, Problem, SolveStatistics, SolverError, SolverOptions, stopping};
use crate::precision::{Policy, Precision};
use following::Following;
use std::time::Instant;

/// Makes the system of a policy.
pub(crate) type MakeSystem<'m, Q> = dyn Fn(&Policy, &Q) -> Result<Box<dyn System<Q>>, SolverError> + 'm;

/// A difference of costs is clear if it is this many times the noise that was seen in them,
const CLEAR: f64 = 100.0;
/// and this share of the cost: residuals of a hundred standard deviations in single precision.
const CLEAR_SHARE: f64 = 1e-3;

/// Of the decrease that ends a solve, the share that is worth no iteration of conjugate gradients,
const NEGLIGIBLE: f64 = 0.1;
/// and the one that is worth no step.
const NOTHING: f64 = 0.01;

/// The most exact that linear problems are solved, as a share of how exactly the first one is.
const LEAST_FORCING: f64 = 0.01;
/// Steps creep if one decreases the cost by less than this share,
const CREEPING_SHARE: f64 = 1e-3;
/// and by more than this share of what the one before did: Gauss and Newton's steps fall far quicker where they are solved.
const CREEPING_RATIO: f64 = 0.5;
/// A linear problem that took no more iterations than this was preconditioned by a factor, and solved but for what rounding
/// leaves: in single precision no tolerance is reached sooner by going on.
const EXACT: usize = 10;

/// A step is too short if it decreases the cost by so many times what its model promised; without any curvature it would be
/// two.
const SHORT_OF: f64 = 1.5;
/// How often a step is doubled.
const MOST_DOUBLINGS: u32 = 4;

/// A step that was tried: the problem stands at its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial {
    /// Cost at its end in the policy's precision; not finite if it cannot be evaluated.
    pub(crate) cost: f64,
    /// The same in double, if it is known.
    pub(crate) cost_in_double: Option<f64>,
    /// Decrease that the model promised, in units of the cost.
    pub(crate) promised: f64,
}

/// What came of an attempt at a step.
pub(crate) enum Attempt {
    /// It was tried.
    Step(Trial),
    /// There is none that is worth trying, and why.
    Done(String),
}

/// A solve in progress.
pub(crate) struct Run<'a, Q: Problem> {
    pub(crate) policy: Policy,
    pub(crate) statistics: SolveStatistics,
    /// Cost at the present state in the policy's precision.
    pub(crate) cost: f64,
    /// Outer iterations since the precision was last raised.
    pub(crate) iterations_of_precision: usize,
    options: &'a SolverOptions,
    make: &'a MakeSystem<'a, Q>,
    system: Box<dyn System<Q>>,
    /// Cost at the present state in double, if it is known.
    cost_in_double: Option<f64>,
    /// The largest difference seen between a cost in the policy's precision and in double.
    noise: f64,
    state: Q::State,
    initial_state: Q::State,
    linearization: Option<Linearization>,
    gradient_history: [f64; 2],
    /// What the last two steps that were taken decreased the cost by, the older one first; infinite where there was none.
    decreases: [f64; 2],
    following: Following,
    /// Iterations of conjugate gradients in the last linear problem.
    last_cg_iterations: usize,
    started: Instant,
}

impl<'a, Q: Problem> Run<'a, Q> {
    pub(crate) fn start(
        problem: &Q,
        policy: &Policy,
        options: &'a SolverOptions,
        make: &'a MakeSystem<'a, Q>,
    ) -> Result<Self, SolverError> {
        policy.validate().map_err(|error| SolverError::Problem(error.to_string()))?;
        let started = Instant::now();
        let (row_count, column_count) = problem.shape();
        let system = make(policy, problem)?;
        let mut run = Self {
            policy: policy.clone(),
            statistics: SolveStatistics {
                problem: problem.name().into(),
                policy: policy.name.clone(),
                linear_solver: system.name().into(),
                row_count,
                column_count,
                ..SolveStatistics::default()
            },
            cost: f64::NAN,
            iterations_of_precision: 0,
            options,
            make,
            system,
            cost_in_double: None,
            noise: 0.0,
            state: problem.state(),
            initial_state: problem.state(),
            linearization: None,
            gradient_history: [f64::NAN; 2],
            decreases: [f64::INFINITY; 2],
            following: Following::NotYet,
            last_cg_iterations: 0,
            started,
        };
        run.statistics.initial_cost = run.double_cost(problem);
        if !run.statistics.initial_cost.is_finite() {
            return Err(SolverError::NotFinite("the residuals at the initial state"));
        }
        run.cost_in_double = Some(run.statistics.initial_cost);
        run.evaluate_present(problem);
        run.statistics.cost_history.push(run.cost);
        Ok(run)
    }

    fn evaluate_present(&mut self, problem: &Q) {
        self.cost = self.policy_cost(problem);
        self.note_noise(self.cost);
    }

    /// Cost at the problem's state in the policy's precision.
    fn policy_cost(&mut self, problem: &Q) -> f64 {
        let start = Instant::now();
        let cost = self.system.evaluate(problem);
        self.statistics.phases.residual_ms += milliseconds_since(start);
        cost
    }

    /// Cost at the problem's state in double precision.
    fn double_cost(&mut self, problem: &Q) -> f64 {
        let start = Instant::now();
        let cost = self.system.evaluate_in_double(problem);
        self.statistics.phases.residual_ms += milliseconds_since(start);
        cost
    }

    fn note_noise(&mut self, cost: f64) {
        if let Some(double) = self.cost_in_double {
            self.noise = self.noise.max((cost - double).abs());
        }
    }

    /// By how much the step that was tried, at whose end the problem stands, decreases the cost: in double where costs
    /// in the policy's precision are too close to each other to tell. Costs differ by far less than they are wrong by
    /// as soon as the rounding of many residuals adds up.
    pub(crate) fn decrease(&mut self, problem: &mut Q, trial: &mut Trial) -> f64 {
        let decrease = self.cost - trial.cost;
        let clear = decrease.abs() > CLEAR * self.noise && decrease.abs() > CLEAR_SHARE * self.cost;
        if self.policy.naive || self.policy.residual == Precision::F64 || clear || !trial.cost.is_finite() {
            return decrease;
        }
        let before = match self.cost_in_double {
            Some(before) => before,
            None => {
                let end = problem.state();
                problem.restore(&self.state);
                let before = self.double_cost(problem);
                problem.restore(&end);
                before
            }
        };
        let after = self.double_cost(problem);
        (self.cost_in_double, trial.cost_in_double) = (Some(before), Some(after));
        self.note_noise(self.cost);
        before - after
    }

    /// Linearizes unless it has been done since the last accepted step; returns the gradient's cosine.
    pub(crate) fn linearize(&mut self, problem: &Q) -> Result<f64, Trouble> {
        if !self.cost.is_finite() {
            return Err(Trouble { what: format!("the cost is {}", self.cost) });
        }
        if self.linearization.is_none() {
            let start = Instant::now();
            let linearization = self.system.linearize(problem);
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
        if self.is_creeping() {
            return LEAST_FORCING * most;
        }
        let ratio = self.gradient_history[1] / self.gradient_history[0];
        if ratio.is_finite() { (0.9 * ratio * ratio).clamp(LEAST_FORCING * most, most) } else { most }
    }

    /// Whether the last two steps decreased the cost by little, and by about as much, and were not exact: what is left lies along
    /// directions that conjugate gradients come to last, and that a looser tolerance would never reach.
    fn is_creeping(&self) -> bool {
        let [before, last] = self.decreases;
        let is_helped = !self.policy.naive && self.last_cg_iterations > EXACT;
        is_helped && last < CREEPING_SHARE * self.cost && last > CREEPING_RATIO * before
    }

    /// Solves the linearized problem at a damping, and moves the problem to where the step leads, unless it promises nothing.
    pub(crate) fn try_step(
        &mut self,
        problem: &mut Q,
        preconditioner: &mut Preconditioner,
        damping: f64,
    ) -> Result<Attempt, Trouble> {
        let model_unit = self.linearization.map_or(1.0, |linearization| linearization.model_unit);
        let options = CgOptions {
            max_iterations: self.options.max_linear_iterations,
            relative_tolerance: self.forcing(),
            damping,
            // Only with a factor are conjugate gradients so quick that an iteration tells of the next ones.
            negligible_decrease: match preconditioner {
                Preconditioner::Cholesky(_) => NEGLIGIBLE * self.options.cost_tolerance * self.cost / model_unit,
                _ => 0.0,
            },
        };
        let start = Instant::now();
        let solved = self.system.solve(problem, preconditioner, &options);
        let elapsed = milliseconds_since(start);
        let solved: CgStatistics = solved?;
        self.last_cg_iterations = solved.iterations;
        self.statistics.cg_iterations += solved.iterations;
        self.statistics.phases.linear_ms += elapsed;
        self.statistics.phases.factor_ms += 1e3 * solved.factor_time.as_secs_f64();
        self.statistics.phases.product_ms += 1e3 * solved.product_time.as_secs_f64();
        self.statistics.phases.triangular_ms += 1e3 * solved.preconditioner_time.as_secs_f64();
        let promised = solved.model_decrease * model_unit;
        let is_told = options.negligible_decrease > 0.0 && solved.converged;
        if is_told && promised <= NOTHING * self.options.cost_tolerance * self.cost {
            return Ok(Attempt::Done(stopping::nothing_promised(promised, self.cost)));
        }
        let start = Instant::now();
        let moved = self.system.retract(problem, 1.0);
        self.statistics.phases.update_ms += milliseconds_since(start);
        moved?;
        let cost = self.policy_cost(problem);
        Ok(Attempt::Step(Trial { cost, cost_in_double: None, promised }))
    }

    /// Takes the step that was tried, which decreases the cost by so much.
    pub(crate) fn accept(&mut self, problem: &Q, trial: &Trial, decrease: f64) {
        self.state = problem.state();
        self.cost = trial.cost;
        self.cost_in_double = trial.cost_in_double;
        self.linearization = None;
        self.following = Following::NotYet;
        self.decreases = [self.decreases[1], decrease];
        self.statistics.iterations += 1;
        self.iterations_of_precision += 1;
        self.statistics.cost_history.push(trial.cost);
    }

    /// Lengthens a step that decreased the cost by far more than its model said, as long as that decreases it further, and
    /// says by how much it does then. Weights of a robust loss give outliers a curvature that they do not have along their
    /// residuals, and every step towards them is too short by the same factor.
    pub(crate) fn lengthen(&mut self, problem: &mut Q, trial: &mut Trial, mut decrease: f64) -> f64 {
        let is_short = decrease > SHORT_OF * trial.promised;
        if self.policy.naive || !is_short {
            return decrease;
        }
        let mut best = problem.state();
        for doublings in 1..=MOST_DOUBLINGS {
            problem.restore(&self.state);
            if self.system.retract(problem, f64::from(1u32 << doublings)).is_err() {
                break;
            }
            let mut longer = Trial { cost: self.policy_cost(problem), cost_in_double: None, ..*trial };
            let further = self.decrease(problem, &mut longer);
            let is_better = further > decrease;
            if !is_better {
                break;
            }
            (*trial, decrease, best) = (longer, further, problem.state());
        }
        problem.restore(&best);
        // Linearizing wants the residuals of where the step ends.
        self.policy_cost(problem);
        decrease
    }

    /// Ends the solve at the last accepted state.
    pub(crate) fn finish(mut self, problem: &mut Q, converged: bool, reason: String) -> SolveStatistics {
        problem.restore(&self.state);
        let cost = match self.cost_in_double {
            Some(cost) => cost,
            None => self.double_cost(problem),
        };
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
