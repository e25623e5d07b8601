//! The Schur complement formed block by block, once for a preconditioner: never for a product.

use super::Layout;
use super::envelope::Envelope;
use super::factors::Factors;
use super::landmarks::Landmarks;
use super::linearize::Linearized;
use crate::precision::Scalar;
use crate::precision::kernels::{Kernel, LANES, Lanes, lane_sum, vectorized, widened};

/// Observations by landmark, and room for their parts.
#[derive(Debug)]
pub(super) struct Reduction<const D: usize, const L: usize> {
    /// Where the observations of each landmark begin, and where the last end.
    starts: Vec<u32>,
    /// Place among them of each lane.
    places: Vec<Lanes<u32>>,
    /// Group of each observation.
    groups: Vec<u32>,
    /// `R⁻ᵀ Bᵀ A` of each observation.
    parts: Vec<[[f64; D]; L]>,
    /// Multiplications that forming the complement takes.
    pub(super) multiplications: f64,
}

impl<const D: usize, const L: usize> Reduction<D, L> {
    pub(super) fn new(layout: &Layout) -> Self {
        let count = layout.landmark_count();
        let mut starts = vec![0u32; count + 1];
        for tile in 0..layout.tile_count() {
            for &landmark in &layout.landmarks(tile)[..layout.used(tile)] {
                starts[landmark as usize + 1] += 1;
            }
        }
        for index in 0..count {
            starts[index + 1] += starts[index];
        }
        let mut next = starts.clone();
        let mut groups = vec![0; layout.observation_count()];
        let mut places = vec![[0; LANES]; layout.tile_count()];
        for (group, tiles) in layout.groups().iter().enumerate() {
            for tile in tiles.tiles.clone() {
                for (lane, &landmark) in layout.landmarks(tile)[..layout.used(tile)].iter().enumerate() {
                    let place = &mut next[landmark as usize];
                    groups[*place as usize] = group as u32;
                    places[tile][lane] = *place;
                    *place += 1;
                }
            }
        }
        let pairs = |pair: &[u32]| 0.5 * f64::from(pair[1] - pair[0] + 1) * f64::from(pair[1] - pair[0] + 2);
        let pairs: f64 = starts.windows(2).map(pairs).sum();
        let (d, l) = (D as f64, L as f64);
        let multiplications = pairs * d * d * l + (layout.tile_count() * LANES) as f64 * d * d * 3.0;
        Self { starts, places, parts: vec![[[0.0; D]; L]; groups.len()], groups, multiplications }
    }

    /// The frames that each landmark ties together: `(i, j)`, `i >= j`, `j` the first of them.
    pub(super) fn for_each_tie(&self, layout: &Layout, mut visit: impl FnMut(usize, usize)) {
        for range in self.starts.windows(2) {
            let frames = || {
                let groups = self.groups[range[0] as usize..range[1] as usize].iter();
                groups
                    .flat_map(|&group| layout.groups()[group as usize].frames)
                    .flatten()
                    .filter_map(|f| layout.free(f))
            };
            if let Some(first) = frames().min() {
                frames().for_each(|frame| visit(frame, first));
            }
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
        complement: &mut Envelope<D>,
    ) {
        complement.clear();
        for (index, norm) in linearized.frame_norms.iter().enumerate() {
            complement.block_mut(index / D, index / D)[index % D][index % D] += damping * norm.to_f64();
        }
        factors.for_each_product(|i, j, row, column, value| complement.block_mut(i, j)[row][column] += value);
        vectorized(Parts { layout, linearized, landmarks, complement, reduction: self });
        vectorized(Pairs { layout, linearized, complement, reduction: self });
    }
}

/// Adds `Kᵀ AᵀA K` of each group, and computes the parts of the observations.
struct Parts<'a, S, P, V, const R: usize, const D: usize, const L: usize> {
    layout: &'a Layout,
    linearized: &'a Linearized<S, P, V, R, D, L>,
    landmarks: &'a Landmarks<V, L>,
    complement: &'a mut Envelope<D>,
    reduction: &'a mut Reduction<D, L>,
}

impl<S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> Kernel
    for Parts<'_, S, P, V, R, D, L>
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { layout, linearized, landmarks, complement, reduction } = self;
        for (index, group) in layout.groups().iter().enumerate() {
            let mut gram = [[[0.0f64; LANES]; D]; D];
            for tile in group.tiles.clone() {
                let mut part = [[[0.0f64; LANES]; D]; L];
                let own = layout.landmarks(tile);
                for row in 0..R {
                    let mut a = [[0.0f64; LANES]; D];
                    for d in 0..D {
                        a[d] = widened(&linearized.by_frame[tile][row][d]);
                    }
                    for i in 0..D {
                        for j in 0..=i {
                            for lane in 0..LANES {
                                gram[i][j][lane] += a[i][lane] * a[j][lane];
                            }
                        }
                    }
                    for k in 0..L {
                        // R⁻ᵀ Bᵀ of this row.
                        let mut turned = [0.0f64; LANES];
                        for m in 0..=k {
                            let b: Lanes<f64> = widened(&linearized.by_landmark[tile][row][m]);
                            for lane in 0..LANES {
                                turned[lane] += landmarks.exact_root_inverses[own[lane] as usize][m][k] * b[lane];
                            }
                        }
                        for d in 0..D {
                            for lane in 0..LANES {
                                part[k][d][lane] += turned[lane] * a[d][lane];
                            }
                        }
                    }
                }
                for lane in 0..layout.used(tile) {
                    let to = &mut reduction.parts[reduction.places[tile][lane] as usize];
                    for k in 0..L {
                        for d in 0..D {
                            to[k][d] = part[k][d][lane];
                        }
                    }
                }
            }
            let mut sums = [[0.0; D]; D];
            for i in 0..D {
                for j in 0..=i {
                    sums[i][j] = lane_sum(&gram[i][j]);
                    sums[j][i] = sums[i][j];
                }
            }
            add_group(layout, linearized, index, &sums, complement);
        }
    }
}

