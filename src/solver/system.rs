//! The linearized problem in the precisions of a policy: weights, scaled Jacobian, gradient, and its solution.

use super::block_jacobi::BlockJacobi;
use super::cgnr::{CgOptions, CgScratch, CgStatistics, cgnr};
use super::evaluation::{self, Evaluator};
use super::preconditioner::BoundFactor;
use super::{Preconditioner, Problem, SolverError};
use crate::precision::{Policy, Precision, Scalar, VectorKernels, bf16, f16, power_of_two_near};
use crate::sparse::{BlockJacobian, Rounding, TriangularScratch};

/// Something that a higher precision may cure.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// What was found where.
    pub what: String,
}

impl Trouble {
    pub(crate) fn in_linear_solver(what: &str, value: f64) -> Self {
        Self { what: format!("{what} of the linear solver is {value:e}") }
    }
}

/// A linearized problem of any precisions; one virtual call per outer iteration and task.
pub(crate) trait System<Q: Problem> {
    /// Which linear solver it is, as statistics report it.
    fn name(&self) -> &'static str;
    /// The cost at the present state, residuals in the policy's precision.
    fn evaluate(&mut self, problem: &Q) -> f64;
    /// The same in double precision.
    fn evaluate_in_double(&mut self, problem: &Q) -> f64;
    /// Linearizes at the present state, which is the one that was last evaluated in the policy's precision.
    fn linearize(&mut self, problem: &Q) -> Result<Linearization, Trouble>;
    /// Solves for the step at a damping.
    fn solve(
        &mut self,
        problem: &Q,
        preconditioner: &mut Preconditioner,
        options: &CgOptions,
    ) -> Result<CgStatistics, Trouble>;
    /// Moves the problem by a share of the step; says whether every element of it is finite.
    fn retract(&mut self, problem: &mut Q, share: f64) -> Result<(), Trouble>;
}

/// What is known after linearizing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Linearization {
    /// The largest `|g_j|` over the residual's norm, for columns of unit norm: a cosine.
    pub(crate) gradient_cosine: f64,
    /// The model's decrease has to be multiplied by this to be in units of the cost.
    pub(crate) model_unit: f64,
    pub(crate) rounding: Rounding,
}

/// The system of a policy.
pub(crate) fn system_for<Q: Problem>(policy: &Policy, problem: &Q) -> Result<Box<dyn System<Q>>, SolverError> {
    use Precision::{BF16, F16, F32, F64};
    let typed: Box<dyn System<Q>> = match (policy.product, policy.vectors) {
        (F64, F64) => Box::new(TypedSystem::<f64, f64>::new(policy, problem)),
        (F32, F64) => Box::new(TypedSystem::<f32, f64>::new(policy, problem)),
        (F16, F64) => Box::new(TypedSystem::<f16, f64>::new(policy, problem)),
        (BF16, F64) => Box::new(TypedSystem::<bf16, f64>::new(policy, problem)),
        (F32, F32) => Box::new(TypedSystem::<f32, f32>::new(policy, problem)),
        (F16, F32) => Box::new(TypedSystem::<f16, f32>::new(policy, problem)),
        (BF16, F32) => Box::new(TypedSystem::<bf16, f32>::new(policy, problem)),
        (F16, F16) => Box::new(TypedSystem::<f16, f16>::new(policy, problem)),
        (product, vectors) => {
            return Err(SolverError::Problem(format!(
                "policy '{}': products in {product} with vectors in {vectors}; expected vectors at least as precise",
                policy.name
            )));
        }
    };
    Ok(typed)
}

/// The norm to which the right-hand side is scaled: far from both ends of half precision's range, and so is its square.
const RESIDUAL_NORM: f64 = 16.0;

