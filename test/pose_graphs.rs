//! Pose graphs: real files are read and optimized to their known costs, and broken ones are named.

use halfslam::geometry::{Se3, se3};
use halfslam::io::g2o::{self, Graph};
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

fn solve(graph: &mut Graph, policy: &str) -> SolveStatistics {
    let (policy, options) = (Policy::resolve(policy).unwrap(), PoseGraphOptions::default());
    match graph {
        Graph::Space(graph) => graph.optimize(&policy, &options).unwrap(),
        Graph::Plane(graph) => graph.optimize(&policy, &options).unwrap(),
    }
}

/// The best known costs, half the sum of squared whitened residuals.
const KNOWN: [(&str, f64); 7] = [
    ("sphere2500/sphere2500.g2o", 675.608),
    ("parking-garage/parking-garage.g2o", 0.634192),
    ("smallGrid3D/smallGrid3D.g2o", 512.699),
    ("M3500/input_M3500_g2o.g2o", 68.9565),
    ("intel/input_INTEL_g2o.g2o", 22.5024),
    ("kitti_00/kitti_00.g2o", 49.161),
    ("kitti_05/kitti_05.g2o", 78.552),
];

#[test]
fn known_costs_are_reached_under_every_sound_policy() {
    for (name, best) in KNOWN {
        let Some(path) = data(name) else { continue };
        let start = g2o::read(&path).unwrap();
        for policy in ["double", "single", "mixed"] {
            let statistics = solve(&mut start.clone().graph, policy);
            println!("{name} {policy} {statistics:?}");
            let excess = statistics.final_cost / best - 1.0;
            assert!(excess < 1e-4, "{name} {policy}: {excess:e} {statistics:?}");
        }
    }
}
