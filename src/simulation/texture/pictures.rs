//! Patterns that are unlike any other: pictures, books, windows, screens. They tell places apart.

use super::material::{Color, Pattern};
use super::noise::{Noise, blend, ramp, scaled};
use crate::simulation::random::{Random, mix};

fn any_color(random: &mut Random) -> Color {
    [0, 1, 2].map(|_| random.between(0.05, 0.95) as f32)
}

enum Shape {
    Disc { center: [f32; 2], radius: f32 },
    Bar { center: [f32; 2], half: [f32; 2], direction: [f32; 2] },
}

impl Shape {
    fn any(random: &mut Random, size: [f32; 2]) -> Self {
        let center = [random.unit() as f32 * size[0], random.unit() as f32 * size[1]];
        let scale = size[0].min(size[1]) * random.between(0.05, 0.28) as f32;
        if random.chance(0.4) {
            return Self::Disc { center, radius: scale };
        }
        let angle = random.between(0.0, std::f64::consts::PI) as f32;
        let half = [scale, scale * random.between(0.15, 0.9) as f32];
        Self::Bar { center, half, direction: [angle.cos(), angle.sin()] }
    }

    /// Distance beyond the outline (m), negative inside.
    fn outside(&self, x: f32, y: f32) -> f32 {
        match self {
            Self::Disc { center, radius } => (x - center[0]).hypot(y - center[1]) - radius,
            Self::Bar { center, half, direction: [c, s] } => {
                let (dx, dy) = (x - center[0], y - center[1]);
                ((dx * c + dy * s).abs() - half[0]).max((dy * c - dx * s).abs() - half[1])
            }
        }
    }
}

/// A framed picture: shapes of many colors on a ground, or a landscape.
pub fn picture(seed: u64, size: [f32; 2]) -> Pattern {
    let mut random = Random::new(seed, 40);
    let noise = Noise::new(mix(seed, 41));
    let frame = scaled([0.5, 0.38, 0.25], random.between(0.15, 1.6) as f32);
    let mat = if random.chance(0.4) { 0.05f32 } else { 0.0 };
    let (sky, ground) = (any_color(&mut random), any_color(&mut random));
    let horizon = random.between(0.3, 0.8) as f32;
    let count = 8 + random.below(18);
    let shapes: Vec<(Shape, Color)> =
        (0..count).map(|_| (Shape::any(&mut random, size), any_color(&mut random))).collect();
    Box::new(move |x, y| {
        let edge = x.min(size[0] - x).min(y.min(size[1] - y));
        if edge < 0.025 {
            return scaled(frame, 0.75 + 12.0 * edge + 0.1 * noise.at(x * 90.0, y * 90.0));
        }
        if edge < 0.025 + mat {
            return [0.9, 0.89, 0.85];
        }
        let hill = horizon * size[1] + 0.12 * size[1] * noise.at(x * 6.0, 0.5);
        let mut color = blend(sky, ground, ramp(hill, 0.01, y));
        for (shape, paint) in &shapes {
            color = blend(*paint, color, ramp(0.0, 0.004, shape.outside(x, y)));
        }
        scaled(color, 1.0 + 0.16 * noise.at(x * 120.0, y * 70.0) + 0.12 * noise.grain(x, y))
    })
}

struct Book {
    height: f32,
    left: f32,
    right: f32,
    color: Color,
    label: Color,
    bands: [f32; 2],
}

