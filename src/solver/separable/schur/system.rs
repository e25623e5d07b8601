//! The linearized problem with its landmarks eliminated, in the precisions of a policy.

use super::complement::{Complement, ProductScratch};
use super::envelope::Envelope;
use super::landmarks::Landmarks;
use super::reduced::Reduction;
use crate::precision::{Policy, Precision, Scalar, VectorKernels, f16};
use crate::solver::Layout;
use crate::solver::cgnr::{CgOptions, CgScratch, CgStatistics, conjugate_gradients};
use crate::solver::separable::cost::cost;
use crate::solver::separable::factors::Factors;
use crate::solver::separable::flat::Flat;
use crate::solver::separable::linearize::Linearized;
use crate::solver::separable::problem::Separable;
use crate::solver::system::{Linearization, System, Trouble};
use crate::solver::{Preconditioner, Problem};

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
        (F32, F16, F32) => Some(Box::new(SchurSystem::<f32, f16, f32, f64, R, D, L>::new(policy, problem))),
        (F32, F32, F32) => Some(Box::new(SchurSystem::<f32, f32, f32, f64, R, D, L>::new(policy, problem))),
        // Products at least as precise as asked for.
        (F64, _, F64) => Some(Box::new(SchurSystem::<f64, f64, f64, f64, R, D, L>::new(policy, problem))),
        _ => None,
    }
}

/// `S` computes rows, `P` stores them, `V` is the precision of vectors, `F` that of the preconditioner.
struct SchurSystem<S, P, V, F, const R: usize, const D: usize, const L: usize> {
    residual: Precision,
    linearized: Linearized<S, P, V, R, D, L>,
    factors: Factors<V>,
    landmarks: Landmarks<V, L>,
    /// What the landmarks are inverted at, and what they take off the model then.
    inverted: Option<(f64, f64)>,
    reduction: Reduction<F, D, L>,
    /// The complement that was formed last, factored.
    complement: Envelope<F, D>,
    /// Whether the factor is that of the present linearization, and at which damping.
    fresh: Option<f64>,
    /// Products that forming and factoring the complement costs.
    price: usize,
    /// Products that were spent since; none before the first factorization.
    spent: Option<usize>,
    product: ProductScratch<V, R, D, L>,
    gradient: Vec<V>,
    step: Vec<V>,
    landmark_step: Vec<[V; L]>,
    scratch: CgScratch<V>,
}

/// What a multiplication costs in a product, which streams the rows twice and gathers landmarks, over what it costs in
/// forming and factoring the complement, which stays in the caches: from one profile of a reconstruction.
const STREAMED: f64 = 5.0;

/// A factor that costs no more products than this is made for every step: that of another one costs more.
const CHEAP: usize = 10;

/// Iterations of conjugate gradients with a factor of the very matrix, but for the rounding of products.
const WITH_FRESH_FACTOR: usize = 2;

impl<S: Scalar, P: Scalar, V: VectorKernels, F: Scalar, const R: usize, const D: usize, const L: usize>
    SchurSystem<S, P, V, F, R, D, L>
{
    fn new<T: Separable<R, D, L>>(policy: &Policy, problem: &T) -> Self {
        let layout = problem.layout();
        let factors = Factors::new(problem, policy.jacobian);
        let reduction = Reduction::<F, D, L>::new(layout);
        let mut first: Vec<usize> = (0..layout.free_count()).collect();
        reduction.for_each_tie(|frame, tied| first[frame] = first[frame].min(tied));
        factors.pairs().for_each(|(frame, tied)| first[frame] = first[frame].min(tied));
        let complement = Envelope::<F, D>::new(first);
        let n = layout.free_count() * D;
        let factor_multiplications = reduction.multiplications + complement.factor_multiplications();
        let rows = (layout.tile_count() * crate::precision::kernels::LANES * R) as f64;
        let product_multiplications = STREAMED * rows * 2.0 * (D + L) as f64 + 2.0 * complement.entry_count() as f64;
        let linearized = Linearized::new(problem);
        Self {
            residual: policy.residual,
            product: ProductScratch::new(layout, &linearized.couplings),
            linearized,
            factors,
            landmarks: Landmarks::new(layout.landmark_count()),
            inverted: None,
            fresh: None,
            price: (factor_multiplications / product_multiplications) as usize,
            spent: None,
            reduction,
            complement,
            gradient: vec![V::ZERO; n],
            step: vec![V::ZERO; n],
            landmark_step: vec![[V::ZERO; L]; layout.landmark_count()],
            scratch: CgScratch::new(n),
        }
    }

    /// Forms and factors the complement.
    fn factor(&mut self, layout: &Layout, damping: f64) {
        let Self { linearized, landmarks, factors, reduction, complement, .. } = self;
        reduction.form(layout, linearized, landmarks, factors, damping, complement);
        // What is left of a pivot after that much cancellation is rounding.
        complement.factor(self.step.len() as f64 * F::EPSILON);
        (self.fresh, self.spent) = (Some(damping), Some(0));
    }
}

