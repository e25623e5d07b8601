//! Products with the normal matrix of frames and landmarks, which is never formed.

use super::half_product::HalfProduct;
use crate::precision::kernels::{Kernel, LANES, Lanes, Unit, cast, computes_in_half, vectorized, vectorized_in_half};
use crate::precision::{Scalar, VectorKernels, f16};
use crate::solver::Layout;
use crate::solver::cgnr::NormalOperator;
use crate::solver::separable::couplings::OfGroups;
use crate::solver::separable::factors::Factors;
use crate::solver::separable::linearize::Linearized;

/// `JᵀJ + λ diag(JᵀJ)`, for vectors of the frames' unknowns, then the landmarks'.
pub(super) struct Normal<'a, S, P, V, const R: usize, const D: usize, const L: usize> {
    pub(super) layout: &'a Layout,
    pub(super) linearized: &'a Linearized<S, P, V, R, D, L>,
    pub(super) factors: &'a Factors<V>,
    /// `λ diag(JᵀJ)`.
    pub(super) damping: &'a [V],
    /// Room for what the groups see, and give back.
    pub(super) groups: &'a mut [OfGroups<V, D>],
    /// Room for the landmarks' part of a vector in half precision, if rows are stored in it.
    pub(super) halves: &'a mut [[f16; L]],
}

impl<S: Scalar, P: Scalar, V: VectorKernels, const R: usize, const D: usize, const L: usize> NormalOperator<V>
    for Normal<'_, S, P, V, R, D, L>
{
    fn apply(&mut self, p: &[V], z: &mut [V]) -> f64 {
        let (n, of_frames) = (self.damping.len(), self.linearized.frame_norms.len());
        let (p, z) = (&p[..n], &mut z[..n]);
        let mut curvature = match self.in_half() {
            Some(rows) => vectorized_in_half(HalfProduct { rows, normal: self, p, z }),
            None => vectorized(Product { normal: self, p, z }),
        };
        curvature += self.factors.add_product(&p[..of_frames], &mut z[..of_frames]);
        curvature
    }
}

impl<'a, S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> Normal<'a, S, P, V, R, D, L> {
    /// The rows, if they are stored in half precision and this CPU computes in it.
    fn in_half(&self) -> Option<HalfRows<'a, R, D, L>> {
        let linearized = self.linearized;
        if !computes_in_half() {
            return None;
        }
        Some((cast(&linearized.by_frame)?, cast(&linearized.by_landmark)?))
    }

    /// `z = λ diag p`; returns `pᵀ z`.
    #[inline(always)]
    pub(super) fn damp<U: Unit>(&self, unit: U, p: &[V], z: &mut [V]) -> f64 {
        let (whole, rest) = z.as_chunks_mut::<LANES>();
        let (p_whole, p_rest) = p.as_chunks::<LANES>();
        let (damping, damping_rest) = self.damping.as_chunks::<LANES>();
        let (mut damped, zero) = ([V::ZERO; LANES], [V::ZERO; LANES]);
        for ((z, p), damping) in whole.iter_mut().zip(p_whole).zip(damping) {
            *z = unit.mul_add(damping, p, &zero);
            damped = unit.mul_add(z, p, &damped);
        }
        for (lane, ((z, p), damping)) in rest.iter_mut().zip(p_rest).zip(damping_rest).enumerate() {
            *z = *damping * *p;
            damped[lane] += *z * *p;
        }
        unit.sum(&damped).to_f64()
    }
}

/// Blocks of frames and of landmarks.
type Blocks<'a, V, const D: usize, const L: usize> = (&'a [[V; D]], &'a [[V; L]]);
type BlocksMut<'a, V, const D: usize, const L: usize> = (&'a mut [[V; D]], &'a mut [[V; L]]);

/// A factor and a product by their blocks; the first `of_frames` elements are those of frames.
pub(super) fn blocks_of<'a, V, const D: usize, const L: usize>(
    p: &'a [V],
    z: &'a mut [V],
    of_frames: usize,
) -> (Blocks<'a, V, D, L>, BlocksMut<'a, V, D, L>) {
    let ((p_frames, p_landmarks), (z_frames, z_landmarks)) = (p.split_at(of_frames), z.split_at_mut(of_frames));
    ((p_frames.as_chunks().0, p_landmarks.as_chunks().0), (z_frames.as_chunks_mut().0, z_landmarks.as_chunks_mut().0))
}

