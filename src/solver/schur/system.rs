//! The linearized problem with its landmarks eliminated, in the precisions of a policy.

use super::cost::Cost;
use super::envelope::{Envelope, EnvelopeFactor};
use super::factors::Factors;
use super::flat::Flat;
use super::landmarks::Landmarks;
use super::linearize::Linearized;
use super::product::{Complement, ProductScratch};
use super::reduced::Reduction;
use super::separable::Separable;
use crate::precision::kernels::vectorized;
use crate::precision::{Policy, Precision, Scalar, VectorKernels, f16};
use crate::solver::cgnr::{CgOptions, CgScratch, CgStatistics, conjugate_gradients};
use crate::solver::system::{Linearization, System, Trouble};
use crate::solver::{Preconditioner, Problem};
use crate::sparse::Rounding;

/// The system of a policy; `None` if there is none for its precisions.
pub(in crate::solver) fn schur_system<'a, T, const R: usize, const D: usize, const L: usize>(
    policy: &Policy,
    problem: &Flat<'a, T, R, D, L>,
) -> Option<Box<dyn System<Flat<'a, T, R, D, L>>>>
where
    T: Separable<R, D, L>,
{
    use Precision::{F16, F32, F64};
    if policy.naive {
        return None;
    }
    let problem = &*problem.separable;
    match (policy.jacobian, policy.product, policy.vectors) {
        (F32, F16, F32) => Some(Box::new(SchurSystem::<f32, f16, f32, R, D, L>::new(policy, problem))),
        (F32, F32, F32) => Some(Box::new(SchurSystem::<f32, f32, f32, R, D, L>::new(policy, problem))),
        // Products at least as precise as asked for.
        (F64, _, F64) => Some(Box::new(SchurSystem::<f64, f64, f64, R, D, L>::new(policy, problem))),
        _ => None,
    }
}

/// `S` computes rows, `P` stores them, `V` is the precision of vectors.
struct SchurSystem<S, P, V, const R: usize, const D: usize, const L: usize> {
    residual: Precision,
    linearized: Linearized<S, P, V, R, D, L>,
    factors: Factors<V>,
    landmarks: Landmarks<V, L>,
    /// What the landmarks are inverted at, and what they take off the model then.
    inverted: Option<(f64, f64)>,
    reduction: Reduction<D, L>,
    complement: Envelope<D>,
    factor: StoredFactor,
    /// Whether the factor still serves.
    fresh: bool,
    factor_multiplications: f64,
    product_multiplications: f64,
    product: ProductScratch<V, R, L>,
    gradient: Vec<V>,
    step: Vec<V>,
    landmark_step: Vec<[V; L]>,
    unscaled: Vec<f64>,
    scratch: CgScratch<V>,
}

/// What a multiplication costs in a product, which streams the rows twice and gathers landmarks, over what it costs in
/// forming and factoring the complement, which stays in the caches: from one profile of a reconstruction.
const STREAMED: f64 = 5.0;

/// A factor in the precision of the policy's preconditioner, half as single.
enum StoredFactor {
    F32(EnvelopeFactor<f32>),
    F64(EnvelopeFactor<f64>),
}

impl<S: Scalar, P: Scalar, V: VectorKernels, const R: usize, const D: usize, const L: usize>
    SchurSystem<S, P, V, R, D, L>
{
    fn new<T: Separable<R, D, L>>(policy: &Policy, problem: &T) -> Self {
        let layout = problem.layout();
        let factors = Factors::new(problem, policy.jacobian);
        let reduction = Reduction::<D, L>::new(layout);
        let mut first: Vec<usize> = (0..layout.free_count()).collect();
        reduction.for_each_tie(layout, |frame, tied| first[frame] = first[frame].min(tied));
        factors.pairs().for_each(|(frame, tied)| first[frame] = first[frame].min(tied));
        let complement = Envelope::new(first);
        let factor = match policy.preconditioner {
            Precision::F64 => StoredFactor::F64(EnvelopeFactor::new(&complement)),
            _ => StoredFactor::F32(EnvelopeFactor::new(&complement)),
        };
        let n = layout.free_count() * D;
        let rows = (layout.tile_count() * crate::precision::kernels::LANES * R) as f64;
        Self {
            residual: policy.residual,
            linearized: Linearized::new(problem),
            factors,
            landmarks: Landmarks::new(layout.landmark_count()),
            inverted: None,
            fresh: false,
            factor_multiplications: reduction.multiplications + complement.factor_multiplications(),
            product_multiplications: STREAMED * rows * 2.0 * (D + L) as f64 + 2.0 * complement.entry_count() as f64,
            reduction,
            complement,
            factor,
            product: ProductScratch::new(layout),
            gradient: vec![V::ZERO; n],
            step: vec![V::ZERO; n],
            landmark_step: vec![[V::ZERO; L]; layout.landmark_count()],
            unscaled: vec![0.0; n + L * layout.landmark_count()],
            scratch: CgScratch::new(n),
        }
    }
}

