//! Light that does not change: a lamp in each room, its windows, and shade in corners and under furniture.

use super::plan::{Area, CEILING_M, Plan, Side};
use super::surface::{Surface, wall_frame};
use nalgebra::{Point3, Vector3};

/// The light of all rooms.
#[derive(Debug, Clone)]
pub struct Light {
    rooms: Vec<RoomLight>,
}

#[derive(Debug, Clone)]
struct RoomLight {
    area: Area,
    lamps: Vec<Point3<f64>>,
    /// Middle of each outer wall's window area and its direction into the room.
    windows: Vec<(Point3<f64>, Vector3<f64>)>,
    /// Floor in the shade of furniture.
    footprints: Vec<Area>,
}

impl Light {
    /// The light of a plan with furniture standing on these footprints (room, area).
    pub fn new(plan: &Plan, footprints: &[(usize, Area)]) -> Self {
        let room_light = |(index, room): (usize, &super::plan::Room)| {
            let [x, y] = room.area.center();
            let long = room.area.max[0] - room.area.min[0];
            let lamps = if long > 8.0 {
                [0.17, 0.5, 0.83].map(|f| Point3::new(room.area.min[0] + f * long, y, CEILING_M - 0.25)).to_vec()
            } else {
                vec![Point3::new(x, y, CEILING_M - 0.25)]
            };
            let window = |side: &Side| {
                let (start, right, length) = wall_frame(&room.area, *side);
                let middle = Point3::new(start[0] + right[0] * length / 2.0, start[1] + right[1] * length / 2.0, 1.55);
                (middle, Vector3::new(right[1], -right[0], 0.0))
            };
            let windows = room.outer.iter().map(window).collect();
            let own = footprints.iter().filter(|(room, _)| *room == index).map(|(_, area)| *area).collect();
            RoomLight { area: room.area, lamps, windows, footprints: own }
        };
        Self { rooms: plan.rooms.iter().enumerate().map(room_light).collect() }
    }

    /// How bright a white surface is at a point, 0 to about 1.2.
    pub fn at(&self, surface: &Surface, p: &Point3<f64>) -> f64 {
        let room = &self.rooms[surface.room];
        let normal = surface.normal();
        let mut light = 0.42 + 0.05 * normal.z;
        for lamp in &room.lamps {
            let to_lamp = lamp - p;
            let square = to_lamp.norm_squared();
            light += 0.75 * (to_lamp.dot(&normal) / square.sqrt()).max(0.0) / (1.0 + 0.35 * square);
        }
        for (middle, inward) in &room.windows {
            let to_window = middle - p;
            let square = to_window.norm_squared();
            let facing = (to_window.dot(&normal) / square.sqrt()).max(0.0) * (-to_window.dot(inward)).max(0.0);
            light += 0.55 * facing / square.sqrt() / (1.0 + 0.25 * square);
        }
        light * self.shade(room, surface, p)
    }

    fn shade(&self, room: &RoomLight, surface: &Surface, p: &Point3<f64>) -> f64 {
        if !surface.is_shell {
            return 1.0 - 0.25 * (-p.z / 0.12).exp();
        }
        let normal = surface.normal();
        let gap = |distance: f64| 1.0 - 0.22 * (-distance.max(0.0) / 0.18).exp();
        let mut shade = 1.0;
        if normal.x.abs() < 0.5 {
            shade *= gap(p.x - room.area.min[0]) * gap(room.area.max[0] - p.x);
        }
        if normal.y.abs() < 0.5 {
            shade *= gap(p.y - room.area.min[1]) * gap(room.area.max[1] - p.y);
        }
        if normal.z.abs() < 0.5 {
            return shade * gap(p.z) * gap(CEILING_M - p.z);
        }
        if normal.z > 0.5 {
            for area in &room.footprints {
                shade *= 1.0 - 0.5 * (-area.distance([p.x, p.y]) / 0.12).exp();
            }
        }
        shade
    }
}
