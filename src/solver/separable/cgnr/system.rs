//! The linearized problem as a whole, in the precisions of a policy.

use super::blocks::{Blocks, frame_blocks};
use super::normal::Normal;
use crate::precision::{Policy, Precision, Scalar, VectorKernels, f16};
use crate::solver::cgnr::{CgOptions, CgScratch, CgStatistics, conjugate_gradients};
use crate::solver::separable::cost::cost;
use crate::solver::separable::couplings::OfGroups;
use crate::solver::separable::factors::Factors;
use crate::solver::separable::flat::Flat;
use crate::solver::separable::linearize::Linearized;
use crate::solver::separable::problem::Separable;
use crate::solver::system::{Linearization, System, Trouble};
use crate::solver::{Preconditioner, Problem};

/// The system of a policy; `None` if there is none for its precisions.
pub(in crate::solver) fn cgnr_system<'a, T, const R: usize, const D: usize, const L: usize>(
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
    match (policy.jacobian, policy.product, policy.vectors, policy.preconditioner) {
        (F32, F16, F32, F16) => Some(Box::new(CgnrSystem::<f32, f16, f32, f16, R, D, L>::new(policy, problem))),
        (F32, F16, F32, F32) => Some(Box::new(CgnrSystem::<f32, f16, f32, f32, R, D, L>::new(policy, problem))),
        (F32, F32, F32, F16) => Some(Box::new(CgnrSystem::<f32, f32, f32, f16, R, D, L>::new(policy, problem))),
        (F32, F32, F32, F32) => Some(Box::new(CgnrSystem::<f32, f32, f32, f32, R, D, L>::new(policy, problem))),
        // Products and preconditioner at least as precise as asked for.
        (F64, _, F64, _) => Some(Box::new(CgnrSystem::<f64, f64, f64, f64, R, D, L>::new(policy, problem))),
        _ => None,
    }
}

/// `S` computes rows, `P` stores them, `V` is the precision of vectors, `C` that of the preconditioner.
struct CgnrSystem<S, P, V, C, const R: usize, const D: usize, const L: usize> {
    residual: Precision,
    linearized: Linearized<S, P, V, R, D, L>,
    factors: Factors<V>,
    frame_blocks: Vec<[[f64; D]; D]>,
    blocks: Blocks<C, D, L>,
    /// The damping that the blocks are inverted at, of this linearization.
    inverted: Option<f64>,
    /// `λ diag(JᵀJ)`.
    damping: Vec<V>,
    gradient: Vec<V>,
    step: Vec<V>,
    scratch: CgScratch<V>,
    groups: Vec<OfGroups<V, D>>,
    halves: Vec<[f16; L]>,
}

impl<S: Scalar, P: Scalar, V: VectorKernels, C: Scalar, const R: usize, const D: usize, const L: usize>
    CgnrSystem<S, P, V, C, R, D, L>
{
    fn new<T: Separable<R, D, L>>(policy: &Policy, problem: &T) -> Self {
        let layout = problem.layout();
        let (frames, landmarks) = (layout.free_count(), layout.landmark_count());
        let n = frames * D + landmarks * L;
        let linearized = Linearized::new(problem);
        Self {
            residual: policy.residual,
            groups: linearized.couplings.room(),
            linearized,
            factors: Factors::new(problem, policy.jacobian),
            frame_blocks: vec![[[0.0; D]; D]; frames],
            blocks: Blocks::new(frames, landmarks),
            inverted: None,
            damping: vec![V::ZERO; n],
            gradient: vec![V::ZERO; n],
            step: vec![V::ZERO; n],
            scratch: CgScratch::new(n),
            halves: vec![[f16::ZERO; L]; if P::PRECISION == Precision::F16 { landmarks } else { 0 }],
        }
    }

    fn damp(&mut self, lambda: f64) {
        let Self { linearized, frame_blocks, blocks, damping, .. } = self;
        blocks.invert(frame_blocks, linearized, lambda);
        let of_frames = linearized.frame_norms.iter().map(|norm| norm.to_f64());
        let of_landmarks = linearized.landmark_information.iter().flat_map(|own| (0..L).map(|k| own[k][k]));
        for (damping, norm) in damping.iter_mut().zip(of_frames.chain(of_landmarks)) {
            *damping = V::from_f64(lambda * norm);
        }
        self.inverted = Some(lambda);
    }
}

impl<'a, T, S, P, V, C, const R: usize, const D: usize, const L: usize> System<Flat<'a, T, R, D, L>>
    for CgnrSystem<S, P, V, C, R, D, L>
where
    T: Separable<R, D, L>,
    S: Scalar,
    P: Scalar,
    V: VectorKernels,
    C: Scalar,
{
    fn name(&self) -> &'static str {
        "cgnr"
    }

    fn evaluate(&mut self, problem: &Flat<'a, T, R, D, L>) -> f64 {
        cost(problem.separable, self.residual)
    }

    fn evaluate_in_double(&mut self, problem: &Flat<'a, T, R, D, L>) -> f64 {
        cost(problem.separable, Precision::F64)
    }

    fn linearize(&mut self, problem: &Flat<'a, T, R, D, L>) -> Result<Linearization, Trouble> {
        let linearization = self.linearized.linearize(problem.separable, &mut self.factors)?;
        let Self { linearized, factors, gradient, .. } = self;
        frame_blocks(problem.separable, linearized, factors, &mut self.frame_blocks);
        let (of_frames, of_landmarks) = gradient.split_at_mut(linearized.frame_gradient.len());
        of_frames.copy_from_slice(&linearized.frame_gradient);
        of_landmarks.copy_from_slice(linearized.landmark_gradient.as_flattened());
        self.inverted = None;
        Ok(linearization)
    }

    fn solve(
        &mut self,
        problem: &Flat<'a, T, R, D, L>,
        _: &mut Preconditioner,
        options: &CgOptions,
    ) -> Result<CgStatistics, Trouble> {
        if self.inverted != Some(options.damping) {
            self.damp(options.damping);
        }
        let Self { linearized, factors, damping, blocks, gradient, step, scratch, groups, halves, .. } = self;
        let mut operator = Normal { layout: problem.separable.layout(), linearized, factors, damping, groups, halves };
        conjugate_gradients(&mut operator, gradient, step, blocks, options, scratch)
    }

    fn retract(&mut self, problem: &mut Flat<'a, T, R, D, L>, share: f64) -> Result<(), Trouble> {
        let (of_frames, of_landmarks) = self.step.split_at(self.linearized.frame_norms.len());
        problem.retract(&self.linearized.unscaled(of_frames, of_landmarks.as_chunks::<L>().0, share)?);
        Ok(())
    }
}
