//! That a solve computes in the precisions that its policy names.

use halfslam::precision::{Policy, Precision, Scalar, f16};
use halfslam::solver::{Preconditioner, Problem, SolverOptions, minimize};
use halfslam::sparse::Structure;
use std::cell::RefCell;

/// Fits a parabola, and notes the precision of each evaluation.
struct Witness {
    x: Vec<f64>,
    structure: Structure,
    seen: RefCell<Vec<(&'static str, Precision)>>,
}

impl Problem for Witness {
    type State = Vec<f64>;
    fn name(&self) -> &'static str {
        "witness"
    }
    fn structure(&self) -> &Structure {
        &self.structure
    }
    fn residuals<S: Scalar>(&self, residuals: &mut [S]) {
        self.seen.borrow_mut().push(("residuals", S::PRECISION));
        for (i, r) in residuals.iter_mut().enumerate() {
            let t = S::from_f64(i as f64 / 7.0);
            *r = S::from_f64(self.x[0]) + S::from_f64(self.x[1]) * t - (t * t - S::from_f64(0.3) * t);
        }
    }
    fn linearize<S: Scalar>(&self, jacobian: &mut [S]) {
        self.seen.borrow_mut().push(("linearize", S::PRECISION));
        for (i, row) in jacobian.chunks_exact_mut(2).enumerate() {
            row.copy_from_slice(&[S::ONE, S::from_f64(i as f64 / 7.0)]);
        }
    }
    fn retract<S: Scalar>(&mut self, step: &[S]) {
        self.seen.borrow_mut().push(("retract", S::PRECISION));
        for (x, step) in self.x.iter_mut().zip(step) {
            *x = (S::from_f64(*x) + *step).to_f64();
        }
    }
    fn state(&self) -> Vec<f64> {
        self.x.clone()
    }
    fn restore(&mut self, state: &Vec<f64>) {
        self.x.clone_from(state);
    }
}

#[test]
fn each_policy_computes_in_the_precisions_that_it_names() {
    for name in ["double", "single", "mixed", "half"] {
        let policy = Policy::resolve(name).unwrap();
        let mut structure = Structure::new();
        let line = structure.add_variable(2);
        for _ in 0..9 {
            structure.add_residual(1, &[line]);
        }
        let mut problem = Witness { x: vec![0.1, 0.2], structure, seen: RefCell::default() };
        minimize(&mut problem, &policy, &SolverOptions::default(), &mut Preconditioner::BlockJacobi).unwrap();
        let seen = problem.seen.borrow();
        for (what, expected) in
            [("residuals", policy.residual), ("linearize", policy.jacobian), ("retract", policy.update)]
        {
            // Initial and final cost are evaluated in double under every policy.
            let found = seen.iter().filter(|(name, precision)| {
                *name == what && (*precision == expected || (what == "residuals" && *precision == Precision::F64))
            });
            assert_eq!(found.count(), seen.iter().filter(|(name, _)| *name == what).count(), "{name}: {what}");
            assert!(seen.contains(&(what, expected)), "{name}: {what}");
        }
        if name == "half" {
            assert!(problem.x.iter().all(|&x| f16::from_f64(x).to_f64() == x), "{:?}", problem.x);
        }
    }
}
