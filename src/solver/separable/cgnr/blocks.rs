//! The block-Jacobi preconditioner of frames and landmarks.

use crate::precision::Scalar;
use crate::precision::kernels::{Kernel, LANES, Lanes, Unit, rounded, vectorized};
use crate::solver::cgnr::ApplyPreconditioner;
use crate::solver::separable::factors::Factors;
use crate::solver::separable::linearize::Linearized;
use crate::solver::separable::problem::Separable;
use crate::solver::separable::schur::root_inverse;

/// What is added to the damping of a block before it is inverted: its inverse still fits half.
const REGULARIZATION: f64 = 1e-4;

/// Inverses of the blocks on the diagonal of the damped normal matrix, stored in `C`.
#[derive(Debug)]
pub(super) struct Blocks<C, const D: usize, const L: usize> {
    /// Of each free frame, column by column, each padded with zeros.
    frames: Vec<[Lanes<C>; D]>,
    /// Of landmarks, side by side.
    landmarks: Vec<[[Lanes<C>; L]; L]>,
}

impl<C: Scalar, const D: usize, const L: usize> Blocks<C, D, L> {
    pub(super) fn new(frame_count: usize, landmark_count: usize) -> Self {
        const { assert!(D <= LANES) };
        Self {
            frames: vec![[[C::ZERO; LANES]; D]; frame_count],
            landmarks: vec![[[[C::ZERO; LANES]; L]; L]; landmark_count.div_ceil(LANES)],
        }
    }

    /// Inverts the blocks of the frames, and those that the linearization holds of the landmarks, at a damping.
    pub(super) fn invert<S: Scalar, P: Scalar, V: Scalar, const R: usize>(
        &mut self,
        frame_blocks: &[[[f64; D]; D]],
        linearized: &Linearized<S, P, V, R, D, L>,
        damping: f64,
    ) {
        for (columns, block) in self.frames.iter_mut().zip(frame_blocks) {
            let inverse = inverse_of(block, damping);
            for (column, values) in columns.iter_mut().zip(inverse) {
                let mut lanes = [0.0; LANES];
                lanes[..D].copy_from_slice(&values);
                *column = rounded(&lanes);
            }
        }
        for (chunk, blocks) in self.landmarks.iter_mut().zip(linearized.landmark_information.chunks(LANES)) {
            for (lane, block) in blocks.iter().enumerate() {
                let inverse = inverse_of(block, damping);
                for i in 0..L {
                    for j in 0..L {
                        chunk[i][j][lane] = C::from_f64(inverse[i][j]);
                    }
                }
            }
        }
    }
}

/// The inverse of a block, given by its lower triangle, at a damping; zero in directions that are undetermined.
fn inverse_of<const N: usize>(block: &[[f64; N]; N], damping: f64) -> [[f64; N]; N] {
    let root = root_inverse(block, damping + REGULARIZATION);
    let product = |i: usize, j: usize| (i.max(j)..N).map(|k| root[i][k] * root[j][k]).sum();
    std::array::from_fn(|i| std::array::from_fn(|j| product(i, j)))
}

/// The blocks of the frames in the normal matrix, in scaled unknowns.
pub(super) fn frame_blocks<T, S, P, V, const R: usize, const D: usize, const L: usize>(
    problem: &T,
    linearized: &Linearized<S, P, V, R, D, L>,
    factors: &Factors<V>,
    blocks: &mut [[[f64; D]; D]],
) where
    T: Separable<R, D, L>,
    S: Scalar,
    P: Scalar,
    V: Scalar,
{
    let layout = problem.layout();
    blocks.fill([[0.0; D]; D]);
    for (index, group) in layout.groups().iter().enumerate() {
        let gram = &linearized.gram[index];
        let own = |free: usize| &linearized.frame_scales[free * D..(free + 1) * D];
        if let Some(free) = group.frames[0].and_then(|frame| layout.free(frame)) {
            let scales = own(free);
            for i in 0..D {
                for j in 0..=i {
                    blocks[free][i][j] += gram[i][j] * scales[i] * scales[j];
                }
            }
        }
        if let Some(free) = group.frames[1].and_then(|frame| layout.free(frame)) {
            let (scales, coupling) = (own(free), &linearized.raw_couplings[index]);
            let mut product = [[0.0; D]; D];
            for i in 0..D {
                for k in 0..D {
                    let entry = gram[i.max(k)][i.min(k)];
                    for j in 0..D {
                        product[i][j] += entry * coupling[k][j];
                    }
                }
            }
            for k in 0..D {
                for i in 0..D {
                    for j in 0..D {
                        blocks[free][i][j] += coupling[k][i] * product[k][j] * scales[i] * scales[j];
                    }
                }
            }
        }
    }
    factors.for_each_product(|i, j, row, column, value| {
        if i == j {
            blocks[i][row][column] += value;
        }
    });
}

