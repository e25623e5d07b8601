//! The cost of a separable problem, and its losses on lanes.

use super::problem::{Rows, Separable};
use crate::precision::kernels::{Kernel, LANES, Lanes, Unit, lane_sum, vectorized};
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
    fn run<U: Unit>(self, _: U) -> f64 {
        let Self { problem, zero } = self;
        let mut total = 0.0;
        for (index, group) in problem.layout().groups().iter().enumerate() {
            let prepared = problem.prepare::<S>(index);
            for tile in group.tiles.clone() {
                let mut residual = [[zero; LANES]; R];
                problem.evaluate(&prepared, tile, &mut residual);
                total += losses(problem.loss(), &residual).0;
            }
        }
        0.5 * total
    }
}

/// Multiplies rows by the root of the slope of their loss; returns the squared norm of the residual after that.
#[inline(always)]
pub(super) fn robustify<S: Scalar, const R: usize, const D: usize, const L: usize>(
    loss: Loss,
    rows: &mut Rows<S, R, D, L>,
) -> f64 {
    if loss != Loss::Squared {
        let (_, roots) = losses(loss, &rows.residual);
        let scale = |lanes: &mut Lanes<S>| {
            for (value, root) in lanes.iter_mut().zip(&roots) {
                *value *= *root;
            }
        };
        rows.residual.iter_mut().for_each(scale);
        rows.by_frame.as_flattened_mut().iter_mut().for_each(scale);
        rows.by_landmark.as_flattened_mut().iter_mut().for_each(scale);
    }
    lane_sum(&squared_norms(&rows.residual))
}

/// `Σ ρ(‖r‖²)` over the lanes, and `√ρ'` of each.
#[inline(always)]
fn losses<S: Scalar, const R: usize>(loss: Loss, residual: &[Lanes<S>; R]) -> (f64, Lanes<S>) {
    let squares = squared_norms(residual);
    let mut roots = [S::ONE; LANES];
    let mut cost = [0.0f64; LANES];
    // The same formula for all lanes: the compiler takes the choice out of the loop.
    macro_rules! each {
        ($loss:expr) => {
            for lane in 0..LANES {
                let (value, slope) = $loss.evaluate(squares[lane]);
                cost[lane] = value;
                roots[lane] = S::from_f64(slope.sqrt());
            }
        };
    }
    match loss {
        Loss::Squared => cost = squares,
        Loss::Huber(k) => {
            for lane in 0..LANES {
                let squared = squares[lane];
                let norm = squared.sqrt();
                let outside = squared > k * k;
                cost[lane] = if outside { 2.0 * k * norm - k * k } else { squared };
                roots[lane] = S::from_f64(if outside { (k / norm).sqrt() } else { 1.0 });
            }
        }
        other => each!(other),
    }
    (lane_sum(&cost), roots)
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
