//! Experiments 4 and 6 on real pose graphs: the optimum that each policy reaches, and the drift that loops take away.

use super::clock::timed;
use super::real_data::{self, GRAPHS};
use super::{Check, Outcome, Picture, ReproduceError, Setup, Table, Verdict};
use crate::evaluation::{Alignment, absolute_error};
use crate::geometry::relative_pose::RigidGroup;
use crate::geometry::{StampedPose, Trajectory};
use crate::io::g2o::{self, Graph};
use crate::io::trajectory;
use crate::plot::{Bar, BarChart, CORRECTED, Chart, Line, ODOMETRY, Scale, Style, TRUTH, policy_color, quantile};
use crate::pose_graph::{PoseGraph, PoseGraphOptions};
use crate::precision::Policy;
use std::path::Path;

const POLICIES: [&str; 4] = ["double", "single", "mixed", "half"];
/// A quick run leaves larger files out (bytes).
const QUICK_BYTES: u64 = 350_000;
/// Times are the least of so many solves.
const REPETITIONS: usize = 3;
/// How far (relative) a policy's cost may be from double's where it ends at the same optimum.
const TOLERANCE: f64 = 1e-4;

/// What a policy made of a graph.
struct Solve {
    /// Half the sum of squared whitened residuals, computed in double; as before where the solve failed.
    cost: f64,
    time_ms: f64,
    poses: Trajectory,
}

/// A graph, solved by each policy.
struct Solved {
    name: String,
    nodes: usize,
    edges: usize,
    cost_before: f64,
    before: Trajectory,
    solves: Vec<Solve>,
    truth: Option<Trajectory>,
}

impl Solved {
    /// A policy's cost as a multiple of double's.
    fn cost_ratio(&self, policy: usize) -> f64 {
        let (cost, of_double) = (self.solves[policy].cost, self.solves[0].cost);
        // Also where both are zero; what is no number is the worst.
        let ratio = if cost == of_double { 1.0 } else { cost / of_double };
        if ratio.is_nan() { f64::INFINITY } else { ratio }
    }
}

/// Solves the graphs of the data folder.
pub(super) fn run(setup: &Setup) -> Result<Outcome, ReproduceError> {
    let folder = match real_data::folder(setup.data.as_deref(), GRAPHS) {
        Ok(folder) => folder,
        Err(reason) => return Ok(Outcome::skipped(reason)),
    };
    let mut files = real_data::files(&folder, &["g2o", "graph"]);
    files.retain(|path| !setup.quick || std::fs::metadata(path).is_ok_and(|file| file.len() <= QUICK_BYTES));
    if files.is_empty() {
        return Ok(Outcome::skipped(format!("no graph in {}", folder.display())));
    }
    let mut graphs = setup.each("real graphs", files.len(), |index| solved(setup, &files[index]))?;
    graphs.retain(|graph| graph.edges > 0);
    let mut pictures = vec![("real_graphs".into(), Picture::Bars(costs(&graphs)))];
    pictures.extend(graphs.iter().filter_map(|graph| {
        let name = format!("real_graph_{}", graph.name);
        Some((name, Picture::Chart(from_above(graph, graph.truth.as_ref()?))))
    }));
    Ok(Outcome { verdict: verdict(&graphs), tables: vec![solves(&graphs), loop_closure(&graphs)], pictures })
}

fn solved(setup: &Setup, path: &Path) -> Result<Solved, ReproduceError> {
    let file = g2o::read(path)?;
    let truth_file = setup.data.as_deref().and_then(|data| real_data::kitti_truth(data, path));
    let truth = truth_file.map(|path| trajectory::read_kitti(&path)).transpose()?;
    let truth = truth.map(|poses| stamped(poses.into_iter().enumerate().map(|(frame, pose)| (frame as i64, pose))));
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let graph = match &file.graph {
        Graph::Space(graph) => solve_each(setup, graph, &file.ids)?,
        Graph::Plane(graph) => solve_each(setup, graph, &file.ids)?,
    };
    Ok(Solved { name, truth, ..graph })
}

