//! The Schur complement formed block by block, for a preconditioner: never for a product.

use super::envelope::{Envelope, padded};
use super::factor::subtract_products;
use super::landmarks::{Landmarks, turn_rows};
use super::parts::Parts;
use crate::precision::Scalar;
use crate::precision::kernels::{Kernel, LANES, Lanes, Unit, vectorized};
use crate::solver::Layout;
use crate::solver::separable::factors::Factors;
use crate::solver::separable::linearize::Linearized;
use std::ops::Range;

/// Landmarks that the same free frames see.
#[derive(Debug)]
struct Set {
    /// Where its landmarks are in the list of all.
    landmarks: Range<usize>,
    /// Where its frames are, ascending.
    frames: Range<usize>,
    /// Where its parts begin: of the first landmark by all frames, then of the next.
    first_part: usize,
}

/// Which frames see each landmark, and room for what they see of it.
#[derive(Debug)]
pub(super) struct Reduction<F, const D: usize, const L: usize> {
    sets: Vec<Set>,
    landmarks: Vec<u32>,
    frames: Vec<u32>,
    /// For each lane of each tile the parts of its first and second frame; the last one of all where there is none.
    places: Vec<[Lanes<u32>; 2]>,
    /// `Bᵀ A K` of each landmark by each frame that sees it: `L` rows of `D`, each filled up with zeros.
    parts: Vec<F>,
    /// Multiplications that forming the complement takes.
    pub(super) multiplications: f64,
}

impl<F: Scalar, const D: usize, const L: usize> Reduction<F, D, L> {
    pub(super) fn new(layout: &Layout) -> Self {
        let seen_by = FramesOfLandmarks::new(layout);
        let mut landmarks: Vec<u32> = (0..layout.landmark_count() as u32).collect();
        let of = |landmark: u32| seen_by.of(landmark as usize);
        landmarks.sort_by(|&a, &b| of(a).cmp(of(b)));
        let (mut sets, mut frames) = (Vec::new(), Vec::new());
        let mut first_parts = vec![0; layout.landmark_count()];
        let (mut first, mut part, mut pairs) = (0, 0, 0.0);
        for members in landmarks.chunk_by(|&a, &b| of(a) == of(b)) {
            let own = of(members[0]);
            sets.push(Set {
                landmarks: first..first + members.len(),
                frames: frames.len()..frames.len() + own.len(),
                first_part: part,
            });
            for &landmark in members {
                first_parts[landmark as usize] = part;
                part += own.len();
            }
            pairs += 0.5 * (members.len() * own.len() * (own.len() + 1)) as f64;
            first += members.len();
            frames.extend_from_slice(own);
        }
        let mut places = vec![[[part as u32; LANES]; 2]; layout.tile_count()];
        for group in layout.groups() {
            for (which, frame) in group.frames.iter().enumerate() {
                let Some(free) = frame.and_then(|frame| layout.free(frame)) else { continue };
                for tile in group.tiles.clone() {
                    for lane in layout.used_lanes(tile) {
                        let landmark = layout.landmarks(tile)[lane];
                        let place = of(landmark).partition_point(|&frame| (frame as usize) < free);
                        places[tile][which][lane] = (first_parts[landmark as usize] + place) as u32;
                    }
                }
            }
        }
        let (d, l) = (D as f64, L as f64);
        let multiplications = pairs * d * d * l + layout.observation_count() as f64 * d * d * 3.0;
        let parts = vec![F::ZERO; (part + 1) * L * padded(D)];
        Self { sets, landmarks, frames, places, parts, multiplications }
    }

    /// The frames that each landmark ties together: `(i, j)`, `i >= j`, `j` the first of them.
    pub(super) fn for_each_tie(&self, mut visit: impl FnMut(usize, usize)) {
        for set in &self.sets {
            let frames = &self.frames[set.frames.clone()];
            frames.iter().for_each(|&frame| visit(frame as usize, frames[0] as usize));
        }
    }

    /// Fills the lower triangle of the complement at the damping of the landmarks.
    pub(super) fn form<S: Scalar, P: Scalar, V: Scalar, const R: usize>(
        &mut self,
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
        self.parts.fill(F::ZERO);
        vectorized(Parts { layout, linearized, places: &self.places, parts: &mut self.parts, complement });
        vectorized(Pairs { reduction: self, root_inverses: &landmarks.exact_root_inverses, complement });
    }
}