struct TypedSystem<P, V> {
    scaling: bool,
    update_precision: Precision,
    residual_precision: Precision,
    evaluator: Evaluator,
    /// Unweighted, of the state that was evaluated last.
    residuals: Vec<f64>,
    double_residuals: Vec<f64>,
    flat: Flat,
    jacobian: BlockJacobian<P>,
    /// `√ρ'` of each residual block.
    weights: Vec<f64>,
    scales: Vec<f64>,
    /// Power of two by which the residual was multiplied.
    residual_scale: f64,
    residual: Vec<V>,
    gradient: Vec<V>,
    step: Vec<V>,
    block_jacobi: Option<BlockJacobi>,
    preconditioner_precision: Precision,
    scratch: (CgScratch<V>, Option<TriangularScratch<V>>),
}

/// A flat Jacobian as the problem computes it.
enum Flat {
    F16(Vec<f16>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Runs the same expression on whichever precision a [`Flat`] holds.
macro_rules! with_flat {
    ($flat:expr, $entries:ident => $body:expr) => {
        match $flat {
            Flat::F16($entries) => $body,
            Flat::F32($entries) => $body,
            Flat::F64($entries) => $body,
        }
    };
}

/// The residuals of a block times a factor; as [`evaluation::squared_norm`] without a loop for a pose.
#[inline(always)]
fn scale_rows<V: Scalar>(rows: &[f64], factor: f64, to: &mut [V]) {
    let scaled = |row: f64| V::from_f64(row * factor);
    if let (Some(rows), Some(to)) = (rows.as_array::<3>(), to.as_mut_array()) {
        *to = rows.map(scaled);
    } else if let (Some(rows), Some(to)) = (rows.as_array::<6>(), to.as_mut_array()) {
        *to = rows.map(scaled);
    } else {
        to.iter_mut().zip(rows).for_each(|(to, row)| *to = scaled(*row));
    }
}

impl<P: Scalar, V: VectorKernels> TypedSystem<P, V> {
    fn new<Q: Problem>(policy: &Policy, problem: &Q) -> Self {
        let structure = problem.structure();
        let (n, m, entries) = (structure.column_count(), structure.row_count(), structure.entry_count());
        Self {
            scaling: policy.scaling,
            update_precision: policy.update,
            residual_precision: policy.residual,
            evaluator: Evaluator::default(),
            residuals: vec![0.0; m],
            double_residuals: vec![0.0; m],
            flat: match policy.jacobian {
                // No policy computes in bf16.
                Precision::BF16 | Precision::F16 => Flat::F16(vec![f16::ZERO; entries]),
                Precision::F32 => Flat::F32(vec![0.0; entries]),
                Precision::F64 => Flat::F64(vec![0.0; entries]),
            },
            jacobian: BlockJacobian::new(structure),
            weights: vec![1.0; structure.residual_block_count()],
            scales: vec![1.0; n],
            residual_scale: 1.0,
            residual: vec![V::ZERO; m],
            gradient: vec![V::ZERO; n],
            step: vec![V::ZERO; n],
            block_jacobi: None,
            preconditioner_precision: policy.preconditioner,
            scratch: (CgScratch::new(n), None),
        }
    }

    /// Weighs the residuals by the root of the slope of each block's loss, and scales them to a moderate norm.
    fn set_residual<Q: Problem>(&mut self, problem: &Q) -> f64 {
        let structure = problem.structure();
        let mut squared_norm = 0.0;
        let blocks = structure.by_block(&self.residuals).zip(&mut self.weights);
        for (block, (rows, weight)) in blocks.enumerate() {
            let squared = evaluation::squared_norm(rows);
            let (_, slope) = problem.loss(block).evaluate(squared);
            *weight = slope.sqrt();
            squared_norm += slope * squared;
        }
        self.residual_scale = if self.scaling { power_of_two_near(RESIDUAL_NORM / squared_norm.sqrt()) } else { 1.0 };
        let mut residual = &mut self.residual[..];
        for (rows, weight) in structure.by_block(&self.residuals).zip(&self.weights) {
            let (scaled, others) = residual.split_at_mut(rows.len());
            scale_rows(rows, weight * self.residual_scale, scaled);
            residual = others;
        }
        squared_norm.sqrt() * self.residual_scale
    }
}

impl<Q: Problem, P: Scalar, V: VectorKernels> System<Q> for TypedSystem<P, V> {
    fn name(&self) -> &'static str {
        "cgnr"
    }

    fn evaluate(&mut self, problem: &Q) -> f64 {
        self.evaluator.evaluate(problem, self.residual_precision, &mut self.residuals)
    }

    fn evaluate_in_double(&mut self, problem: &Q) -> f64 {
        self.evaluator.evaluate(problem, Precision::F64, &mut self.double_residuals)
    }

    fn linearize(&mut self, problem: &Q) -> Result<Linearization, Trouble> {
        let residual_norm = self.set_residual(problem);
        let Self { scaling, flat, jacobian, weights, scales, residual, gradient, .. } = self;
        let rounding = with_flat!(flat, entries => {
            problem.linearize(entries);
            if *scaling {
                jacobian.column_scales(entries, weights, scales);
            }
            jacobian.fill(entries, weights, scales, residual, gradient)
        });
        (self.block_jacobi, self.scratch.1) = (None, None);
        let largest = self.gradient.iter().fold(0.0f64, |largest, g| largest.max(g.abs().to_f64()));
        if rounding.not_finite > 0 || !self.gradient.iter().all(|g| g.is_finite()) {
            return Err(Trouble { what: format!("{} entries of the Jacobian are not finite", rounding.not_finite) });
        }
        let gradient_cosine = if residual_norm > 0.0 { largest / residual_norm } else { 0.0 };
        Ok(Linearization { gradient_cosine, model_unit: self.residual_scale.powi(-2), rounding })
    }

    fn solve(
        &mut self,
        problem: &Q,
        preconditioner: &mut Preconditioner,
        options: &CgOptions,
    ) -> Result<CgStatistics, Trouble> {
        let Self { jacobian, gradient, step, scratch, block_jacobi, scales, preconditioner_precision, .. } = self;
        match preconditioner {
            Preconditioner::BlockJacobi => {
                let blocks = block_jacobi.get_or_insert_with(|| BlockJacobi::of(jacobian, *preconditioner_precision));
                blocks.invert(options.damping);
                cgnr(jacobian, gradient, step, blocks, options, &mut scratch.0)
            }
            Preconditioner::IncompleteCholesky(factor) => {
                let scratch_of_factor = scratch.1.get_or_insert_with(|| factor.scratch(scales));
                let mut bound = BoundFactor { factor, scratch: scratch_of_factor };
                cgnr(jacobian, gradient, step, &mut bound, options, &mut scratch.0)
            }
            Preconditioner::Cholesky(factor) => {
                let linearized = (problem.structure(), &*jacobian, &scales[..]);
                factor.solve(linearized, gradient, step, *preconditioner_precision, options, scratch)
            }
        }
    }

    fn retract(&mut self, problem: &mut Q, share: f64) -> Result<(), Trouble> {
        fn retract_in<U: Scalar, Q: Problem, V: Scalar>(
            problem: &mut Q,
            step: &[V],
            scales: &[f64],
            unscale: f64,
        ) -> Result<(), Trouble> {
            let step: Vec<U> =
                step.iter().zip(scales).map(|(y, scale)| U::from_f64(y.to_f64() * (scale * unscale))).collect();
            if !step.iter().all(|value| value.is_finite()) {
                return Err(Trouble { what: "the step is not finite".into() });
            }
            problem.retract(&step);
            Ok(())
        }
        let (step, scales, unscale) = (&self.step, &self.scales, share / self.residual_scale);
        match self.update_precision {
            Precision::BF16 | Precision::F16 => retract_in::<f16, _, _>(problem, step, scales, unscale),
            Precision::F32 => retract_in::<f32, _, _>(problem, step, scales, unscale),
            Precision::F64 => retract_in::<f64, _, _>(problem, step, scales, unscale),
        }
    }
}