/// A graph under each policy, from where it is.
fn solve_each<G: RigidGroup<D>, const D: usize>(
    setup: &Setup,
    graph: &PoseGraph<G, D>,
    ids: &[i64],
) -> Result<Solved, ReproduceError> {
    let options = PoseGraphOptions::default();
    let poses = |graph: &PoseGraph<G, D>| stamped(ids.iter().copied().zip(graph.nodes.iter().map(G::to_space)));
    let solve = |name: &str| -> Result<Solve, ReproduceError> {
        let policy = Policy::resolve(name)?;
        let mut best: Option<Solve> = None;
        for _ in 0..setup.size(REPETITIONS, 1) {
            let mut copy = graph.clone();
            let (result, time_ms) = timed(|| copy.optimize(&policy, &options));
            if let Err(error) = result {
                tracing::debug!("{name}: {error}");
            }
            if best.as_ref().is_none_or(|best| time_ms < best.time_ms) {
                best = Some(Solve { cost: copy.linear_problem(&options)?.cost, time_ms, poses: poses(&copy) });
            }
        }
        Ok(best.unwrap_or(Solve { cost: f64::INFINITY, time_ms: 0.0, poses: poses(graph) }))
    };
    Ok(Solved {
        name: String::new(),
        nodes: graph.nodes.len(),
        edges: graph.edges.len(),
        cost_before: graph.linear_problem(&options)?.cost,
        before: poses(graph),
        solves: POLICIES.into_iter().map(solve).collect::<Result<_, _>>()?,
        truth: None,
    })
}

/// Poses by frame number; the stamps only pair them.
fn stamped(poses: impl Iterator<Item = (i64, crate::geometry::Se3)>) -> Trajectory {
    const NANOS_PER_FRAME: i64 = 1_000_000_000;
    let stamp = |(frame, t_world_body)| StampedPose { stamp_nanos: NANOS_PER_FRAME * frame, t_world_body };
    Trajectory::from_poses(poses.map(stamp).collect())
}

/// Maximum, 99%, 90%, mean and root mean square (m) of the nodes' distances to the truth after rigid alignment.
fn position_errors_m(poses: &Trajectory, truth: &Trajectory) -> Option<[f64; 5]> {
    let error = absolute_error(poses, truth, Alignment::Se3).ok()?;
    let lengths: Vec<f64> = error.errors.iter().map(|(_, length_m)| *length_m).collect();
    let [max, most, ninety] = [1.0, 0.99, 0.9].map(|share| quantile(&lengths, share));
    Some([max, most, ninety, error.translation_m.mean, error.translation_m.rmse])
}

fn solves(graphs: &[Solved]) -> Table {
    let header = ["graph", "nodes", "edges", "policy", "cost before", "cost", "cost over double's", "time (ms)"];
    let mut table = Table::new("real_graphs", &header);
    for graph in graphs {
        for (policy, (name, solve)) in POLICIES.iter().zip(&graph.solves).enumerate() {
            table.push([
                graph.name.clone(),
                graph.nodes.to_string(),
                graph.edges.to_string(),
                (*name).into(),
                format!("{:.6}", graph.cost_before),
                format!("{:.6}", solve.cost),
                format!("{:.9}", graph.cost_ratio(policy)),
                format!("{:.2}", solve.time_ms),
            ]);
        }
    }
    table
}

fn loop_closure(graphs: &[Solved]) -> Table {
    let header = ["graph", "trajectory", "max (m)", "99% (m)", "90% (m)", "mean (m)", "ATE, RMSE (m)"];
    let mut table = Table::new("real_graphs_loop_closure", &header);
    for graph in graphs {
        let Some(truth) = &graph.truth else { continue };
        let corrected = POLICIES.iter().zip(&graph.solves).map(|(policy, solve)| (*policy, &solve.poses));
        for (name, poses) in std::iter::once(("without loops", &graph.before)).chain(corrected) {
            let Some(errors) = position_errors_m(poses, truth) else { continue };
            let figures = errors.map(|error| format!("{error:.6}"));
            table.push([graph.name.clone(), name.into()].into_iter().chain(figures));
        }
    }
    table
}

