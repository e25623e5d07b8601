//! What rooms are made of: walls with openings, floors, ceilings, door frames, skirting boards.

use super::plan::{Area, CEILING_M, DOOR_HEIGHT_M, DOOR_WIDTH_M, Door, Plan, Purpose, Side, WALL_M};
use super::surface::{Block, Placement, Surface, wall_frame};
use crate::simulation::random::{Random, mix};
use crate::simulation::texture::{Color, Material};
use nalgebra::{Point3, Vector3};

/// The openings of a room's wall: where along the wall (m, from its left end) each begins and ends.
pub fn openings(plan: &Plan, room: usize, side: Side) -> Vec<(f64, f64)> {
    let area = &plan.rooms[room].area;
    let (start, right, _) = wall_frame(area, side);
    let faces = |door: &&Door| {
        let seen_from = match (door.along_y, side) {
            (true, Side::North) | (false, Side::East) => door.from,
            (true, Side::South) | (false, Side::West) => door.to,
            _ => return false,
        };
        seen_from == room
    };
    let mut found: Vec<(f64, f64)> = plan
        .doors
        .iter()
        .filter(faces)
        .map(|door| {
            let middle = (door.center[0] - start[0]) * right[0] + (door.center[1] - start[1]) * right[1];
            (middle - DOOR_WIDTH_M / 2.0, middle + DOOR_WIDTH_M / 2.0)
        })
        .collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found
}

fn wall_material(purpose: Purpose, random: &mut Random) -> Material {
    let tones = [
        [0.86, 0.83, 0.76],
        [0.76, 0.82, 0.84],
        [0.84, 0.78, 0.82],
        [0.78, 0.83, 0.74],
        [0.9, 0.84, 0.7],
        [0.72, 0.74, 0.8],
    ];
    let ground: Color = tones[random.below(tones.len())];
    let print = ground.map(|c| c * random.between(0.55, 0.85) as f32);
    match purpose {
        Purpose::Kitchen if random.chance(0.6) => Material::Tiles(random.between(0.12, 0.25) as f32, ground),
        Purpose::Corridor => Material::Wallpaper(random.below(Material::WALLPAPERS), ground, print),
        _ if random.chance(0.18) => Material::Plaster(ground),
        _ if random.chance(0.12) => Material::Bricks([0.66, 0.42, 0.33]),
        _ => Material::Wallpaper(random.below(Material::WALLPAPERS), ground, print),
    }
}

fn floor_material(purpose: Purpose, random: &mut Random) -> Material {
    match purpose {
        Purpose::Kitchen => Material::Tiles(0.3, [0.66, 0.64, 0.6]),
        Purpose::Bedroom | Purpose::Children if random.chance(0.5) => {
            Material::Cloth([0.55, 0.5, 0.46], [0.44, 0.42, 0.42])
        }
        _ => {
            let tones = [[0.66, 0.48, 0.3], [0.5, 0.36, 0.24], [0.74, 0.6, 0.42]];
            Material::Planks(tones[random.below(tones.len())])
        }
    }
}

fn bare(material: Material, poor: bool) -> Material {
    if !poor {
        return material;
    }
    match material {
        Material::Plaster(c) | Material::Bricks(c) | Material::Planks(c) => Material::Plain(c),
        Material::Wallpaper(_, c, _) | Material::Tiles(_, c) | Material::Cloth(c, _) => Material::Plain(c),
        other => other,
    }
}

/// The surfaces of all rooms, and for each room which of its walls are bare.
pub fn surfaces(plan: &Plan, seed: u64, texture_poor: f64) -> (Vec<Surface>, Vec<[bool; 4]>) {
    let (mut surfaces, mut bare_walls) = (Vec::new(), Vec::new());
    for (index, room) in plan.rooms.iter().enumerate() {
        let mut random = Random::new(seed, 100 + index as u64);
        let wall = wall_material(room.purpose, &mut random);
        let accent = wall_material(room.purpose, &mut random);
        let accent_side = random.below(4);
        let floor = floor_material(room.purpose, &mut random);
        let mut poor = Random::new(seed, 200 + index as u64);
        let is_bare = [0; 4].map(|_| poor.chance(texture_poor));
        for (number, side) in Side::ALL.into_iter().enumerate() {
            let material = bare(if number == accent_side { accent } else { wall }, is_bare[number]);
            let wall_seed = mix(seed, (index * 8 + number) as u64 + 300);
            walls(plan, index, side, material, wall_seed, &mut surfaces);
        }
        let area = &room.area;
        let size = [area.max[0] - area.min[0], area.max[1] - area.min[1]];
        let flat = |z: f64, y: f64, down: f64, material, texel_m, purpose| Surface {
            origin: Point3::new(area.min[0], y, z),
            right: Vector3::x(),
            down: Vector3::y() * down,
            size,
            material,
            seed: mix(seed, index as u64 + purpose),
            offset: [0.0, 0.0],
            texel_m,
            room: index,
            is_shell: true,
        };
        surfaces.push(flat(0.0, area.max[1], -1.0, bare(floor, poor.chance(texture_poor)), 0.005, 400));
        let ceiling = bare(Material::Plaster([0.9, 0.9, 0.88]), poor.chance(texture_poor));
        surfaces.push(flat(CEILING_M, area.min[1], 1.0, ceiling, 0.01, 500));
        bare_walls.push(is_bare);
    }
    for (index, door) in plan.doors.iter().enumerate() {
        surfaces.extend(door_frame(door, mix(seed, 600 + index as u64)));
    }
    (surfaces, bare_walls)
}

