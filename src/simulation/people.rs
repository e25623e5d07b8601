//! People who walk in circles in the middle of rooms: what moves besides the robot.

use super::flat::{Block, Flat, Placement, Surface};
use super::random::{Random, mix};
use super::texture::Material;

/// Radius of the circle that a person walks (m).
const CIRCLE_M: f64 = 0.3;
/// Time for one round (s).
const ROUND_SECS: f64 = 5.0;

/// The people of a flat.
#[derive(Debug, Clone)]
pub struct People {
    people: Vec<Person>,
}

#[derive(Debug, Clone)]
struct Person {
    room: usize,
    center: [f64; 2],
    phase: f64,
    direction: f64,
    seed: u64,
    blocks: [Block; 2],
}

impl People {
    /// Puts so many people into the rooms whose middle is free.
    pub fn new(flat: &Flat, count: usize, seed: u64) -> Self {
        let rooms = &flat.free_middles;
        let mut random = Random::new(seed, 5000);
        let phase = random.between(0.0, std::f64::consts::TAU);
        let person = |index: usize| {
            let room = *rooms.get(index % rooms.len().max(1))?;
            // Whoever shares a room walks on the opposite side of the circle, in the same direction.
            let opposite = std::f64::consts::PI * (index / rooms.len()) as f64;
            let mut own = Random::new(seed, 5001 + index as u64);
            let mut color = || [0, 1, 2].map(|_| own.between(0.1, 0.9) as f32);
            let clothes = Material::Person(color(), color());
            let height = own.between(1.55, 1.85);
            let body = |half: [f64; 2], z0: f64, z1: f64, front: Material, sides: Material| Block {
                min: [-half[0], -half[1], z0],
                max: [half[0], half[1], z1],
                front,
                sides,
                top: Material::Leaves([0.3, 0.22, 0.15]),
            };
            let sleeve = Material::Cloth([0.5, 0.45, 0.4], [0.25, 0.25, 0.3]);
            Some(Person {
                room,
                center: flat.plan.rooms[room].area.center(),
                phase: phase + opposite,
                direction: if room % 2 == 0 { 1.0 } else { -1.0 },
                seed: mix(seed, 5100 + index as u64),
                blocks: [
                    body([0.19, 0.11], 0.0, height, clothes, clothes),
                    body([0.25, 0.06], 0.75, height - 0.3, sleeve, sleeve),
                ],
            })
        };
        Self { people: (0..count).filter_map(person).collect() }
    }

    /// Their surfaces at a time (s), always in the same order.
    pub fn surfaces(&self, secs: f64) -> Vec<Surface> {
        let of_person = |person: &Person| {
            let angle = person.phase + person.direction * std::f64::consts::TAU * secs / ROUND_SECS;
            let placement = Placement {
                position: [person.center[0] + CIRCLE_M * angle.cos(), person.center[1] + CIRCLE_M * angle.sin(), 0.0],
                yaw: angle + person.direction * std::f64::consts::FRAC_PI_2,
                room: person.room,
            };
            let faces =
                |(index, block): (usize, &Block)| block.surfaces(&placement, mix(person.seed, index as u64), 0.005);
            person.blocks.iter().enumerate().flat_map(faces).collect::<Vec<_>>()
        };
        self.people.iter().flat_map(of_person).collect()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }
}
