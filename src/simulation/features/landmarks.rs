//! Points on the surfaces of a flat, and which of them are seen from where.

use super::FeatureOptions;
use crate::geometry::{PinholeCamera, Se3};
use crate::simulation::flat::{Flat, Side, openings, wall_frame};
use crate::simulation::random::Random;
use nalgebra::{Point3, Unit, Vector2, Vector3};

/// Nothing nearer than this (m) is in focus.
const MIN_DEPTH_M: f64 = 0.2;
/// Pixels from the edge of the image within which nothing is found.
const BORDER_PX: f64 = 10.0;
/// Surfaces seen at a smaller angle than this (its sine) show no feature.
const MIN_SLANT: f64 = 0.1;

/// A point on a surface.
#[derive(Debug, Clone)]
struct Landmark {
    p_world: Point3<f64>,
    normal: Unit<Vector3<f64>>,
}

/// A piece of a wall from above, world frame (m).
#[derive(Debug, Clone, Copy)]
struct Wall {
    from: [f64; 2],
    to: [f64; 2],
}

/// A landmark as a camera sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    /// Its true pixel.
    pub px: Vector2<f64>,
    /// Its depth along the optical axis (m).
    pub depth_m: f64,
}

/// The landmarks of a flat, in random order.
#[derive(Debug, Clone)]
pub struct Landmarks {
    landmarks: Vec<Landmark>,
    walls: Vec<Wall>,
    max_depth_m: f64,
}

impl Landmarks {
    /// Scatters landmarks evenly over all surfaces of a flat.
    pub fn new(flat: &Flat, options: &FeatureOptions, seed: u64) -> Self {
        let mut random = Random::new(seed, 4000);
        let mut landmarks = Vec::new();
        for surface in &flat.surfaces {
            let [width, height] = surface.size;
            let expected = options.landmarks_per_m2 * width * height;
            let count = expected as usize + usize::from(random.chance(expected.fract()));
            let normal = Unit::new_normalize(surface.normal());
            landmarks.extend((0..count).map(|_| {
                let p_world = surface.point(random.between(0.0, width), random.between(0.0, height));
                Landmark { p_world, normal }
            }));
        }
        random.shuffle(&mut landmarks);
        Self { landmarks, walls: walls(flat), max_depth_m: options.max_depth_m }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.landmarks.len()
    }

    /// What a camera sees of a landmark; `None` where it is outside the image, turned away, or behind a wall.
    ///
    /// Walls hide everything but what their doors leave open; furniture hides nothing but its own other sides.
    pub fn sight(&self, index: usize, camera: &PinholeCamera, t_world_camera: &Se3) -> Option<Sight> {
        let landmark = &self.landmarks[index];
        let eye = t_world_camera.translation.vector;
        let towards_eye = eye - landmark.p_world.coords;
        let distance_m = towards_eye.norm();
        if landmark.normal.dot(&towards_eye) < MIN_SLANT * distance_m || distance_m > 2.0 * self.max_depth_m {
            return None;
        }
        let p_camera = t_world_camera.inverse_transform_point(&landmark.p_world);
        if p_camera.z < MIN_DEPTH_M || p_camera.z > self.max_depth_m {
            return None;
        }
        let px = camera.project(&p_camera);
        let seen = camera.contains(&px, BORDER_PX) && !self.is_hidden(landmark, [eye.x, eye.y]);
        seen.then_some(Sight { px, depth_m: p_camera.z })
    }

    fn is_hidden(&self, landmark: &Landmark, eye: [f64; 2]) -> bool {
        // A centimetre before its surface, so that the wall that carries a landmark does not hide it.
        let p = landmark.p_world + landmark.normal.into_inner() * 0.01;
        self.walls.iter().any(|wall| wall.crosses(eye, [p.x, p.y]))
    }
}

impl Wall {
    /// Whether the way from `a` to `b` leads through the wall.
    fn crosses(&self, a: [f64; 2], b: [f64; 2]) -> bool {
        let side =
            |p: [f64; 2], q: [f64; 2], r: [f64; 2]| (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]);
        side(a, b, self.from) * side(a, b, self.to) < 0.0
            && side(self.from, self.to, a) * side(self.from, self.to, b) < 0.0
    }
}

/// The walls of all rooms without their openings.
fn walls(flat: &Flat) -> Vec<Wall> {
    let mut walls = Vec::new();
    for (index, room) in flat.plan.rooms.iter().enumerate() {
        for side in Side::ALL {
            let (start, right, length) = wall_frame(&room.area, side);
            let at = |along: f64| [start[0] + right[0] * along, start[1] + right[1] * along];
            let mut from = 0.0;
            for (begin, end) in openings(&flat.plan, index, side) {
                walls.push(Wall { from: at(from), to: at(begin) });
                from = end;
            }
            walls.push(Wall { from: at(from), to: at(length) });
        }
    }
    walls
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{Preset, Simulation, SimulationOptions};

    #[test]
    fn nothing_is_seen_through_a_wall_but_much_through_doors() {
        let simulation = Simulation::new(&SimulationOptions::default(), 3, Preset::Stereo);
        let landmarks = Landmarks::new(simulation.flat(), &FeatureOptions::default(), 3);
        let (rig, plan) = (simulation.rig(), &simulation.flat().plan);
        let is_open = |p: [f64; 2]| {
            plan.rooms.iter().any(|room| room.area.inset(-0.02).distance(p) == 0.0)
                || plan.doors.iter().any(|door| door.area().inset(-0.03).distance(p) == 0.0)
        };
        let (mut inside, mut beyond) = (0, 0);
        for step in 0..60 {
            let t_world_camera = simulation.tour().at(f64::from(step)).t_world_base * rig.t_base_camera;
            let eye = t_world_camera.translation.vector;
            let own = plan.rooms.iter().find(|room| room.area.distance([eye.x, eye.y]) == 0.0);
            for index in 0..landmarks.count() {
                if landmarks.sight(index, &rig.camera, &t_world_camera).is_none() {
                    continue;
                }
                let p = landmarks.landmarks[index].p_world;
                let on_the_way = |share: f64| [eye.x + share * (p.x - eye.x), eye.y + share * (p.y - eye.y)];
                assert!((0..97).all(|percent| is_open(on_the_way(0.01 * f64::from(percent)))), "{index} at {step} s");
                let is_inside = own.is_some_and(|room| room.area.inset(-0.02).distance([p.x, p.y]) == 0.0);
                *(if is_inside { &mut inside } else { &mut beyond }) += 1;
            }
        }
        assert!(inside > 1000 && beyond > 1000, "{inside} in the robot's room, {beyond} beyond its doors");
    }
}
