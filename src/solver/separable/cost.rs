//! The cost of a separable problem, and its losses on lanes.

use super::problem::{Rows, Separable};
use crate::precision::kernels::{Kernel, LANES, Lanes, Unit, vectorized};
use crate::precision::{Precision, Scalar};
use crate::solver::Loss;

/// The cost of a problem at its present state; residuals in single precision or double, their sum in double.
pub(super) fn cost<T, const R: usize, const D: usize, const L: usize>(problem: &T, residual: Precision) -> f64
where
    T: Separable<R, D, L>,
{
    fn cost_in<S: Scalar, T, const R: usize, const D: usize, const L: usize>(problem: &T) -> f64
    where
        T: Separable<R, D, L>,
    {
        let mut residuals = vec![S::ZERO; problem.factors().row_count()];
        problem.factor_residuals(&mut residuals);
        let of_factors: f64 = residuals.iter().map(|r| r.to_f64() * r.to_f64()).sum();
        vectorized(Cost::<T, S, R, D, L> { problem, zero: S::ZERO }) + 0.5 * of_factors
    }
    if residual == Precision::F64 { cost_in::<f64, T, R, D, L>(problem) } else { cost_in::<f32, T, R, D, L>(problem) }
}

/// The cost of all observations, `½ Σ ρ(‖r‖²)`; residuals in `S`, their sum in double.
struct Cost<'a, T, S, const R: usize, const D: usize, const L: usize> {
    problem: &'a T,
    zero: S,
}

impl<T, S, const R: usize, const D: usize, const L: usize> Kernel for Cost<'_, T, S, R, D, L>
where
    T: Separable<R, D, L>,
    S: Scalar,
{
    type Output = f64;

    #[inline(always)]
    fn run<U: Unit>(self, unit: U) -> f64 {
        let Self { problem, zero } = self;
        let loss = problem.loss();
        let mut totals = [0.0; LANES];
        for (index, group) in problem.layout().groups().iter().enumerate() {
            let prepared = problem.prepare::<S>(index);
            for tile in group.tiles.clone() {
                let mut residual = [[zero; LANES]; R];
                problem.evaluate(&prepared, tile, &mut residual);
                let costs = costs(loss, &squared_norms(&residual));
                for lane in 0..LANES {
                    totals[lane] += costs[lane];
                }
            }
        }
        0.5 * unit.sum(&totals)
    }
}

/// Multiplies rows by the root of the slope of their loss; returns the squared norms of the residuals after that.
#[inline(always)]
pub(super) fn robustify<S: Scalar, const R: usize, const D: usize, const L: usize>(
    loss: Loss,
    rows: &mut Rows<S, R, D, L>,
) -> Lanes<f64> {
    if loss != Loss::Squared {
        let roots = root_slopes::<S>(loss, &squared_norms(&rows.residual));
        for row in 0..R {
            multiply(&mut rows.residual[row], &roots);
            for d in 0..D {
                multiply(&mut rows.by_frame[row][d], &roots);
            }
            for k in 0..L {
                multiply(&mut rows.by_landmark[row][k], &roots);
            }
        }
    }
    squared_norms(&rows.residual)
}

/// Lane by lane. Of iterators over rows and lanes the compiler makes gathers and scatters, which take far longer.
#[inline(always)]
fn multiply<S: Scalar>(lanes: &mut Lanes<S>, factors: &Lanes<S>) {
    for lane in 0..LANES {
        lanes[lane] *= factors[lane];
    }
}

/// `ρ(‖r‖²)` of each lane.
#[inline(always)]
fn costs(loss: Loss, squares: &Lanes<f64>) -> Lanes<f64> {
    let mut costs = *squares;
    match loss {
        Loss::Squared => {}
        // Without a branch.
        Loss::Huber(k) => {
            for cost in &mut costs {
                *cost = if *cost > k * k { 2.0 * k * cost.sqrt() - k * k } else { *cost };
            }
        }
        other => costs.iter_mut().for_each(|cost| *cost = other.evaluate(*cost).0),
    }
    costs
}

/// `√ρ'` of each lane, a weight: the precision of the rows is enough.
#[inline(always)]
fn root_slopes<S: Scalar>(loss: Loss, squares: &Lanes<f64>) -> Lanes<S> {
    let mut roots = [S::ONE; LANES];
    match loss {
        Loss::Squared => {}
        Loss::Huber(k) => {
            let (k, most) = (S::from_f64(k), S::from_f64(k * k));
            for (root, square) in roots.iter_mut().zip(squares) {
                let square = S::from_f64(*square);
                *root = if square > most { (k / square.sqrt()).sqrt() } else { S::ONE };
            }
        }
        other => {
            for (root, square) in roots.iter_mut().zip(squares) {
                *root = S::from_f64(other.evaluate(*square).1.sqrt());
            }
        }
    }
    roots
}

#[inline(always)]
fn squared_norms<S: Scalar, const R: usize>(residual: &[Lanes<S>; R]) -> Lanes<f64> {
    let mut squares = [0.0f64; LANES];
    for row in residual {
        for (square, value) in squares.iter_mut().zip(row) {
            *square += value.to_f64() * value.to_f64();
        }
    }
    squares
}