/// `A` and `B` in half precision, tile by tile.
pub(super) type HalfRows<'a, const R: usize, const D: usize, const L: usize> =
    (&'a [[[Lanes<f16>; D]; R]], &'a [[[Lanes<f16>; L]; R]]);

/// `z = Jᵀ J p + λ diag p`, rows of factors left out; returns `pᵀ z`.
pub(super) struct Product<'b, 'a, S, P, V, const R: usize, const D: usize, const L: usize> {
    pub(super) normal: &'b mut Normal<'a, S, P, V, R, D, L>,
    pub(super) p: &'b [V],
    pub(super) z: &'b mut [V],
}

impl<S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> Kernel
    for Product<'_, '_, S, P, V, R, D, L>
{
    type Output = f64;

    #[inline(always)]
    fn run<U: Unit>(self, unit: U) -> f64 {
        let damped = self.normal.damp(unit, self.p, self.z);
        let Normal { layout, linearized, groups, .. } = self.normal;
        let of_frames = linearized.frame_norms.len();
        let ((p_frames, p_landmarks), (z_frames, z_landmarks)) = blocks_of(self.p, self.z, of_frames);
        linearized.couplings.apply(unit, p_frames, groups);
        let mut squares = [V::ZERO; LANES];
        for (index, group) in layout.groups().iter().enumerate() {
            let free = group.frames.map(|frame| frame.and_then(|frame| layout.free(frame)));
            if free == [None; 2] {
                for tile in group.tiles.clone() {
                    let by_landmark = &linearized.by_landmark[tile];
                    let s = layout.gather(tile, p_landmarks);
                    let mut c = [[V::ZERO; LANES]; L];
                    for row in 0..R {
                        landmark_row(unit, &by_landmark[row], [V::ZERO; LANES], &s, &mut c, &mut squares);
                    }
                    layout.scatter_add(tile, &c, z_landmarks);
                }
                continue;
            }
            let of_group = &mut groups[index / LANES];
            let seen: [V; D] = std::array::from_fn(|d| of_group[d][index % LANES]);
            let mut sums = [[V::ZERO; LANES]; D];
            for tile in group.tiles.clone() {
                let (by_frame, by_landmark) = (&linearized.by_frame[tile], &linearized.by_landmark[tile]);
                let s = layout.gather(tile, p_landmarks);
                let mut c = [[V::ZERO; LANES]; L];
                for row in 0..R {
                    let mut entries = [[V::ZERO; LANES]; D];
                    let mut product = [V::ZERO; LANES];
                    for d in 0..D {
                        entries[d] = unit.widened(&by_frame[row][d]);
                        product = unit.mul_add(&entries[d], &unit.splat(seen[d]), &product);
                    }
                    let product = landmark_row(unit, &by_landmark[row], product, &s, &mut c, &mut squares);
                    for d in 0..D {
                        sums[d] = unit.mul_add(&entries[d], &product, &sums[d]);
                    }
                }
                layout.scatter_add(tile, &c, z_landmarks);
            }
            let sums = unit.sums(&sums);
            for d in 0..D {
                of_group[d][index % LANES] = sums[d];
            }
        }
        linearized.couplings.add_transposed(unit, groups, z_frames);
        damped + unit.sum(&squares).to_f64()
    }
}

/// The landmarks' part of a row: completes `product`, returns it, and adds its square and `Bᵀ product`.
#[inline(always)]
fn landmark_row<U: Unit, P: Scalar, V: Scalar, const L: usize>(
    unit: U,
    row: &[Lanes<P>; L],
    mut product: Lanes<V>,
    s: &[Lanes<V>; L],
    c: &mut [Lanes<V>; L],
    squares: &mut Lanes<V>,
) -> Lanes<V> {
    let mut entries = [[V::ZERO; LANES]; L];
    for k in 0..L {
        entries[k] = unit.widened(&row[k]);
        product = unit.mul_add(&entries[k], &s[k], &product);
    }
    *squares = unit.mul_add(&product, &product, squares);
    for k in 0..L {
        c[k] = unit.mul_add(&entries[k], &product, &c[k]);
    }
    product
}