/// One wall as rectangles around its openings, with a skirting board.
fn walls(plan: &Plan, room: usize, side: Side, material: Material, seed: u64, surfaces: &mut Vec<Surface>) {
    let (start, right, length) = wall_frame(&plan.rooms[room].area, side);
    let right = Vector3::new(right[0], right[1], 0.0);
    let inward = (-Vector3::z()).cross(&right);
    let mut piece = |from: f64, to: f64, low: f64, high: f64, material: Material, lift: f64| {
        if to - from < 1e-6 {
            return;
        }
        surfaces.push(Surface {
            origin: Point3::new(start[0], start[1], high) + right * from + inward * lift,
            right,
            down: -Vector3::z(),
            size: [to - from, high - low],
            material,
            seed,
            offset: [from, CEILING_M - high],
            texel_m: 0.005,
            room,
            is_shell: true,
        });
    };
    let skirting = Material::Wood([0.86, 0.84, 0.8]);
    let mut from = 0.0;
    for (begin, end) in openings(plan, room, side) {
        piece(from, begin, 0.0, CEILING_M, material, 0.0);
        piece(begin, end, DOOR_HEIGHT_M, CEILING_M, material, 0.0);
        piece(from, begin - 0.07, 0.0, 0.08, skirting, 0.012);
        from = end;
    }
    piece(from, length, 0.0, CEILING_M, material, 0.0);
    piece(from, length, 0.0, 0.08, skirting, 0.012);
}

/// The frame of a door: posts and lintel that line the opening, a little proud of the walls; and its threshold.
fn door_frame(door: &Door, seed: u64) -> Vec<Surface> {
    let mut random = Random::new(seed, 0);
    let tones: [Color; 3] = [[0.88, 0.87, 0.84], [0.58, 0.41, 0.26], [0.72, 0.56, 0.4]];
    let wood = Material::Wood(tones[random.below(tones.len())]);
    let placement = Placement {
        position: [door.center[0], door.center[1], 0.0],
        yaw: if door.along_y { 0.0 } else { std::f64::consts::FRAC_PI_2 },
        room: door.from,
    };
    let (half, deep, trim) = (DOOR_WIDTH_M / 2.0, WALL_M / 2.0 + 0.015, 0.07);
    let post = |x0: f64, x1: f64, z0: f64, z1: f64| Block {
        min: [x0, -deep, z0],
        max: [x1, deep, z1],
        front: wood,
        sides: wood,
        top: wood,
    };
    let blocks = [
        post(-half - trim, -half + 0.01, 0.0, DOOR_HEIGHT_M + trim),
        post(half - 0.01, half + trim, 0.0, DOOR_HEIGHT_M + trim),
        post(-half + 0.01, half - 0.01, DOOR_HEIGHT_M - 0.01, DOOR_HEIGHT_M + trim),
        post(-half, half, 0.0, 0.004),
    ];
    let faces = |(index, block): (usize, &Block)| block.surfaces(&placement, mix(seed, index as u64), 0.004);
    blocks.iter().enumerate().flat_map(faces).collect()
}

/// The floor of a wall's opening and what must stay clear before it (m along the wall, with `margin` on both sides).
pub fn is_free_of_openings(plan: &Plan, room: usize, side: Side, from: f64, to: f64, margin: f64) -> bool {
    openings(plan, room, side).iter().all(|(begin, end)| to < begin - margin || from > end + margin)
}

/// Whether a rectangle lies inside a room's floor.
pub fn contains(area: &Area, inner: &Area) -> bool {
    (0..2).all(|axis| inner.min[axis] >= area.min[axis] && inner.max[axis] <= area.max[axis])
}
