//! Furniture, pictures and windows: where they stand and hang, clear of doors and lanes.

use super::lanes::Lanes;
use super::pieces::{Kind, Piece};
use super::plan::{Area, Plan, Purpose, Side};
use super::shell::{contains, is_free_of_openings};
use super::surface::{Block, Placement, Surface, wall_frame};
use crate::simulation::random::{Random, mix};
use crate::simulation::texture::Material;

/// Least distance between furniture and the middle of a lane (m).
pub const LANE_CLEARANCE_M: f64 = 0.42;

/// What stands and hangs in the flat.
#[derive(Debug, Clone, Default)]
pub struct Furnishing {
    /// The faces of it all.
    pub surfaces: Vec<Surface>,
    /// Footprints of what stands on the floor.
    pub footprints: Vec<(usize, Area)>,
    /// Rooms whose middle is free.
    pub free_middles: Vec<usize>,
}

/// Spans of a room's walls that are taken (m along the wall, and up to which height).
type Taken = [Vec<(f64, f64, f64)>; 4];

fn wall_pieces(purpose: Purpose) -> Vec<Kind> {
    use Kind::*;
    match purpose {
        Purpose::Living => vec![Sofa, Television, Bookshelf, Armchair, Sideboard, Plant, Bookshelf, Lamp, Crates],
        Purpose::Kitchen => vec![Counter, Counter, Fridge, Sideboard, Crates, Chair, Plant, Chair],
        Purpose::Bedroom => vec![Bed, Wardrobe, Nightstand, Sideboard, Chair, Lamp, Plant, Nightstand],
        Purpose::Study => vec![Desk, Bookshelf, Bookshelf, Armchair, Sideboard, Lamp, Plant, Crates, Bookshelf],
        Purpose::Dining => vec![Sideboard, Bookshelf, Plant, Wardrobe, Chair, Chair, Bench, Lamp],
        Purpose::Children => vec![Bed, Crates, Desk, Bookshelf, Crates, Wardrobe, Plant, Bench],
        Purpose::Corridor => vec![Bookshelf, Sideboard, Plant, Bench, Plant],
    }
}

fn middle_pieces(purpose: Purpose) -> &'static [Kind] {
    match purpose {
        Purpose::Living => &[Kind::LowTable],
        Purpose::Dining => &[Kind::Table, Kind::LowTable],
        Purpose::Kitchen => &[Kind::Table, Kind::LowTable],
        _ => &[],
    }
}

