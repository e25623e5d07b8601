//! Products with the Schur complement of the landmarks, which is never formed.
//!
//! `S p = λ N p + Σ Kᵀ Aᵀ (A K p − B s)` with `s = (BᵀB + λ diag)⁻¹ Bᵀ A K p` for each landmark: two passes over the rows.

use super::landmarks::{Landmarks, turn, turn_back};
use crate::precision::Scalar;
use crate::precision::kernels::{Kernel, LANES, Lanes, Unit, vectorized};
use crate::solver::Layout;
use crate::solver::cgnr::NormalOperator;
use crate::solver::separable::couplings::{Couplings, OfGroups};
use crate::solver::separable::factors::Factors;
use crate::solver::separable::linearize::Linearized;

/// Vectors of a product, allocated once.
#[derive(Debug)]
pub(super) struct ProductScratch<V, const R: usize, const D: usize, const L: usize> {
    /// `A K p`, tile by tile.
    rows: Vec<[Lanes<V>; R]>,
    /// By landmark: `Bᵀ A K p`, then `−s`.
    landmarks: Vec<[V; L]>,
    /// What the groups see, and give back.
    groups: Vec<OfGroups<V, D>>,
}

impl<V: Scalar, const R: usize, const D: usize, const L: usize> ProductScratch<V, R, D, L> {
    pub(super) fn new(layout: &Layout, couplings: &Couplings<V, D>) -> Self {
        Self {
            rows: vec![[[V::ZERO; LANES]; R]; layout.tile_count()],
            landmarks: vec![[V::ZERO; L]; layout.landmark_count()],
            groups: couplings.room(),
        }
    }
}

/// The Schur complement at a damping.
pub(super) struct Complement<'a, S, P, V, const R: usize, const D: usize, const L: usize> {
    pub(super) layout: &'a Layout,
    pub(super) linearized: &'a Linearized<S, P, V, R, D, L>,
    pub(super) landmarks: &'a Landmarks<V, L>,
    pub(super) factors: &'a Factors<V>,
    pub(super) scratch: &'a mut ProductScratch<V, R, D, L>,
    pub(super) damping: f64,
}

impl<S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> Complement<'_, S, P, V, R, D, L> {
    /// The gradient by the frames once the landmarks are eliminated: `g_p − Kᵀ Aᵀ B R⁻¹ R⁻ᵀ g_l`.
    pub(super) fn reduced_gradient(&mut self, gradient: &mut [V]) {
        for rows in self.scratch.rows.as_flattened_mut() {
            *rows = [V::ZERO; LANES];
        }
        for ((s, inverse), turned) in
            self.scratch.landmarks.iter_mut().zip(&self.landmarks.root_inverses).zip(&self.landmarks.turned_gradient)
        {
            *s = turn_back(inverse, turned).map(|s| -s);
        }
        gradient.copy_from_slice(&self.linearized.frame_gradient);
        vectorized(Backward { complement: self, z: gradient });
    }

    /// The step of the landmarks for a step of the frames: `−R⁻¹ (R⁻ᵀ g_l + R⁻ᵀ Bᵀ A K x)`.
    pub(super) fn landmark_step(&mut self, x: &[V], step: &mut [[V; L]]) {
        vectorized(Forward { complement: self, p: x });
        for (index, step) in step.iter_mut().enumerate() {
            let inverse = &self.landmarks.root_inverses[index];
            let turned = turn(inverse, &self.scratch.landmarks[index]);
            let gradient = &self.landmarks.turned_gradient[index];
            *step = turn_back(inverse, &std::array::from_fn(|k| -(turned[k] + gradient[k])));
        }
    }
}

impl<S, P, V, const R: usize, const D: usize, const L: usize> NormalOperator<V> for Complement<'_, S, P, V, R, D, L>
where
    S: Scalar,
    P: Scalar,
    V: Scalar,
{
    fn apply(&mut self, p: &[V], z: &mut [V]) -> f64 {
        let count = self.linearized.frame_norms.len();
        vectorized(Forward { complement: self, p });
        // What the damping of the landmarks adds to the curvature.
        let mut curvature = 0.0;
        for (index, c) in self.scratch.landmarks.iter_mut().enumerate() {
            let inverse = &self.landmarks.root_inverses[index];
            *c = turn_back(inverse, &turn(inverse, c)).map(|s| -s);
            let information = &self.linearized.landmark_information[index];
            for k in 0..L {
                let s = c[k].to_f64();
                curvature += self.damping * information[k][k] * s * s;
            }
        }
        let damping = V::from_f64(self.damping);
        for ((z, p), norm) in z[..count].iter_mut().zip(p).zip(&self.linearized.frame_norms) {
            *z = damping * *norm * *p;
            curvature += (*z * *p).to_f64();
        }
        curvature += vectorized(Backward { complement: self, z: &mut z[..count] });
        curvature + self.factors.add_product(&p[..count], &mut z[..count])
    }
}

