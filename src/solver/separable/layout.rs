//! Which observation is where: groups that share their frames, in tiles of lanes.

use crate::precision::Scalar;
use crate::precision::kernels::{LANES, Lanes};
use std::ops::Range;

/// What one observation touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touched {
    /// The frames: the one whose perturbation the Jacobian is by, and another to which that is relative. Neither: the
    /// observation is of the landmark alone.
    pub frames: [Option<usize>; 2],
    /// The landmark.
    pub landmark: usize,
}

impl Touched {
    /// Orders observations by their frames, none before the first, then by landmark, then by index: as one number, for
    /// sorting to take no branches.
    fn key(&self, index: usize) -> u128 {
        let [first, second] = self.frames.map(|frame| frame.map_or(0, |frame| frame as u32 + 1));
        [first, second, self.landmark as u32, index as u32].iter().fold(0, |key, &part| key << 32 | u128::from(part))
    }
}

/// Observations of the same frames: neighbouring tiles.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// As in [`Touched`].
    pub frames: [Option<usize>; 2],
    /// Its tiles.
    pub tiles: Range<usize>,
}

/// Where observations, frames and landmarks are in a separable problem.
///
/// A step is one vector: `D` numbers for each free frame, then `L` for each landmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Position of each frame among the free ones; `None` if it is fixed.
    free: Vec<Option<usize>>,
    free_count: usize,
    landmark_count: usize,
    groups: Vec<Group>,
    landmarks: Vec<Lanes<u32>>,
    observations: Vec<Lanes<u32>>,
    used: Vec<Used>,
    /// The landmark of a tile's first lane, if the other lanes are of those that follow it.
    first_of_row: Vec<Option<u32>>,
}

/// The lanes of a tile that are used: bit by bit.
type Used = u16;

/// Tiles whose lanes are landmarks in a row read and write them as vectors, which is worth so many times the tiles.
const TILES_IN_A_ROW: f64 = 1.25;

impl Layout {
    /// Lays observations out by their frames, then landmarks. Frames that are `fixed` have no unknowns.
    ///
    /// # Panics
    /// If an observation touches what there is not: that is a mistake in the calling problem, not in its input.
    pub fn new(fixed: &[bool], landmark_count: usize, touched: &[Touched]) -> Self {
        let mut free_count = 0;
        let mut number = |fixed: bool| {
            free_count += usize::from(!fixed);
            (!fixed).then(|| free_count - 1)
        };
        let free = fixed.iter().map(|&fixed| number(fixed)).collect();
        let mut keys: Vec<u128> = touched.iter().enumerate().map(|(index, touched)| touched.key(index)).collect();
        keys.sort_unstable();
        let order: Vec<usize> = keys.iter().map(|&key| key as u32 as usize).collect();

        let mut layout = Self {
            free,
            free_count,
            landmark_count,
            groups: Vec::new(),
            landmarks: Vec::new(),
            observations: Vec::new(),
            used: Vec::new(),
            first_of_row: Vec::new(),
        };
        for members in order.chunk_by(|&a, &b| touched[a].frames == touched[b].frames) {
            let first = layout.landmarks.len();
            let landmarks: Vec<u32> = members.iter().map(|&index| touched[index].landmark as u32).collect();
            let rows = in_rows(&landmarks);
            let packed = members.len().div_ceil(LANES);
            if rows.len() as f64 <= TILES_IN_A_ROW * packed as f64 {
                for row in rows {
                    let start = landmarks[row.start];
                    let lanes = row.clone().map(|k| (landmarks[k] - start) as usize);
                    layout.push_tile(&members[row.clone()], &landmarks[row], lanes, Some(start));
                }
            } else {
                for (members, landmarks) in members.chunks(LANES).zip(landmarks.chunks(LANES)) {
                    layout.push_tile(members, landmarks, 0..members.len(), None);
                }
            }
            let frames = touched[members[0]].frames;
            assert!(frames.iter().flatten().all(|&frame| frame < fixed.len()), "a frame that is not there");
            layout.groups.push(Group { frames, tiles: first..layout.landmarks.len() });
        }
        assert!(touched.iter().all(|touched| touched.landmark < landmark_count), "a landmark that is not there");
        layout
    }

