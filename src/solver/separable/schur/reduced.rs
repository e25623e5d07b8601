//! The Schur complement formed block by block, for a preconditioner: never for a product.

use super::envelope::{Envelope, padded, subtract_products};
use super::landmarks::{Landmarks, turn_rows};
use crate::precision::Scalar;
use crate::precision::kernels::{Kernel, LANES, Unit, vectorized, widened_one};
use crate::solver::Layout;
use crate::solver::separable::factors::Factors;
use crate::solver::separable::linearize::Linearized;

/// An observation of a landmark.
#[derive(Debug, Clone, Copy)]
struct Sight {
    group: u32,
    tile: u32,
    lane: u32,
    /// Which of the landmark's frames are the group's; [`NONE`] is fixed, or there is none.
    places: [u32; 2],
}

/// No place.
const NONE: u32 = u32::MAX;

/// Which frames see each landmark, and from which observations that is known.
#[derive(Debug)]
pub(super) struct Reduction<const D: usize, const L: usize> {
    /// Where the free frames of each landmark begin, and its sights; where the last end.
    starts: Vec<[u32; 2]>,
    /// Free frames, ascending within a landmark.
    frames: Vec<u32>,
    sights: Vec<Sight>,
    /// Multiplications that forming the complement takes.
    pub(super) multiplications: f64,
}

impl<const D: usize, const L: usize> Reduction<D, L> {
    pub(super) fn new(layout: &Layout) -> Self {
        let mut by_landmark: Vec<Vec<Sight>> = vec![Vec::new(); layout.landmark_count()];
        for (group, members) in layout.groups().iter().enumerate() {
            let free = members.frames.map(|frame| frame.and_then(|frame| layout.free(frame)));
            let places = free.map(|frame| frame.map_or(NONE, |frame| frame as u32));
            for tile in members.tiles.clone() {
                for lane in layout.used_lanes(tile) {
                    let landmark = layout.landmarks(tile)[lane];
                    let (group, tile, lane) = (group as u32, tile as u32, lane as u32);
                    by_landmark[landmark as usize].push(Sight { group, tile, lane, places });
                }
            }
        }
        let (mut starts, mut frames, mut sights) = (vec![[0u32; 2]], Vec::new(), Vec::new());
        let mut pairs = 0.0;
        for seen in &mut by_landmark {
            let mut own: Vec<u32> = seen.iter().flat_map(|sight| sight.places).filter(|&frame| frame != NONE).collect();
            own.sort_unstable();
            own.dedup();
            for place in seen.iter_mut().flat_map(|sight| &mut sight.places) {
                *place = own.binary_search(place).map_or(NONE, |place| place as u32);
            }
            pairs += 0.5 * (own.len() * (own.len() + 1)) as f64;
            frames.append(&mut own);
            sights.append(seen);
            starts.push([frames.len() as u32, sights.len() as u32]);
        }
        let (d, l) = (D as f64, L as f64);
        let multiplications = pairs * d * d * l + sights.len() as f64 * d * d * 3.0;
        Self { starts, frames, sights, multiplications }
    }

    /// The frames that each landmark ties together: `(i, j)`, `i >= j`, `j` the first of them.
    pub(super) fn for_each_tie(&self, mut visit: impl FnMut(usize, usize)) {
        for range in self.starts.windows(2) {
            let frames = &self.frames[range[0][0] as usize..range[1][0] as usize];
            frames.iter().for_each(|&frame| visit(frame as usize, frames[0] as usize));
        }
    }

    /// Fills the lower triangle of the complement at the damping of the landmarks.
    pub(super) fn form<F: Scalar, S: Scalar, P: Scalar, V: Scalar, const R: usize>(
        &self,
        layout: &Layout,
        linearized: &Linearized<S, P, V, R, D, L>,
        landmarks: &Landmarks<V, L>,
        factors: &Factors<V>,
        damping: f64,
        complement: &mut Envelope<F, D>,
    ) {
        complement.clear();
        for (index, norm) in linearized.frame_norms.iter().enumerate() {
            complement.add((index / D, index / D), index % D, index % D, damping * norm.to_f64());
        }
        factors.for_each_product(|i, j, row, column, value| complement.add((i, j), row, column, value));
        vectorized(Grams { layout, linearized, complement });
        vectorized(Pairs { linearized, landmarks, complement, reduction: self });
    }
}

/// Adds `Kᵀ AᵀA K` of each group.
struct Grams<'a, F, S, P, V, const R: usize, const D: usize, const L: usize> {
    layout: &'a Layout,
    linearized: &'a Linearized<S, P, V, R, D, L>,
    complement: &'a mut Envelope<F, D>,
}

impl<F: Scalar, S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> Kernel
    for Grams<'_, F, S, P, V, R, D, L>
{
    type Output = ();

    #[inline(always)]
    fn run<U: Unit>(self, unit: U) {
        let Self { layout, linearized, complement } = self;
        for (index, group) in layout.groups().iter().enumerate() {
            let mut gram = [[[F::ZERO; LANES]; D]; D];
            for row in linearized.by_frame[group.tiles.clone()].as_flattened() {
                let mut a = [[F::ZERO; LANES]; D];
                for d in 0..D {
                    a[d] = unit.widened(&row[d]);
                }
                for i in 0..D {
                    for j in 0..=i {
                        gram[i][j] = unit.mul_add(&a[i], &a[j], &gram[i][j]);
                    }
                }
            }
            let mut sums = [[0.0; D]; D];
            for i in 0..D {
                for j in 0..=i {
                    sums[i][j] = unit.sum(&gram[i][j]).to_f64();
                    sums[j][i] = sums[i][j];
                }
            }
            add_group(layout, linearized, index, &sums, complement);
        }
    }
}

