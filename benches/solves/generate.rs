//! Made-up pose graphs of any size, reproducible.

use halfslam::geometry::{Se2, Se3, se2, se3};
use halfslam::pose_graph::{PlanarPoseGraph, PoseGraph, PoseGraphEdge};
use nalgebra::{Matrix3, Matrix6, Vector3, Vector6};
use std::collections::HashMap;

/// A reproducible stream of numbers in (-1, 1).
pub struct Numbers(u64);

impl Numbers {
    /// Another stream for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A whole number below another one.
    pub fn below(&mut self, count: usize) -> usize {
        ((self.next() + 1.0) * 0.5 * count as f64) as usize
    }

    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as f64 / (1u64 << 30) as f64 - 1.0
    }
}

/// A drive through the streets of a square city, a node per metre, blocks of ten metres: a loop edge wherever a corner
/// is passed again. Nodes start from the odometry.
pub fn city(count: usize) -> PlanarPoseGraph {
    let mut numbers = Numbers::new(count as u64);
    let information = Matrix3::from_diagonal(&Vector3::new(400.0, 400.0, 1e4));
    let noise = |numbers: &mut Numbers| {
        se2::exp(&Vector3::new(0.05 * numbers.next(), 0.05 * numbers.next(), 0.01 * numbers.next()))
    };
    // The city grows with the drive, so that each corner is passed a few times whatever the size.
    let side = ((count as f64 / 30.0).sqrt().ceil() as i64 * 10).max(20);
    let (mut x, mut y, mut heading) = (0i64, 0i64, 0usize);
    let mut truth: Vec<Se2> = Vec::with_capacity(count);
    let mut passed: HashMap<(i64, i64), usize> = HashMap::new();
    let mut edges = Vec::new();
    const STEPS: [(i64, i64); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];
    for node in 0..count {
        truth.push(Se2::new(nalgebra::Vector2::new(x as f64, y as f64), heading as f64 * std::f64::consts::FRAC_PI_2));
        let mut join = |from: usize, numbers: &mut Numbers| {
            let t_from_to = truth[from].inverse() * truth[node] * noise(numbers);
            edges.push(PoseGraphEdge { from, to: node, t_from_to, information, robust: false });
        };
        if node > 0 {
            join(node - 1, &mut numbers);
        }
        if x % 10 == 0 && y % 10 == 0 {
            if let Some(earlier) = passed.insert((x, y), node).filter(|&earlier| earlier + 1 < node) {
                join(earlier, &mut numbers);
            }
            let turn = if numbers.next() > 0.0 { 1 } else { 3 };
            heading = if numbers.next() > 0.0 { (heading + turn) % 4 } else { heading };
            for _ in 0..4 {
                let (dx, dy) = STEPS[heading];
                if (0..=side).contains(&(x + 10 * dx)) && (0..=side).contains(&(y + 10 * dy)) {
                    break;
                }
                heading = (heading + turn) % 4;
            }
        }
        let (dx, dy) = STEPS[heading];
        (x, y) = (x + dx, y + dy);
    }
    let mut graph = PlanarPoseGraph::new(vec![Se2::identity(); count], vec![], edges);
    graph.start_from_edges(&[]);
    graph
}

/// Layers round a sphere, a node every few metres, each joined to the one a layer below. Nodes start from the odometry.
pub fn sphere(count: usize) -> PoseGraph {
    let mut numbers = Numbers::new(count as u64);
    let information = Matrix6::from_diagonal(&Vector6::new(1e2, 1e2, 1e2, 1e4, 1e4, 1e4));
    let noise = |numbers: &mut Numbers| {
        se3::exp(&Vector6::from_fn(|row, _| if row < 3 { 0.1 * numbers.next() } else { 0.005 * numbers.next() }))
    };
    let layer = (count as f64).sqrt() as usize;
    let radius_m = 0.5 * layer as f64;
    let pose = |node: usize| {
        let along = std::f64::consts::TAU * node as f64 / layer as f64;
        let up = std::f64::consts::PI * (0.05 + 0.9 * node as f64 / count as f64);
        let turn = nalgebra::UnitQuaternion::from_euler_angles(0.0, up, along);
        Se3::from_parts((turn * Vector3::new(0.0, 0.0, radius_m)).into(), turn)
    };
    let mut edges = Vec::with_capacity(2 * count);
    for node in 1..count {
        for from in std::iter::once(node - 1).chain(node.checked_sub(layer)) {
            let t_from_to = pose(from).inverse() * pose(node) * noise(&mut numbers);
            edges.push(PoseGraphEdge { from, to: node, t_from_to, information, robust: false });
        }
    }
    let mut graph = PoseGraph::new(vec![Se3::identity(); count], vec![], edges);
    graph.start_from_edges(&[]);
    graph
}
