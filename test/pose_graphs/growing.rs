//! Graphs that grow and change between solves.

use crate::{Numbers, optimize, square, worst_gap};
use halfslam::geometry::{Se3, se3};
use halfslam::pose_graph::{PoseGraph, PoseGraphEdge};
use nalgebra::{Matrix6, Vector6};

#[test]
fn a_graph_can_grow_between_solves() {
    let (mut grown, truth) = square();
    optimize(&mut grown, "mixed").unwrap();
    grown.nodes.push(truth[5]);
    let edge = PoseGraphEdge { from: 5, to: 6, t_from_to: Se3::translation(0.0, 1.0, 0.0), ..grown.edges[0].clone() };
    grown.edges.push(edge);
    let mut fresh = PoseGraph::new(grown.nodes.clone(), vec![], grown.edges.clone());
    let (after, at_once) = (optimize(&mut grown, "mixed").unwrap(), optimize(&mut fresh, "mixed").unwrap());
    assert!(after.final_cost < 1e-9 && at_once.final_cost < 1e-9, "{after:?} {at_once:?}");
    assert!(worst_gap(&grown, &fresh.nodes) < 1e-4);
}

/// A torus of grid cells in space, walked row by row, with noise; loops join the rows.
fn grid(count: usize, side: usize) -> PoseGraph {
    let mut numbers = Numbers(3);
    let information = Matrix6::from_diagonal(&Vector6::new(1e4, 1e4, 1e4, 1e6, 1e6, 1e6));
    let step = Se3::translation(1.0, 0.0, 0.1) * se3::exp(&Vector6::new(0.0, 0.0, 0.0, 0.0, 0.02, 6.0 / side as f64));
    let mut truth = vec![Se3::identity()];
    for i in 1..count {
        truth.push(truth[i - 1] * step);
    }
    let mut graph = PoseGraph::new(truth[..1].to_vec(), vec![], vec![]);
    for to in 1..count {
        for from in std::iter::once(to - 1).chain(to.checked_sub(side)) {
            let t_from_to = truth[from].inverse() * truth[to] * numbers.noise(0.005);
            graph.edges.push(PoseGraphEdge { from, to, t_from_to, information, robust: false });
            if from + 1 == to {
                graph.nodes.push(graph.nodes[from] * t_from_to);
            }
        }
    }
    graph
}

/// However a graph has grown, it ends where it ends when it is made at once, under every policy, and the factor of its
/// beginning serves for a while.
#[test]
fn a_grown_graph_ends_where_one_made_at_once_does() {
    let whole = grid(900, 30);
    for policy in ["double", "single", "mixed"] {
        let mut grown = PoseGraph::default();
        let mut steps = Vec::new();
        for count in 860..=890 {
            let have = grown.nodes.len();
            for node in have..count {
                let odometry = whole.edges.iter().find(|edge| edge.to == node && edge.from + 1 == node);
                let pose = odometry.map_or(whole.nodes[node], |edge| grown.nodes[edge.from] * edge.t_from_to);
                grown.nodes.push(pose);
            }
            let edges = whole.edges[grown.edges.len()..].iter().take_while(|edge| edge.to < count);
            grown.edges.extend(edges.cloned());
            let before = grown.factorizations();
            let mut fresh = PoseGraph::new(grown.nodes.clone(), vec![], grown.edges.clone());
            let (after, at_once) = (optimize(&mut grown, policy).unwrap(), optimize(&mut fresh, policy).unwrap());
            steps.push(grown.factorizations() - before);
            assert!(after.converged && at_once.converged, "{policy} {count}: {after:?}");
            let excess = after.final_cost / at_once.final_cost - 1.0;
            assert!(excess.abs() < 1e-5, "{policy} {count}: {excess:e}");
            let gap = worst_gap(&grown, &fresh.nodes);
            assert!(gap < 1e-3, "{policy} {count}: {gap}");
        }
        assert!(steps[1..].contains(&0), "{policy}: factored for each extension: {steps:?}");
    }
}

/// New nodes that hang on newer ones, on none, or by several edges, edges that are taken away, and a fixed node more.
#[test]
fn any_change_between_solves_is_noticed() {
    let changes: [&dyn Fn(&mut PoseGraph); 6] = [
        &|g| {
            let last = g.nodes.len();
            g.nodes.extend([g.nodes[last - 1]; 2]);
            let edge = g.edges[0].clone();
            g.edges.push(PoseGraphEdge { from: last + 1, to: last, ..edge.clone() });
            g.edges.push(PoseGraphEdge { from: 3, to: last, ..edge });
        },
        &|g| g.nodes.push(Se3::translation(5.0, 5.0, 5.0)),
        &|g| {
            let last = g.nodes.len();
            g.nodes.push(g.nodes[last - 1]);
            let edge = g.edges[0].clone();
            g.edges.extend([last - 1, 2, 9].map(|from| PoseGraphEdge { from, to: last, ..edge.clone() }));
        },
        &|g| g.edges.truncate(g.edges.len() - 3),
        &|g| g.fixed = vec![0, 7],
        &|g| g.edges[5].t_from_to.translation.x += 0.01,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut graph = grid(100, 10);
        optimize(&mut graph, "mixed").unwrap();
        change(&mut graph);
        let mut fresh = PoseGraph::new(graph.nodes.clone(), graph.fixed.clone(), graph.edges.clone());
        let (after, at_once) = (optimize(&mut graph, "mixed").unwrap(), optimize(&mut fresh, "mixed").unwrap());
        let excess = after.final_cost / at_once.final_cost - 1.0;
        assert!(excess.abs() < 1e-5, "change {index}: {excess:e} {after:?} {at_once:?}");
    }
}
