//! Filling the rows, tile by tile.

use super::Linearized;
use crate::precision::kernels::{Kernel, LANES, Lanes, Unit};
use crate::precision::{Scalar, power_of_two_near_inverse_root};
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
        let mut squared_norms = [0.0; LANES];
        let zero = [S::ZERO; LANES];
        let mut flushed = [0; LANES];
        for (index, group) in layout.groups().iter().enumerate() {
            let prepared = problem.prepare::<S>(index);
            let mut gradient = [zero; D];
            let mut gram = Gram::zero();
            for tile in group.tiles.clone() {
                let mut rows = Rows::<S, R, D, L>::zero();
                problem.differentiate(&prepared, tile, &mut rows);
                let squares = robustify(loss, &mut rows);
                for lane in 0..LANES {
                    squared_norms[lane] += squares[lane];
                }
                let Rows { residual, by_frame, .. } = &rows;
                for a in 0..D {
                    for row in 0..R {
                        gradient[a] = unit.mul_add(&by_frame[row][a], &residual[row], &gradient[a]);
                    }
                }
                let done = tile + 1 - group.tiles.start;
                to.scratch[done - 1] = rows.by_frame;
                if tile + 1 == group.tiles.end || done.is_multiple_of(TILES_AT_ONCE) {
                    gram.add(unit, &to.scratch[(done - 1) / TILES_AT_ONCE * TILES_AT_ONCE..done]);
                }
                to.add_to_landmarks(unit, layout, tile, &rows, &mut flushed);
            }
            to.raw_gradient[index] = unit.sums(&gradient).map(S::to_f64);
            to.gram[index] = gram.sums(unit);
            let mut scales = [S::ZERO; D];
            for d in 0..D {
                to.group_scales[index][d] = power_of_two_near_inverse_root(to.gram[index][d][d]);
                scales[d] = S::from_f64(to.group_scales[index][d]);
            }
            for tile in group.tiles.clone() {
                let from = &to.scratch[tile - group.tiles.start];
                for row in 0..R {
                    for d in 0..D {
                        let mut scaled = from[row][d];
                        for value in &mut scaled {
                            *value *= scales[d];
                        }
                        count_flushed::<S, P>(&scaled, &mut flushed);
                        to.by_frame[tile][row][d] = unit.rounded(&scaled);
                    }
                }
            }
        }
        to.flushed = flushed.iter().map(|&count| count as usize).sum();
        unit.sum(&squared_norms)
    }
}

impl<S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> Linearized<S, P, V, R, D, L> {
    /// Stores the landmarks' part of a tile, and adds it to their gradients and information.
    #[inline(always)]
    fn add_to_landmarks<U: Unit>(
        &mut self,
        unit: U,
        layout: &Layout,
        tile: usize,
        rows: &Rows<S, R, D, L>,
        flushed: &mut Lanes<u32>,
    ) {
        let scales: [Lanes<f32>; L] = layout.gather(tile, &self.landmark_scales);
        let mut gradient = [[V::ZERO; LANES]; L];
        let mut information = [[[0.0f64; LANES]; L]; L];
        for row in 0..R {
            let mut stored_wide = [[0.0f64; LANES]; L];
            for k in 0..L {
                let mut scaled = rows.by_landmark[row][k];
                for (value, &scale) in scaled.iter_mut().zip(&scales[k]) {
                    *value *= S::from_f32(scale);
                }
                for lane in 0..LANES {
                    gradient[k][lane] += (scaled[lane] * rows.residual[row][lane]).cast::<V>();
                }
                count_flushed::<S, P>(&scaled, flushed);
                let stored: Lanes<P> = unit.rounded(&scaled);
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
        layout.scatter_add_triangles(tile, &information, &mut self.landmark_information);
    }
}

/// Tiles whose rows stay in the first cache while one pair of columns after the other reads them.
pub(in crate::solver::separable) const TILES_AT_ONCE: usize = 8;

/// `AᵀA` lane by lane, its lower triangle.
pub(in crate::solver::separable) struct Gram<S, const D: usize>([[Lanes<S>; D]; D]);

impl<S: Scalar, const D: usize> Gram<S, D> {
    #[inline(always)]
    pub(in crate::solver::separable) fn zero() -> Self {
        Self([[[S::ZERO; LANES]; D]; D])
    }

    /// Adds some tiles, [`TILES_AT_ONCE`] at most.
    #[inline(always)]
    pub(in crate::solver::separable) fn add<U: Unit, const R: usize>(&mut self, unit: U, tiles: &[[[Lanes<S>; D]; R]]) {
        for a in 0..D {
            for b in 0..=a {
                add_product(unit, tiles, a, b, &mut self.0[a][b]);
            }
        }
    }

    /// The sums over lanes: two rows of the triangle at a time, a long one and a short one.
    #[inline(always)]
    pub(in crate::solver::separable) fn sums<U: Unit>(&self, unit: U) -> [[f64; D]; D] {
        const { assert!(D < 16) };
        if D < 8 { self.sums_by::<U, 8>(unit) } else { self.sums_by::<U, 16>(unit) }
    }

    #[inline(always)]
    fn sums_by<U: Unit, const N: usize>(&self, unit: U) -> [[f64; D]; D] {
        let mut sums = [[0.0; D]; D];
        for short in 0..D.div_ceil(2) {
            let long = D - 1 - short;
            let mut both = [[S::ZERO; LANES]; N];
            both[..=long].copy_from_slice(&self.0[long][..=long]);
            if short < long {
                both[long + 1..long + 2 + short].copy_from_slice(&self.0[short][..=short]);
            }
            let found = unit.sums(&both);
            for k in 0..=long {
                sums[long][k] = found[k].to_f64();
            }
            if short < long {
                for k in 0..=short {
                    sums[short][k] = found[long + 1 + k].to_f64();
                }
            }
        }
        sums
    }
}

/// Adds the product of two columns, lane by lane.
#[inline(always)]
fn add_product<U: Unit, S: Scalar, const R: usize, const D: usize>(
    unit: U,
    tiles: &[[[Lanes<S>; D]; R]],
    a: usize,
    b: usize,
    to: &mut Lanes<S>,
) {
    let mut sums = *to;
    for tile in tiles {
        for row in tile {
            sums = unit.mul_add(&row[a], &row[b], &sums);
        }
    }
    *to = sums;
}

/// Counts in each lane whether storage rounds it to zero: what is at most half of the least number does, ties to even.
#[inline(always)]
fn count_flushed<S: Scalar, P: Scalar>(values: &Lanes<S>, counts: &mut Lanes<u32>) {
    if P::PRECISION >= S::PRECISION {
        return;
    }
    let most = S::from_f64(0.5 * P::MIN_POSITIVE * P::EPSILON);
    for (value, count) in values.iter().zip(counts) {
        *count += u32::from((*value != S::ZERO) & (value.abs() <= most));
    }
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
