//! The loop: linearize, solve, move, judge.

use super::damping::Damping;
use super::run::{Attempt, MakeSystem, Run};
use super::separable::{Flat, Separable, cgnr_system, schur_system};
use super::system::system_for;
use super::{Loss, Preconditioner, Problem, SolveStatistics, SolverError, SolverOptions, stopping};
use crate::precision::Policy;

/// Rejected steps in a row after which the linear solver's precision is doubted, if their direction does not descend.
const PATIENCE: usize = 3;

/// Minimizes a nonlinear least-squares problem by Levenberg-Marquardt or Gauss-Newton steps in the precisions of a policy.
///
/// The problem is left at the best state found. A value that is not finite, a direction that does not descend, or
/// several steps in a row that ascend are noticed here, and the solve is repeated one precision higher, from the last
/// good state if it was about to converge, unless the policy is naive; the statistics tell. Costs that are too close for
/// residuals in the policy's precision to tell apart are compared in double. Costs in the statistics' history are those that the loop saw; the
/// initial and the final one are evaluated in double under every policy.
///
/// # Errors
/// [`SolverError`] if the policy can't be, or if double precision finds no finite residual at the initial state. The
/// problem is as it was then.
pub fn minimize<Q: Problem>(
    problem: &mut Q,
    policy: &Policy,
    options: &SolverOptions,
    preconditioner: &mut Preconditioner,
) -> Result<SolveStatistics, SolverError> {
    let policy = match preconditioner {
        Preconditioner::BlockJacobi => policy.clone(),
        Preconditioner::IncompleteCholesky(_) | Preconditioner::Cholesky(_) => policy.with_factor(),
    };
    minimize_with(problem, &policy, options, preconditioner, &system_for, false)
}

/// Minimizes a problem of frames and landmarks; as [`minimize`], but with the landmarks eliminated.
///
/// Policies for whose precisions there is no elimination (half precision in vectors), and those without scaling, go by
/// [`cgnr`](super::cgnr()) on the whole Jacobian; the statistics say so.
///
/// # Errors
/// As of [`minimize`].
pub fn minimize_separable<T, const R: usize, const D: usize, const L: usize>(
    problem: &mut T,
    policy: &Policy,
    options: &SolverOptions,
    linear_solver: LinearSolver,
) -> Result<SolveStatistics, SolverError>
where
    T: Separable<R, D, L>,
{
    let make: &MakeSystem<Flat<'_, T, R, D, L>> = &|policy, problem| {
        let in_lanes = match linear_solver {
            _ if !policy.scaling => None,
            LinearSolver::Schur => schur_system(policy, problem),
            LinearSolver::Cgnr => cgnr_system(policy, problem),
        };
        in_lanes.map_or_else(|| system_for(policy, problem), Ok)
    };
    let is_robust = problem.loss() != Loss::Squared;
    minimize_with(&mut Flat::new(problem), policy, options, &mut Preconditioner::BlockJacobi, make, is_robust)
}

/// How the linear problem of a separable problem is solved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinearSolver {
    /// Conjugate gradients on the whole Jacobian, preconditioned by the blocks of its normal matrix.
    Cgnr,
    /// Conjugate gradients on the Schur complement of the landmarks, preconditioned by a factor of it.
    Schur,
}

impl LinearSolver {
    /// The one that an option names: `cgnr`, else `schur`.
    pub fn named(name: &str) -> Self {
        if name == "cgnr" { Self::Cgnr } else { Self::Schur }
    }
}

fn minimize_with<Q: Problem>(
    problem: &mut Q,
    policy: &Policy,
    options: &SolverOptions,
    preconditioner: &mut Preconditioner,
    make: &MakeSystem<Q>,
    is_robust: bool,
) -> Result<SolveStatistics, SolverError> {
    let mut run = Run::start(problem, policy, options, make)?;
    let mut damping = Damping::new(options, &run.policy);
    let mut rejected = 0;
    let has_factor = matches!(preconditioner, Preconditioner::Cholesky(_));
    let (converged, reason) = loop {
        if let Some(reason) = stopping::at_zero(run.cost, problem.shape().0) {
            break (true, reason);
        }
        let tried = run.linearize(problem).and_then(|cosine| match stopping::gradient(cosine, options) {
            Some(reason) => Ok(Attempt::Done(reason)),
            None => run.try_step(problem, preconditioner, damping.lambda()),
        });
        let mut trial = match tried {
            Ok(Attempt::Step(trial)) => trial,
            // Nothing is said of where the solve stands but that it is no use to have followed a step there.
            Ok(Attempt::Done(_)) | Err(_) if run.is_following() => {
                run.reject(problem);
                damping.rejected();
                continue;
            }
            Ok(Attempt::Done(reason)) => break (true, reason),
            Err(trouble) if run.escalate(problem, &trouble.what)? => {
                (damping, rejected) = (Damping::new(options, &run.policy), 0);
                continue;
            }
            Err(trouble) => break (false, trouble.what),
        };
        let decrease = run.decrease(problem, &mut trial);
        let decrease = if is_robust { run.lengthen(problem, &mut trial, decrease) } else { decrease };
        let stop = stopping::decrease(decrease, trial.promised, run.cost, options);
        if decrease > 0.0 {
            // What a step that was followed decreases is told by no model.
            if !run.is_following() {
                damping.accepted(decrease / trial.promised);
            }
            run.accept(problem, &trial, decrease);
            rejected = 0;
            let limit = stopping::iterations(run.iterations_of_precision, options);
            if let Some(reason) = stop.clone().or(limit) {
                break (stop.is_some(), reason);
            }
            continue;
        }
        if stop.is_none() && has_factor && run.follow(&trial) {
            continue;
        }
        run.reject(problem);
        rejected += 1;
        let exhausted = !damping.rejected();
        if let Some(reason) = stop {
            break (true, reason);
        }
        let doubted = exhausted || rejected >= PATIENCE && run.doubts_precision(problem, trial.promised);
        if doubted && run.escalate(problem, "several steps in a row ascend")? {
            (damping, rejected) = (Damping::new(options, &run.policy), 0);
            continue;
        }
        if exhausted {
            break (true, stopping::no_descent(damping.lambda()));
        }
    };
    run.statistics.factor_precision = preconditioner.factor_precision();
    Ok(run.finish(problem, converged, reason))
}
