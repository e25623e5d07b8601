//! Patterns of walls and floors.

use super::material::{Color, Pattern};
use super::noise::{Noise, blend, ramp, scaled};
use crate::simulation::random::{Random, mix};

/// Rough plaster.
pub fn plaster(seed: u64, color: Color) -> Pattern {
    let (fine, broad) = (Noise::new(mix(seed, 1)), Noise::new(mix(seed, 2)));
    Box::new(move |x, y| scaled(color, 1.0 + 0.10 * fine.grain(x, y) + 0.06 * broad.at(x * 2.0, y * 2.0)))
}

/// Printed wallpaper. Styles: stripes, medallions, dots, trellis, brush strokes.
pub fn wallpaper(seed: u64, style: usize, ground: Color, print: Color) -> Pattern {
    let mut random = Random::new(seed, 3);
    let cell = random.between(0.16, 0.34) as f32;
    let (fine, motif, broad) = (Noise::new(mix(seed, 4)), Noise::new(mix(seed, 5)), Noise::new(mix(seed, 6)));
    let detail = random.between(9.0, 14.0) as f32;
    Box::new(move |x, y| {
        let (u, v) = (x / cell, y / cell);
        let odd = (u.floor() as i32 & 1) as f32 * 0.5;
        let (s, t) = (u - u.floor() - 0.5, v + odd - (v + odd).floor() - 0.5);
        let ink = match style {
            0 => {
                let wide = ramp(0.1, 0.03, s) * (1.0 - ramp(0.3, 0.03, s));
                let thin = 1.0 - ramp(0.025, 0.02, (s + 0.2).abs());
                wide * (0.6 + 0.5 * motif.at(u * 6.0, v * 9.0)) + thin
            }
            1 => {
                let leaf = motif.at(s.abs() * detail, t * detail) + 0.25 - 1.6 * s.hypot(t);
                ramp(0.0, 0.15, leaf)
            }
            2 => {
                let size = 0.16 + 0.1 * motif.at(u.floor() * 3.7, (v + odd).floor() * 5.3);
                1.0 - ramp(size, 0.04, s.hypot(t))
            }
            3 => {
                let bars = 1.0 - ramp(0.05, 0.03, ((s.abs() + t.abs()) - 0.5).abs());
                let knot = 1.0 - ramp(0.13, 0.04, s.abs().max(t.abs()));
                bars.max(knot * ramp(-0.2, 0.2, motif.at(u.floor() * 2.3, (v + odd).floor() * 2.9)))
            }
            _ => ramp(0.15, 0.2, motif.at(x * 16.0, y * 5.0) + 0.6 * motif.at(x * 45.0, y * 30.0)),
        };
        let color = blend(ground, print, ink.clamp(0.0, 1.0) * 0.8);
        scaled(color, 1.0 + 0.09 * fine.grain(x, y) + 0.08 * broad.at(x * 1.4, y * 1.4))
    })
}

/// Bricks, 21 x 7 cm.
pub fn bricks(seed: u64, color: Color) -> Pattern {
    let (fine, tone) = (Noise::new(mix(seed, 7)), Noise::new(mix(seed, 8)));
    Box::new(move |x, y| {
        let row = (y / 0.075).floor();
        let u = x / 0.215 + 0.5 * (row as i32 & 1) as f32;
        let (s, t) = ((u - u.floor()) * 0.215, y - row * 0.075);
        let stone = ramp(0.006, 0.005, s.min(0.215 - s)) * ramp(0.006, 0.005, t.min(0.075 - t));
        let shade = 1.0 + 0.25 * tone.at(u.floor() * 1.7, row * 1.9) + 0.14 * fine.grain(x, y);
        blend(scaled([0.62, 0.6, 0.57], 1.0 + 0.1 * fine.grain(x, y)), scaled(color, shade), stone)
    })
}

/// Square tiles with grout, some of them darker.
pub fn tiles(seed: u64, side: f32, color: Color) -> Pattern {
    let (fine, tone) = (Noise::new(mix(seed, 9)), Noise::new(mix(seed, 10)));
    let accent = scaled(color, 0.62);
    Box::new(move |x, y| {
        let (column, row) = ((x / side).floor(), (y / side).floor());
        let (s, t) = (x - column * side, y - row * side);
        let tile = ramp(0.005, 0.005, s.min(side - s)) * ramp(0.005, 0.005, t.min(side - t));
        let pick = tone.at(column * 1.37 + 0.5, row * 1.73 + 0.5);
        let base = if pick > 0.35 { accent } else { color };
        let marble = fine.at(x * 14.0 + 2.0 * fine.at(x * 5.0, y * 5.0), y * 14.0);
        let shade = 1.0 + 0.08 * pick + 0.09 * marble + 0.07 * fine.grain(x, y);
        blend(scaled(color, 0.55), scaled(base, shade), tile)
    })
}

/// Wooden boards, 12 cm wide, of different length and tone.
pub fn planks(seed: u64, color: Color) -> Pattern {
    let (grain, tone) = (Noise::new(mix(seed, 11)), Noise::new(mix(seed, 12)));
    Box::new(move |x, y| {
        let row = (y / 0.12).floor();
        let u = (x + 0.7 * tone.at(row * 3.1, 0.5)) / 0.95;
        let board = u.floor();
        let (s, t) = ((u - board) * 0.95, y - row * 0.12);
        let gap = ramp(0.002, 0.004, t.min(0.12 - t)) * ramp(0.002, 0.004, s.min(0.95 - s));
        let shift = 40.0 * tone.at(board * 1.9, row * 2.3);
        let rings = grain.at(x * 4.0 + shift, y * 70.0) + 0.6 * grain.at(x * 16.0 + shift, y * 190.0);
        let knot = ramp(0.72, 0.1, grain.at(x * 7.0 + shift, y * 11.0));
        let shade = 1.0 + 0.2 * tone.at(board * 1.7 + 0.3, row * 1.3) + 0.11 * rings - 0.4 * knot;
        scaled(color, shade * (0.45 + 0.55 * gap) * (1.0 + 0.06 * grain.grain(x, y)))
    })
}