/// Shelves full of books, none like another.
pub fn books(seed: u64, size: [f32; 2]) -> Pattern {
    let mut random = Random::new(seed, 42);
    let noise = Noise::new(mix(seed, 43));
    let rows = (size[1] / 0.33).round().max(1.0);
    let pitch = size[1] / rows;
    let wood = scaled([0.6, 0.45, 0.3], random.between(0.4, 1.4) as f32);
    let shelves: Vec<Vec<Book>> = (0..rows as usize)
        .map(|_| {
            let (mut left, mut row) = (0.025f32, Vec::new());
            while left < size[0] - 0.06 {
                if random.chance(0.06) {
                    left += random.between(0.05, 0.2) as f32;
                    continue;
                }
                let right = left + random.between(0.016, 0.052) as f32;
                let height = pitch * random.between(0.55, 0.88) as f32;
                let bands = [random.between(0.1, 0.4) as f32, random.between(0.5, 0.8) as f32];
                let (color, label) = (any_color(&mut random), any_color(&mut random));
                row.push(Book { height, left, right, color, label, bands });
                left = right + 0.001;
            }
            row
        })
        .collect();
    Box::new(move |x, y| {
        let shelf = ((y / pitch) as usize).min(shelves.len() - 1);
        let up = (shelf as f32 + 1.0) * pitch - y;
        if up < 0.02 || x.min(size[0] - x) < 0.022 || y < 0.02 {
            return scaled(wood, 1.0 + 0.12 * noise.at(x * 10.0, y * 90.0));
        }
        let row = &shelves[shelf];
        let index = row.partition_point(|book| book.right < x);
        let empty = scaled(wood, 0.3 + 0.06 * noise.at(x * 30.0, y * 30.0));
        let Some(book) = row.get(index).filter(|book| x >= book.left && up - 0.02 < book.height) else { return empty };
        let (s, t) = ((x - book.left) / (book.right - book.left), (up - 0.02) / book.height);
        let round = 0.65 + 1.4 * s * (1.0 - s);
        let band = book.bands.iter().any(|b| (t - b).abs() < 0.02);
        let title = (t - 0.6).abs() < 0.14 && (s - 0.5).abs() < 0.2 && noise.at(y * 160.0, index as f32 * 7.3) > 0.0;
        let color = if band || title { book.label } else { book.color };
        scaled(color, round * (1.0 + 0.1 * noise.grain(x, y)))
    })
}

/// A window: frame and cross bar, sky, hills, trees and houses behind.
pub fn window(seed: u64, size: [f32; 2]) -> Pattern {
    let mut random = Random::new(seed, 44);
    let noise = Noise::new(mix(seed, 45));
    let panes = (size[0] / 0.7).round().max(1.0);
    let horizon = random.between(0.45, 0.65) as f32;
    let houses: Vec<(f32, f32, f32, Color)> = (0..5)
        .map(|_| {
            let left = random.unit() as f32 * size[0];
            let color = any_color(&mut random);
            (left, random.between(0.12, 0.35) as f32, random.between(0.08, 0.3) as f32, color)
        })
        .collect();
    Box::new(move |x, y| {
        let pane = size[0] / panes;
        let bar = x.rem_euclid(pane).min(pane - x.rem_euclid(pane)).min(y.min(size[1] - y));
        if bar < 0.035 {
            return scaled([0.95, 0.95, 0.93], 0.7 + 8.0 * bar);
        }
        let t = y / size[1];
        let skyline = horizon + 0.12 * noise.at(x * 2.5, 0.5) + 0.05 * noise.at(x * 15.0, 3.5);
        let cloud = ramp(0.1, 0.6, noise.at(x * 3.0, y * 6.0) + 0.4 * noise.at(x * 9.0, y * 15.0));
        let sky = blend([0.62, 0.78, 0.95], [1.0, 1.0, 1.0], cloud);
        let tree =
            scaled([0.25, 0.4, 0.18], 0.9 + 0.5 * noise.at(x * 35.0, y * 35.0) + 0.3 * noise.at(x * 9.0, y * 9.0));
        let mut color = blend(sky, tree, ramp(skyline, 0.01, t));
        for (left, width, height, paint) in &houses {
            let top = (horizon + 0.2) * size[1] - height;
            if x > *left && x < left + width && y > top && t < horizon + 0.25 {
                let hole = ((x - left) * 28.0).rem_euclid(2.0) > 1.2 && ((y - top) * 22.0).rem_euclid(2.0) > 1.2;
                color = if hole { [0.2, 0.22, 0.27] } else { *paint };
            }
        }
        color
    })
}

/// A screen with windows and lines of text, in a black frame.
pub fn screen(seed: u64, size: [f32; 2]) -> Pattern {
    let mut random = Random::new(seed, 46);
    let noise = Noise::new(mix(seed, 47));
    let ground = scaled(any_color(&mut random), 0.5);
    let shapes: Vec<(Shape, Color)> =
        (0..9).map(|_| (Shape::any(&mut random, size), scaled(any_color(&mut random), 0.8))).collect();
    Box::new(move |x, y| {
        if x.min(size[0] - x).min(y.min(size[1] - y)) < 0.025 {
            return [0.06, 0.06, 0.07];
        }
        let mut color = ground;
        for (shape, paint) in &shapes {
            let line = noise.at(x * 90.0, (y * 45.0).floor() * 3.3) > 0.2 && (y * 45.0).rem_euclid(1.0) < 0.5;
            let inside = shape.outside(x, y) < 0.0;
            color = if inside { scaled(*paint, if line { 0.4 } else { 1.0 }) } else { color };
        }
        color
    })
}
