//! Which observation is where: groups that share their frames, in tiles of lanes.

use crate::precision::kernels::{LANES, Lanes};
use std::ops::Range;

/// What one observation touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touched {
    /// The frames: the one whose perturbation the Jacobian is by, and another to which that is relative. Neither: the
    /// observation is of the landmark alone.
    pub frames: [Option<usize>; 2],
    /// The landmark.
    pub landmark: usize,
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
    used: Vec<usize>,
}

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
        let mut order: Vec<usize> = (0..touched.len()).collect();
        order.sort_by_key(|&index| touched[index]);

        let mut layout = Self {
            free,
            free_count,
            landmark_count,
            groups: Vec::new(),
            landmarks: Vec::new(),
            observations: Vec::new(),
            used: Vec::new(),
        };
        for members in order.chunk_by(|&a, &b| touched[a].frames == touched[b].frames) {
            let first = layout.landmarks.len();
            for tile in members.chunks(LANES) {
                // Lanes that are not used repeat the last observation; they count for nothing.
                let at = |lane: usize| tile[lane.min(tile.len() - 1)];
                layout.landmarks.push(std::array::from_fn(|lane| touched[at(lane)].landmark as u32));
                layout.observations.push(std::array::from_fn(|lane| at(lane) as u32));
                layout.used.push(tile.len());
            }
            let frames = touched[members[0]].frames;
            assert!(frames.iter().flatten().all(|&frame| frame < fixed.len()), "a frame that is not there");
            layout.groups.push(Group { frames, tiles: first..layout.landmarks.len() });
        }
        assert!(touched.iter().all(|touched| touched.landmark < landmark_count), "a landmark that is not there");
        layout
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

    /// How many lanes of a tile are used; the others repeat the last of them and have to count for nothing.
    #[inline(always)]
    pub fn used(&self, tile: usize) -> usize {
        self.used[tile]
    }

    /// Number of observations.
    pub fn observation_count(&self) -> usize {
        self.used.iter().sum()
    }

    /// One for each used lane of a tile, zero for the others, times what `of` says of the observation.
    pub fn per_lane(&self, tile: usize, of: impl Fn(usize) -> f64) -> Lanes<f64> {
        std::array::from_fn(
            |lane| {
                if lane < self.used[tile] { of(self.observations[tile][lane] as usize) } else { 0.0 }
            },
        )
    }
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
        assert_eq!((layout.used(0), layout.used(1), layout.observation_count()), (16, 4, 40));
        assert_eq!(layout.landmarks(1)[..6], [16, 17, 18, 19, 19, 19]);
        assert_eq!(layout.per_lane(1, |observation| observation as f64)[3..5], [38.0, 0.0]);
    }
}
