//! `halfslam solve`: optimizes a pose graph from a file.

use crate::graph_picture;
use halfslam::geometry::relative_pose::RigidGroup;
use halfslam::io::g2o::{self, G2o, Graph};
use halfslam::options::{Options, ParameterValue};
use halfslam::pose_graph::{PoseGraph, PoseGraphOptions};
use halfslam::precision::Policy;
use halfslam::solver::SolveStatistics;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Optimizes a pose graph (g2o or TORO) and says what happened.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The graph: `.g2o` or TORO's `.graph`.
    file: PathBuf,
    /// Precision policy: double, single, mixed, half, or a YAML file.
    #[arg(long, default_value = "mixed")]
    precision: String,
    /// Writes the optimized graph here (g2o).
    #[arg(long)]
    out: Option<PathBuf>,
    /// Writes what happened here (JSON); `-` prints it in place of the table.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Draws the graph before and after here (SVG).
    #[arg(long)]
    plot: Option<PathBuf>,
    /// Takes edges between nodes that do not follow each other as possibly wrong, with this loss: huber, cauchy,
    /// geman_mcclure, or gnc (graduated).
    #[arg(long, value_name = "LOSS")]
    robust: Option<String>,
    /// Sets an option of the pose graph, e.g. `solver.max_iterations=100`. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// A file that cannot be read or written, an unknown policy or option, a graph that is broken.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let policy = Policy::resolve(&arguments.precision)?;
    let mut options = PoseGraphOptions::default();
    for assignment in &arguments.set {
        set_option(&mut options, assignment)?;
    }
    let mut file = g2o::read(&arguments.file)?;
    if let Some(loss) = &arguments.robust {
        options.set("", "robust_loss", &ParameterValue::Text(loss.clone()))?;
        match &mut file.graph {
            Graph::Space(graph) => mark_loops(graph),
            Graph::Plane(graph) => mark_loops(graph),
        }
    }
    let before = arguments.plot.is_some().then(|| file.graph.clone());
    let statistics = match &mut file.graph {
        Graph::Space(graph) => graph.optimize(&policy, &options)?,
        Graph::Plane(graph) => graph.optimize(&policy, &options)?,
    };

    if let Some(path) = &arguments.out {
        g2o::write(path, &file).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let (Some(path), Some(before)) = (&arguments.plot, &before) {
        graph_picture::draw(path, before, &file.graph, &arguments.file.display().to_string())?;
    }
    let rejected = match &file.graph {
        Graph::Space(graph) => graph.rejected_edges(&options),
        Graph::Plane(graph) => graph.rejected_edges(&options),
    };
    let report = serde_json::to_string_pretty(&report(&file, &statistics, &rejected))? + "\n";
    match &arguments.json {
        Some(path) if path == Path::new("-") => print!("{report}"),
        Some(path) => {
            std::fs::write(path, report).map_err(|error| format!("{}: {error}", path.display()))?;
            print_table(&arguments.file, &file, &statistics, &rejected);
        }
        None => print_table(&arguments.file, &file, &statistics, &rejected),
    }
    Ok(())
}

/// Every edge between nodes that do not follow each other may be wrong.
fn mark_loops<G: RigidGroup<D>, const D: usize>(graph: &mut PoseGraph<G, D>) {
    for edge in &mut graph.edges {
        edge.robust = edge.from.abs_diff(edge.to) != 1;
    }
}

/// Sets one option from `NAME=VALUE`.
fn set_option(options: &mut PoseGraphOptions, assignment: &str) -> Result<(), Box<dyn Error>> {
    let Some((name, text)) = assignment.split_once('=') else {
        return Err(format!("--set {assignment}: expected NAME=VALUE").into());
    };
    let value = if let Ok(number) = text.parse() {
        ParameterValue::Integer(number)
    } else if let Ok(number) = text.parse() {
        ParameterValue::Real(number)
    } else if let Ok(truth) = text.parse() {
        ParameterValue::Boolean(truth)
    } else {
        ParameterValue::Text(text.into())
    };
    options.set("", name, &value)?;
    Ok(())
}

/// Number of nodes and edges.
fn size(graph: &Graph) -> (usize, usize) {
    match graph {
        Graph::Space(graph) => (graph.nodes.len(), graph.edges.len()),
        Graph::Plane(graph) => (graph.nodes.len(), graph.edges.len()),
    }
}

/// What scripts read.
fn report(file: &G2o, statistics: &SolveStatistics, rejected: &[usize]) -> serde_json::Value {
    let (nodes, edges) = size(&file.graph);
    let phases = &statistics.phases;
    serde_json::json!({
        "problem": statistics.problem,
        "policy": statistics.policy,
        "nodes": nodes,
        "edges": edges,
        "rows": statistics.row_count,
        "columns": statistics.column_count,
        "initial_cost": statistics.initial_cost,
        "final_cost": statistics.final_cost,
        "cost_history": statistics.cost_history,
        "iterations": statistics.iterations,
        "rejected_steps": statistics.rejected_steps,
        "cg_iterations": statistics.cg_iterations,
        "converged": statistics.converged,
        "stop_reason": statistics.stop_reason,
        "solve_ms": statistics.solve_ms,
        "phases_ms": {
            "residual": phases.residual_ms,
            "jacobian": phases.jacobian_ms,
            "factor": phases.factor_ms,
            "triangular": phases.triangular_ms,
            "product": phases.product_ms,
            "update": phases.update_ms,
        },
        "escalations": statistics.escalations,
        "flushed_to_zero": statistics.flushed_to_zero,
        "rejected_edges": rejected,
        "started_from_edges": file.started_from_edges,
        "ignored_lines": file.ignored,
    })
}

/// What people read.
fn print_table(path: &Path, file: &G2o, statistics: &SolveStatistics, rejected: &[usize]) {
    let (nodes, edges) = size(&file.graph);
    let dimension = if matches!(file.graph, Graph::Plane(_)) { "in the plane" } else { "in space" };
    println!("{}: {nodes} nodes, {edges} edges {dimension}", path.display());
    if file.started_from_edges > 0 {
        println!("  {} nodes have no vertex and started from the edges", file.started_from_edges);
    }
    for (kind, count) in &file.ignored {
        println!("  {count} lines {kind} were ignored");
    }
    let row = |name: &str, value: String| println!("  {name:<22}{value}");
    row("precision", statistics.policy.clone());
    row("cost before", format!("{:.6}", statistics.initial_cost + 0.0));
    row("cost after", format!("{:.6}", statistics.final_cost + 0.0));
    if !rejected.is_empty() {
        row("rejected edges", rejected.len().to_string());
    }
    row("iterations", format!("{} ({} steps rejected)", statistics.iterations, statistics.rejected_steps));
    row("linear iterations", statistics.cg_iterations.to_string());
    let end = if statistics.converged { "converged" } else { "not converged" };
    row("end", format!("{end}: {}", statistics.stop_reason));
    row("time", format!("{:.1} ms", statistics.solve_ms));
    let phases = &statistics.phases;
    for (name, time_ms) in [
        ("  residuals", phases.residual_ms),
        ("  Jacobian", phases.jacobian_ms),
        ("  factor", phases.factor_ms),
        ("  triangular solves", phases.triangular_ms),
        ("  products", phases.product_ms),
        ("  update", phases.update_ms),
    ] {
        row(name, format!("{time_ms:.1} ms"));
    }
    for escalation in &statistics.escalations {
        row("escalated", escalation.clone());
    }
}
