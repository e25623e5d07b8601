//! The solver on problems whose minima are known, under every policy.

use halfslam::precision::{Policy, Scalar};
use halfslam::solver::{Loss, Preconditioner, Problem, SolveStatistics, SolverError, SolverOptions, minimize};
use halfslam::sparse::Structure;

/// A problem of one variable block that is given by a function pair.
struct Small {
    x: Vec<f64>,
    structure: Structure,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Rosenbrock's valley: minimum 0 at (1, 1).
    Rosenbrock,
    /// Powell's singular function: minimum 0 at the origin, where the Jacobian is singular.
    Powell,
    /// The mean of 1, 2, 3, and an outlier at 1000.
    Mean(Loss),
    /// The square root of a negative number from the start.
    NotANumber,
}

impl Small {
    fn new(kind: Kind) -> Self {
        let (x, blocks, rows) = match kind {
            Kind::Rosenbrock => (vec![-1.2, 1.0], 1, 2),
            Kind::Powell => (vec![3.0, -1.0, 0.0, 1.0], 4, 1),
            Kind::Mean(_) => (vec![0.0], 4, 1),
            Kind::NotANumber => (vec![-1.0], 1, 1),
        };
        let mut structure = Structure::new();
        let variable = structure.add_variable(x.len());
        for _ in 0..blocks {
            structure.add_residual(rows, &[variable]);
        }
        Self { x, structure, kind }
    }

    fn solve(&mut self, policy: &str, options: &SolverOptions) -> Result<SolveStatistics, SolverError> {
        minimize(self, &Policy::resolve(policy).unwrap(), options, &mut Preconditioner::BlockJacobi)
    }
}

impl Problem for Small {
    type State = Vec<f64>;

    fn name(&self) -> &'static str {
        "small"
    }
    fn structure(&self) -> &Structure {
        &self.structure
    }
    fn residuals<S: Scalar>(&self, r: &mut [S]) {
        let number = S::from_f64;
        let x: Vec<S> = self.x.iter().map(|&x| number(x)).collect();
        match self.kind {
            Kind::Rosenbrock => {
                r[0] = number(10.0) * (x[1] - x[0] * x[0]);
                r[1] = S::ONE - x[0];
            }
            Kind::Powell => {
                r[0] = x[0] + number(10.0) * x[1];
                r[1] = number(5f64.sqrt()) * (x[2] - x[3]);
                r[2] = (x[1] - number(2.0) * x[2]) * (x[1] - number(2.0) * x[2]);
                r[3] = number(10f64.sqrt()) * (x[0] - x[3]) * (x[0] - x[3]);
            }
            Kind::Mean(_) => {
                for (r, value) in r.iter_mut().zip([1.0, 2.0, 3.0, 1000.0]) {
                    *r = x[0] - number(value);
                }
            }
            Kind::NotANumber => r[0] = x[0].sqrt(),
        }
    }
    fn linearize<S: Scalar>(&self, j: &mut [S]) {
        let number = S::from_f64;
        let x: Vec<S> = self.x.iter().map(|&x| number(x)).collect();
        let zero = S::ZERO;
        match self.kind {
            Kind::Rosenbrock => j.copy_from_slice(&[number(-20.0) * x[0], number(10.0), -S::ONE, zero]),
            Kind::Powell => {
                let s = number(2.0) * (x[1] - number(2.0) * x[2]);
                let t = number(2.0 * 10f64.sqrt()) * (x[0] - x[3]);
                let root = number(5f64.sqrt());
                j[..4].copy_from_slice(&[S::ONE, number(10.0), zero, zero]);
                j[4..8].copy_from_slice(&[zero, zero, root, -root]);
                j[8..12].copy_from_slice(&[zero, s, number(-2.0) * s, zero]);
                j[12..].copy_from_slice(&[t, zero, zero, -t]);
            }
            Kind::Mean(_) => j.fill(S::ONE),
            Kind::NotANumber => j[0] = number(0.5) / x[0].sqrt(),
        }
    }
    fn retract<S: Scalar>(&mut self, step: &[S]) {
        for (x, step) in self.x.iter_mut().zip(step) {
            *x = (S::from_f64(*x) + *step).to_f64();
        }
    }
    fn state(&self) -> Self::State {
        self.x.clone()
    }
    fn restore(&mut self, state: &Self::State) {
        self.x.clone_from(state);
    }
    fn loss(&self, _: usize) -> Loss {
        if let Kind::Mean(loss) = self.kind { loss } else { Loss::Squared }
    }
}

fn patient() -> SolverOptions {
    SolverOptions { max_iterations: 200, ..SolverOptions::default() }
}

#[test]
fn every_policy_but_half_finds_the_bottom_of_rosenbrocks_valley() {
    for policy in ["double", "single", "mixed"] {
        let mut problem = Small::new(Kind::Rosenbrock);
        let statistics = problem.solve(policy, &patient()).unwrap();
        assert!(statistics.converged && statistics.final_cost < 1e-12, "{policy}: {statistics:#?}");
        assert!((problem.x[0] - 1.0).abs() < 1e-5, "{policy}: {:?}", problem.x);
    }
}

#[test]
fn every_policy_but_half_finds_powells_singular_minimum() {
    for policy in ["double", "single", "mixed"] {
        let mut problem = Small::new(Kind::Powell);
        let statistics = problem.solve(policy, &patient()).unwrap();
        assert!(statistics.final_cost < 1e-8, "{policy}: {statistics:#?}");
    }
}

#[test]
fn half_ends_finite_and_worse() {
    for kind in [Kind::Rosenbrock, Kind::Powell] {
        let mut problem = Small::new(kind);
        let statistics = problem.solve("half", &patient()).unwrap();
        assert!(problem.x.iter().all(|x| x.is_finite()));
        assert!(statistics.escalations.is_empty());
        assert!(statistics.final_cost <= statistics.initial_cost);
        assert!(!statistics.stop_reason.is_empty());
    }
}

#[test]
fn robust_losses_ignore_the_outlier() {
    for loss in [Loss::Huber(1.0), Loss::Cauchy(1.0), Loss::GemanMcClure(3.0)] {
        let mut problem = Small::new(Kind::Mean(loss));
        let statistics = problem.solve("mixed", &patient()).unwrap();
        assert!((problem.x[0] - 2.0).abs() < 0.6, "{loss:?}: {} {statistics:#?}", problem.x[0]);
    }
    let mut problem = Small::new(Kind::Mean(Loss::Squared));
    problem.solve("mixed", &patient()).unwrap();
    assert!((problem.x[0] - 251.5).abs() < 0.1);
}

#[test]
fn what_is_no_number_is_an_error_and_changes_nothing() {
    for policy in ["double", "mixed", "half"] {
        let mut problem = Small::new(Kind::NotANumber);
        let error = problem.solve(policy, &patient()).unwrap_err();
        assert!(matches!(error, SolverError::NotFinite(_)), "{error}");
        assert_eq!(problem.x, [-1.0]);
    }
}
