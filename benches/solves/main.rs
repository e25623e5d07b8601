//! Whole solves of pose graphs under every policy, as a Markdown table.
//!
//! `cargo bench --bench solves -- [REPETITIONS] [files | generated | growing | wrong]`. Policies take turns, so that a machine
//! whose speed drifts does so for all of them; times are medians of the CPU's time of one thread. *Near* is the time to within
//! 0.1% of double's end, *two at once* that of each of two solves on two threads, *memory* what one solve
//! adds at most to what the process has, memory that earlier solves gave back included.
//!
//! `wrong`, which is done only when it is named, adds wrong loops to the files, as many sets as there are repetitions.

mod generate;
#[path = "../meter.rs"]
mod meter;
mod wrong_loops;

use halfslam::geometry::Se3;
use halfslam::geometry::relative_pose::RigidGroup;
use halfslam::io::g2o::{self, Graph};
use halfslam::pose_graph::{PoseGraph, PoseGraphEdge, PoseGraphOptions};
use halfslam::precision::Policy;
use halfslam::solver::{SolveStatistics, SolverOptions};
use meter::{cpu_ms, peak_mb, reset_peak_mb};
use nalgebra::Matrix6;
use std::path::PathBuf;

const POLICIES: [&str; 3] = ["double", "single", "mixed"];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let repetitions = words.iter().find_map(|word| word.parse().ok()).unwrap_or(5);
    let wanted =
        |part: &str| words.iter().all(|word| word.parse::<usize>().is_ok()) || words.iter().any(|word| word == part);
    if words.iter().any(|word| word == "wrong") {
        println!(
            "| graph | wrong loops | apart: median, greatest (m) | right ones rejected, at most | wrong ones kept, at most | in doubt | s |\n\
             |---|---|---|---|---|---|---|"
        );
        for_each_file(|name, graph| wrong_loops::rows(name, graph, repetitions));
        return;
    }
    println!(
        "| graph | nodes / edges | policy | whole solve (ms) | near (ms) | two at once (ms) | linear solves (ms) | iterations | \
         CG iterations | cost | over double's | double's time over its | memory (MB) |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|"
    );
    if wanted("files") {
        for_each_file(|name, graph| {
            solve(name, graph, repetitions);
        });
    }
    if wanted("generated") {
        let mut times = [Vec::new(), Vec::new()];
        for count in [1_000, 3_000, 10_000, 30_000, 100_000] {
            let fewer = if count > 10_000 { 1 } else { repetitions };
            times[0].push((count, rows(&format!("city {count}"), &generate::city(count), fewer)));
            times[1].push((count, rows(&format!("sphere {count}"), &generate::sphere(count), fewer)));
        }
        for (name, times) in ["city", "sphere"].iter().zip(&times) {
            println!("\n{name}: time under mixed grows as nodes to the power {:.2}", power(times));
        }
    }
    if wanted("growing") {
        growing(repetitions);
    }
}

