//! Products with the normal matrix of frames and landmarks, which is never formed.

use crate::precision::kernels::{Kernel, LANES, Lanes, Unit, vectorized};
use crate::precision::{Scalar, VectorKernels};
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
}

impl<S: Scalar, P: Scalar, V: VectorKernels, const R: usize, const D: usize, const L: usize> NormalOperator<V>
    for Normal<'_, S, P, V, R, D, L>
{
    fn apply(&mut self, p: &[V], z: &mut [V]) -> f64 {
        let (n, of_frames) = (self.damping.len(), self.linearized.frame_norms.len());
        let (p, z) = (&p[..n], &mut z[..n]);
        let mut curvature = vectorized(Product { normal: self, p, z });
        curvature += self.factors.add_product(&p[..of_frames], &mut z[..of_frames]);
        curvature
    }
}

/// `z = Jᵀ J p + λ diag p`, rows of factors left out; returns `pᵀ z`.
struct Product<'b, 'a, S, P, V, const R: usize, const D: usize, const L: usize> {
    normal: &'b mut Normal<'a, S, P, V, R, D, L>,
    p: &'b [V],
    z: &'b mut [V],
}

impl<S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> Kernel
    for Product<'_, '_, S, P, V, R, D, L>
{
    type Output = f64;

    #[inline(always)]
    fn run<U: Unit>(self, unit: U) -> f64 {
        let Normal { layout, linearized, damping, groups, .. } = self.normal;
        let mut squared_norm = 0.0;
        let mut damped = [V::ZERO; LANES];
        for ((z, p), damping) in self.z.chunks_mut(LANES).zip(self.p.chunks(LANES)).zip(damping.chunks(LANES)) {
            for lane in 0..z.len() {
                z[lane] = damping[lane] * p[lane];
                damped[lane] = z[lane].mul_add_if(U::FUSED, p[lane], damped[lane]);
            }
        }
        squared_norm += unit.sum(&damped).to_f64();
        let of_frames = linearized.frame_norms.len();
        let (p_frames, p_landmarks) = self.p.split_at(of_frames);
        let (z_frames, z_landmarks) = self.z.split_at_mut(of_frames);
        let (p_frames, p_landmarks) = (p_frames.as_chunks::<D>().0, p_landmarks.as_chunks::<L>().0);
        let (z_frames, z_landmarks) = (z_frames.as_chunks_mut::<D>().0, z_landmarks.as_chunks_mut::<L>().0);
        linearized.couplings.apply(unit, p_frames, groups);
        for (index, group) in layout.groups().iter().enumerate() {
            let free = group.frames.map(|frame| frame.and_then(|frame| layout.free(frame)));
            let mut squares = [V::ZERO; LANES];
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
                squared_norm += unit.sum(&squares).to_f64();
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
            squared_norm += unit.sum(&squares).to_f64();
            for d in 0..D {
                of_group[d][index % LANES] = unit.sum(&sums[d]);
            }
        }
        linearized.couplings.add_transposed(unit, groups, z_frames);
        squared_norm
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
