//! A separable problem as a plain one: its rows one after the other.

use super::problem::{Rows, Separable};
use crate::precision::Scalar;
use crate::precision::kernels::LANES;
use crate::solver::{Loss, Problem};
use crate::sparse::Structure;
use std::cell::OnceCell;

/// A separable problem as a plain one, whose variables are frames, then landmarks, and whose residual blocks are
/// observations in order of tiles, then factors.
pub(crate) struct Flat<'a, T, const R: usize, const D: usize, const L: usize> {
    pub(crate) separable: &'a mut T,
    structure: OnceCell<Structure>,
}

impl<'a, T: Separable<R, D, L>, const R: usize, const D: usize, const L: usize> Flat<'a, T, R, D, L> {
    pub(crate) fn new(separable: &'a mut T) -> Self {
        Self { separable, structure: OnceCell::new() }
    }

    fn build(&self) -> Structure {
        let layout = self.separable.layout();
        let mut structure = Structure::new();
        for frame in 0..layout.frame_count() {
            if layout.free(frame).is_some() {
                structure.add_variable(D)
            } else {
                structure.add_fixed(D)
            };
        }
        for _ in 0..layout.landmark_count() {
            structure.add_variable(L);
        }
        for group in layout.groups() {
            for tile in group.tiles.clone() {
                for lane in layout.used_lanes(tile) {
                    let landmark = layout.landmarks(tile)[lane];
                    let frames = group.frames.iter().flatten().copied();
                    let variables: Vec<usize> = frames.chain([layout.frame_count() + landmark as usize]).collect();
                    structure.add_residual(R, &variables);
                }
            }
        }
        let factors = self.separable.factors();
        for block in 0..factors.residual_block_count() {
            let variables: Vec<usize> = factors.variables_of(block).collect();
            structure.add_residual(factors.rows(block).len(), &variables);
        }
        structure
    }

    /// Visits the lanes in use: group, whether it has a first and a second frame, tile and lane.
    fn for_each_tile(&self, mut visit: impl FnMut(usize, usize)) {
        for (index, group) in self.separable.layout().groups().iter().enumerate() {
            group.tiles.clone().for_each(|tile| visit(index, tile));
        }
    }
}

impl<T: Separable<R, D, L>, const R: usize, const D: usize, const L: usize> Problem for Flat<'_, T, R, D, L> {
    type State = T::State;

    fn name(&self) -> &'static str {
        self.separable.name()
    }

    fn structure(&self) -> &Structure {
        self.structure.get_or_init(|| self.build())
    }

    fn shape(&self) -> (usize, usize) {
        let (layout, factors) = (self.separable.layout(), self.separable.factors());
        let rows = layout.observation_count() * R + factors.row_count();
        (rows, layout.free_count() * D + layout.landmark_count() * L)
    }

    fn residuals<S: Scalar>(&self, residuals: &mut [S]) {
        let layout = self.separable.layout();
        let mut next = 0;
        self.for_each_tile(|group, tile| {
            let mut lanes = [[S::ZERO; LANES]; R];
            self.separable.evaluate(&self.separable.prepare::<S>(group), tile, &mut lanes);
            for lane in layout.used_lanes(tile) {
                for row in &lanes {
                    residuals[next] = row[lane];
                    next += 1;
                }
            }
        });
        self.separable.factor_residuals(&mut residuals[next..]);
    }

    fn linearize<S: Scalar>(&self, jacobian: &mut [S]) {
        let layout = self.separable.layout();
        let mut rest = jacobian;
        self.for_each_tile(|group, tile| {
            let mut rows = Rows::<S, R, D, L>::zero();
            self.separable.differentiate(&self.separable.prepare::<S>(group), tile, &mut rows);
            let frames = layout.groups()[group].frames;
            let coupling = self.separable.coupling(group).map(|row| row.map(S::from_f64));
            for lane in layout.used_lanes(tile) {
                for row in 0..R {
                    let mut next = std::mem::take(&mut rest).iter_mut();
                    let mut put = |value: S| next.next().map(|entry| *entry = value).unwrap_or_default();
                    if frames[0].is_some() {
                        (0..D).for_each(|d| put(rows.by_frame[row][d][lane]));
                    }
                    if frames[1].is_some() {
                        (0..D).for_each(|d| put((0..D).map(|k| rows.by_frame[row][k][lane] * coupling[k][d]).sum()));
                    }
                    (0..L).for_each(|k| put(rows.by_landmark[row][k][lane]));
                    rest = next.into_slice();
                }
            }
        });
        self.separable.linearize_factors(rest);
    }

    fn retract<S: Scalar>(&mut self, step: &[S]) {
        self.separable.retract(step);
    }

    fn state(&self) -> Self::State {
        self.separable.state()
    }

    fn restore(&mut self, state: &Self::State) {
        self.separable.restore(state);
    }

    fn loss(&self, block: usize) -> Loss {
        if block < self.separable.layout().observation_count() { self.separable.loss() } else { Loss::Squared }
    }
}