/// The graphs of the data folder.
fn files() -> Vec<PathBuf> {
    let root = std::env::var_os("HALFSLAM_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    let mut found = Vec::new();
    let folders = std::fs::read_dir(root.join("pose_graphs")).into_iter().flatten().flatten();
    for folder in folders {
        let files = std::fs::read_dir(folder.path()).into_iter().flatten().flatten().map(|file| file.path());
        found.extend(files.filter(|path| path.extension().is_some_and(|ending| ending == "g2o")));
    }
    found.sort();
    found
}

/// Does something with each of them that can be read.
fn for_each_file(mut each: impl FnMut(&str, &Graph)) {
    for path in files() {
        match g2o::read(&path) {
            Ok(file) => each(&path.file_stem().unwrap_or_default().to_string_lossy(), &file.graph),
            Err(error) => eprintln!("{error}"),
        }
    }
}

fn solve(name: &str, graph: &Graph, repetitions: usize) -> f64 {
    match graph {
        Graph::Space(graph) => rows(name, graph, repetitions),
        Graph::Plane(graph) => rows(name, graph, repetitions),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What a policy took for a graph.
#[derive(Default)]
struct Taken {
    alone_ms: Vec<f64>,
    near_ms: Vec<f64>,
    together_ms: Vec<f64>,
    memory_mb: f64,
    last: Option<SolveStatistics>,
}

/// Solves a copy of the graph; its time (ms) and what came of it.
fn timed<G: RigidGroup<D>, const D: usize>(
    graph: &PoseGraph<G, D>,
    policy: &Policy,
    options: &PoseGraphOptions,
) -> Option<(f64, SolveStatistics)> {
    let mut graph = graph.clone();
    let started_ms = cpu_ms();
    match graph.optimize(policy, options) {
        Ok(statistics) => Some((cpu_ms() - started_ms, statistics)),
        Err(error) => {
            eprintln!("{}: {error}", policy.name);
            None
        }
    }
}

/// Prints a row for each policy; returns the time under mixed.
fn rows<G: RigidGroup<D>, const D: usize>(name: &str, graph: &PoseGraph<G, D>, repetitions: usize) -> f64 {
    let options = PoseGraphOptions::default();
    let policies: Vec<Policy> = POLICIES.iter().filter_map(|policy| Policy::resolve(policy).ok()).collect();
    let mut taken: Vec<Taken> = policies.iter().map(|_| Taken::default()).collect();
    let mut best = f64::INFINITY;
    for _ in 0..repetitions {
        for (policy, taken) in policies.iter().zip(&mut taken) {
            let before_mb = reset_peak_mb();
            let Some((time_ms, statistics)) = timed(graph, policy, &options) else { continue };
            taken.memory_mb = taken.memory_mb.max(peak_mb() - before_mb);
            taken.alone_ms.push(time_ms);
            if policy.name == "double" {
                best = statistics.final_cost;
            }
            // The same again, ended where it is near.
            if let Some(near) = statistics.cost_history.iter().position(|&cost| cost <= 1.001 * best) {
                let solver = SolverOptions { max_iterations: near.max(1), ..options.solver.clone() };
                let ended = timed(graph, policy, &PoseGraphOptions { solver, ..options.clone() });
                taken.near_ms.extend(ended.map(|(time_ms, _)| time_ms));
            }
            std::thread::scope(|scope| {
                let both = [(); 2].map(|()| scope.spawn(|| timed(graph, policy, &options)));
                for one in both {
                    taken.together_ms.extend(one.join().ok().flatten().map(|(time_ms, _)| time_ms));
                }
            });
            taken.last = Some(statistics);
        }
    }
    let of_double = taken.first().and_then(|double| double.last.as_ref()).map_or(f64::NAN, |last| last.final_cost);
    let double_ms = taken.first().map_or(f64::NAN, |double| median(double.alone_ms.clone()));
    let mut of_mixed_ms = f64::NAN;
    for (policy, taken) in policies.iter().zip(taken) {
        let Some(s) = taken.last else { continue };
        let time_ms = median(taken.alone_ms);
        if policy.name == "mixed" {
            of_mixed_ms = time_ms;
        }
        println!(
            "| {name} | {} / {} | {} | {time_ms:.1} | {:.1} | {:.1} | {:.1} | {}{} | {} | {:.6} | {:+.1e} | {:.2} | {:.1} |",
            graph.nodes.len(),
            graph.edges.len(),
            policy.name,
            median(taken.near_ms),
            median(taken.together_ms),
            s.phases.linear_ms,
            s.iterations,
            if s.converged { "" } else { " (limit)" },
            s.cg_iterations,
            s.final_cost,
            s.final_cost / of_double - 1.0,
            double_ms / time_ms,
            taken.memory_mb,
        );
    }
    of_mixed_ms
}

/// The exponent of the power law through the points, by least squares of the logarithms.
fn power(points: &[(usize, f64)]) -> f64 {
    let logarithms: Vec<(f64, f64)> = points.iter().map(|&(n, time)| ((n as f64).ln(), time.ln())).collect();
    let count = logarithms.len() as f64;
    let (mean_x, mean_y) = logarithms.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / count, y + p.1 / count));
    let slope = logarithms.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum::<f64>();
    slope / logarithms.iter().map(|p| (p.0 - mean_x).powi(2)).sum::<f64>()
}

/// Graphs of ten thousand keyframes, as a robot's rounds through a city and round a sphere make them, that are extended by
/// one keyframe and one loop, again and again.
fn growing(repetitions: usize) {
    let planar = generate::city(10_000);
    let lift = |t: &halfslam::geometry::Se2| halfslam::geometry::se2::lift(t);
    let edges = planar.edges.iter().map(|edge| PoseGraphEdge {
        from: edge.from,
        to: edge.to,
        t_from_to: lift(&edge.t_from_to),
        information: Matrix6::identity() * 400.0,
        robust: false,
    });
    let city = PoseGraph::new(planar.nodes.iter().map(lift).collect(), vec![], edges.collect());
    println!(
        "\n| 10,000 keyframes, each time one more and one more loop | time, median (ms) | greatest | at once, median (ms) | \
         iterations | CG iterations | factorizations of all | cost over at once |\n|---|---|---|---|---|---|---|---|"
    );
    extended("city in space", city, repetitions);
    extended("sphere", generate::sphere(10_000), repetitions);
}

fn extended(name: &str, mut graph: PoseGraph, repetitions: usize) {
    let Ok(policy) = Policy::resolve("mixed") else { return };
    let options = PoseGraphOptions::default();
    let solve = |graph: &mut PoseGraph| {
        let started_ms = cpu_ms();
        let solved = graph.optimize(&policy, &options);
        (cpu_ms() - started_ms, solved)
    };
    if let (_, Err(error)) = solve(&mut graph) {
        eprintln!("{error}");
        return;
    }
    let information = graph.edges[0].information;
    let (mut times, mut times_at_once, mut worst) = (Vec::new(), Vec::new(), 0.0f64);
    let (mut iterations, mut cg_iterations) = (0, 0);
    let before = graph.factorizations();
    let rounds = repetitions.max(10);
    for round in 0..rounds {
        let last = graph.nodes.len() - 1;
        let step = graph.nodes[last - 1].inverse() * graph.nodes[last];
        graph.nodes.push(graph.nodes[last] * step);
        let mut join = |from: usize, t_from_to: Se3| {
            graph.edges.push(PoseGraphEdge { from, to: last + 1, t_from_to, information, robust: false });
        };
        join(last, step);
        // A loop that the graph contradicts by some standard deviations.
        let old = (500 + 737 * round) % 9_000;
        let drift = Se3::translation(0.2, -0.1, 0.05);
        let t_old_new = graph.nodes[old].inverse() * graph.nodes[last + 1] * drift;
        join(old, t_old_new);
        let mut fresh = PoseGraph::new(graph.nodes.clone(), vec![], graph.edges.clone());
        let (time_ms, solved) = solve(&mut graph);
        let (time_at_once_ms, solved_at_once) = solve(&mut fresh);
        let (Ok(solved), Ok(at_once)) = (solved, solved_at_once) else { continue };
        times.push(time_ms);
        times_at_once.push(time_at_once_ms);
        iterations += solved.iterations;
        cg_iterations += solved.cg_iterations;
        worst = worst.max(solved.final_cost / at_once.final_cost - 1.0);
    }
    let greatest = times.iter().fold(0.0f64, |a, &b| a.max(b));
    println!(
        "| {name} | {:.1} | {greatest:.1} | {:.1} | {:.1} | {:.1} | {} in {rounds} | {worst:+.1e} |",
        median(times),
        median(times_at_once),
        iterations as f64 / rounds as f64,
        cg_iterations as f64 / rounds as f64,
        graph.factorizations() - before,
    );
}