/// Furnishes all rooms.
pub fn furnish(plan: &Plan, lanes: &Lanes, seed: u64, bare_walls: &[[bool; 4]], texture_poor: f64) -> Furnishing {
    let mut furnishing = Furnishing::default();
    let lane_points = lanes.points();
    let is_clear = |area: &Area| lane_points.iter().all(|&p| area.distance(p) >= LANE_CLEARANCE_M);
    for (room, content) in plan.rooms.iter().enumerate() {
        let mut random = Random::new(seed, 1000 + room as u64);
        let mut taken = Taken::default();
        windows(plan, room, &mut random, &mut taken, &mut furnishing.surfaces);
        for (number, kind) in wall_pieces(content.purpose).into_iter().enumerate() {
            let piece = kind.piece(&mut random);
            let piece_seed = mix(seed, (1100 + room * 64 + number) as u64);
            for _ in 0..60 {
                let wall = random.below(4);
                let (start, right, length) = wall_frame(&content.area, Side::ALL[wall]);
                if length < piece.width + 0.1 {
                    continue;
                }
                let middle = random.between(piece.width / 2.0 + 0.05, length - piece.width / 2.0 - 0.05);
                let span = (middle - piece.width / 2.0, middle + piece.width / 2.0);
                let is_free =
                    taken[wall].iter().all(|t| span.1 + 0.04 < t.0 || span.0 - 0.04 > t.1 || piece.height <= t.2 - 1.0);
                if !is_free || !is_free_of_openings(plan, room, Side::ALL[wall], span.0, span.1, 0.12) {
                    continue;
                }
                let back = piece.depth / 2.0 + 0.02;
                let placement = Placement {
                    position: [
                        start[0] + right[0] * middle + right[1] * back,
                        start[1] + right[1] * middle - right[0] * back,
                        0.0,
                    ],
                    yaw: right[1].atan2(right[0]),
                    room,
                };
                let area = footprint(&piece, &placement);
                let apart = |(_, other): &(usize, Area)| !other.inset(-0.03).overlaps(&area);
                if contains(&content.area, &area) && is_clear(&area) && furnishing.footprints.iter().all(apart) {
                    taken[wall].push((span.0, span.1, piece.height));
                    let poor = random.chance(texture_poor);
                    place(&piece, &placement, piece_seed, poor, &mut furnishing);
                    break;
                }
            }
        }
        pictures(plan, room, &bare_walls[room], &mut random, &mut taken, &mut furnishing.surfaces);
        let mut middle_is_free = true;
        for kind in middle_pieces(content.purpose) {
            let piece = kind.piece(&mut random);
            let [x, y] = content.area.center();
            let yaw = if random.chance(0.5) { 0.0 } else { std::f64::consts::FRAC_PI_2 };
            let placement = Placement { position: [x, y, 0.0], yaw, room };
            if middle_is_free && is_clear(&footprint(&piece, &placement)) {
                place(&piece, &placement, mix(seed, 1200 + room as u64), false, &mut furnishing);
                middle_is_free = false;
            }
        }
        if room > 0 {
            rug(plan, room, &mut random, seed, &mut furnishing.surfaces);
            if middle_is_free {
                furnishing.free_middles.push(room);
            }
        }
    }
    furnishing
}

/// The floor that a piece covers.
fn footprint(piece: &Piece, placement: &Placement) -> Area {
    let (sin, cos) = placement.yaw.sin_cos();
    let half = [
        (piece.width * cos.abs() + piece.depth * sin.abs()) / 2.0,
        (piece.width * sin.abs() + piece.depth * cos.abs()) / 2.0,
    ];
    let [x, y, _] = placement.position;
    Area { min: [x - half[0], y - half[1]], max: [x + half[0], y + half[1]] }
}

fn place(piece: &Piece, placement: &Placement, seed: u64, poor: bool, furnishing: &mut Furnishing) {
    furnishing.footprints.push((placement.room, footprint(piece, placement)));
    for (index, block) in piece.blocks.iter().enumerate() {
        let block = if poor { bare(block) } else { block.clone() };
        furnishing.surfaces.extend(block.surfaces(placement, mix(seed, index as u64), 0.004));
    }
}

fn bare(block: &Block) -> Block {
    let plain = |material: Material| match material {
        Material::Wood(c) | Material::Cupboard(c) | Material::Cloth(c, _) | Material::Plaster(c) => Material::Plain(c),
        Material::Tiles(_, c) | Material::Leaves(c) => Material::Plain(c),
        _ => Material::Plain([0.7, 0.68, 0.64]),
    };
    Block { front: plain(block.front), sides: plain(block.sides), top: plain(block.top), ..block.clone() }
}

/// Hangs a flat thing on a wall: `middle` (m) along it, its own middle at `height` (m).
#[allow(clippy::too_many_arguments)]
fn hang(
    plan: &Plan,
    room: usize,
    side: Side,
    middle: f64,
    height: f64,
    size: [f64; 2],
    thickness: f64,
    material: Material,
    seed: u64,
) -> Vec<Surface> {
    let (start, right, _) = wall_frame(&plan.rooms[room].area, side);
    let frame = Material::Plain([0.35, 0.3, 0.25]);
    let block = Block {
        min: [-size[0] / 2.0, -thickness, height - size[1] / 2.0],
        max: [size[0] / 2.0, -0.001, height + size[1] / 2.0],
        front: material,
        sides: frame,
        top: frame,
    };
    let placement = Placement {
        position: [start[0] + right[0] * middle, start[1] + right[1] * middle, 0.0],
        yaw: right[1].atan2(right[0]),
        room,
    };
    block.surfaces(&placement, seed, 0.003)
}

