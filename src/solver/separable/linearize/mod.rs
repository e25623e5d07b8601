//! The linearized problem: rows in storage precision, their scales, the gradient.

mod join;
mod rows;

use super::couplings::Couplings;
use super::factors::Factors;
use super::problem::Separable;
use crate::precision::kernels::{LANES, Lanes, vectorized};
use crate::precision::{Scalar, power_of_two_near};
use crate::solver::system::{Linearization, Trouble};
use crate::sparse::Rounding;
use rows::{FillRows, LandmarkNorms};
pub(super) use rows::{Gram, TILES_AT_ONCE};

/// A linearized separable problem in scaled unknowns: those of a frame and of a landmark have columns of norms near one.
///
/// An observation of group `g` with first frame `t` and second frame `h` has the row `A (K_t x_t + K_h x_h) + B x_l`.
/// `A` has columns of norms near one within its group, `K_t` is diagonal; all scales are powers of two.
#[derive(Debug)]
pub(super) struct Linearized<S, P, V, const R: usize, const D: usize, const L: usize> {
    /// `A`, tile by tile.
    pub(super) by_frame: Vec<[[Lanes<P>; D]; R]>,
    /// `B`.
    pub(super) by_landmark: Vec<[[Lanes<P>; L]; R]>,
    /// `K_t` and `K_h` of each group.
    pub(super) couplings: Couplings<V, D>,
    /// Scale of each unknown of a free frame.
    pub(super) frame_scales: Vec<f64>,
    /// Squared norm of its scaled column.
    pub(super) frame_norms: Vec<V>,
    /// Gradient by the scaled unknowns of frames.
    pub(super) frame_gradient: Vec<V>,
    /// Scale of each unknown of a landmark.
    pub(super) landmark_scales: Vec<[f32; L]>,
    /// Gradient by the scaled unknowns of landmarks.
    pub(super) landmark_gradient: Vec<[V; L]>,
    /// `BᵀB` of each landmark, from the entries as stored; lower triangle.
    pub(super) landmark_information: Vec<[[f64; L]; L]>,
    /// Entries that storage rounded to zero.
    pub(super) flushed: usize,
    scratch: Vec<[[Lanes<S>; D]; R]>,
    /// `AᵀA` of each group before scaling; lower triangle.
    pub(super) gram: Vec<[[f64; D]; D]>,
    /// Scales of the columns of each group.
    group_scales: Vec<[f64; D]>,
    raw_gradient: Vec<[f64; D]>,
    /// What the problem says of each group whose second frame is free.
    pub(super) raw_couplings: Vec<[[f64; D]; D]>,
    scaled: bool,
}

impl<S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> Linearized<S, P, V, R, D, L> {
    /// Room for a problem.
    pub(super) fn new<T: Separable<R, D, L>>(problem: &T) -> Self {
        let layout = problem.layout();
        let (tiles, groups, landmarks) = (layout.tile_count(), layout.groups().len(), layout.landmark_count());
        let unknowns = layout.free_count() * D;
        let longest = layout.groups().iter().map(|group| group.tiles.len()).max().unwrap_or(0);
        Self {
            by_frame: vec![[[[P::ZERO; LANES]; D]; R]; tiles],
            by_landmark: vec![[[[P::ZERO; LANES]; L]; R]; tiles],
            couplings: Couplings::new(layout),
            frame_scales: vec![1.0; unknowns],
            frame_norms: vec![V::ZERO; unknowns],
            frame_gradient: vec![V::ZERO; unknowns],
            landmark_scales: vec![[1.0; L]; landmarks],
            landmark_gradient: vec![[V::ZERO; L]; landmarks],
            landmark_information: vec![[[0.0; L]; L]; landmarks],
            flushed: 0,
            scratch: vec![[[[S::ZERO; LANES]; D]; R]; longest],
            gram: vec![[[0.0; D]; D]; groups],
            group_scales: vec![[1.0; D]; groups],
            raw_gradient: vec![[0.0; D]; groups],
            raw_couplings: vec![[[0.0; D]; D]; groups],
            scaled: false,
        }
    }

