//! Pose graphs: real files reach their known costs, graphs may grow and change, some of their edges may be wrong, and what is
//! broken is named.

#[path = "pose_graphs/broken.rs"]
mod broken;
#[path = "pose_graphs/doubtful.rs"]
mod doubtful;
#[path = "pose_graphs/growing.rs"]
mod growing;
#[path = "pose_graphs/known_costs.rs"]
mod known_costs;

use halfslam::geometry::{Se3, se3};
use halfslam::pose_graph::{PoseGraph, PoseGraphEdge, PoseGraphOptions};
use halfslam::precision::Policy;
use halfslam::solver::{SolveStatistics, SolverError};
use nalgebra::{Matrix6, Vector6};
use std::path::PathBuf;

fn data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HALFSLAM_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    let path = root.join("pose_graphs").join(name);
    if !path.exists() {
        println!("skipped: {} is missing", path.display());
        return None;
    }
    Some(path)
}

/// A square of four nodes that closes, its nodes displaced.
fn square() -> (PoseGraph, Vec<Se3>) {
    let step = Se3::translation(1.0, 0.0, 0.1) * se3::exp(&Vector6::new(0.0, 0.0, 0.0, 0.1, -0.2, 1.5));
    let mut truth = vec![Se3::identity()];
    for i in 0..5 {
        truth.push(truth[i] * step);
    }
    let edge = |from: usize, to: usize| {
        let t_from_to = truth[from].inverse() * truth[to];
        PoseGraphEdge { from, to, t_from_to, information: Matrix6::identity() * 100.0, robust: false }
    };
    let edges = vec![edge(0, 1), edge(1, 2), edge(2, 3), edge(3, 4), edge(4, 5), edge(4, 0), edge(1, 5)];
    let displace = |(i, pose): (usize, &Se3)| pose * se3::exp(&Vector6::repeat(0.07 * (i % 3) as f64));
    let nodes = truth.iter().enumerate().map(displace).collect();
    (PoseGraph::new(nodes, vec![], edges), truth)
}

fn optimize(graph: &mut PoseGraph, policy: &str) -> Result<SolveStatistics, SolverError> {
    graph.optimize(&Policy::resolve(policy).unwrap(), &PoseGraphOptions::default())
}

fn worst_gap(graph: &PoseGraph, truth: &[Se3]) -> f64 {
    let gap = |(a, b): (&Se3, &Se3)| (a.to_homogeneous() - b.to_homogeneous()).amax();
    graph.nodes.iter().zip(truth).map(gap).fold(0.0, f64::max)
}

#[test]
fn exact_measurements_give_the_truth_under_every_policy() {
    for (name, tolerance) in [("double", 1e-6), ("single", 1e-5), ("mixed", 1e-5), ("half", 0.02)] {
        let (mut graph, truth) = square();
        let policy = Policy { scaling: true, ..Policy::resolve(name).unwrap() };
        let statistics = graph.optimize(&policy, &PoseGraphOptions::default()).unwrap();
        let gap = worst_gap(&graph, &truth);
        assert!(gap < tolerance, "{name}: {gap:e} {statistics:?}");
    }
}

/// A reproducible stream of numbers in (-1, 1).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as f64 / (1u64 << 30) as f64 - 1.0
    }
    fn noise(&mut self, size: f64) -> Se3 {
        se3::exp(&Vector6::from_fn(|_, _| size * self.next()))
    }
}
