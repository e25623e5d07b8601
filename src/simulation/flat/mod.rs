//! A furnished flat, drawn from a seed: rooms, doors, lanes for the robot, furniture, pictures and light.
//!
//! World frame: z up, the floor at 0, the corridor along x. All lengths in metres.

mod furnishing;
mod lanes;
mod light;
mod pieces;
mod plan;
mod shell;
mod surface;

pub use furnishing::LANE_CLEARANCE_M;
pub use lanes::{Lanes, TURN_RADIUS_M, along, arc, distance};
pub use light::Light;
pub use plan::{Area, Door, Plan, Purpose, Room, Side};
pub(super) use shell::openings;
pub(super) use surface::wall_frame;
pub use surface::{Block, Placement, Surface};

/// A furnished flat.
#[derive(Debug, Clone)]
pub struct Flat {
    /// Rooms and doors.
    pub plan: Plan,
    /// Where the robot may drive.
    pub lanes: Lanes,
    /// All that is seen.
    pub surfaces: Vec<Surface>,
    /// Footprints of the furniture and the room of each.
    pub footprints: Vec<(usize, Area)>,
    /// Rooms whose middle is free, so that people can walk there.
    pub free_middles: Vec<usize>,
    /// How it is lit.
    pub light: Light,
}

impl Flat {
    /// Draws a flat. `texture_poor` is the share of walls, floors and furniture that are bare.
    pub fn new(seed: u64, texture_poor: f64) -> Self {
        let plan = Plan::new(seed);
        let lanes = Lanes::new(&plan);
        let (mut surfaces, bare_walls) = shell::surfaces(&plan, seed, texture_poor);
        let furnishing = furnishing::furnish(&plan, &lanes, seed, &bare_walls, texture_poor);
        surfaces.extend(furnishing.surfaces);
        let light = Light::new(&plan, &furnishing.footprints);
        Self { plan, lanes, surfaces, footprints: furnishing.footprints, free_middles: furnishing.free_middles, light }
    }
}