/// The free frames that see each landmark, ascending, in one list.
struct FramesOfLandmarks {
    frames: Vec<u32>,
    ranges: Vec<Range<usize>>,
}

impl FramesOfLandmarks {
    fn new(layout: &Layout) -> Self {
        let mut ranges = vec![0..0; layout.landmark_count()];
        for_each_sight(layout, |landmark, _| ranges[landmark].end += 1);
        let mut count = 0;
        for range in &mut ranges {
            count += range.end;
            *range = count - range.end..count - range.end;
        }
        let mut frames = vec![0; count];
        for_each_sight(layout, |landmark, frame| {
            frames[ranges[landmark].end] = frame;
            ranges[landmark].end += 1;
        });
        for range in &mut ranges {
            let own = &mut frames[range.clone()];
            own.sort_unstable();
            range.end = range.start + distinct(own);
        }
        Self { frames, ranges }
    }

    fn of(&self, landmark: usize) -> &[u32] {
        &self.frames[self.ranges[landmark].clone()]
    }
}

/// Visits landmarks with the free frames of their observations, those that host many of them again and again.
fn for_each_sight(layout: &Layout, mut visit: impl FnMut(usize, u32)) {
    for group in layout.groups() {
        for free in group.frames.iter().filter_map(|frame| frame.and_then(|frame| layout.free(frame))) {
            for tile in group.tiles.clone() {
                layout.used_lanes(tile).for_each(|lane| visit(layout.landmarks(tile)[lane] as usize, free as u32));
            }
        }
    }
}

/// Moves the first of each run of equals to the front; returns how many there are.
fn distinct(ascending: &mut [u32]) -> usize {
    let mut count = 0;
    for index in 0..ascending.len() {
        if count == 0 || ascending[index] != ascending[count - 1] {
            ascending[count] = ascending[index];
            count += 1;
        }
    }
    count
}

/// Subtracts `Wᵀ W` of each landmark, `W = R⁻ᵀ Bᵀ A K` with columns of all frames that see it.
struct Pairs<'a, F, const D: usize, const L: usize> {
    reduction: &'a mut Reduction<F, D, L>,
    root_inverses: &'a [[[f64; L]; L]],
    complement: &'a mut Envelope<F, D>,
}

impl<F: Scalar, const D: usize, const L: usize> Kernel for Pairs<'_, F, D, L> {
    type Output = ();

    #[inline(always)]
    fn run<U: Unit>(self, unit: U) {
        if padded(D) == 8 { self.subtract::<U, 8>(unit) } else { self.subtract::<U, 16>(unit) }
    }
}

impl<F: Scalar, const D: usize, const L: usize> Pairs<'_, F, D, L> {
    #[inline(always)]
    fn subtract<U: Unit, const W: usize>(self, unit: U) {
        let Reduction { sets, landmarks, frames, parts, .. } = self.reduction;
        let parts = parts.as_chunks_mut::<W>().0.as_chunks_mut::<L>().0;
        for set in sets {
            let (landmarks, frames) = (&landmarks[set.landmarks.clone()], &frames[set.frames.clone()]);
            let count = frames.len();
            let own = &mut parts[set.first_part..set.first_part + landmarks.len() * count];
            if own.is_empty() {
                continue;
            }
            for (parts, &landmark) in own.chunks_exact_mut(count).zip(landmarks) {
                let root_inverse = self.root_inverses[landmark as usize].map(|row| row.map(F::from_f64));
                for part in parts {
                    turn_rows(unit, &root_inverse, part);
                }
            }
            for (index, &i) in frames.iter().enumerate() {
                for (other, &j) in frames[..=index].iter().enumerate() {
                    let block = self.complement.block_mut(i as usize, j as usize).as_chunks_mut::<W>().0;
                    let Some(block) = block.first_chunk_mut::<D>() else { continue };
                    subtract_products(
                        unit,
                        block,
                        own[index..].iter().step_by(count),
                        own[other..].iter().step_by(count),
                    );
                }
            }
        }
    }
}
