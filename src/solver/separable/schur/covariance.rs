//! Marginal covariance of a frame: a block of the inverse of the Schur complement of the landmarks.

use super::envelope::Envelope;
use super::landmarks::Landmarks;
use super::reduced::Reduction;
use crate::precision::Precision;
use crate::solver::cgnr::ApplyPreconditioner;
use crate::solver::separable::factors::Factors;
use crate::solver::separable::linearize::Linearized;
use crate::solver::separable::problem::Separable;

/// The pivots of a complement that double precision can't tell from zero, as shares of its diagonal.
const LEAST_PIVOT: f64 = 1e-13;

/// The covariance of a frame's perturbation at the present state, landmarks and other frames marginalized, with
/// observations weighted as their loss says; zero for a fixed frame, `None` if the residuals do not determine it.
///
/// `S = H_pp − Σ_l H_pl H_ll⁻¹ H_lp` with `H = Jᵀ W J`, frames `p`, landmarks `l`; the block of `S⁻¹`, in double precision.
pub fn frame_covariance<T, const R: usize, const D: usize, const L: usize>(
    problem: &T,
    frame: usize,
) -> Option<[[f64; D]; D]>
where
    T: Separable<R, D, L>,
{
    let layout = problem.layout();
    let Some(free) = layout.free(frame) else { return Some([[0.0; D]; D]) };
    let mut factors = Factors::<f64>::new(problem, Precision::F64);
    let mut linearized = Linearized::<f64, f64, f64, R, D, L>::new(problem);
    linearized.fill(problem, &mut factors);
    let mut landmarks = Landmarks::<f64, L>::new(layout.landmark_count());
    landmarks.invert(&linearized.landmark_information, &linearized.landmark_gradient, 0.0);
    let mut reduction = Reduction::<f64, D, L>::new(layout);
    // Dense: what is asked for has to be exact.
    let mut complement = Envelope::<f64, D>::new(vec![0; layout.free_count()]);
    reduction.form(layout, &linearized, &landmarks, &factors, 0.0, &mut complement);
    if complement.factor(LEAST_PIVOT) > 0 {
        return None;
    }
    let scales = &linearized.frame_scales[free * D..(free + 1) * D];
    let mut columns = [[0.0; D]; D];
    for (d, column) in columns.iter_mut().enumerate() {
        let mut unit = vec![0.0; layout.free_count() * D];
        unit[free * D + d] = 1.0;
        let mut solution = unit.clone();
        complement.apply(&unit, &mut solution);
        *column = std::array::from_fn(|k| solution[free * D + k] * scales[k] * scales[d]);
    }
    Some(std::array::from_fn(|i| std::array::from_fn(|j| 0.5 * (columns[i][j] + columns[j][i]))))
}
