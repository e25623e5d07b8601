//! Value noise: smooth random numbers over the plane.

use crate::simulation::random::Random;
use std::sync::LazyLock;

const SIDE: usize = 256;

static LATTICE: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let mut random = Random::new(0x6c61_7474_6963_6521, 0);
    (0..SIDE * SIDE).map(|_| random.between(-1.0, 1.0) as f32).collect()
});

/// A field of noise; fields of different seeds are different parts of the same lattice.
#[derive(Debug, Clone, Copy)]
pub struct Noise {
    lattice: &'static [f32],
    shift: [f32; 2],
}

impl Noise {
    /// The field of a seed.
    pub fn new(seed: u64) -> Self {
        let shift = [(seed & 0xffff) as f32 / 256.0, ((seed >> 16) & 0xffff) as f32 / 256.0];
        Self { lattice: &LATTICE, shift }
    }

    /// Noise in `-1..1` with features one unit wide.
    pub fn at(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x + self.shift[0] + 1024.0, y + self.shift[1] + 1024.0);
        let (column, row) = (x as usize, y as usize);
        let ease = |t: f32| t * t * (3.0 - 2.0 * t);
        let (u, v) = (ease(x - column as f32), ease(y - row as f32));
        let value = |c: usize, r: usize| self.lattice[(r & (SIDE - 1)) * SIDE + (c & (SIDE - 1))];
        let top = value(column, row) * (1.0 - u) + value(column + 1, row) * u;
        let bottom = value(column, row + 1) * (1.0 - u) + value(column + 1, row + 1) * u;
        top * (1.0 - v) + bottom * v
    }

    /// Fine grain: features of about 1.2, 4 and 15 cm for coordinates in metres.
    pub fn grain(&self, x: f32, y: f32) -> f32 {
        0.45 * self.at(x * 80.0, y * 80.0) + 0.35 * self.at(x * 25.0, y * 25.0) + 0.3 * self.at(x * 6.5, y * 6.5)
    }
}

/// 0 below `edge`, 1 above, with a ramp `width` wide.
pub fn ramp(edge: f32, width: f32, x: f32) -> f32 {
    ((x - edge) / width + 0.5).clamp(0.0, 1.0)
}

/// The color `fraction` of the way from `a` to `b`.
pub fn blend(a: [f32; 3], b: [f32; 3], fraction: f32) -> [f32; 3] {
    [0, 1, 2].map(|i| a[i] + (b[i] - a[i]) * fraction)
}

/// A color, made brighter or darker.
pub fn scaled(color: [f32; 3], by: f32) -> [f32; 3] {
    color.map(|c| c * by)
}
