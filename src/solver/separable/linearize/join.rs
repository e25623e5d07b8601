//! What the groups say of the frames' columns, joined: scales, norms, gradient, couplings.

use super::Linearized;
use crate::precision::kernels::{Kernel, Unit, vectorized};
use crate::precision::{Scalar, power_of_two_near_inverse_root};
use crate::solver::Layout;
use crate::solver::separable::factors::Factors;
use crate::solver::separable::problem::Separable;

/// Sums squared norms and gradients of the frames' columns over the groups.
struct JoinGroups<'a, const D: usize> {
    layout: &'a Layout,
    gram: &'a [[[f64; D]; D]],
    raw_gradient: &'a [[f64; D]],
    couplings: &'a [[[f64; D]; D]],
    norms: &'a mut [f64],
    gradient: &'a mut [f64],
}

impl<const D: usize> Kernel for JoinGroups<'_, D> {
    type Output = ();

    #[inline(always)]
    fn run<U: Unit>(self, _: U) {
        let Self { layout, gram, raw_gradient, couplings, norms, gradient } = self;
        let (norms, gradient) = (norms.as_chunks_mut::<D>().0, gradient.as_chunks_mut::<D>().0);
        for (index, group) in layout.groups().iter().enumerate() {
            let (gram, raw) = (&gram[index], &raw_gradient[index]);
            if let Some(free) = group.frames[0].and_then(|frame| layout.free(frame)) {
                for d in 0..D {
                    norms[free][d] += gram[d][d];
                    gradient[free][d] += raw[d];
                }
            }
            if let Some(free) = group.frames[1].and_then(|frame| layout.free(frame)) {
                let coupling = &couplings[index];
                let (mut of_norms, mut of_gradient) = ([0.0; D], [0.0; D]);
                for i in 0..D {
                    let mut product = [0.0f64; D];
                    for k in 0..D {
                        let entry = gram[i.max(k)][i.min(k)];
                        for d in 0..D {
                            product[d] = entry.mul_add_if(U::FUSED, coupling[k][d], product[d]);
                        }
                    }
                    for d in 0..D {
                        of_norms[d] = coupling[i][d].mul_add_if(U::FUSED, product[d], of_norms[d]);
                        of_gradient[d] = coupling[i][d].mul_add_if(U::FUSED, raw[i], of_gradient[d]);
                    }
                }
                for d in 0..D {
                    norms[free][d] += of_norms[d];
                    gradient[free][d] += of_gradient[d];
                }
            }
        }
    }
}

impl<S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> Linearized<S, P, V, R, D, L> {
    /// Sets frames' scales, norms and gradient, and the couplings, from what the groups and the factors say.
    pub(super) fn join_frames<T: Separable<R, D, L>>(&mut self, problem: &T, factors: &mut Factors<V>) {
        let layout = problem.layout();
        let (mut norms, mut gradient) = (vec![0.0f64; self.frame_scales.len()], vec![0.0f64; self.frame_scales.len()]);
        for (index, group) in layout.groups().iter().enumerate() {
            if group.frames[1].is_some_and(|frame| layout.free(frame).is_some()) {
                self.raw_couplings[index] = problem.coupling(index);
            }
        }
        vectorized(JoinGroups {
            layout,
            gram: &self.gram,
            raw_gradient: &self.raw_gradient,
            couplings: &self.raw_couplings,
            norms: &mut norms,
            gradient: &mut gradient,
        });
        factors.add_norms_and_gradient(&mut norms, &mut gradient);
        for (k, &norm) in norms.iter().enumerate() {
            let scale = power_of_two_near_inverse_root(norm);
            self.frame_scales[k] = scale;
            self.frame_norms[k] = V::from_f64(norm * scale * scale);
            self.frame_gradient[k] = V::from_f64(gradient[k] * scale);
        }
        factors.scale(&self.frame_scales);
        for (index, group) in layout.groups().iter().enumerate() {
            // Powers of two: a quotient is a product.
            let own = self.group_scales[index].map(|scale| 1.0 / scale);
            let scales = |frame: Option<usize>| {
                let free = frame.and_then(|frame| layout.free(frame))?;
                Some(&self.frame_scales[free * D..(free + 1) * D])
            };
            if let Some(scales) = scales(group.frames[0]) {
                self.couplings.set_first(index, std::array::from_fn(|d| scales[d] * own[d]));
            }
            if let Some(scales) = scales(group.frames[1]) {
                let coupling = &self.raw_couplings[index];
                self.couplings.set_second(index, |i, d| coupling[i][d] * scales[d] * own[i]);
            }
        }
    }
}
