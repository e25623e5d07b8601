//! Pose graphs.

use super::{Arguments, Solved, options, picture};
use halfslam::geometry::relative_pose::RigidGroup;
use halfslam::io::g2o::{self, Graph};
use halfslam::options::{Options, ParameterValue};
use halfslam::pose_graph::{PoseGraph, PoseGraphOptions};
use halfslam::precision::Policy;
use std::error::Error;

/// Reads, optimizes, writes and draws a graph.
pub fn solve(arguments: &Arguments, policy: &Policy) -> Result<Solved, Box<dyn Error>> {
    let mut options: PoseGraphOptions = options(arguments)?;
    let mut file = g2o::read(&arguments.file)?;
    if let Some(loss) = &arguments.robust {
        options.set("", "robust_loss", &ParameterValue::Text(loss.clone()))?;
        match &mut file.graph {
            Graph::Space(graph) => mark_loops(graph),
            Graph::Plane(graph) => mark_loops(graph),
        }
    }
    let before = arguments.plot.is_some().then(|| picture::Drawing::of_graph(&file.graph));
    let statistics = match &mut file.graph {
        Graph::Space(graph) => graph.optimize(policy, &options)?,
        Graph::Plane(graph) => graph.optimize(policy, &options)?,
    };
    let name = arguments.file.display();
    if let Some(path) = &arguments.out {
        g2o::write(path, &file).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let (Some(path), Some(before)) = (&arguments.plot, &before) {
        picture::draw(path, before, &picture::Drawing::of_graph(&file.graph), &name.to_string())?;
    }
    let rejected = match &file.graph {
        Graph::Space(graph) => graph.rejected_edges(&options),
        Graph::Plane(graph) => graph.rejected_edges(&options),
    };
    let (nodes, edges, dimension) = match &file.graph {
        Graph::Space(graph) => (graph.nodes.len(), graph.edges.len(), "in space"),
        Graph::Plane(graph) => (graph.nodes.len(), graph.edges.len(), "in the plane"),
    };
    let mut notes = Vec::new();
    if file.started_from_edges > 0 {
        notes.push(format!("{} nodes have no vertex and started from the edges", file.started_from_edges));
    }
    if file.uncorrelated_edges > 0 {
        let count = file.uncorrelated_edges;
        notes.push(format!(
            "{count} edges have an indefinite information matrix; the correlation of translation and rotation is left out"
        ));
    }
    if !rejected.is_empty() {
        notes.push(format!("{} edges contradict the others and were rejected", rejected.len()));
    }
    notes.extend(file.ignored.iter().map(|(kind, count)| format!("{count} lines {kind} were ignored")));
    Ok(Solved {
        title: format!("{name}: {nodes} nodes, {edges} edges {dimension}"),
        notes,
        details: serde_json::json!({
            "nodes": nodes,
            "edges": edges,
            "rejected_edges": rejected,
            "started_from_edges": file.started_from_edges,
            "uncorrelated_edges": file.uncorrelated_edges,
            "ignored_lines": file.ignored,
        }),
        statistics,
    })
}

/// Every edge between nodes that do not follow each other may be wrong.
fn mark_loops<G: RigidGroup<D>, const D: usize>(graph: &mut PoseGraph<G, D>) {
    for edge in &mut graph.edges {
        edge.robust = edge.from.abs_diff(edge.to) != 1;
    }
}