impl<'a, T, S, P, V, const R: usize, const D: usize, const L: usize> System<Flat<'a, T, R, D, L>>
    for SchurSystem<S, P, V, R, D, L>
where
    T: Separable<R, D, L>,
    S: Scalar,
    P: Scalar,
    V: VectorKernels,
{
    fn name(&self) -> &'static str {
        "schur"
    }

    fn evaluate(&mut self, problem: &Flat<'a, T, R, D, L>) -> f64 {
        if self.residual == Precision::F64 {
            return cost_in::<f64, T, R, D, L>(problem.separable);
        }
        cost_in::<f32, T, R, D, L>(problem.separable)
    }

    fn evaluate_in_double(&mut self, problem: &Flat<'a, T, R, D, L>) -> f64 {
        cost_in::<f64, T, R, D, L>(problem.separable)
    }

    fn linearize(&mut self, problem: &Flat<'a, T, R, D, L>) -> Result<Linearization, Trouble> {
        let norm = self.linearized.fill(&*problem.separable, &mut self.factors);
        self.inverted = None;
        let largest = self.linearized.largest_gradient();
        if !(largest.is_finite() && norm.is_finite()) {
            return Err(Trouble { what: "the Jacobian is not finite".into() });
        }
        let rounding = Rounding { flushed: self.linearized.flushed, not_finite: 0 };
        let gradient_cosine = if norm > 0.0 { largest / norm } else { 0.0 };
        Ok(Linearization { gradient_cosine, model_unit: 1.0, rounding })
    }

    fn solve(
        &mut self,
        problem: &Flat<'a, T, R, D, L>,
        _: &mut Preconditioner,
        options: &CgOptions,
    ) -> Result<CgStatistics, Trouble> {
        let layout = problem.separable.layout();
        let damping = options.damping;
        let Self { linearized, landmarks, factors, reduction, complement, .. } = self;
        let taken = match self.inverted {
            Some((at, taken)) if at == damping => taken,
            _ => landmarks.invert(&linearized.landmark_information, &linearized.landmark_gradient, damping),
        };
        self.inverted = Some((damping, taken));
        let start = std::time::Instant::now();
        if !self.fresh {
            reduction.form(layout, linearized, landmarks, factors, damping, complement);
            // What is left of a pivot after that much cancellation is rounding.
            let least = self.step.len() as f64 * f64::EPSILON;
            match &mut self.factor {
                StoredFactor::F32(factor) => factor.factor(complement, least),
                StoredFactor::F64(factor) => factor.factor(complement, least),
            };
            self.fresh = true;
        }
        let factor_time = start.elapsed();
        let mut operator = Complement { layout, linearized, landmarks, factors, scratch: &mut self.product, damping };
        operator.reduced_gradient(&mut self.gradient);
        let mut solved = match &mut self.factor {
            StoredFactor::F32(factor) => {
                conjugate_gradients(&mut operator, &self.gradient, &mut self.step, factor, options, &mut self.scratch)
            }
            StoredFactor::F64(factor) => {
                conjugate_gradients(&mut operator, &self.gradient, &mut self.step, factor, options, &mut self.scratch)
            }
        }?;
        operator.landmark_step(&self.step, &mut self.landmark_step);
        // A factor that costs more iterations than it would cost to make it anew has served its time.
        self.fresh = solved.iterations as f64 * self.product_multiplications < self.factor_multiplications;
        solved.model_decrease += 0.5 * taken;
        solved.factor_time = factor_time;
        Ok(solved)
    }

    fn retract(&mut self, problem: &mut Flat<'a, T, R, D, L>) -> Result<(), Trouble> {
        let (of_frames, of_landmarks) = self.unscaled.split_at_mut(self.step.len());
        for ((to, step), scale) in of_frames.iter_mut().zip(&self.step).zip(&self.linearized.frame_scales) {
            *to = step.to_f64() * scale;
        }
        let scales = self.linearized.landmark_scales.as_flattened();
        for ((to, step), scale) in of_landmarks.iter_mut().zip(self.landmark_step.as_flattened()).zip(scales) {
            *to = step.to_f64() * f64::from(*scale);
        }
        if !self.unscaled.iter().all(|value| value.is_finite()) {
            return Err(Trouble { what: "the step is not finite".into() });
        }
        problem.retract(&self.unscaled);
        Ok(())
    }
}

fn cost_in<S: Scalar, T, const R: usize, const D: usize, const L: usize>(problem: &T) -> f64
where
    T: Separable<R, D, L>,
{
    let mut residuals = vec![S::ZERO; problem.factors().row_count()];
    problem.factor_residuals(&mut residuals);
    let of_factors: f64 = residuals.iter().map(|r| r.to_f64() * r.to_f64()).sum();
    vectorized(Cost::<T, S, R, D, L>::of(problem)) + 0.5 * of_factors
}
