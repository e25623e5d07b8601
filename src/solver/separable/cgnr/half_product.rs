//! Products with the normal matrix in half precision, where the CPU computes in it.

use super::normal::{HalfRows, Normal, blocks_of};
use crate::precision::kernels::{HalfKernel, Halves, LANES, Lanes, Pair};
use crate::precision::{Scalar, f16, power_of_two_near};

/// The largest element to which a vector is scaled. Products of a row are at most some tens then, and their squares within
/// half's range; what is a ten-thousandth of the largest is still a normal number.
const LARGEST: f64 = 1.0;

/// As the product in single precision, but `A`, `B`, the vectors that they meet and the products `A K p + B s` are halves,
/// and sums within a tile: over the unknowns of a row, and over the rows of an observation. All further sums are in `V`.
pub(super) struct HalfProduct<'b, 'a, S, P, V, const R: usize, const D: usize, const L: usize> {
    pub(super) rows: HalfRows<'a, R, D, L>,
    pub(super) normal: &'b mut Normal<'a, S, P, V, R, D, L>,
    pub(super) p: &'b [V],
    pub(super) z: &'b mut [V],
}

impl<S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> HalfKernel
    for HalfProduct<'_, '_, S, P, V, R, D, L>
{
    type Output = f64;

    #[inline(always)]
    fn run<U: Halves>(self, unit: U) -> f64 {
        let damped = self.normal.damp(unit, self.p, self.z);
        let (by_frame, by_landmark) = self.rows;
        let Normal { layout, linearized, groups, halves: s_halves, .. } = self.normal;
        let of_frames = linearized.frame_norms.len();
        let ((p_frames, p_landmarks), (z_frames, z_landmarks)) = blocks_of(self.p, self.z, of_frames);
        linearized.couplings.apply(unit, p_frames, groups);
        let largest = largest_of(groups.as_flattened().as_flattened()).max(largest_of(p_landmarks.as_flattened()));
        let scale = power_of_two_near(LARGEST / largest.to_f64());
        let (down, up) = (unit.splat(V::from_f64(scale)), unit.splat(V::from_f64(1.0 / scale)));
        let zero = [V::ZERO; LANES];
        let mut squares = zero;
        let halves = |lanes: &Lanes<V>| -> Lanes<f16> { unit.rounded(&unit.mul_add(lanes, &down, &zero)) };
        let mut seen_by = [[0; LANES]; D];
        let (whole, rest) = s_halves.as_flattened_mut().as_chunks_mut::<LANES>();
        let (p_whole, p_rest) = p_landmarks.as_flattened().as_chunks::<LANES>();
        for (to, from) in whole.iter_mut().zip(p_whole) {
            *to = halves(from);
        }
        for (to, from) in rest.iter_mut().zip(p_rest) {
            *to = (*from * down[0]).cast();
        }
        for (index, group) in layout.groups().iter().enumerate() {
            if index % LANES == 0 {
                for d in 0..D {
                    seen_by[d] = unit.doubled(&halves(&groups[index / LANES][d]));
                }
            }
            let free = group.frames.iter().flatten().any(|&frame| layout.free(frame).is_some());
            let mut seen = [[[f16::ZERO; LANES]; 2]; D];
            let mut sums = [[0.0f32; 2]; D];
            if free {
                for d in (0..D).step_by(2) {
                    let of = [d, (d + 1).min(D - 1)].map(|d| seen_by[d][index % LANES]);
                    seen[d / 2] = unit.splat_pair(of);
                }
            }
            for tile in group.tiles.clone() {
                let s = layout.gather(tile, s_halves);
                let mut c = [[f16::ZERO; LANES]; L];
                let mut squared = [f16::ZERO; LANES];
                let mut by_pair = [[[f16::ZERO; LANES]; 2]; D];
                for row in 0..R {
                    let (a, b) = (&by_frame[tile][row], &by_landmark[tile][row]);
                    let mut product = [f16::ZERO; LANES];
                    for k in 0..L {
                        product = unit.mul_add_halves(&b[k], &s[k], &product);
                    }
                    if free {
                        let mut of_pairs = [product, [f16::ZERO; LANES]];
                        for d in (0..D).step_by(2) {
                            of_pairs = unit.mul_add_pair(&pair_of(a, d), &seen[d / 2], &of_pairs);
                        }
                        let both = unit.sum_of_pair(&of_pairs);
                        for d in (0..D).step_by(2) {
                            by_pair[d / 2] = unit.mul_add_pair(&pair_of(a, d), &both, &by_pair[d / 2]);
                        }
                        product = both[0];
                    }
                    for k in 0..L {
                        c[k] = unit.mul_add_halves(&b[k], &product, &c[k]);
                    }
                    squared = unit.mul_add_halves(&product, &product, &squared);
                }
                squares = unit.mul_add(&unit.widened(&squared), &unit.splat(V::ONE), &squares);
                let mut c_wide = [zero; L];
                for k in 0..L {
                    c_wide[k] = unit.mul_add(&unit.widened(&c[k]), &up, &zero);
                }
                layout.scatter_add(tile, &c_wide, z_landmarks);
                if free {
                    for first in (0..D.div_ceil(2)).step_by(4) {
                        // Beyond the last there are zeros.
                        let [second, third, fourth] = [1, 2, 3].map(|k| (first + k).min(D - 1));
                        let four = [by_pair[first], by_pair[second], by_pair[third], by_pair[fourth]];
                        let found = unit.sums_of_pairs(&four);
                        for k in first..D.div_ceil(2).min(first + 4) {
                            sums[k][0] += found[k - first][0];
                            sums[k][1] += found[k - first][1];
                        }
                    }
                }
            }
            if free {
                for d in 0..D {
                    groups[index / LANES][d][index % LANES] = V::from_f32(sums[d / 2][d % 2]) * up[0];
                }
            }
        }
        linearized.couplings.add_transposed(unit, groups, z_frames);
        damped + unit.sum(&squares).to_f64() / (scale * scale)
    }
}

/// Two columns of a row, the second zero beyond the last.
#[inline(always)]
fn pair_of<const D: usize>(row: &[Lanes<f16>; D], d: usize) -> Pair {
    if d + 1 < D { [row[d], row[d + 1]] } else { [row[d], [f16::ZERO; LANES]] }
}

/// The largest magnitude; what is not a number counts for nothing.
#[inline(always)]
fn largest_of<V: Scalar>(values: &[V]) -> V {
    let mut largest = [V::ZERO; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for values in whole {
        for lane in 0..LANES {
            let magnitude = values[lane].abs();
            largest[lane] = if magnitude > largest[lane] { magnitude } else { largest[lane] };
        }
    }
    largest.into_iter().chain(rest.iter().map(|value| value.abs())).fold(V::ZERO, V::max)
}