    /// Adds a tile of these observations, each in its lane. Lanes that are not used repeat the one before, or the first.
    fn push_tile(
        &mut self,
        observations: &[usize],
        landmarks: &[u32],
        lanes: impl Iterator<Item = usize>,
        first_of_row: Option<u32>,
    ) {
        let (mut own_landmarks, mut own_observations) = ([landmarks[0]; LANES], [observations[0] as u32; LANES]);
        let mut used: Used = 0;
        for ((&observation, &landmark), lane) in observations.iter().zip(landmarks).zip(lanes) {
            own_landmarks[lane..].fill(landmark);
            own_observations[lane..].fill(observation as u32);
            used |= 1 << lane;
        }
        self.landmarks.push(own_landmarks);
        self.observations.push(own_observations);
        self.used.push(used);
        self.first_of_row.push(first_of_row);
    }

    /// Number of frames, fixed ones included.
    pub fn frame_count(&self) -> usize {
        self.free.len()
    }

    /// Position of a frame among the free ones; `None` if it is fixed.
    pub fn free(&self, frame: usize) -> Option<usize> {
        self.free[frame]
    }

    /// Number of free frames.
    pub fn free_count(&self) -> usize {
        self.free_count
    }

    /// Number of landmarks.
    pub fn landmark_count(&self) -> usize {
        self.landmark_count
    }

    /// The groups, in order of tiles.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Number of tiles.
    pub fn tile_count(&self) -> usize {
        self.landmarks.len()
    }

    /// The landmark of each lane of a tile.
    #[inline(always)]
    pub fn landmarks(&self, tile: usize) -> &Lanes<u32> {
        &self.landmarks[tile]
    }

    /// The observation of each lane of a tile, as an index into what the layout was made of.
    pub fn observations(&self, tile: usize) -> &Lanes<u32> {
        &self.observations[tile]
    }

    /// The lanes of a tile that are used, ascending; the others repeat some of them and have to count for nothing.
    #[inline(always)]
    pub fn used_lanes(&self, tile: usize) -> impl Iterator<Item = usize> + use<> {
        let mut left = self.used[tile];
        std::iter::from_fn(move || {
            let lane = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (lane < LANES).then_some(lane)
        })
    }

    /// What belongs to the landmarks of a tile, lane by lane; in lanes that are not used it is anything finite.
    #[inline(always)]
    pub fn gather<V: Scalar, const L: usize>(&self, tile: usize, values: &[[V; L]]) -> [Lanes<V>; L] {
        let mut lanes = [[V::ZERO; LANES]; L];
        if let Some(row) = self.row(tile).and_then(|row| values.get(row)) {
            for (lane, value) in row.iter().enumerate() {
                for k in 0..L {
                    lanes[k][lane] = value[k];
                }
            }
        } else {
            for (lane, &landmark) in self.landmarks[tile].iter().enumerate() {
                let value = &values[landmark as usize];
                for k in 0..L {
                    lanes[k][lane] = value[k];
                }
            }
        }
        lanes
    }

    /// Adds lanes to what belongs to the landmarks of a tile; lanes that are not used have to be zero.
    #[inline(always)]
    pub fn scatter_add<V: Scalar, const L: usize>(&self, tile: usize, lanes: &[Lanes<V>; L], values: &mut [[V; L]]) {
        self.scatter(tile, values, |lane, value| {
            for k in 0..L {
                value[k] += lanes[k][lane];
            }
        });
    }

    /// The same for lower triangles of landmarks.
    #[inline(always)]
    pub(super) fn scatter_add_triangles<const L: usize>(
        &self,
        tile: usize,
        lanes: &[[Lanes<f64>; L]; L],
        values: &mut [[[f64; L]; L]],
    ) {
        self.scatter(tile, values, |lane, value| {
            for a in 0..L {
                for b in 0..=a {
                    value[a][b] += lanes[a][b][lane];
                }
            }
        });
    }

    /// Adds something for each lane to what belongs to its landmark.
    #[inline(always)]
    fn scatter<T>(&self, tile: usize, values: &mut [T], add: impl Fn(usize, &mut T)) {
        if let Some(row) = self.row(tile).and_then(|row| values.get_mut(row)) {
            row.iter_mut().enumerate().for_each(|(lane, value)| add(lane, value));
        } else {
            self.used_lanes(tile).for_each(|lane| add(lane, &mut values[self.landmarks[tile][lane] as usize]));
        }
    }