fn windows(plan: &Plan, room: usize, random: &mut Random, taken: &mut Taken, surfaces: &mut Vec<Surface>) {
    for side in &plan.rooms[room].outer {
        let wall = Side::ALL.iter().position(|s| s == side).unwrap_or(0);
        let (_, _, length) = wall_frame(&plan.rooms[room].area, *side);
        let width = random.between(0.9, 1.6).min(length - 0.6);
        let middle = random.between(width / 2.0 + 0.2, length - width / 2.0 - 0.2);
        let size = [width, random.between(1.1, 1.3)];
        taken[wall].push((middle - width / 2.0 - 0.05, middle + width / 2.0 + 0.05, 1.95));
        let seed = random.bits();
        surfaces.extend(hang(plan, room, *side, middle, 1.55, size, 0.02, Material::Window, seed));
    }
}

/// Pictures where nothing tall stands or hangs; none on bare walls.
fn pictures(
    plan: &Plan,
    room: usize,
    bare: &[bool; 4],
    random: &mut Random,
    taken: &mut Taken,
    surfaces: &mut Vec<Surface>,
) {
    let count = if room == 0 { 16 } else { 9 };
    for _ in 0..count {
        let low = random.chance(0.3);
        let size = if low {
            [random.between(0.2, 0.45), random.between(0.2, 0.4)]
        } else {
            [random.between(0.3, 0.9), random.between(0.3, 0.8)]
        };
        let height = if low { random.between(0.45, 0.95) } else { random.between(1.2, 1.75) };
        for _ in 0..12 {
            let wall = random.below(4);
            let (_, _, length) = wall_frame(&plan.rooms[room].area, Side::ALL[wall]);
            let middle = random.between(size[0] / 2.0 + 0.05, length - size[0] / 2.0 - 0.05);
            let (from, to) = (middle - size[0] / 2.0, middle + size[0] / 2.0);
            let below = height - size[1] / 2.0;
            let hits = |t: &(f64, f64, f64)| to + 0.04 > t.0 && from - 0.04 < t.1 && below < t.2 + 0.03;
            if bare[wall] || taken[wall].iter().any(hits) {
                continue;
            }
            if is_free_of_openings(plan, room, Side::ALL[wall], from, to, 0.1) {
                taken[wall].push((from, to, height + size[1] / 2.0));
                let seed = random.bits();
                surfaces.extend(hang(
                    plan,
                    room,
                    Side::ALL[wall],
                    middle,
                    height,
                    size,
                    0.018,
                    Material::Picture,
                    seed,
                ));
                break;
            }
        }
    }
}

fn rug(plan: &Plan, room: usize, random: &mut Random, seed: u64, surfaces: &mut Vec<Surface>) {
    let [x, y] = plan.rooms[room].area.center();
    let (w, d) = (random.between(1.5, 2.3), random.between(1.2, 1.8));
    let tones = [[0.6, 0.2, 0.18], [0.2, 0.3, 0.5], [0.8, 0.74, 0.6], [0.3, 0.42, 0.28], [0.75, 0.5, 0.2]];
    let first = random.below(tones.len());
    let second = (first + 1 + random.below(tones.len() - 1)) % tones.len();
    let rug = Material::Rug(tones[first], tones[second]);
    let edge = Material::Plain(tones[second]);
    let block =
        Block { min: [-w / 2.0, -d / 2.0, 0.0], max: [w / 2.0, d / 2.0, 0.008], front: edge, sides: edge, top: rug };
    let placement = Placement { position: [x, y, 0.0], yaw: random.between(-0.12, 0.12), room };
    surfaces.extend(block.surfaces(&placement, mix(seed, 1300 + room as u64), 0.005));
}
