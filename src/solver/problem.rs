//! What a nonlinear least-squares problem tells the solver.

use super::Loss;
use crate::precision::Scalar;
use crate::sparse::Structure;

/// A nonlinear least-squares problem: minimize `½ Σ ρ_b(‖r_b(x)‖²)` over the state `x`.
///
/// Residuals are whitened: one unit is one standard deviation. The state is kept in double precision (or in whatever
/// [`Problem::retract`] makes of it); each evaluation converts what it needs to its scalar type `S` and computes in it.
/// Where large numbers are subtracted (positions in a map), subtract before converting.
///
/// ```
/// use halfslam::precision::{Policy, Scalar};
/// use halfslam::solver::{Preconditioner, Problem, SolverOptions, minimize};
/// use halfslam::sparse::Structure;
///
/// /// A line `y = a x + b` through points.
/// struct Line { points: Vec<[f64; 2]>, parameters: [f64; 2], structure: Structure }
///
/// impl Problem for Line {
///     type State = [f64; 2];
///     fn name(&self) -> &'static str { "line" }
///     fn structure(&self) -> &Structure { &self.structure }
///     fn residuals<S: Scalar>(&self, residuals: &mut [S]) {
///         let [a, b] = self.parameters.map(S::from_f64);
///         for (r, [x, y]) in residuals.iter_mut().zip(&self.points) {
///             *r = a * S::from_f64(*x) + b - S::from_f64(*y);
///         }
///     }
///     fn linearize<S: Scalar>(&self, jacobian: &mut [S]) {
///         for (row, [x, _]) in jacobian.chunks_exact_mut(2).zip(&self.points) {
///             row.copy_from_slice(&[S::from_f64(*x), S::ONE]);
///         }
///     }
///     fn retract<S: Scalar>(&mut self, step: &[S]) {
///         for (value, step) in self.parameters.iter_mut().zip(step) { *value += step.to_f64(); }
///     }
///     fn state(&self) -> Self::State { self.parameters }
///     fn restore(&mut self, state: &Self::State) { self.parameters = *state; }
/// }
///
/// let points = vec![[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]];
/// let mut structure = Structure::new();
/// let line = structure.add_variable(2);
/// for _ in &points { structure.add_residual(1, &[line]); }
/// let mut problem = Line { points, parameters: [0.0; 2], structure };
/// let mixed = Policy::resolve("mixed").unwrap();
/// minimize(&mut problem, &mixed, &SolverOptions::default(), &mut Preconditioner::BlockJacobi).unwrap();
/// assert!((problem.parameters[0] - 2.0).abs() < 1e-6);
/// ```
pub trait Problem {
    /// What [`Problem::restore`] needs to go back.
    type State;

    /// Name, as statistics report it.
    fn name(&self) -> &'static str;

    /// Which residual block touches which variable block. Does not change during a solve.
    fn structure(&self) -> &Structure;

    /// Number of residuals and of unknowns.
    fn shape(&self) -> (usize, usize) {
        (self.structure().row_count(), self.structure().column_count())
    }

    /// Writes the whitened residuals at the present state, block after block; every element is written.
    fn residuals<S: Scalar>(&self, residuals: &mut [S]);

    /// Writes the Jacobian of the whitened residuals at the present state with respect to the step of
    /// [`Problem::retract`], in the flat layout that [`Structure`] describes; every entry of a free variable is written.
    fn linearize<S: Scalar>(&self, jacobian: &mut [S]);

    /// Moves the state by a step: one number for each column of the structure.
    fn retract<S: Scalar>(&mut self, step: &[S]);

    /// The present state.
    fn state(&self) -> Self::State;

    /// Goes back to a state.
    fn restore(&mut self, state: &Self::State);

    /// The loss of a residual block.
    fn loss(&self, block: usize) -> Loss {
        let _ = block;
        Loss::Squared
    }
}
