//! Whole solves of pose graphs under every policy, as a Markdown table.
//!
//! `cargo bench --bench solves -- [REPETITIONS] [files | generated | growing]`. Policies take turns, so that a machine
//! whose speed drifts does so for all of them; times are medians of the CPU's time, of one thread.

mod generate;

use halfslam::geometry::Se3;
use halfslam::geometry::relative_pose::RigidGroup;
use halfslam::io::g2o::{self, Graph};
use halfslam::pose_graph::{PoseGraph, PoseGraphEdge, PoseGraphOptions};
use halfslam::precision::Policy;
use halfslam::solver::SolveStatistics;
use nalgebra::Matrix6;
use std::path::PathBuf;
use std::time::Instant;

const POLICIES: [&str; 3] = ["double", "single", "mixed"];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let repetitions = words.iter().find_map(|word| word.parse().ok()).unwrap_or(5);
    let wanted =
        |part: &str| words.iter().all(|word| word.parse::<usize>().is_ok()) || words.iter().any(|word| word == part);
    println!(
        "| graph | nodes / edges | policy | whole solve (ms) | linear solves (ms) | iterations | CG iterations | cost | \
         over double's | double's time over its |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    if wanted("files") {
        for path in files() {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            match g2o::read(&path) {
                Ok(file) => {
                    solve(&name, file.graph, repetitions);
                }
                Err(error) => eprintln!("{error}"),
            }
        }
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

fn solve(name: &str, graph: Graph, repetitions: usize) -> f64 {
    match graph {
        Graph::Space(graph) => rows(name, &graph, repetitions),
        Graph::Plane(graph) => rows(name, &graph, repetitions),
    }
}

/// Time that this thread, the only one that solves, has had a core; where the system does not say, the clock's.
fn cpu_ms() -> f64 {
    static STARTED: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let started = STARTED.get_or_init(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    nanos.map_or_else(|| 1e3 * started.elapsed().as_secs_f64(), |nanos| 1e-6 * nanos)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints a row for each policy; returns the time under mixed.
fn rows<G: RigidGroup<D>, const D: usize>(name: &str, graph: &PoseGraph<G, D>, repetitions: usize) -> f64 {
    let options = PoseGraphOptions::default();
    let mut times = vec![Vec::new(); POLICIES.len()];
    let mut last: Vec<Option<SolveStatistics>> = vec![None; POLICIES.len()];
    for _ in 0..repetitions {
        for (index, policy) in POLICIES.iter().enumerate() {
            let Ok(policy) = Policy::resolve(policy) else { continue };
            let mut graph = graph.clone();
            let started_ms = cpu_ms();
            match graph.optimize(&policy, &options) {
                Ok(statistics) => {
                    times[index].push(cpu_ms() - started_ms);
                    last[index] = Some(statistics);
                }
                Err(error) => eprintln!("{name}: {error}"),
            }
        }
    }
    let medians: Vec<f64> =
        times.into_iter().map(|times| if times.is_empty() { f64::NAN } else { median(times) }).collect();
    let of_double = last[0].as_ref().map_or(f64::NAN, |statistics| statistics.final_cost);
    for ((policy, time_ms), statistics) in POLICIES.iter().zip(&medians).zip(&last) {
        let Some(s) = statistics else { continue };
        println!(
            "| {name} | {} / {} | {policy} | {time_ms:.1} | {:.1} | {}{} | {} | {:.6} | {:+.1e} | {:.2} |",
            graph.nodes.len(),
            graph.edges.len(),
            s.phases.linear_ms,
            s.iterations,
            if s.converged { "" } else { " (limit)" },
            s.cg_iterations,
            s.final_cost,
            s.final_cost / of_double - 1.0,
            medians[0] / time_ms,
        );
    }
    medians[2]
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
