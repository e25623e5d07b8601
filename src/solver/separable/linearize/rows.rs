//! Filling the rows, tile by tile.

use super::{Linearized, group_scales};
use crate::precision::Scalar;
use crate::precision::kernels::{Kernel, LANES, Lanes, Unit, rounded};
use crate::solver::Layout;
use crate::solver::separable::cost::robustify;
use crate::solver::separable::problem::{Rows, Separable};

/// Fills rows, gradient and landmarks' information; returns the squared norm of the weighted residual.
pub(super) struct FillRows<'a, T, S, P, V, const R: usize, const D: usize, const L: usize> {
    pub(super) problem: &'a T,
    pub(super) to: &'a mut Linearized<S, P, V, R, D, L>,
}

impl<T, S, P, V, const R: usize, const D: usize, const L: usize> Kernel for FillRows<'_, T, S, P, V, R, D, L>
where
    T: Separable<R, D, L>,
    S: Scalar,
    P: Scalar,
    V: Scalar,
{
    type Output = f64;

    #[inline(always)]
    fn run<U: Unit>(self, unit: U) -> f64 {
        let Self { problem, to } = self;
        let layout = problem.layout();
        let loss = problem.loss();
        let mut squared_norm = 0.0;
        let zero = [S::ZERO; LANES];
        for (index, group) in layout.groups().iter().enumerate() {
            let prepared = problem.prepare::<S>(index);
            let mut gram = [[zero; D]; D];
            let mut gradient = [zero; D];
            for tile in group.tiles.clone() {
                let mut rows = Rows::<S, R, D, L>::zero();
                problem.differentiate(&prepared, tile, &mut rows);
                squared_norm += robustify(loss, &mut rows);
                for (residual, by_frame) in rows.residual.iter().zip(&rows.by_frame) {
                    for a in 0..D {
                        gradient[a] = unit.mul_add(&by_frame[a], residual, &gradient[a]);
                        // A relative frame needs the whole triangle.
                        for b in if group.frames[1].is_some() { 0 } else { a }..=a {
                            gram[a][b] = unit.mul_add(&by_frame[a], &by_frame[b], &gram[a][b]);
                        }
                    }
                }
                to.scratch[tile - group.tiles.start] = rows.by_frame;
                to.add_to_landmarks(unit, layout, tile, &rows);
            }
            for a in 0..D {
                to.raw_gradient[index][a] = unit.sum(&gradient[a]).to_f64();
                for b in 0..=a {
                    to.gram[index][a][b] = unit.sum(&gram[a][b]).to_f64();
                }
            }
            let own = group_scales(&to.gram[index]);
            let mut scales = [S::ZERO; D];
            for d in 0..D {
                scales[d] = S::from_f64(own[d]);
            }
            for tile in group.tiles.clone() {
                let from = &to.scratch[tile - group.tiles.start];
                for row in 0..R {
                    for d in 0..D {
                        let mut scaled = from[row][d];
                        for value in &mut scaled {
                            *value *= scales[d];
                        }
                        let stored = rounded::<S, P>(&scaled);
                        to.flushed += flushed(&scaled, &stored);
                        to.by_frame[tile][row][d] = stored;
                    }
                }
            }
        }
        squared_norm
    }
}

impl<S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> Linearized<S, P, V, R, D, L> {
    /// Stores the landmarks' part of a tile, and adds it to their gradients and information.
    #[inline(always)]
    fn add_to_landmarks<U: Unit>(&mut self, unit: U, layout: &Layout, tile: usize, rows: &Rows<S, R, D, L>) {
        let landmarks = layout.landmarks(tile);
        let mut gradient = [[V::ZERO; LANES]; L];
        let mut information = [[[0.0f64; LANES]; L]; L];
        for row in 0..R {
            let mut stored_wide = [[0.0f64; LANES]; L];
            for k in 0..L {
                let mut scaled = rows.by_landmark[row][k];
                for (value, &landmark) in scaled.iter_mut().zip(landmarks) {
                    *value *= S::from_f32(self.landmark_scales[landmark as usize][k]);
                }
                for lane in 0..LANES {
                    gradient[k][lane] += (scaled[lane] * rows.residual[row][lane]).cast::<V>();
                }
                let stored = rounded::<S, P>(&scaled);
                self.flushed += flushed(&scaled, &stored);
                self.by_landmark[tile][row][k] = stored;
                stored_wide[k] = unit.widened(&stored);
            }
            for a in 0..L {
                for b in 0..=a {
                    information[a][b] = unit.mul_add(&stored_wide[a], &stored_wide[b], &information[a][b]);
                }
            }
        }
        layout.scatter_add(tile, &gradient, &mut self.landmark_gradient);
        for lane in layout.used_lanes(tile) {
            let own = &mut self.landmark_information[landmarks[lane] as usize];
            for a in 0..L {
                for b in 0..=a {
                    own[a][b] += information[a][b][lane];
                }
            }
        }
    }
}

/// How many lanes storage rounded to zero.
#[inline(always)]
fn flushed<S: Scalar, P: Scalar>(values: &Lanes<S>, stored: &Lanes<P>) -> usize {
    if P::PRECISION == S::PRECISION {
        return 0;
    }
    let mut count = 0u32;
    for (value, stored) in values.iter().zip(stored) {
        count += u32::from((*stored == P::ZERO) & (*value != S::ZERO));
    }
    count as usize
}

/// The squared norms of landmarks' columns alone, before anything is known of their scale.
pub(super) struct LandmarkNorms<'a, T, const R: usize, const D: usize, const L: usize> {
    pub(super) problem: &'a T,
    pub(super) norms: &'a mut [[[f64; L]; L]],
}

impl<T, const R: usize, const D: usize, const L: usize> Kernel for LandmarkNorms<'_, T, R, D, L>
where
    T: Separable<R, D, L>,
{
    type Output = ();

    #[inline(always)]
    fn run<U: Unit>(self, _: U) {
        let Self { problem, norms } = self;
        let layout = problem.layout();
        for (index, group) in layout.groups().iter().enumerate() {
            let prepared = problem.prepare::<f64>(index);
            for tile in group.tiles.clone() {
                let mut rows = Rows::<f64, R, D, L>::zero();
                problem.differentiate(&prepared, tile, &mut rows);
                robustify(problem.loss(), &mut rows);
                for lane in layout.used_lanes(tile) {
                    let landmark = layout.landmarks(tile)[lane];
                    for k in 0..L {
                        norms[landmark as usize][k][k] +=
                            rows.by_landmark.iter().map(|row| row[k][lane] * row[k][lane]).sum::<f64>();
                    }
                }
            }
        }
    }
}