/// Adds `Kᵀ M K` of a group.
fn add_group<F: Scalar, S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize>(
    layout: &Layout,
    linearized: &Linearized<S, P, V, R, D, L>,
    index: usize,
    sums: &[[f64; D]; D],
    complement: &mut Envelope<F, D>,
) {
    let frames = layout.groups()[index].frames.map(|frame| frame.and_then(|frame| layout.free(frame)));
    let couplings = &linearized.couplings;
    let k_t: [f64; D] = std::array::from_fn(|d| couplings.first(index, d).to_f64());
    let k_h: [[f64; D]; D] = std::array::from_fn(|i| std::array::from_fn(|d| couplings.second(index, i, d).to_f64()));
    // M K_h.
    let m_k: [[f64; D]; D] =
        std::array::from_fn(|i| std::array::from_fn(|d| (0..D).map(|k| sums[i][k] * k_h[k][d]).sum()));
    for i in 0..D {
        for j in 0..D {
            if let Some(t) = frames[0] {
                complement.add((t, t), i, j, k_t[i] * sums[i][j] * k_t[j]);
            }
            if let Some(h) = frames[1] {
                complement.add((h, h), i, j, (0..D).map(|k| k_h[k][i] * m_k[k][j]).sum());
            }
            if let [Some(t), Some(h)] = frames {
                let (row, column) = if t > h { (i, j) } else { (j, i) };
                complement.add((t.max(h), t.min(h)), row, column, k_t[i] * m_k[i][j]);
            }
        }
    }
}

/// Subtracts `Wᵀ W` of each landmark, `W = R⁻ᵀ Bᵀ A K` with columns of all frames that see it.
struct Pairs<'a, F, S, P, V, const R: usize, const D: usize, const L: usize> {
    linearized: &'a Linearized<S, P, V, R, D, L>,
    landmarks: &'a Landmarks<V, L>,
    complement: &'a mut Envelope<F, D>,
    reduction: &'a Reduction<D, L>,
}

impl<F: Scalar, S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> Kernel
    for Pairs<'_, F, S, P, V, R, D, L>
{
    type Output = ();

    #[inline(always)]
    fn run<U: Unit>(self, unit: U) {
        if padded(D) == 8 { self.subtract::<U, 8>(unit) } else { self.subtract::<U, 16>(unit) }
    }
}

impl<F: Scalar, S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize>
    Pairs<'_, F, S, P, V, R, D, L>
{
    #[inline(always)]
    fn subtract<U: Unit, const W: usize>(self, unit: U) {
        let Self { linearized, landmarks, complement, reduction } = self;
        let mut parts: Vec<[[F; W]; L]> = Vec::new();
        for (range, root_inverse) in reduction.starts.windows(2).zip(&landmarks.exact_root_inverses) {
            let ([first_frame, first_sight], [end_frame, end_sight]) = (range[0], range[1]);
            let frames = &reduction.frames[first_frame as usize..end_frame as usize];
            parts.clear();
            parts.resize(frames.len(), [[F::ZERO; W]; L]);
            for sight in &reduction.sights[first_sight as usize..end_sight as usize] {
                let part: [[F; W]; L] = linearized.part(unit, sight.tile as usize, sight.lane as usize);
                let (couplings, group) = (&linearized.couplings, sight.group as usize);
                if let Some(to) = parts.get_mut(sight.places[0] as usize) {
                    for k in 0..L {
                        for d in 0..D {
                            to[k][d] = part[k][d].mul_add_if(U::FUSED, couplings.first(group, d).cast(), to[k][d]);
                        }
                    }
                }
                if let Some(to) = parts.get_mut(sight.places[1] as usize) {
                    for k in 0..L {
                        for d in 0..D {
                            for i in 0..D {
                                to[k][d] =
                                    part[k][i].mul_add_if(U::FUSED, couplings.second(group, i, d).cast(), to[k][d]);
                            }
                        }
                    }
                }
            }
            for part in &mut parts {
                turn_rows(unit, root_inverse, part);
            }
            for (index, (&i, of_i)) in frames.iter().zip(&parts).enumerate() {
                for (&j, of_j) in frames.iter().zip(&parts).take(index + 1) {
                    let block = complement.block_mut(i as usize, j as usize).as_chunks_mut::<W>().0;
                    subtract_products(unit, block, of_i, of_j);
                }
            }
        }
    }
}

impl<S, P: Scalar, V, const R: usize, const D: usize, const L: usize> Linearized<S, P, V, R, D, L> {
    /// `Bᵀ A` of one observation, `L` rows of `D`, each filled up with zeros.
    #[inline(always)]
    fn part<U: Unit, F: Scalar, const W: usize>(&self, _: U, tile: usize, lane: usize) -> [[F; W]; L] {
        let mut part = [[F::ZERO; W]; L];
        for row in 0..R {
            let mut a = [F::ZERO; W];
            for d in 0..D {
                a[d] = widened_one(self.by_frame[tile][row][d][lane]);
            }
            for k in 0..L {
                let b: F = widened_one(self.by_landmark[tile][row][k][lane]);
                for column in 0..W {
                    part[k][column] = b.mul_add_if(U::FUSED, a[column], part[k][column]);
                }
            }
        }
        part
    }
}