fn costs(graphs: &[Solved]) -> BarChart {
    let bars = |graph: &Solved| {
        let bar = |policy: usize| Bar {
            label: POLICIES[policy].into(),
            color: policy_color(POLICIES[policy]),
            value: graph.cost_ratio(policy) - 1.0,
        };
        (graph.name.clone(), vec![bar(2), bar(3)])
    };
    BarChart {
        title: "How far above double's cost the optimization of real pose graphs ends".into(),
        x: "excess of the cost, as a share of double's (no bar: none)".into(),
        scale: Scale::Logarithmic,
        groups: graphs.iter().map(bars).collect(),
    }
}

fn from_above(graph: &Solved, truth: &Trajectory) -> Chart {
    let line = |label: &str, color, style, poses: &Trajectory| {
        let aligned = absolute_error(poses, truth, Alignment::Se3);
        let (poses, ate) = match &aligned {
            Ok(error) => (&error.aligned_estimate, format!(" (ATE {:.2} m)", error.translation_m.rmse)),
            Err(_) => (poses, String::new()),
        };
        // KITTI's world is that of its first camera: x to the right, z ahead.
        let points = poses.poses().iter().map(|pose| &pose.t_world_body.translation.vector).map(|t| (t.x, t.z));
        Line { label: format!("{label}{ate}"), color, style, points: points.collect() }
    };
    let truth_points = truth.poses().iter().map(|pose| &pose.t_world_body.translation.vector).map(|t| (t.x, t.z));
    Chart {
        title: format!("{}, from above: {} loops", graph.name, (graph.edges + 1).saturating_sub(graph.nodes)),
        x: "to the right (m)".into(),
        y: "ahead (m)".into(),
        x_scale: Scale::Map,
        y_scale: Scale::Map,
        lines: vec![
            Line { label: "truth".into(), color: TRUTH, style: Style::Line, points: truth_points.collect() },
            line("odometry alone", ODOMETRY, Style::Line, &graph.before),
            line("with loops, mixed", CORRECTED, Style::Dashed, &graph.solves[2].poses),
        ],
    }
}

fn verdict(graphs: &[Solved]) -> Verdict {
    let mixed = graphs.iter().map(|graph| graph.cost_ratio(2) - 1.0).fold(0.0, f64::max);
    let off = graphs.iter().filter(|graph| graph.cost_ratio(3) - 1.0 > TOLERANCE).count();
    let saved: Vec<f64> = graphs.iter().map(|graph| 1.0 - graph.solves[2].time_ms / graph.solves[1].time_ms).collect();
    let mut checks = vec![
        Check::new(
            "mixed ends where double ends",
            mixed <= TOLERANCE,
            format!("at most {mixed:.1e} above double's cost on {} graphs", graphs.len()),
        ),
        Check::new(
            "naive half does not",
            2 * off > graphs.len(),
            format!("on {off} of {} its cost is more than {TOLERANCE:.0e} above", graphs.len()),
        ),
        Check::of_time(
            "mixed takes less time than single",
            quantile(&saved, 0.5) > 0.0,
            format!("it saves {:.0}% (median of the graphs)", 1e2 * quantile(&saved, 0.5)),
        ),
    ];
    for graph in graphs {
        let Some(truth) = &graph.truth else { continue };
        let [without, single, mixed] = [&graph.before, &graph.solves[1].poses, &graph.solves[2].poses]
            .map(|poses| position_errors_m(poses, truth).map_or(f64::INFINITY, |errors| errors[4]));
        let found = format!("{}: ATE {without:.2} m without, {mixed:.4} m with, {single:.4} m in single", graph.name);
        let same = (mixed / single - 1.0).abs() < 1e-3;
        checks.push(Check::new("loops take most of a real drive's drift away", mixed < 0.5 * without && same, found));
    }
    Verdict::of(checks)
}
