//! A least-squares problem of your own: a circle through noisy points, some of them wrong, in mixed precision.
//!
//! `cargo run --release --no-default-features --example circle` needs neither ROS nor OpenCV.

use halfslam::precision::{Policy, Scalar};
use halfslam::solver::{Loss, Preconditioner, Problem, SolverError, SolverOptions, minimize};
use halfslam::sparse::Structure;

/// Points (m), and the circle's centre and radius `[x, y, r]` (m).
struct Circle {
    points: Vec<[f64; 2]>,
    circle: [f64; 3],
    structure: Structure,
}

/// Standard deviation of a point's distance to the circle (m).
const SIGMA_M: f64 = 0.01;

impl Problem for Circle {
    type State = [f64; 3];

    fn name(&self) -> &'static str {
        "circle"
    }
    fn structure(&self) -> &Structure {
        &self.structure
    }
    /// `(‖p - c‖ - r) / σ`; differences are taken before converting, for positions may be large.
    fn residuals<S: Scalar>(&self, residuals: &mut [S]) {
        let [x, y, radius] = self.circle;
        for (residual, point) in residuals.iter_mut().zip(&self.points) {
            let (dx, dy) = (S::from_f64(point[0] - x), S::from_f64(point[1] - y));
            *residual = ((dx * dx + dy * dy).sqrt() - S::from_f64(radius)) / S::from_f64(SIGMA_M);
        }
    }
    fn linearize<S: Scalar>(&self, jacobian: &mut [S]) {
        let [x, y, _] = self.circle;
        for (row, point) in jacobian.chunks_exact_mut(3).zip(&self.points) {
            let (dx, dy) = (S::from_f64(point[0] - x), S::from_f64(point[1] - y));
            let scale = S::from_f64(SIGMA_M) * (dx * dx + dy * dy).sqrt();
            row.copy_from_slice(&[-dx / scale, -dy / scale, -S::ONE / S::from_f64(SIGMA_M)]);
        }
    }
    fn retract<S: Scalar>(&mut self, step: &[S]) {
        for (value, step) in self.circle.iter_mut().zip(step) {
            *value += step.to_f64();
        }
    }
    fn state(&self) -> Self::State {
        self.circle
    }
    fn restore(&mut self, state: &Self::State) {
        self.circle = *state;
    }
    fn loss(&self, _block: usize) -> Loss {
        Loss::Cauchy(2.0)
    }
}

/// Fits a circle to points, from a circle round the origin.
fn fit(points: Vec<[f64; 2]>, policy: &str) -> Result<[f64; 3], Box<dyn std::error::Error>> {
    let mut structure = Structure::new();
    let circle = structure.add_variable(3);
    for _ in &points {
        structure.add_residual(1, &[circle]);
    }
    let mut problem = Circle { points, circle: [0.0, 0.0, 1.0], structure };
    let policy = Policy::resolve(policy)?;
    let options = SolverOptions { max_iterations: 100, ..SolverOptions::default() };
    let statistics = minimize(&mut problem, &policy, &options, &mut Preconditioner::BlockJacobi)?;
    if !statistics.converged {
        return Err(SolverError::Problem(statistics.stop_reason).into());
    }
    Ok(problem.circle)
}

/// Points of a circle round (3, -2) m with a radius of 5 m, up to 1 cm off; every tenth is anywhere.
fn points() -> Vec<[f64; 2]> {
    (0..100)
        .map(|i| {
            let (angle, noise) = (0.3 * f64::from(i), 0.01 * f64::from(i * 37 % 11 - 5) / 5.0);
            let radius = if i % 10 == 0 { 5.0 + f64::from(i) / 40.0 } else { 5.0 + noise };
            [3.0 + radius * angle.cos(), -2.0 + radius * angle.sin()]
        })
        .collect()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for policy in ["double", "single", "mixed"] {
        let [x, y, radius] = fit(points(), policy)?;
        println!("{policy}: centre ({x:.5}, {y:.5}) m, radius {radius:.5} m");
    }
    Ok(())
}

#[test]
fn every_policy_finds_the_circle() {
    let exact = fit(points(), "double").unwrap();
    for (value, truth) in exact.iter().zip([3.0, -2.0, 5.0]) {
        assert!((value - truth).abs() < 0.005, "{exact:?}");
    }
    for policy in ["single", "mixed"] {
        let found = fit(points(), policy).unwrap();
        for (a, b) in found.iter().zip(&exact) {
            assert!((a - b).abs() < 1e-5, "{policy}: {found:?} {exact:?}");
        }
    }
}