impl<C: Scalar, V: Scalar, const D: usize, const L: usize> ApplyPreconditioner<V> for Blocks<C, D, L> {
    fn apply(&mut self, r: &[V], z: &mut [V]) {
        vectorized(Apply { blocks: self, r, z });
    }
}

/// `z = M⁻¹ r`.
struct Apply<'a, C, V, const D: usize, const L: usize> {
    blocks: &'a Blocks<C, D, L>,
    r: &'a [V],
    z: &'a mut [V],
}

impl<C: Scalar, V: Scalar, const D: usize, const L: usize> Kernel for Apply<'_, C, V, D, L> {
    type Output = ();

    #[inline(always)]
    fn run<U: Unit>(self, unit: U) {
        let Self { blocks, r, z } = self;
        let of_frames = blocks.frames.len() * D;
        let (r_frames, r_landmarks) = r.split_at(of_frames);
        let (z_frames, z_landmarks) = z.split_at_mut(of_frames);
        let (r_frames, z_frames) = (r_frames.as_chunks::<D>().0, z_frames.as_chunks_mut::<D>().0);
        for ((columns, r), z) in blocks.frames.iter().zip(r_frames).zip(z_frames) {
            let mut sums = [V::ZERO; LANES];
            for d in 0..D {
                let column: Lanes<V> = unit.widened(&columns[d]);
                sums = unit.mul_add(&column, &unit.splat(r[d]), &sums);
            }
            z.copy_from_slice(&sums[..D]);
        }
        let (r_landmarks, z_landmarks) = (r_landmarks.as_chunks::<L>().0, z_landmarks.as_chunks_mut::<L>().0);
        let (r_whole, r_rest) = r_landmarks.as_chunks::<LANES>();
        let (z_whole, z_rest) = z_landmarks.as_chunks_mut::<LANES>();
        for (block, (r, z)) in blocks.landmarks.iter().zip(r_whole.iter().zip(z_whole)) {
            *z = landmarks_product(unit, block, r);
        }
        if let (false, Some(block)) = (r_rest.is_empty(), blocks.landmarks.last()) {
            let mut r = [[V::ZERO; L]; LANES];
            r[..r_rest.len()].copy_from_slice(r_rest);
            z_rest.copy_from_slice(&landmarks_product(unit, block, &r)[..r_rest.len()]);
        }
    }
}

/// The products of sixteen landmarks' blocks.
#[inline(always)]
fn landmarks_product<U: Unit, C: Scalar, V: Scalar, const L: usize>(
    unit: U,
    block: &[[Lanes<C>; L]; L],
    r: &[[V; L]; LANES],
) -> [[V; L]; LANES] {
    let mut lanes = [[V::ZERO; LANES]; L];
    for lane in 0..LANES {
        for k in 0..L {
            lanes[k][lane] = r[lane][k];
        }
    }
    let mut z = [[V::ZERO; L]; LANES];
    for i in 0..L {
        let mut sums = [V::ZERO; LANES];
        for j in 0..L {
            let entries: Lanes<V> = unit.widened(&block[i][j]);
            sums = unit.mul_add(&entries, &lanes[j], &sums);
        }
        for lane in 0..LANES {
            z[lane][i] = sums[lane];
        }
    }
    z
}