impl<'a, T, S, P, V, F, const R: usize, const D: usize, const L: usize> System<Flat<'a, T, R, D, L>>
    for SchurSystem<S, P, V, F, R, D, L>
where
    T: Separable<R, D, L>,
    S: Scalar,
    P: Scalar,
    V: VectorKernels,
    F: Scalar,
{
    fn name(&self) -> &'static str {
        "schur"
    }

    fn evaluate(&mut self, problem: &Flat<'a, T, R, D, L>) -> f64 {
        cost(problem.separable, self.residual)
    }

    fn evaluate_in_double(&mut self, problem: &Flat<'a, T, R, D, L>) -> f64 {
        cost(problem.separable, Precision::F64)
    }

    fn linearize(&mut self, problem: &Flat<'a, T, R, D, L>) -> Result<Linearization, Trouble> {
        (self.inverted, self.fresh) = (None, None);
        self.linearized.linearize(problem.separable, &mut self.factors)
    }

    fn solve(
        &mut self,
        problem: &Flat<'a, T, R, D, L>,
        _: &mut Preconditioner,
        options: &CgOptions,
    ) -> Result<CgStatistics, Trouble> {
        let layout = problem.separable.layout();
        let damping = options.damping;
        let taken = match self.inverted {
            Some((at, taken)) if at == damping => taken,
            _ => {
                let Linearized { landmark_information, landmark_gradient, .. } = &self.linearized;
                self.landmarks.invert(landmark_information, landmark_gradient, damping)
            }
        };
        self.inverted = Some((damping, taken));
        let mut total = CgStatistics::default();
        loop {
            let fresh = self.spent.is_none_or(|spent| self.price <= CHEAP || spent >= self.price);
            if fresh && self.fresh != Some(damping) {
                let start = std::time::Instant::now();
                self.factor(layout, damping);
                total.factor_time += start.elapsed();
            }
            let Self { linearized, landmarks, factors, complement, .. } = self;
            let mut operator =
                Complement { layout, linearized, landmarks, factors, scratch: &mut self.product, damping };
            operator.reduced_gradient(&mut self.gradient);
            let left = if fresh { usize::MAX } else { self.price - self.spent.unwrap_or(0) + WITH_FRESH_FACTOR };
            let limited = CgOptions { max_iterations: options.max_iterations.min(left), ..*options };
            let (gradient, step) = (&self.gradient, &mut self.step);
            let solved = conjugate_gradients(&mut operator, gradient, step, complement, &limited, &mut self.scratch)?;
            self.spent = self.spent.map(|spent| spent + solved.iterations.saturating_sub(WITH_FRESH_FACTOR));
            total.iterations += solved.iterations;
            total.product_time += solved.product_time;
            total.preconditioner_time += solved.preconditioner_time;
            (total.model_decrease, total.converged) = (solved.model_decrease + 0.5 * taken, solved.converged);
            if solved.converged || fresh || solved.iterations >= options.max_iterations {
                operator.landmark_step(&self.step, &mut self.landmark_step);
                return Ok(total);
            }
        }
    }

    fn retract(&mut self, problem: &mut Flat<'a, T, R, D, L>, share: f64) -> Result<(), Trouble> {
        problem.retract(&self.linearized.unscaled(&self.step, &self.landmark_step, share)?);
        Ok(())
    }
}
