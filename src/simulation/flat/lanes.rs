//! The lanes: where the robot may drive. A graph of straight pieces; where two meet, it turns on an arc.

use super::plan::{Area, Plan};

/// Radius of a turn, where there is room for it (m).
pub const TURN_RADIUS_M: f64 = 0.65;

/// A graph of straight lanes; all turns are by right angles.
#[derive(Debug, Clone, PartialEq)]
pub struct Lanes {
    /// Positions of the nodes (m).
    pub nodes: Vec<[f64; 2]>,
    /// Neighbours of each node.
    pub neighbours: Vec<Vec<usize>>,
    /// For each room (0, the corridor: empty) the nodes of its loop, counter-clockwise.
    pub loops: Vec<Vec<usize>>,
}

impl Lanes {
    /// The lanes of a plan: along the corridor, through each door, and round each room.
    pub fn new(plan: &Plan) -> Self {
        let mut lanes = Self { nodes: Vec::new(), neighbours: Vec::new(), loops: vec![Vec::new(); plan.rooms.len()] };
        for room in 1..plan.rooms.len() {
            let lane = plan.lane(room);
            for corner in corners(&lane) {
                let node = lanes.node(corner);
                lanes.loops[room].push(node);
            }
        }
        let mut corridor = Vec::new();
        for door in &plan.doors {
            let ends = [door.from, door.to].map(|room| {
                let position = if room == 0 { [door.center[0], 0.0] } else { foot(&plan.lane(room), door.center) };
                let node = lanes.node(position);
                let members = if room == 0 { &mut corridor } else { &mut lanes.loops[room] };
                if !members.contains(&node) {
                    members.push(node);
                }
                node
            });
            lanes.connect(ends[0], ends[1]);
        }
        corridor.sort_by(|&a, &b| lanes.nodes[a][0].total_cmp(&lanes.nodes[b][0]));
        for pair in corridor.windows(2) {
            lanes.connect(pair[0], pair[1]);
        }
        for room in 1..plan.rooms.len() {
            let center = plan.lane(room).center();
            let mut ring = std::mem::take(&mut lanes.loops[room]);
            let angle = |node: usize| {
                let p = lanes.nodes[node];
                (p[1] - center[1]).atan2(p[0] - center[0])
            };
            ring.sort_by(|&a, &b| angle(a).total_cmp(&angle(b)));
            for index in 0..ring.len() {
                lanes.connect(ring[index], ring[(index + 1) % ring.len()]);
            }
            lanes.loops[room] = ring;
        }
        lanes
    }

    fn node(&mut self, position: [f64; 2]) -> usize {
        let near = |p: &[f64; 2]| (p[0] - position[0]).hypot(p[1] - position[1]) < 1e-6;
        self.nodes.iter().position(near).unwrap_or_else(|| {
            self.nodes.push(position);
            self.neighbours.push(Vec::new());
            self.nodes.len() - 1
        })
    }

    fn connect(&mut self, a: usize, b: usize) {
        if a != b && !self.neighbours[a].contains(&b) {
            self.neighbours[a].push(b);
            self.neighbours[b].push(a);
        }
    }

    /// Points on all lanes and on all turns between them, some centimetres apart: what furniture has to stay clear of.
    pub fn points(&self) -> Vec<[f64; 2]> {
        let mut points = Vec::new();
        for (node, neighbours) in self.neighbours.iter().enumerate() {
            for &a in neighbours {
                if a > node {
                    let length = distance(self.nodes[node], self.nodes[a]);
                    let count = (length / 0.05).ceil() as usize;
                    points.extend(
                        (0..=count).map(|i| along(self.nodes[node], self.nodes[a], length * i as f64 / count as f64)),
                    );
                }
                for &b in neighbours {
                    if b > a {
                        points.extend(arc(self.nodes[a], self.nodes[node], self.nodes[b], TURN_RADIUS_M, 12));
                    }
                }
            }
        }
        points
    }
}

/// Distance of two points (m).
pub fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The point `length` (m) from `a` towards `b`.
pub fn along(a: [f64; 2], b: [f64; 2], length: f64) -> [f64; 2] {
    let fraction = length / distance(a, b).max(1e-12);
    [a[0] + (b[0] - a[0]) * fraction, a[1] + (b[1] - a[1]) * fraction]
}

/// Points of the arc of a right-angled turn `a → corner → b` with tangents of length `radius` (m); the corner alone if
/// the three lie on a line.
pub fn arc(a: [f64; 2], corner: [f64; 2], b: [f64; 2], radius: f64, steps: usize) -> Vec<[f64; 2]> {
    let (p, q) = (along(corner, a, 1.0), along(corner, b, 1.0));
    let (to_a, to_b) = ([p[0] - corner[0], p[1] - corner[1]], [q[0] - corner[0], q[1] - corner[1]]);
    if (to_a[0] * to_b[1] - to_a[1] * to_b[0]).abs() < 1e-6 {
        return vec![corner];
    }
    let point = |index: usize| {
        let (sin, cos) = (std::f64::consts::FRAC_PI_2 * index as f64 / steps as f64).sin_cos();
        let (u, v) = (radius * (1.0 - sin), radius * (1.0 - cos));
        [corner[0] + to_a[0] * u + to_b[0] * v, corner[1] + to_a[1] * u + to_b[1] * v]
    };
    (0..=steps).map(point).collect()
}

fn corners(area: &Area) -> [[f64; 2]; 4] {
    [area.min, [area.max[0], area.min[1]], area.max, [area.min[0], area.max[1]]]
}

/// The point of a loop that lies straight ahead of a door.
fn foot(lane: &Area, door: [f64; 2]) -> [f64; 2] {
    if door[0] > lane.min[0] && door[0] < lane.max[0] {
        [door[0], if door[1] > lane.max[1] { lane.max[1] } else { lane.min[1] }]
    } else {
        [if door[0] > lane.max[0] { lane.max[0] } else { lane.min[0] }, door[1]]
    }
}
