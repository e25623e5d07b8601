//! Steps that are not accepted: followed for one more, or gone back from.

use super::{Run, Trial};
use crate::solver::Problem;

/// Whether a step that ascends was followed since the last accepted state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Following {
    NotYet,
    /// The problem stands at its end.
    Now,
    InVain,
}

impl<Q: Problem> Run<'_, Q> {
    /// Stays at the end of a step that ascends, once for each accepted state: along a valley that bends, the step after it
    /// leads down to the valley's floor again, and further than any shorter one. The next step is judged by the cost before
    /// both. Says whether it does.
    ///
    /// # Source
    /// Chamberlain, Powell, Lemarechal, Pedersen, *The watchdog technique for forcing convergence in algorithms for
    /// constrained optimization* (1982).
    pub(crate) fn follow(&mut self, trial: &Trial) -> bool {
        if self.policy.naive || self.following != Following::NotYet || !trial.cost.is_finite() {
            return false;
        }
        self.following = Following::Now;
        self.linearization = None;
        true
    }

    /// Whether the problem stands at the end of a step that ascended.
    pub(crate) fn is_following(&self) -> bool {
        self.following == Following::Now
    }

    /// Goes back to the last accepted state.
    pub(crate) fn reject(&mut self, problem: &mut Q) {
        problem.restore(&self.state);
        self.statistics.rejected_steps += 1;
        if self.is_following() {
            self.following = Following::InVain;
            // Linearizing wants the residuals of where it is done.
            self.policy_cost(problem);
            self.linearization = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::precision::{Policy, Precision, Scalar};
    use crate::solver::{Preconditioner, Problem, RefreshedCholesky, SolveStatistics, SolverOptions, minimize};
    use crate::sparse::{Cholesky, Structure, Supernodes, adjacency, minimum_degree};
    use std::sync::Arc;

    /// Residuals of three unknowns, and their Jacobian.
    type Function = fn([f64; 3]) -> ([f64; 3], [[f64; 3]; 3]);

    /// One block of three unknowns, whose residuals and their Jacobian are functions of it.
    struct Bent {
        x: [f64; 3],
        structure: Structure,
        function: Function,
    }

    impl Bent {
        fn solve(x: [f64; 3], policy: &str, with_factor: bool, function: Function) -> (SolveStatistics, [f64; 3]) {
            let mut structure = Structure::new();
            let variable = structure.add_variable(3);
            structure.add_residual(3, &[variable]);
            let graph = adjacency(1, []);
            let nodes = Arc::new(Supernodes::new(&graph, &minimum_degree(&graph), 3));
            let factor = Cholesky::new(&structure, nodes, Precision::F32).unwrap();
            let mut preconditioner = if with_factor {
                Preconditioner::Cholesky(Box::new(RefreshedCholesky::new(factor, 9)))
            } else {
                Preconditioner::BlockJacobi
            };
            let mut problem = Self { x, structure, function };
            let options = SolverOptions { initial_damping: 1e-8, forcing: 1e-6, ..SolverOptions::default() };
            let policy = Policy::resolve(policy).unwrap();
            (minimize(&mut problem, &policy, &options, &mut preconditioner).unwrap(), problem.x)
        }
    }

    impl Problem for Bent {
        type State = [f64; 3];

        fn name(&self) -> &'static str {
            "bent"
        }
        fn structure(&self) -> &Structure {
            &self.structure
        }
        fn residuals<S: Scalar>(&self, residuals: &mut [S]) {
            residuals.copy_from_slice(&(self.function)(self.x).0.map(S::from_f64));
        }
        fn linearize<S: Scalar>(&self, jacobian: &mut [S]) {
            jacobian.copy_from_slice((self.function)(self.x).1.map(|row| row.map(S::from_f64)).as_flattened());
        }
        fn retract<S: Scalar>(&mut self, step: &[S]) {
            self.x.iter_mut().zip(step).for_each(|(x, step)| *x += step.to_f64());
        }
        fn state(&self) -> [f64; 3] {
            self.x
        }
        fn restore(&mut self, state: &[f64; 3]) {
            self.x = *state;
        }
    }

    /// Rosenbrock's valley, and a third unknown.
    fn valley([x, y, z]: [f64; 3]) -> ([f64; 3], [[f64; 3]; 3]) {
        ([10.0 * (y - x * x), 1.0 - x, z], [[-20.0 * x, 10.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    }

    /// From beyond 1.39 the step to the zero of the tangent leads further away, and the one after it further still.
    fn flat_far_away(x: [f64; 3]) -> ([f64; 3], [[f64; 3]; 3]) {
        let slope = |at: usize| std::array::from_fn(|k| if k == at { 1.0 / (1.0 + x[at] * x[at]) } else { 0.0 });
        (x.map(f64::atan), [slope(0), slope(1), slope(2)])
    }

    #[test]
    fn a_step_out_of_a_bent_valley_is_followed_back_into_it() {
        for policy in ["double", "single", "mixed"] {
            let (followed, _) = Bent::solve([-1.2, 1.0, 0.5], policy, true, valley);
            assert!(followed.converged && followed.final_cost < 1e-9, "{policy}: {followed:?}");
            assert!(followed.iterations <= 3 && followed.rejected_steps == 0, "{policy}: {followed:?}");
            let (damped, _) = Bent::solve([-1.2, 1.0, 0.5], policy, false, valley);
            assert!(damped.iterations > 5 && damped.rejected_steps > 0, "{policy}: {damped:?}");
        }
    }

    #[test]
    fn where_following_leads_nowhere_it_goes_back() {
        for policy in ["double", "single", "mixed"] {
            let (solved, x) = Bent::solve([3.0, -2.0, 1.0], policy, true, flat_far_away);
            assert!(solved.converged && solved.rejected_steps > 0, "{policy}: {solved:?}");
            assert!(x.iter().all(|x| x.abs() < 1e-3), "{policy}: {x:?} {solved:?}");
        }
    }
}
