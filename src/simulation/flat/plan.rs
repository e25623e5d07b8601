//! The plan of a flat: rooms on both sides of a corridor, and the doors between them.

use crate::simulation::random::Random;

/// Height of the rooms (m).
pub const CEILING_M: f64 = 2.5;
/// Thickness of the walls between rooms (m).
pub const WALL_M: f64 = 0.12;
/// Width of a door opening (m).
pub const DOOR_WIDTH_M: f64 = 0.92;
/// Height of a door opening (m).
pub const DOOR_HEIGHT_M: f64 = 2.05;

/// A rectangle on the floor, world frame (m).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Lower corner.
    pub min: [f64; 2],
    /// Upper corner.
    pub max: [f64; 2],
}

impl Area {
    /// Its middle.
    pub fn center(&self) -> [f64; 2] {
        [(self.min[0] + self.max[0]) / 2.0, (self.min[1] + self.max[1]) / 2.0]
    }

    /// The same rectangle, smaller (larger if negative) by `by` (m) on each side.
    pub fn inset(&self, by: f64) -> Self {
        Self { min: [self.min[0] + by, self.min[1] + by], max: [self.max[0] - by, self.max[1] - by] }
    }

    /// Distance of a point (m), 0 inside.
    pub fn distance(&self, p: [f64; 2]) -> f64 {
        let outside = |axis: usize| (self.min[axis] - p[axis]).max(p[axis] - self.max[axis]).max(0.0);
        outside(0).hypot(outside(1))
    }

    /// Whether two rectangles have points in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        (0..2).all(|axis| self.min[axis] < other.max[axis] && other.min[axis] < self.max[axis])
    }
}

/// What a room is for; decides its floor, walls and furniture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Sofa, shelves, television.
    Living,
    /// Counters and cupboards.
    Kitchen,
    /// Bed and wardrobe.
    Bedroom,
    /// Desk and shelves.
    Study,
    /// A table with chairs.
    Dining,
    /// Toys, bed, desk.
    Children,
    /// The corridor.
    Corridor,
}

/// The four walls of a room, by the direction one looks at them from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// At the largest y.
    North,
    /// At the smallest y.
    South,
    /// At the largest x.
    East,
    /// At the smallest x.
    West,
}

impl Side {
    /// All four.
    pub const ALL: [Self; 4] = [Self::North, Self::South, Self::East, Self::West];
}

/// A room.
#[derive(Debug, Clone, PartialEq)]
pub struct Room {
    /// What it is for.
    pub purpose: Purpose,
    /// Its floor.
    pub area: Area,
    /// Walls behind which is the outside.
    pub outer: Vec<Side>,
}

/// A door opening between two rooms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Door {
    /// The room that sees it in its north or east wall.
    pub from: usize,
    /// The room that sees it in its south or west wall.
    pub to: usize,
    /// Its middle on the floor (m).
    pub center: [f64; 2],
    /// Whether one walks through it along y (else along x).
    pub along_y: bool,
}

impl Door {
    /// The floor of the opening.
    pub fn area(&self) -> Area {
        let half = if self.along_y { [DOOR_WIDTH_M / 2.0, WALL_M / 2.0] } else { [WALL_M / 2.0, DOOR_WIDTH_M / 2.0] };
        Area {
            min: [self.center[0] - half[0], self.center[1] - half[1]],
            max: [self.center[0] + half[0], self.center[1] + half[1]],
        }
    }
}

/// Rooms and doors. Room 0 is the corridor.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The rooms.
    pub rooms: Vec<Room>,
    /// The doors.
    pub doors: Vec<Door>,
}

/// Distance of a room's lane from its walls (m).
pub const LANE_INSET_M: f64 = 1.12;
/// How far a door stays from where a lane turns (m).
const DOOR_TO_CORNER_M: f64 = 0.65;
/// Two doors of the corridor are opposite each other or at least this far apart (m).
const DOOR_SPACING_M: f64 = 1.3;

