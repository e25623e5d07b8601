//! Patterns of furniture, cloth, plants, machines and people.

use super::material::{Color, Pattern};
use super::noise::{Noise, blend, ramp, scaled};
use crate::simulation::random::{Random, mix};

/// A wooden board, its grain along the longer side.
pub fn wood(seed: u64, color: Color, size: [f32; 2]) -> Pattern {
    let (grain, warp) = (Noise::new(mix(seed, 20)), Noise::new(mix(seed, 21)));
    let upright = size[1] > size[0];
    Box::new(move |x, y| {
        let (l, c) = if upright { (y, x) } else { (x, y) };
        let bent = c + 0.03 * warp.at(l * 3.0, c * 5.0);
        let rings = grain.at(l * 3.0, bent * 55.0) + 0.7 * grain.at(l * 11.0, bent * 150.0);
        let knot = ramp(0.62, 0.12, warp.at(l * 6.0, c * 9.0));
        scaled(color, 1.0 + 0.15 * rings - 0.35 * knot + 0.08 * grain.grain(x, y))
    })
}

/// Cupboard doors of wood, about 45 cm wide, with frames and handles.
pub fn cupboard(seed: u64, color: Color, size: [f32; 2]) -> Pattern {
    let board = wood(seed, color, size);
    let mut random = Random::new(seed, 22);
    let columns = (size[0] / random.between(0.38, 0.55) as f32).round().max(1.0);
    let rows = (size[1] / random.between(0.55, 0.9) as f32).round().max(1.0);
    let (w, h) = (size[0] / columns, size[1] / rows);
    let metal = scaled([0.75, 0.74, 0.7], random.between(0.4, 1.1) as f32);
    Box::new(move |x, y| {
        let (column, s) = ((x / w).floor(), x.rem_euclid(w));
        let t = y.rem_euclid(h);
        let edge = s.min(w - s).min(t.min(h - t));
        let groove = (1.0 - ramp(0.004, 0.004, edge)) + 0.6 * (1.0 - ramp(0.006, 0.006, (edge - 0.055).abs()));
        let handle_x = if (column as i32) & 1 == 0 { w - 0.035 } else { 0.035 };
        let handle = (1.0 - ramp(0.009, 0.004, (s - handle_x).abs())) * (1.0 - ramp(0.06, 0.004, (t - h * 0.5).abs()));
        let panel = if edge > 0.06 { 0.93 } else { 1.0 };
        blend(scaled(board(x, y), panel * (1.0 - 0.55 * groove.min(1.0))), metal, handle)
    })
}

/// Woven cloth with a check of two colors.
pub fn cloth(seed: u64, a: Color, b: Color) -> Pattern {
    let mut random = Random::new(seed, 23);
    let (cell, fine) = (random.between(0.05, 0.16) as f32, Noise::new(mix(seed, 24)));
    let plain = random.chance(0.4);
    Box::new(move |x, y| {
        let stripe = |t: f32| ramp(0.5, 0.08, (t / cell).rem_euclid(1.0));
        let check = if plain { ramp(0.1, 0.3, fine.at(x * 18.0, y * 18.0)) } else { 0.5 * (stripe(x) + stripe(y)) };
        let weave = fine.at(x * 130.0, y * 130.0);
        let fold = fine.at(x * 4.0, y * 4.0);
        scaled(blend(a, b, check), 1.0 + 0.12 * weave + 0.14 * fold + 0.08 * fine.grain(x, y))
    })
}

/// A rug: a border, a field with medallions, and pile.
pub fn rug(seed: u64, a: Color, b: Color, size: [f32; 2]) -> Pattern {
    let (motif, fine) = (Noise::new(mix(seed, 25)), Noise::new(mix(seed, 26)));
    Box::new(move |x, y| {
        let edge = x.min(size[0] - x).min(y.min(size[1] - y));
        let (u, v) = ((x - size[0] * 0.5).abs(), (y - size[1] * 0.5).abs());
        let field = ramp(0.0, 0.15, motif.at(u * 11.0, v * 11.0) + 0.4 * motif.at(u * 30.0, v * 30.0));
        let band = if edge < 0.04 {
            0.0
        } else if edge < 0.2 {
            ramp(0.0, 0.2, motif.at((x * 14.0).floor() * 0.9 + edge * 12.0, (y * 14.0).floor() * 0.9))
        } else if edge < 0.23 {
            1.0
        } else {
            field
        };
        scaled(blend(a, b, band), 1.0 + 0.13 * fine.at(x * 110.0, y * 110.0) + 0.12 * fine.grain(x, y))
    })
}

/// Leaves: light and dark blobs.
pub fn leaves(seed: u64, color: Color) -> Pattern {
    let (shape, fine) = (Noise::new(mix(seed, 27)), Noise::new(mix(seed, 28)));
    Box::new(move |x, y| {
        let leaf = shape.at(x * 22.0 + 0.8 * fine.at(x * 9.0, y * 9.0), y * 15.0);
        let depth = ramp(-0.3, 0.5, leaf) * 0.8 + 0.3;
        scaled(color, depth * (1.0 + 0.3 * fine.at(x * 60.0, y * 60.0)))
    })
}

/// A white machine with a panel of controls, a door and a label.
pub fn appliance(seed: u64, size: [f32; 2]) -> Pattern {
    let mut random = Random::new(seed, 29);
    let fine = Noise::new(mix(seed, 30));
    let body = scaled([0.86, 0.87, 0.88], random.between(0.5, 1.0) as f32);
    let door = [size[0] * 0.5, size[1] * random.between(0.5, 0.62) as f32];
    let (radius, knobs) = (size[0] * 0.3, 3 + random.below(4));
    Box::new(move |x, y| {
        let mut color = body;
        if y < 0.14 {
            color = scaled(body, 0.8);
            let pitch = size[0] / knobs as f32;
            let knob = (x.rem_euclid(pitch) - pitch * 0.5).hypot(y - 0.07);
            color = blend([0.15, 0.15, 0.17], color, ramp(0.022, 0.006, knob));
        }
        let distance = (x - door[0]).hypot(y - door[1]);
        color = blend(scaled(body, 0.6), color, ramp(radius + 0.03, 0.006, distance));
        color = blend([0.12, 0.13, 0.16], color, ramp(radius, 0.006, distance));
        let seam = 1.0 - ramp(0.004, 0.004, (y - 0.14).abs().min(x.min(size[0] - x)));
        scaled(color, (1.0 - 0.5 * seam) * (1.0 + 0.07 * fine.grain(x, y)))
    })
}

/// A person from head to toe: hair, face, shirt, trousers, shoes.
pub fn person(seed: u64, shirt: Color, trousers: Color, size: [f32; 2]) -> Pattern {
    let shirt = cloth(mix(seed, 31), shirt, scaled(shirt, 0.55));
    let trousers = cloth(mix(seed, 32), trousers, scaled(trousers, 0.75));
    Box::new(move |x, y| {
        let height = y / size[1];
        if height < 0.06 {
            [0.2, 0.14, 0.1]
        } else if height < 0.15 {
            let eye = (x / size[0] - 0.5).abs() - 0.15;
            scaled([0.8, 0.62, 0.5], 1.0 - 0.7 * (1.0 - ramp(0.06, 0.03, eye.hypot((height - 0.095) * 4.0))))
        } else if height < 0.53 {
            shirt(x, y)
        } else if height < 0.96 {
            scaled(trousers(x, y), 1.0 - 0.6 * (1.0 - ramp(0.02, 0.02, (x - size[0] * 0.5).abs())))
        } else {
            [0.1, 0.09, 0.09]
        }
    })
}
