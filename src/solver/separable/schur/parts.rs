//! What each frame sees of each landmark, observations side by side, and the frames' own blocks of the complement.

use super::envelope::{Envelope, padded};
use crate::precision::Scalar;
use crate::precision::kernels::{Kernel, LANES, Lanes, Unit};
use crate::solver::Layout;
use crate::solver::separable::linearize::{Gram, Linearized, TILES_AT_ONCE};

/// Adds `Bᵀ A K` of every observation to the parts of its landmark, and `Kᵀ AᵀA K` of every group to the complement.
pub(super) struct Parts<'a, F, S, P, V, const R: usize, const D: usize, const L: usize> {
    pub(super) layout: &'a Layout,
    pub(super) linearized: &'a Linearized<S, P, V, R, D, L>,
    /// The parts of each lane's first and second frame.
    pub(super) places: &'a [[Lanes<u32>; 2]],
    pub(super) parts: &'a mut [F],
    pub(super) complement: &'a mut Envelope<F, D>,
}

impl<F: Scalar, S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize> Kernel
    for Parts<'_, F, S, P, V, R, D, L>
{
    type Output = ();

    #[inline(always)]
    fn run<U: Unit>(self, unit: U) {
        if padded(D) == 8 { self.add::<U, 8>(unit) } else { self.add::<U, 16>(unit) }
    }
}

impl<F: Scalar, S: Scalar, P: Scalar, V: Scalar, const R: usize, const D: usize, const L: usize>
    Parts<'_, F, S, P, V, R, D, L>
{
    #[inline(always)]
    fn add<U: Unit, const W: usize>(self, unit: U) {
        let Self { layout, linearized, places, parts, complement } = self;
        let parts = parts.as_chunks_mut::<W>().0.as_chunks_mut::<L>().0;
        let zero = [F::ZERO; LANES];
        let mut by_frame = [[[zero; D]; R]; TILES_AT_ONCE];
        for (index, group) in layout.groups().iter().enumerate() {
            let free = group.frames.map(|frame| frame.and_then(|frame| layout.free(frame)));
            if free == [None; 2] {
                continue;
            }
            let couplings = &linearized.couplings;
            let (mut k_t, mut k_h) = ([F::ZERO; W], [[F::ZERO; W]; D]);
            for d in 0..D {
                k_t[d] = couplings.first(index, d).cast();
                for i in 0..D {
                    k_h[i][d] = couplings.second(index, i, d).cast();
                }
            }
            let mut gram = Gram::zero();
            for tile in group.tiles.clone() {
                let done = (tile - group.tiles.start) % TILES_AT_ONCE + 1;
                let wide = &mut by_frame[done - 1];
                for row in 0..R {
                    for d in 0..D {
                        wide[row][d] = unit.widened(&linearized.by_frame[tile][row][d]);
                    }
                }
                for k in 0..L {
                    let mut part = [zero; D];
                    for row in 0..R {
                        let b = unit.widened(&linearized.by_landmark[tile][row][k]);
                        for d in 0..D {
                            part[d] = unit.mul_add(&b, &wide[row][d], &part[d]);
                        }
                    }
                    if free[1].is_none() {
                        for d in 0..D {
                            let seen = unit.mul_add(&part[d], &unit.splat(k_t[d]), &zero);
                            for (seen, &place) in seen.iter().zip(&places[tile][0]) {
                                parts[place as usize][k][d] += *seen;
                            }
                        }
                        continue;
                    }
                    // With products of its own for each, one observation after the other, its numbers in a row.
                    for lane in layout.used_lanes(tile) {
                        let mut own = [F::ZERO; W];
                        for d in 0..D {
                            own[d] = part[d][lane];
                        }
                        if free[0].is_some() {
                            let to = &mut parts[places[tile][0][lane] as usize][k];
                            for d in 0..W {
                                to[d] += k_t[d] * own[d];
                            }
                        }
                        let mut seen = [F::ZERO; W];
                        for i in 0..D {
                            for d in 0..W {
                                seen[d] = k_h[i][d].mul_add_if(U::FUSED, own[i], seen[d]);
                            }
                        }
                        let to = &mut parts[places[tile][1][lane] as usize][k];
                        for d in 0..W {
                            to[d] += seen[d];
                        }
                    }
                }
                if tile + 1 == group.tiles.end || done == TILES_AT_ONCE {
                    gram.add(unit, &by_frame[..done]);
                }
            }
            let mut columns = [[F::ZERO; W]; D];
            let sums = gram.sums(unit);
            for i in 0..D {
                for j in 0..D {
                    columns[j][i] = F::from_f64(sums[i.max(j)][i.min(j)]);
                }
            }
            add_group::<U, F, D, W>(free, &columns, &k_t, &k_h, complement);
        }
    }
}

/// Adds `Kᵀ M K` of a group, `M` by columns, `K_h` by rows.
#[inline(always)]
fn add_group<U: Unit, F: Scalar, const D: usize, const W: usize>(
    free: [Option<usize>; 2],
    m: &[[F; W]; D],
    k_t: &[F; W],
    k_h: &[[F; W]; D],
    complement: &mut Envelope<F, D>,
) {
    let mut add = |(i, j): (usize, usize), columns: &[[F; W]; D]| {
        for (to, column) in complement.block_mut(i, j).as_chunks_mut::<W>().0.iter_mut().zip(columns) {
            for lane in 0..W {
                to[lane] += column[lane];
            }
        }
    };
    if let Some(t) = free[0] {
        let mut columns = *m;
        for d in 0..D {
            for lane in 0..W {
                columns[d][lane] *= k_t[lane] * k_t[d];
            }
        }
        add((t, t), &columns);
    }
    let Some(h) = free[1] else { return };
    // M K_h, column by column.
    let mut m_k = [[F::ZERO; W]; D];
    for d in 0..D {
        for k in 0..D {
            for lane in 0..W {
                m_k[d][lane] = m[k][lane].mul_add_if(U::FUSED, k_h[k][d], m_k[d][lane]);
            }
        }
    }
    let mut columns = [[F::ZERO; W]; D];
    for d in 0..D {
        for k in 0..D {
            for lane in 0..W {
                columns[d][lane] = k_h[k][lane].mul_add_if(U::FUSED, m_k[d][k], columns[d][lane]);
            }
        }
    }
    add((h, h), &columns);
    let Some(t) = free[0] else { return };
    for d in 0..D {
        for lane in 0..W {
            columns[d][lane] = m_k[d][lane] * k_t[lane];
        }
    }
    if t < h {
        let lower = columns;
        for d in 0..D {
            for k in 0..D {
                columns[d][k] = lower[k][d];
            }
        }
    }
    add((t.max(h), t.min(h)), &columns);
}
