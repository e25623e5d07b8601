//! A linear problem is solved in one step, as dense elimination does.

use super::problem::{Rows, Separable};
use super::{Layout, Touched};
use crate::precision::kernels::Lanes;
use crate::precision::{Policy, Scalar};
use crate::solver::{LinearSolver, Loss, SolverOptions, minimize_separable};
use crate::sparse::Structure;
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;

const FRAMES: usize = 5;
const LANDMARKS: usize = 9;

/// Random linear observations from frames 1 to 4, relative to another or not; frame 0 is fixed.
pub(super) struct Linear {
    layout: Layout,
    touched: Vec<Touched>,
    /// For each observation two rows of three entries of the frame, two of the landmark, and the right side.
    rows: Vec<[[f64; 6]; 2]>,
    coupling: [[f64; 3]; 3],
    factors: Structure,
    x: Vec<f64>,
}

impl Linear {
    pub(super) fn new(entries: &[f64]) -> Self {
        let mut next = entries.iter().cycle().copied();
        let mut touched = Vec::new();
        for landmark in 0..LANDMARKS {
            for step in 0..4 {
                let t = (landmark + step) % FRAMES;
                let frames = match step {
                    0 => [Some(t), None],
                    1 => [None, None],
                    _ => [Some(t), Some((t + step) % FRAMES)],
                };
                touched.push(Touched { frames, landmark });
            }
        }
        let rows = touched.iter().map(|touched| {
            let mut rows: [[f64; 6]; 2] = std::array::from_fn(|_| std::array::from_fn(|_| next.next().unwrap_or(1.0)));
            for (k, row) in rows.iter_mut().enumerate() {
                row[3 + k] += 2.0;
                row[k] += 1.0;
                if touched.frames[0].is_none() {
                    row[..3].fill(0.0);
                }
            }
            rows
        });
        let rows = rows.collect();
        let mut fixed = [false; FRAMES];
        fixed[0] = true;
        let mut factors = Structure::new();
        factors.add_fixed(3);
        for _ in 1..FRAMES {
            factors.add_variable(3);
        }
        factors.add_residual(3, &[0, 1]);
        factors.add_residual(3, &[4, 2]);
        Self {
            layout: Layout::new(&fixed, LANDMARKS, &touched),
            touched,
            rows,
            coupling: [[-1.0, 0.2, 0.0], [0.1, -0.8, 0.3], [0.0, 0.5, -1.1]],
            factors,
            x: vec![0.0; (FRAMES - 1) * 3 + LANDMARKS * 2],
        }
    }

    fn of_frame(&self, frame: usize) -> [f64; 3] {
        self.layout.free(frame).map_or([0.0; 3], |free| std::array::from_fn(|d| self.x[3 * free + d]))
    }

    /// The Jacobian and the right side, dense.
    fn dense(&self) -> (DMatrix<f64>, DVector<f64>) {
        let mut jacobian = DMatrix::zeros(self.rows.len() * 2 + 6, self.x.len());
        let mut right = DVector::zeros(jacobian.nrows());
        for (index, (touched, rows)) in self.touched.iter().zip(&self.rows).enumerate() {
            for (k, row) in rows.iter().enumerate() {
                right[2 * index + k] = row[5];
                for d in 0..3 {
                    if let Some(free) = touched.frames[0].and_then(|frame| self.layout.free(frame)) {
                        jacobian[(2 * index + k, 3 * free + d)] += row[d];
                    }
                    if let Some(free) = touched.frames[1].and_then(|frame| self.layout.free(frame)) {
                        let by_second: f64 = (0..3).map(|i| row[i] * self.coupling[i][d]).sum();
                        jacobian[(2 * index + k, 3 * free + d)] += by_second;
                    }
                }
                for l in 0..2 {
                    jacobian[(2 * index + k, 3 * (FRAMES - 1) + 2 * touched.landmark + l)] += row[3 + l];
                }
            }
        }
        let first = self.rows.len() * 2;
        for d in 0..3 {
            jacobian[(first + d, d)] = 1.5;
            (right[first + d], right[first + 3 + d]) = (0.5, -0.25);
            jacobian[(first + 3 + d, 9 + d)] = -0.5;
            jacobian[(first + 3 + d, 3 + d)] = 0.5;
        }
        (jacobian, right)
    }
}

impl Separable<2, 3, 2> for Linear {
    type State = Vec<f64>;
    type Prepared<S: Scalar> = [S; 3];