    /// The landmarks of the lanes of a tile, if they are in a row; some of them there may be none of.
    #[inline(always)]
    fn row(&self, tile: usize) -> Option<Range<usize>> {
        self.first_of_row[tile].map(|first| first as usize..first as usize + LANES)
    }

    /// Number of observations.
    pub fn observation_count(&self) -> usize {
        self.used.iter().map(|used| used.count_ones() as usize).sum()
    }

    /// One for each used lane of a tile, zero for the others, times what `of` says of the observation.
    pub fn per_lane(&self, tile: usize, of: impl Fn(usize) -> f64) -> Lanes<f64> {
        std::array::from_fn(|lane| {
            if self.used[tile] >> lane & 1 == 1 { of(self.observations[tile][lane] as usize) } else { 0.0 }
        })
    }
}

/// Parts ascending landmarks into tiles whose lanes are landmarks in a row, each at most once.
fn in_rows(landmarks: &[u32]) -> Vec<Range<usize>> {
    let mut rows: Vec<Range<usize>> = Vec::new();
    for (index, &landmark) in landmarks.iter().enumerate() {
        match rows.last_mut() {
            Some(row) if landmark < landmarks[row.start] + LANES as u32 && landmark != landmarks[index - 1] => {
                row.end = index + 1;
            }
            _ => rows.push(index..index + 1),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_of_the_same_frames_are_neighbours() {
        let touched: Vec<Touched> =
            (0..40).map(|i| Touched { frames: [Some(i % 2), (i % 2 == 1).then_some(2)], landmark: i / 2 }).collect();
        let layout = Layout::new(&[false, true, false], 20, &touched);
        assert_eq!((layout.free(1), layout.free(2), layout.free_count()), (None, Some(1), 2));
        assert_eq!(layout.groups().len(), 2);
        assert_eq!(layout.groups()[1], Group { frames: [Some(1), Some(2)], tiles: 2..4 });
        assert_eq!(
            (layout.used_lanes(0).count(), layout.used_lanes(1).count(), layout.observation_count()),
            (16, 4, 40)
        );
        assert_eq!(layout.landmarks(1)[..6], [16, 17, 18, 19, 19, 19]);
        assert_eq!(layout.per_lane(1, |observation| observation as f64)[3..5], [38.0, 0.0]);
    }

    /// A layout of one group that sees these landmarks.
    fn seen(landmarks: &[usize]) -> Layout {
        let touched: Vec<Touched> =
            landmarks.iter().map(|&landmark| Touched { frames: [Some(0), None], landmark }).collect();
        Layout::new(&[false], 100, &touched)
    }

    #[test]
    fn landmarks_nearly_in_a_row_have_lanes_in_a_row() {
        let layout = seen(&[10, 11, 14, 25, 90, 99]);
        assert_eq!(layout.tile_count(), 1, "rows would take three tiles");
        let layout = seen(&[10, 11, 14, 25]);
        assert_eq!(layout.used_lanes(0).collect::<Vec<_>>(), [0, 1, 4, 15]);
        assert_eq!(layout.landmarks(0)[3..6], [11, 14, 14]);
        assert_eq!(seen(&[3, 3]).tile_count(), 1, "a landmark has one lane of a row");
    }

    #[test]
    fn what_is_gathered_is_what_is_scattered() {
        for landmarks in [vec![10, 11, 14, 25], vec![97, 99], vec![0, 40, 80, 81], vec![7, 7]] {
            let layout = seen(&landmarks);
            let values: Vec<[f64; 2]> = (0..100).map(|i| [f64::from(i), -f64::from(i)]).collect();
            let mut sums = vec![[0.0; 2]; 100];
            for tile in 0..layout.tile_count() {
                let mut lanes = layout.gather(tile, &values);
                for lane in 0..LANES {
                    if !layout.used_lanes(tile).any(|used| used == lane) {
                        lanes.iter_mut().for_each(|lanes| lanes[lane] = 0.0);
                    }
                }
                layout.scatter_add(tile, &lanes, &mut sums);
            }
            for (index, sum) in sums.iter().enumerate() {
                let times = landmarks.iter().filter(|&&landmark| landmark == index).count() as f64;
                assert_eq!(*sum, values[index].map(|value| times * value));
            }
        }
    }
}