/// `A K p` of every row, and `Bᵀ A K p` of every landmark.
struct Forward<'b, 'a, S, P, V, const R: usize, const D: usize, const L: usize> {
    complement: &'b mut Complement<'a, S, P, V, R, D, L>,
    p: &'b [V],
}

impl<S, P, V, const R: usize, const D: usize, const L: usize> Kernel for Forward<'_, '_, S, P, V, R, D, L>
where
    S: Scalar,
    P: Scalar,
    V: Scalar,
{
    type Output = ();

    #[inline(always)]
    fn run<U: Unit>(self, unit: U) {
        let Complement { layout, linearized, scratch, .. } = self.complement;
        scratch.landmarks.fill([V::ZERO; L]);
        let ProductScratch { rows, landmarks, groups } = &mut **scratch;
        linearized.couplings.apply(unit, self.p.as_chunks::<D>().0, groups);
        for (index, group) in layout.groups().iter().enumerate() {
            let seen: [V; D] = std::array::from_fn(|d| groups[index / LANES][d][index % LANES]);
            for tile in group.tiles.clone() {
                let mut c = [[V::ZERO; LANES]; L];
                for row in 0..R {
                    let mut product = [V::ZERO; LANES];
                    for d in 0..D {
                        let entries: Lanes<V> = unit.widened(&linearized.by_frame[tile][row][d]);
                        product = unit.mul_add(&entries, &unit.splat(seen[d]), &product);
                    }
                    for k in 0..L {
                        let entries: Lanes<V> = unit.widened(&linearized.by_landmark[tile][row][k]);
                        c[k] = unit.mul_add(&entries, &product, &c[k]);
                    }
                    rows[tile][row] = product;
                }
                layout.scatter_add(tile, &c, landmarks);
            }
        }
    }
}

/// `z += Kᵀ Aᵀ (rows − B s)`; returns the squared norm of what is in the bracket.
struct Backward<'b, 'a, S, P, V, const R: usize, const D: usize, const L: usize> {
    complement: &'b mut Complement<'a, S, P, V, R, D, L>,
    z: &'b mut [V],
}

impl<S, P, V, const R: usize, const D: usize, const L: usize> Kernel for Backward<'_, '_, S, P, V, R, D, L>
where
    S: Scalar,
    P: Scalar,
    V: Scalar,
{
    type Output = f64;

    #[inline(always)]
    fn run<U: Unit>(self, unit: U) -> f64 {
        let Complement { layout, linearized, scratch, .. } = self.complement;
        let ProductScratch { rows, landmarks, groups } = &mut **scratch;
        let mut squared_norm = 0.0;
        let z = self.z.as_chunks_mut::<D>().0;
        for (index, group) in layout.groups().iter().enumerate() {
            let mut sums = [[V::ZERO; LANES]; D];
            let mut squares = [V::ZERO; LANES];
            for tile in group.tiles.clone() {
                let s = layout.gather(tile, landmarks);
                for row in 0..R {
                    let mut rest = rows[tile][row];
                    for k in 0..L {
                        let entries: Lanes<V> = unit.widened(&linearized.by_landmark[tile][row][k]);
                        rest = unit.mul_add(&entries, &s[k], &rest);
                    }
                    squares = unit.mul_add(&rest, &rest, &squares);
                    for d in 0..D {
                        let entries: Lanes<V> = unit.widened(&linearized.by_frame[tile][row][d]);
                        sums[d] = unit.mul_add(&entries, &rest, &sums[d]);
                    }
                }
            }
            squared_norm += unit.sum(&squares).to_f64();
            for d in 0..D {
                groups[index / LANES][d][index % LANES] = unit.sum(&sums[d]);
            }
        }
        linearized.couplings.add_transposed(unit, groups, z);
        squared_norm
    }
}