    /// Linearizes at the present state, and says what a solve has to know of it.
    ///
    /// # Errors
    /// [`Trouble`] if the Jacobian or the gradient is not finite.
    pub(super) fn linearize<T: Separable<R, D, L>>(
        &mut self,
        problem: &T,
        factors: &mut Factors<V>,
    ) -> Result<Linearization, Trouble> {
        let norm = self.fill(problem, factors);
        let largest = self.largest_gradient();
        if !(largest.is_finite() && norm.is_finite()) {
            return Err(Trouble { what: "the Jacobian is not finite".into() });
        }
        let rounding = Rounding { flushed: self.flushed, not_finite: 0 };
        let gradient_cosine = if norm > 0.0 { largest / norm } else { 0.0 };
        Ok(Linearization { gradient_cosine, model_unit: 1.0, rounding })
    }

    /// A share of a step of frames and landmarks in the problem's own units, as [`Separable::retract`] takes it.
    ///
    /// # Errors
    /// [`Trouble`] if it is not finite.
    pub(super) fn unscaled(&self, frames: &[V], landmarks: &[[V; L]], share: f64) -> Result<Vec<f64>, Trouble> {
        let of_frames = frames.iter().zip(&self.frame_scales).map(|(step, scale)| step.to_f64() * scale);
        let scales = self.landmark_scales.as_flattened();
        let of_landmarks = landmarks.as_flattened().iter().zip(scales).map(|(s, scale)| s.to_f64() * f64::from(*scale));
        let step: Vec<f64> = of_frames.chain(of_landmarks).map(|step| share * step).collect();
        if step.iter().all(|value| value.is_finite()) {
            Ok(step)
        } else {
            Err(Trouble { what: "the step is not finite".into() })
        }
    }

    /// Linearizes at the present state; returns the norm of the weighted residual.
    pub(super) fn fill<T: Separable<R, D, L>>(&mut self, problem: &T, factors: &mut Factors<V>) -> f64 {
        if !self.scaled {
            vectorized(LandmarkNorms::<T, R, D, L> { problem, norms: &mut self.landmark_information });
            self.scale_landmarks();
        }
        let mut squared_norm = self.fill_rows(problem);
        if !self.landmarks_are_well_scaled() {
            // They moved by orders of magnitude since the last time.
            self.scale_landmarks();
            squared_norm = self.fill_rows(problem);
        }
        self.scaled = true;
        self.hold(problem);
        squared_norm += factors.linearize(problem);
        self.join_frames(problem, factors);
        squared_norm.sqrt()
    }

    fn fill_rows<T: Separable<R, D, L>>(&mut self, problem: &T) -> f64 {
        self.landmark_information.fill([[0.0; L]; L]);
        self.landmark_gradient.fill([V::ZERO; L]);
        vectorized(FillRows { problem, to: self })
    }

    /// Leaves landmarks where they are that would be moved beyond their bounds: a model that counts on such steps promises
    /// what they can't give. Without information of its own a landmark has no step.
    fn hold<T: Separable<R, D, L>>(&mut self, problem: &T) {
        for (index, gradient) in self.landmark_gradient.iter_mut().enumerate() {
            if problem.is_held(index, gradient.map(V::to_f64)) {
                *gradient = [V::ZERO; L];
                self.landmark_information[index] = [[0.0; L]; L];
            }
        }
    }

    /// Half precision keeps its digits over a factor of 2¹⁴ below one; a norm may leave one by far less.
    fn landmarks_are_well_scaled(&self) -> bool {
        let well = |squared_norm: f64| squared_norm == 0.0 || (1.0 / 256.0..=256.0).contains(&squared_norm);
        self.landmark_information.iter().all(|information| (0..L).all(|k| well(information[k][k])))
    }

    /// Adapts scales so that what the diagonals say now would be one.
    fn scale_landmarks(&mut self) {
        for (scales, information) in self.landmark_scales.iter_mut().zip(&self.landmark_information) {
            for (k, scale) in scales.iter_mut().enumerate() {
                let norm = information[k][k].sqrt();
                if norm > 0.0 && norm.is_finite() {
                    *scale = (*scale * power_of_two_near(1.0 / norm) as f32).clamp(1e-30, 1e30);
                }
            }
        }
    }

    /// The largest element of the gradient: with columns of unit norm.
    fn largest_gradient(&self) -> f64 {
        let frames = self.frame_gradient.iter().map(|g| g.abs().to_f64());
        let landmarks = self.landmark_gradient.as_flattened().iter().map(|g| g.abs().to_f64());
        // Not `max`, which would lose a NaN.
        frames.chain(landmarks).fold(0.0, |largest, g| if g <= largest { largest } else { g })
    }
}
