//! Steps that are not accepted: followed for one more, or gone back from.

use super::{Run, Trial};
use crate::solver::Problem;

impl<Q: Problem> Run<'_, Q> {
    /// Stays at the end of a step that ascends, once for each accepted state: along a valley that bends, the step after it
    /// leads down to the valley's floor again, and further than any shorter one. The next step is judged by the cost before
    /// both. Says whether it does.
    ///
    /// # Source
    /// Chamberlain, Powell, Lemarechal, Pedersen, *The watchdog technique for forcing convergence in algorithms for
    /// constrained optimization* (1982).
    pub(crate) fn follow(&mut self, trial: &Trial) -> bool {
        if self.policy.naive || self.followed || !trial.cost.is_finite() {
            return false;
        }
        (self.followed, self.following) = (true, true);
        self.linearization = None;
        true
    }

    /// Whether the problem stands at the end of a step that ascended.
    pub(crate) fn is_following(&self) -> bool {
        self.following
    }

    /// Goes back to the last accepted state.
    pub(crate) fn reject(&mut self, problem: &mut Q) {
        problem.restore(&self.state);
        self.statistics.rejected_steps += 1;
        if std::mem::take(&mut self.following) {
            // Linearizing wants the residuals of where it is done.
            self.policy_cost(problem);
            self.linearization = None;
        }
    }
}
