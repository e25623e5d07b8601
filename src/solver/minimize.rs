//! The loop: linearize, solve, move, judge.

use super::damping::Damping;
use super::run::Run;
use super::{Preconditioner, Problem, SolveStatistics, SolverError, SolverOptions, stopping};
use crate::precision::Policy;

/// Rejected steps in a row after which the linear solver's precision is doubted.
const PATIENCE: usize = 3;

/// Minimizes a nonlinear least-squares problem by Levenberg-Marquardt or Gauss-Newton steps in the precisions of a policy.
///
/// The problem is left at the best state found. A value that is not finite, a direction that does not descend, or
/// residuals too coarse to judge a step are noticed here, and the solve goes on one precision higher from the last good
/// state, unless the policy is naive; the statistics tell. Costs in the statistics' history are those that the loop
/// saw; the initial and the final one are evaluated in double under every policy.
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
    let mut run = match preconditioner {
        Preconditioner::BlockJacobi => Run::start(problem, policy, options)?,
        Preconditioner::IncompleteCholesky(_) | Preconditioner::Cholesky(_) => {
            Run::start(problem, &policy.with_factor(), options)?
        }
    };
    let mut damping = Damping::new(options);
    let mut rejected = 0;
    let (converged, reason) = loop {
        if let Some(reason) = stopping::at_zero(run.cost) {
            break (true, reason);
        }
        let tried = run.linearize(problem).and_then(|cosine| match stopping::gradient(cosine, options) {
            Some(reason) => Ok(Err(reason)),
            None => run.try_step(problem, preconditioner, damping.lambda()).map(Ok),
        });
        let trial = match tried {
            Ok(Ok(trial)) => trial,
            Ok(Err(reason)) => break (true, reason),
            Err(trouble) if run.escalate(problem, &trouble.what)? => continue,
            Err(trouble) => break (false, trouble.what),
        };
        let decrease = run.cost - trial.cost;
        let stop = stopping::decrease(decrease, trial.promised, run.cost, options);
        if decrease > 0.0 {
            run.accept(problem, &trial);
            damping.accepted(decrease / trial.promised);
            rejected = 0;
            let limit = stopping::iterations(run.statistics.iterations, options);
            if let Some(reason) = stop.clone().or(limit) {
                break (stop.is_some(), reason);
            }
            continue;
        }
        if stop.is_none() && run.residuals_are_too_coarse(problem) {
            run.escalate(problem, "residuals too coarse to judge a step")?;
            continue;
        }
        run.reject(problem);
        rejected += 1;
        let exhausted = !damping.rejected();
        if let Some(reason) = stop {
            break (true, reason);
        }
        if (rejected >= PATIENCE || exhausted) && run.escalate(problem, "several steps in a row ascend")? {
            (damping, rejected) = (Damping::new(options), 0);
            continue;
        }
        if exhausted {
            break (true, stopping::no_descent(damping.lambda()));
        }
    };
    Ok(run.finish(problem, converged, reason))
}