impl Plan {
    /// Draws a plan: three rooms on each side of the corridor, each with a door to it, and doors between neighbours.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 1);
        let width = random.between(1.75, 1.95);
        let north_widths: Vec<f64> = (0..3).map(|_| random.between(4.2, 5.3)).collect();
        let length = north_widths.iter().sum::<f64>() + 2.0 * WALL_M;
        let mut south_widths: Vec<f64> = (0..3).map(|_| random.between(4.2, 5.3)).collect();
        let stretch = (length - 2.0 * WALL_M) / south_widths.iter().sum::<f64>();
        south_widths.iter_mut().for_each(|w| *w *= stretch);
        let depths = [random.between(4.2, 4.9), random.between(4.2, 4.9)];
        let mut purposes =
            [Purpose::Living, Purpose::Kitchen, Purpose::Bedroom, Purpose::Study, Purpose::Dining, Purpose::Children];
        random.shuffle(&mut purposes);

        let corridor = Area { min: [0.0, -width / 2.0], max: [length, width / 2.0] };
        let mut rooms = vec![Room { purpose: Purpose::Corridor, area: corridor, outer: vec![Side::East, Side::West] }];
        for (row, widths) in [north_widths, south_widths].iter().enumerate() {
            let (y0, y1) = if row == 0 {
                (width / 2.0 + WALL_M, width / 2.0 + WALL_M + depths[0])
            } else {
                (-width / 2.0 - WALL_M - depths[1], -width / 2.0 - WALL_M)
            };
            let mut x = 0.0;
            for (column, room_width) in widths.iter().enumerate() {
                let mut outer = vec![if row == 0 { Side::North } else { Side::South }];
                if column == 0 {
                    outer.push(Side::West);
                }
                if column == 2 {
                    outer.push(Side::East);
                }
                let area = Area { min: [x, y0], max: [x + room_width, y1] };
                rooms.push(Room { purpose: purposes[row * 3 + column], area, outer });
                x += room_width + WALL_M;
            }
        }
        let doors = doors(&rooms, width, &mut random);
        Self { rooms, doors }
    }

    /// The loop that the robot drives along in a room.
    pub fn lane(&self, room: usize) -> Area {
        self.rooms[room].area.inset(LANE_INSET_M)
    }
}

fn doors(rooms: &[Room], corridor_width: f64, random: &mut Random) -> Vec<Door> {
    let wall = corridor_width / 2.0 + WALL_M / 2.0;
    let range = |room: usize| {
        let lane = rooms[room].area.inset(LANE_INSET_M + DOOR_TO_CORNER_M);
        (lane.min[0], lane.max[0])
    };
    let mut doors: Vec<Door> = Vec::new();
    for room in 1..=3 {
        let (low, high) = range(room);
        doors.push(Door { from: 0, to: room, center: [random.between(low, high), wall], along_y: true });
    }
    for room in 4..=6 {
        let (low, high) = range(room);
        // A door across the corridor is exactly opposite or clearly apart, so that turns between them stay wide.
        let x = (0..200)
            .map(|_| random.between(low, high))
            .find_map(|x| {
                let nearest = doors[..3]
                    .iter()
                    .map(|door| door.center[0])
                    .min_by(|a, b| (a - x).abs().total_cmp(&(b - x).abs()))?;
                if (nearest - x).abs() >= DOOR_SPACING_M {
                    Some(x)
                } else {
                    (low..=high).contains(&nearest).then_some(nearest)
                }
            })
            .unwrap_or((low + high) / 2.0);
        doors.push(Door { from: room, to: 0, center: [x, -wall], along_y: true });
    }
    // One row gets both doors between neighbours, the other one.
    let mut neighbours = vec![(1, 2), (2, 3), (4, 5), (5, 6)];
    neighbours.remove(random.below(4));
    for (from, to) in neighbours {
        let lane = rooms[from].area.inset(LANE_INSET_M + DOOR_TO_CORNER_M);
        let y = random.between(lane.min[1], lane.max[1]);
        doors.push(Door { from, to, center: [rooms[from].area.max[0] + WALL_M / 2.0, y], along_y: false });
    }
    doors
}
