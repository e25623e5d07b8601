//! Rectangles that are seen from one side, and boxes of them.

use super::plan::{Area, Side};
use crate::simulation::texture::Material;
use nalgebra::{Point3, Vector3};

/// A rectangle with a texture, seen from one side.
#[derive(Debug, Clone, PartialEq)]
pub struct Surface {
    /// Its upper left corner as it is seen (world frame, m).
    pub origin: Point3<f64>,
    /// Unit vector to the right.
    pub right: Vector3<f64>,
    /// Unit vector downwards (for floors and ceilings: along the picture).
    pub down: Vector3<f64>,
    /// Width and height (m).
    pub size: [f64; 2],
    /// What it is made of.
    pub material: Material,
    /// Seed of its pattern.
    pub seed: u64,
    /// Where in its pattern it begins (m): parts of one wall share a pattern.
    pub offset: [f64; 2],
    /// Size of its texels (m).
    pub texel_m: f64,
    /// The room it is in.
    pub room: usize,
    /// Whether it belongs to the room itself (walls, floor, ceiling), not to what stands in it.
    pub is_shell: bool,
}

impl Surface {
    /// Unit vector towards the side that it is seen from.
    pub fn normal(&self) -> Vector3<f64> {
        self.down.cross(&self.right)
    }

    /// The point `x` to the right and `y` down (m).
    pub fn point(&self, x: f64, y: f64) -> Point3<f64> {
        self.origin + self.right * x + self.down * y
    }

    /// Its corners in order.
    pub fn corners(&self) -> [Point3<f64>; 4] {
        let [w, h] = self.size;
        [self.point(0.0, 0.0), self.point(w, 0.0), self.point(w, h), self.point(0.0, h)]
    }
}

/// The frame of a room's wall as seen from inside: left end on the floor line, unit vector to the right, length (m).
pub fn wall_frame(area: &Area, side: Side) -> ([f64; 2], [f64; 2], f64) {
    let (width, depth) = (area.max[0] - area.min[0], area.max[1] - area.min[1]);
    match side {
        Side::North => ([area.min[0], area.max[1]], [1.0, 0.0], width),
        Side::South => ([area.max[0], area.min[1]], [-1.0, 0.0], width),
        Side::East => ([area.max[0], area.max[1]], [0.0, -1.0], depth),
        Side::West => ([area.min[0], area.min[1]], [0.0, 1.0], depth),
    }
}

/// A box in a piece of furniture's own frame (m): x to the right, y to the back, z up; the front looks towards -y.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Lower corner.
    pub min: [f64; 3],
    /// Upper corner.
    pub max: [f64; 3],
    /// Material of the front.
    pub front: Material,
    /// Material of the sides and the back.
    pub sides: Material,
    /// Material of top and bottom.
    pub top: Material,
}

/// Where a piece of furniture stands: its frame's origin on the floor and its direction (rad), and the room.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement {
    /// Origin (world frame, m).
    pub position: [f64; 3],
    /// Angle of the frame's x axis (rad).
    pub yaw: f64,
    /// The room it is in.
    pub room: usize,
}

impl Block {
    /// The six faces of the box in the world.
    pub fn surfaces(&self, at: &Placement, seed: u64, texel_m: f64) -> Vec<Surface> {
        let (sin, cos) = at.yaw.sin_cos();
        let turn = |v: [f64; 3]| Vector3::new(cos * v[0] - sin * v[1], sin * v[0] + cos * v[1], v[2]);
        let ([x0, y0, z0], [x1, y1, z1]) = (self.min, self.max);
        let (down, width, depth, height) = ([0.0, 0.0, -1.0], x1 - x0, y1 - y0, z1 - z0);
        let faces = [
            ([x0, y0, z1], [1.0, 0.0, 0.0], down, [width, height], self.front),
            ([x1, y1, z1], [-1.0, 0.0, 0.0], down, [width, height], self.sides),
            ([x1, y0, z1], [0.0, 1.0, 0.0], down, [depth, height], self.sides),
            ([x0, y1, z1], [0.0, -1.0, 0.0], down, [depth, height], self.sides),
            ([x0, y1, z1], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [width, depth], self.top),
            ([x0, y0, z0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [width, depth], self.top),
        ];
        let on_floor = z0 < 0.01;
        let base = Vector3::from(at.position);
        faces
            .iter()
            .enumerate()
            .filter(|(index, _)| !(on_floor && *index == 5))
            .map(|(index, (origin, right, down, size, material))| Surface {
                origin: Point3::from(turn(*origin) + base),
                right: turn(*right),
                down: turn(*down),
                size: *size,
                material: *material,
                seed: crate::simulation::random::mix(seed, index as u64),
                offset: [0.0, 0.0],
                texel_m,
                room: at.room,
                is_shell: false,
            })
            .collect()
    }
}
