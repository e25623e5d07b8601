//! How the frames' unknowns move what the observations of each group see, sixteen groups side by side.

use super::Layout;
use crate::precision::Scalar;
use crate::precision::kernels::{LANES, Lanes, Unit};

/// What belongs to one group, or to sixteen, by unknown of a frame.
pub(super) type OfGroups<V, const D: usize> = [Lanes<V>; D];

/// `K_t` and `K_h` of each group: its observations see `K_t x_t + K_h x_h` of the unknowns of its two frames. `K_t` is
/// diagonal; what has no unknowns has zeros.
#[derive(Debug)]
pub(super) struct Couplings<V, const D: usize> {
    tiles: Vec<Tile<V, D>>,
}

/// The couplings of sixteen groups.
#[derive(Debug, Clone)]
struct Tile<V, const D: usize> {
    /// Positions of their frames among the free ones; zero if there is none.
    frames: [Lanes<u32>; 2],
    /// Whether there is a frame, bit by bit.
    used: [u16; 2],
    /// The diagonal of `K_t`.
    first: OfGroups<V, D>,
    /// The columns of `K_h`.
    second: [OfGroups<V, D>; D],
}

impl<V: Scalar, const D: usize> Couplings<V, D> {
    /// Zeros for the groups of a layout.
    pub(super) fn new(layout: &Layout) -> Self {
        let zero = [[V::ZERO; LANES]; D];
        let empty = Tile { frames: [[0; LANES]; 2], used: [0; 2], first: zero, second: [zero; D] };
        let mut tiles = vec![empty; layout.groups().len().div_ceil(LANES)];
        for (index, group) in layout.groups().iter().enumerate() {
            let tile = &mut tiles[index / LANES];
            for (which, frame) in group.frames.iter().enumerate() {
                if let Some(free) = frame.and_then(|frame| layout.free(frame)) {
                    tile.frames[which][index % LANES] = free as u32;
                    tile.used[which] |= 1 << (index % LANES);
                }
            }
        }
        Self { tiles }
    }

    /// Sets `K_t` of a group whose first frame is free.
    pub(super) fn set_first(&mut self, group: usize, diagonal: [f64; D]) {
        for d in 0..D {
            self.tiles[group / LANES].first[d][group % LANES] = V::from_f64(diagonal[d]);
        }
    }

    /// Sets `K_h` of a group whose second frame is free, row by row.
    pub(super) fn set_second(&mut self, group: usize, of: impl Fn(usize, usize) -> f64) {
        for d in 0..D {
            for i in 0..D {
                self.tiles[group / LANES].second[d][i][group % LANES] = V::from_f64(of(i, d));
            }
        }
    }

    /// The diagonal of `K_t` of a group.
    #[inline(always)]
    pub(super) fn first(&self, group: usize, d: usize) -> V {
        self.tiles[group / LANES].first[d][group % LANES]
    }

    /// The element of `K_h` of a group in this row and column.
    #[inline(always)]
    pub(super) fn second(&self, group: usize, row: usize, column: usize) -> V {
        self.tiles[group / LANES].second[column][row][group % LANES]
    }

    /// Room for what all groups see.
    pub(super) fn room(&self) -> Vec<OfGroups<V, D>> {
        vec![[[V::ZERO; LANES]; D]; self.tiles.len()]
    }

    /// `seen = K p` of each group, for the frames' unknowns `p`.
    #[inline(always)]
    pub(super) fn apply<U: Unit>(&self, unit: U, p: &[[V; D]], seen: &mut [OfGroups<V, D>]) {
        if p.is_empty() {
            return;
        }
        for (tile, seen) in self.tiles.iter().zip(seen) {
            let of = |which: usize| {
                let mut gathered = [[V::ZERO; LANES]; D];
                for (lane, &frame) in tile.frames[which].iter().enumerate() {
                    let own = &p[frame as usize];
                    for d in 0..D {
                        gathered[d][lane] = own[d];
                    }
                }
                gathered
            };
            let zero = [V::ZERO; LANES];
            let first = of(0);
            let mut sums = [zero; D];
            for d in 0..D {
                sums[d] = unit.mul_add(&tile.first[d], &first[d], &zero);
            }
            if tile.used[1] != 0 {
                let second = of(1);
                for d in 0..D {
                    for i in 0..D {
                        sums[i] = unit.mul_add(&tile.second[d][i], &second[d], &sums[i]);
                    }
                }
            }
            *seen = sums;
        }
    }

    /// `z += Kᵀ totals` over all groups.
    #[inline(always)]
    pub(super) fn add_transposed<U: Unit>(&self, unit: U, totals: &[OfGroups<V, D>], z: &mut [[V; D]]) {
        let zero = [V::ZERO; LANES];
        for (tile, totals) in self.tiles.iter().zip(totals) {
            let mut add = |which: usize, sums: &OfGroups<V, D>| {
                for lane in (0..LANES).filter(|lane| tile.used[which] >> lane & 1 == 1) {
                    let own = &mut z[tile.frames[which][lane] as usize];
                    for d in 0..D {
                        own[d] += sums[d][lane];
                    }
                }
            };
            let mut sums = [zero; D];
            for d in 0..D {
                sums[d] = unit.mul_add(&tile.first[d], &totals[d], &zero);
            }
            add(0, &sums);
            if tile.used[1] != 0 {
                for d in 0..D {
                    sums[d] = zero;
                    for i in 0..D {
                        sums[d] = unit.mul_add(&tile.second[d][i], &totals[i], &sums[d]);
                    }
                }
                add(1, &sums);
            }
        }
    }
}
