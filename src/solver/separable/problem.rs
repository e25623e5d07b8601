//! What a problem of frames and landmarks tells the solver that eliminates the landmarks.

use super::Layout;
use crate::precision::Scalar;
use crate::precision::kernels::{LANES, Lanes};
use crate::solver::Loss;
use crate::sparse::Structure;

/// The residuals of a tile of observations and their derivatives, one observation per lane.
#[derive(Debug, Clone, Copy)]
pub struct Rows<S, const R: usize, const D: usize, const L: usize> {
    /// Whitened residuals.
    pub residual: [Lanes<S>; R],
    /// By the perturbation of the group's first frame.
    pub by_frame: [[Lanes<S>; D]; R],
    /// By the landmark.
    pub by_landmark: [[Lanes<S>; L]; R],
}

impl<S: Scalar, const R: usize, const D: usize, const L: usize> Rows<S, R, D, L> {
    /// All zero.
    #[inline(always)]
    pub fn zero() -> Self {
        let zero = [S::ZERO; LANES];
        Self { residual: [zero; R], by_frame: [[zero; D]; R], by_landmark: [[zero; L]; R] }
    }
}

/// A least-squares problem whose observations each see one landmark, from one frame or from one relative to another:
/// `R` residuals, `D` unknowns of a frame, `L` of a landmark.
///
/// The landmarks can be eliminated one by one. Besides, frames may be tied to each other by factors.
pub trait Separable<const R: usize, const D: usize, const L: usize> {
    /// What [`Separable::restore`] needs to go back.
    type State;
    /// What all observations of a group need, in precision `S`.
    type Prepared<S: Scalar>: Copy;

    /// Name, as statistics report it.
    fn name(&self) -> &'static str;

    /// Where observations, frames and landmarks are. Does not change during a solve.
    fn layout(&self) -> &Layout;

    /// What the observations of a group have in common at the present state.
    fn prepare<S: Scalar>(&self, group: usize) -> Self::Prepared<S>;

    /// The whitened residuals of a tile; zero in lanes that are not used.
    ///
    /// This and [`Separable::differentiate`] are hot: they have to be `#[inline(always)]` loops over lanes without a
    /// branch, for the compiler to vectorize them.
    fn evaluate<S: Scalar>(&self, prepared: &Self::Prepared<S>, tile: usize, residual: &mut [Lanes<S>; R]);

    /// The same with derivatives.
    fn differentiate<S: Scalar>(&self, prepared: &Self::Prepared<S>, tile: usize, rows: &mut Rows<S, R, D, L>);

    /// The derivative of the perturbation of a group's first frame, as observations see it, by that of the second.
    fn coupling(&self, group: usize) -> [[f64; D]; D] {
        let _ = group;
        [[0.0; D]; D]
    }

    /// Whether a landmark stays where it is for now: it is at a bound, and against its gradient lies what is beyond.
    fn is_held(&self, landmark: usize, gradient: [f64; L]) -> bool {
        let _ = (landmark, gradient);
        false
    }

    /// The loss of every observation.
    fn loss(&self) -> Loss;

    /// Residual blocks between frames alone: a structure whose variables are all frames, in order; their loss is the
    /// square.
    fn factors(&self) -> &Structure;

    /// The whitened residuals of the factors.
    fn factor_residuals<S: Scalar>(&self, residuals: &mut [S]);

    /// Their Jacobian, in the flat layout of [`Structure`].
    fn linearize_factors<S: Scalar>(&self, jacobian: &mut [S]);

    /// Moves the state by a step: see [`Layout`].
    fn retract<S: Scalar>(&mut self, step: &[S]);

    /// The present state.
    fn state(&self) -> Self::State;

    /// Goes back to a state.
    fn restore(&mut self, state: &Self::State);
}