    fn name(&self) -> &'static str {
        "linear"
    }
    fn layout(&self) -> &Layout {
        &self.layout
    }
    fn prepare<S: Scalar>(&self, group: usize) -> [S; 3] {
        let [first, second] =
            self.layout.groups()[group].frames.map(|frame| frame.map_or([0.0; 3], |f| self.of_frame(f)));
        let seen = |i: usize| first[i] + (0..3).map(|d| self.coupling[i][d] * second[d]).sum::<f64>();
        std::array::from_fn(|i| S::from_f64(seen(i)))
    }
    fn evaluate<S: Scalar>(&self, prepared: &[S; 3], tile: usize, residual: &mut [Lanes<S>; 2]) {
        let mut rows = Rows::<S, 2, 3, 2>::zero();
        self.differentiate(prepared, tile, &mut rows);
        *residual = rows.residual;
    }
    fn differentiate<S: Scalar>(&self, seen: &[S; 3], tile: usize, rows: &mut Rows<S, 2, 3, 2>) {
        for lane in self.layout.used_lanes(tile) {
            let index = self.layout.observations(tile)[lane] as usize;
            let landmark = 3 * (FRAMES - 1) + 2 * self.touched[index].landmark;
            for k in 0..2 {
                let row = self.rows[index][k].map(S::from_f64);
                let mut sum = -row[5];
                for d in 0..3 {
                    rows.by_frame[k][d][lane] = row[d];
                    sum += row[d] * seen[d];
                }
                for l in 0..2 {
                    rows.by_landmark[k][l][lane] = row[3 + l];
                    sum += row[3 + l] * S::from_f64(self.x[landmark + l]);
                }
                rows.residual[k][lane] = sum;
            }
        }
    }
    fn coupling(&self, _: usize) -> [[f64; 3]; 3] {
        self.coupling
    }
    fn loss(&self) -> Loss {
        Loss::Squared
    }
    fn factors(&self) -> &Structure {
        &self.factors
    }
    fn factor_residuals<S: Scalar>(&self, residuals: &mut [S]) {
        let of = [1, 2, 4].map(|frame| self.of_frame(frame));
        for d in 0..3 {
            residuals[d] = S::from_f64(1.5 * of[0][d] - 0.5);
            residuals[3 + d] = S::from_f64(0.5 * (of[1][d] - of[2][d]) + 0.25);
        }
    }
    fn linearize_factors<S: Scalar>(&self, jacobian: &mut [S]) {
        jacobian.fill(S::ZERO);
        for d in 0..3 {
            jacobian[6 * d + d] = S::from_f64(9.0);
            jacobian[6 * d + 3 + d] = S::from_f64(1.5);
            jacobian[18 + 6 * d + d] = S::from_f64(-0.5);
            jacobian[18 + 6 * d + 3 + d] = S::from_f64(0.5);
        }
    }
    fn retract<S: Scalar>(&mut self, step: &[S]) {
        for (x, step) in self.x.iter_mut().zip(step) {
            *x += step.to_f64();
        }
    }
    fn state(&self) -> Vec<f64> {
        self.x.clone()
    }
    fn restore(&mut self, state: &Vec<f64>) {
        self.x.clone_from(state);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn a_linear_problem_takes_one_step(entries in prop::collection::vec(-0.5f64..0.5, 97)) {
        let (jacobian, right) = Linear::new(&entries).dense();
        let normal = jacobian.transpose() * &jacobian;
        let x = normal.cholesky().unwrap().solve(&(jacobian.transpose() * &right));
        let best = 0.5 * (&jacobian * &x - &right).norm_squared();
        let options = SolverOptions {
            method: "gauss_newton".into(), max_iterations: 1, forcing: 1e-6, ..SolverOptions::default()
        };
        for (policy, tolerance) in [("double", 1e-10), ("single", 1e-6), ("mixed", 1e-4)] {
            for linear_solver in [LinearSolver::Cgnr, LinearSolver::Schur] {
                let mut problem = Linear::new(&entries);
                let policy = Policy::resolve(policy).unwrap();
                let statistics = minimize_separable(&mut problem, &policy, &options, linear_solver).unwrap();
                let excess = statistics.final_cost - best;
                prop_assert!(excess.abs() < tolerance * (1.0 + best), "{} {linear_solver:?}: {excess:e} over {best}, {statistics:?}", policy.name);
            }
        }
    }
}