/// Adds `Kᵀ M K` of a group.
fn add_group<S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize>(
    layout: &Layout,
    linearized: &Linearized<S, P, V, R, D, L>,
    index: usize,
    sums: &[[f64; D]; D],
    complement: &mut Envelope<D>,
) {
    let frames = layout.groups()[index].frames.map(|frame| frame.and_then(|frame| layout.free(frame)));
    let (first, second) = &linearized.couplings[index];
    let k_t: [f64; D] = std::array::from_fn(|d| first[d].to_f64());
    let k_h: [[f64; D]; D] = std::array::from_fn(|i| std::array::from_fn(|d| second[d][i].to_f64()));
    // M K_h.
    let m_k: [[f64; D]; D] =
        std::array::from_fn(|i| std::array::from_fn(|d| (0..D).map(|k| sums[i][k] * k_h[k][d]).sum()));
    if let Some(t) = frames[0] {
        let block = complement.block_mut(t, t);
        for i in 0..D {
            for j in 0..D {
                block[i][j] += k_t[i] * sums[i][j] * k_t[j];
            }
        }
    }
    if let Some(h) = frames[1] {
        let block = complement.block_mut(h, h);
        for i in 0..D {
            for j in 0..D {
                block[i][j] += (0..D).map(|k| k_h[k][i] * m_k[k][j]).sum::<f64>();
            }
        }
    }
    if let [Some(t), Some(h)] = frames {
        let block = complement.block_mut(t.max(h), t.min(h));
        for i in 0..D {
            for j in 0..D {
                if t > h {
                    block[i][j] += k_t[i] * m_k[i][j];
                } else {
                    block[j][i] += k_t[i] * m_k[i][j];
                }
            }
        }
    }
}

/// Subtracts `Wᵀ W` of each landmark, `W` its parts by frame.
struct Pairs<'a, S, P, V, const R: usize, const D: usize, const L: usize> {
    layout: &'a Layout,
    linearized: &'a Linearized<S, P, V, R, D, L>,
    complement: &'a mut Envelope<D>,
    reduction: &'a Reduction<D, L>,
}

impl<S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> Kernel
    for Pairs<'_, S, P, V, R, D, L>
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { layout, linearized, complement, reduction } = self;
        let mut parts: Vec<(usize, [[f64; D]; L])> = Vec::new();
        for range in reduction.starts.windows(2) {
            parts.clear();
            for place in range[0] as usize..range[1] as usize {
                let group = reduction.groups[place] as usize;
                let frames = layout.groups()[group].frames;
                let own = &reduction.parts[place];
                let (first, second) = &linearized.couplings[group];
                if let Some(t) = frames[0].and_then(|frame| layout.free(frame)) {
                    let mut part = *own;
                    for row in &mut part {
                        for d in 0..D {
                            row[d] *= first[d].to_f64();
                        }
                    }
                    add_part(&mut parts, t, &part);
                }
                if let Some(h) = frames[1].and_then(|frame| layout.free(frame)) {
                    let mut part = [[0.0; D]; L];
                    for k in 0..L {
                        for d in 0..D {
                            for i in 0..D {
                                part[k][d] += own[k][i] * second[d][i].to_f64();
                            }
                        }
                    }
                    add_part(&mut parts, h, &part);
                }
            }
            for (index, (i, of_i)) in parts.iter().enumerate() {
                for (j, of_j) in &parts[..=index] {
                    let ((i, of_i), (j, of_j)) =
                        if i >= j { ((*i, of_i), (*j, of_j)) } else { ((*j, of_j), (*i, of_i)) };
                    let block = complement.block_mut(i, j);
                    for row in 0..D {
                        for k in 0..L {
                            for column in 0..D {
                                block[row][column] -= of_i[k][row] * of_j[k][column];
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Adds a part to that of the same frame, if there is one.
#[inline(always)]
fn add_part<const D: usize, const L: usize>(
    parts: &mut Vec<(usize, [[f64; D]; L])>,
    frame: usize,
    part: &[[f64; D]; L],
) {
    if let Some((_, own)) = parts.iter_mut().find(|(other, _)| *other == frame) {
        for k in 0..L {
            for d in 0..D {
                own[k][d] += part[k][d];
            }
        }
    } else {
        parts.push((frame, *part));
    }
}
