//! Experiment 3: the linear solve of bundle adjustment: sparsity, operations, time, and a model of it.

use super::clock::timed;
use super::growing_map::GrowingMap;
use super::operations::{Operations, textbook_product_share};
use super::reduced_system::solve_reduced;
use super::roofline::{Machine, known_machines, machine_at_hand};
use super::window::window;
use super::{Check, Outcome, Picture, ReproduceError, Setup, Table, Verdict};
use crate::bundle::{Bundle, BundleOptions};
use crate::plot::{Bar, BarChart, Scale, SparsityPicture, policy_color, quantile};
use crate::pose_graph::PoseGraphOptions;
use crate::precision::Policy;
use crate::solver::{LinearProblem, SolverOptions};
use crate::sparse::Structure;
use std::collections::BTreeSet;

const POLICIES: [&str; 3] = ["double", "single", "mixed"];
/// Relative tolerances to which CGNR is timed.
const TOLERANCES: [f64; 3] = [1e-1, 1e-2, 1e-3];
/// Iterations of the two solves whose difference is the time of an iteration.
const FEW: usize = 20;
const MANY: usize = 180;
/// Poses of the graph whose pattern is drawn.
const GRAPH_KEYFRAMES: usize = 200;

/// What was measured on one window.
struct Measured {
    /// Time of an iteration (µs) under each policy.
    iteration_us: [f64; 3],
    /// Iterations under each policy to each tolerance.
    iterations: [[f64; 3]; 3],
    /// Time (µs) of forming and factoring the reduced system in double and in single.
    reduced_us: [f64; 2],
}

impl Measured {
    /// The median of each figure.
    fn median(all: &[Self]) -> Self {
        let of = |value: &dyn Fn(&Self) -> f64| quantile(&all.iter().map(value).collect::<Vec<_>>(), 0.5);
        Self {
            iteration_us: std::array::from_fn(|policy| of(&|one| one.iteration_us[policy])),
            iterations: std::array::from_fn(|policy| {
                std::array::from_fn(|tolerance| of(&|one| one.iterations[policy][tolerance]))
            }),
            reduced_us: std::array::from_fn(|which| of(&|one| one.reduced_us[which])),
        }
    }
}

/// Counts, times and predicts the linear solve of windows of the article's shape.
pub(super) fn run(setup: &Setup) -> Result<Outcome, ReproduceError> {
    let windows = setup.count(5, 1);
    let repeats = setup.size(60, 4);
    let policies = POLICIES.map(Policy::resolve).into_iter().collect::<Result<Vec<_>, _>>()?;
    let (first, _) = window(setup.seed);
    let problem = first.linear_problem(&BundleOptions::default())?;
    let operations = Operations::of(&first, &problem.structure);
    setup.progress.begin("linear solve", windows);
    let mut measured = Vec::new();
    for index in 0..windows {
        measured.push(measure(&window(setup.seed + index as u64).0, &policies, repeats)?);
        setup.progress.step();
    }
    let Measured { iteration_us, iterations, reduced_us } = Measured::median(&measured);
    let solve_us = |policy: usize, tolerance: usize| iteration_us[policy] * iterations[policy][tolerance];

    let hand = machine_at_hand();
    let machines: Vec<Machine> = std::iter::once(hand.clone()).chain(known_machines()).collect();
    let tables = vec![
        times_table(&iterations, &iteration_us, &reduced_us),
        model_table(&machines, &operations, &policies, &iteration_us),
        operations_table(&operations),
    ];
    let graph = GrowingMap::new(setup.seed, GRAPH_KEYFRAMES).graph(GRAPH_KEYFRAMES);
    let graph_structure = graph.linear_problem(&PoseGraphOptions::default())?.structure;
    let pictures = vec![
        ("sparsity".into(), Picture::Sparsity(sparsity(&problem, &graph_structure))),
        ("linear_solve".into(), Picture::Bars(times_picture(&solve_us, &reduced_us))),
        ("roofline".into(), Picture::Bars(model_picture(&machines, &operations, &policies, &iteration_us))),
    ];
    let saved = 1.0 - iteration_us[2] / iteration_us[1];
    let predicted = hand.saving(&operations, &policies[1], &policies[2]);
    let on_v100 = machines[3].saving(&operations, &policies[1], &policies[2]);
    let (rows, columns) = (problem.row_count() as f64, problem.structure.column_count() as f64);
    let textbook = textbook_product_share(rows, columns, 7.0 * rows);
    let verdict = Verdict::of(vec![
        Check::new(
            "the window has the article's shape",
            (4_500.0..6_500.0).contains(&rows) && (900.0..1_100.0).contains(&columns),
            format!("the window's Jacobian is {rows} x {columns}, its reduced system {0} x {0}", pose_columns(&first)),
        ),
        Check::new(
            "products are most of the operations",
            operations.product_share() > 0.8,
            format!(
                "products are {:.0}% of an iteration's operations ({:.0}% in the textbook's CGNR with a pose and a depth in each row)",
                1e2 * operations.product_share(),
                1e2 * textbook
            ),
        ),
        Check::of_time(
            "mixed saves time where half is computed, and as much as the model says",
            saved > 0.0 && (saved - predicted).abs() < 0.15,
            format!(
                "mixed saves {:.0}% of single's time for an iteration here; the model says {:.0}%",
                1e2 * saved,
                1e2 * predicted
            ),
        ),
        Check::new(
            "products at twice the rate save some 41%",
            (0.35..0.5).contains(&(0.5 * textbook)),
            format!(
                "half of the textbook's products are {:.0}% of its operations; on a V100, limited by its memory, the model says {:.0}% for this crate's",
                50.0 * textbook,
                1e2 * on_v100
            ),
        ),
        Check::of_time(
            "CGNR is faster than forming and factoring the reduced system",
            solve_us(2, 1) < reduced_us[0],
            format!(
                "mixed's CGNR to 1e-2 takes {:.2} ms, forming and factoring the reduced system {:.2} ms",
                1e-3 * solve_us(2, 1),
                1e-3 * reduced_us[0]
            ),
        ),
    ]);
    Ok(Outcome { verdict, tables, pictures })
}

fn pose_columns(bundle: &Bundle) -> usize {
    6 * bundle.poses.iter().filter(|pose| !pose.fixed).count()
}

/// Times one window; the least of several times counts, and policies take turns.
fn measure(bundle: &Bundle, policies: &[Policy], repeats: usize) -> Result<Measured, ReproduceError> {
    let solve = |policy: &Policy, max_linear_iterations: usize, forcing: f64| {
        let solver = SolverOptions { max_iterations: 1, max_linear_iterations, forcing, ..SolverOptions::default() };
        let mut bundle = bundle.clone();
        let options = BundleOptions { solver, ..cgnr_options() };
        let (solved, time_ms) = timed(|| bundle.optimize(policy, &options));
        solved.map(|statistics| (statistics.cg_iterations, 1e3 * time_ms))
    };
    let mut best = [[f64::INFINITY; 2]; 3];
    let mut counts = [[0; 2]; 3];
    let mut reduced_us = [f64::INFINITY; 2];
    let problem: LinearProblem = bundle.linear_problem(&BundleOptions::default())?;
    let pose_columns = pose_columns(bundle);
    for _ in 0..repeats {
        for (index, policy) in policies.iter().enumerate() {
            for (which, iterations) in [FEW, MANY].into_iter().enumerate() {
                let (count, time_us) = solve(policy, iterations, 1e-8)?;
                counts[index][which] = count;
                best[index][which] = best[index][which].min(time_us);
            }
        }
        let (_, double_ms) = timed(|| std::hint::black_box(solve_reduced::<f64>(&problem, pose_columns)));
        let (_, single_ms) = timed(|| std::hint::black_box(solve_reduced::<f32>(&problem, pose_columns)));
        reduced_us = [reduced_us[0].min(1e3 * double_ms), reduced_us[1].min(1e3 * single_ms)];
    }
    let mut iterations = [[0.0; 3]; 3];
    for (index, policy) in policies.iter().enumerate() {
        for (which, tolerance) in TOLERANCES.into_iter().enumerate() {
            iterations[index][which] = solve(policy, 1000, tolerance)?.0 as f64;
        }
    }
    let iteration_us = std::array::from_fn(|index| {
        let [few, many] = best[index];
        (many - few) / (counts[index][1].saturating_sub(counts[index][0])).max(1) as f64
    });
    Ok(Measured { iteration_us, iterations, reduced_us })
}

/// The article's way of solving a bundle; in half precision conjugate gradients would not end by themselves.
pub(super) fn cgnr_options() -> BundleOptions {
    let solver = SolverOptions { max_linear_iterations: 200, ..SolverOptions::default() };
    BundleOptions { linear_solver: "cgnr".into(), solver, ..BundleOptions::default() }
}

fn times_table(iterations: &[[f64; 3]; 3], iteration_us: &[f64; 3], reduced_us: &[f64; 2]) -> Table {
    let header = ["way", "precision", "tolerance", "iterations", "iteration (us)", "time (us)"];
    let mut table = Table::new("linear_solve", &header);
    for (policy, name) in POLICIES.into_iter().enumerate() {
        for (which, tolerance) in TOLERANCES.into_iter().enumerate() {
            let count = iterations[policy][which];
            let times = [iteration_us[policy], iteration_us[policy] * count].map(|us| format!("{us:.2}"));
            let row = ["CGNR".into(), name.into(), format!("{tolerance:e}"), format!("{count:.0}")];
            table.push(row.into_iter().chain(times));
        }
    }
    for (name, us) in ["double", "single"].into_iter().zip(reduced_us) {
        let row = ["reduced system", name, "exact", "", ""].map(String::from);
        table.push(row.into_iter().chain([format!("{us:.2}")]));
    }
    table
}

fn model_table(machines: &[Machine], operations: &Operations, policies: &[Policy], measured_us: &[f64; 3]) -> Table {
    let header = [
        "machine",
        "half (Gflop/s)",
        "single (Gflop/s)",
        "double (Gflop/s)",
        "data from",
        "(GB/s)",
        "double (us)",
        "single (us)",
        "mixed (us)",
        "saved by mixed over single (%)",
    ];
    let mut table = Table::new("roofline", &header);
    for machine in machines {
        let times = policies.iter().map(|policy| machine.iteration_us(operations, policy).iter().sum::<f64>());
        let saving = 1e2 * machine.saving(operations, &policies[1], &policies[2]);
        let mut row = vec![machine.name.clone()];
        row.extend(machine.gflops.map(|rate| format!("{rate:.1}")));
        row.extend([machine.memory.to_string(), format!("{:.1}", machine.gbytes)]);
        row.extend(times.map(|us| format!("{us:.4}")));
        row.push(format!("{saving:.1}"));
        table.push(row);
    }
    let mut row = vec![format!("{}, measured", machines[0].name)];
    row.extend(["", "", "", "", ""].map(String::from));
    row.extend(measured_us.map(|us| format!("{us:.4}")));
    row.push(format!("{:.1}", 1e2 * (1.0 - measured_us[2] / measured_us[1])));
    table.push(row);
    table
}

fn operations_table(operations: &Operations) -> Table {
    let mut table = Table::new("operations", &["part of an iteration", "operations", "share (%)"]);
    for (name, count) in [
        ("products with the Jacobian", operations.products),
        ("preconditioner", operations.preconditioner),
        ("vectors", operations.vectors),
    ] {
        table.push([name.into(), format!("{count:.0}"), format!("{:.1}", 1e2 * count / operations.total())]);
    }
    table
}

fn times_picture(solve_us: &dyn Fn(usize, usize) -> f64, reduced_us: &[f64; 2]) -> BarChart {
    let bar = |name: &str, us: f64| Bar { label: name.into(), color: policy_color(name), value: 1e-3 * us };
    let mut groups: Vec<(String, Vec<Bar>)> = TOLERANCES
        .into_iter()
        .enumerate()
        .map(|(which, tolerance)| {
            let bars = POLICIES.into_iter().enumerate().map(|(policy, name)| bar(name, solve_us(policy, which)));
            (format!("CGNR to {tolerance:e}"), bars.collect())
        })
        .collect();
    groups.push(("reduced system".into(), vec![bar("double", reduced_us[0]), bar("single", reduced_us[1])]));
    BarChart {
        title: "One linear solve of a window of 50 keyframes".into(),
        x: "processor time (ms)".into(),
        scale: Scale::FromZero,
        groups,
    }
}

fn model_picture(
    machines: &[Machine],
    operations: &Operations,
    policies: &[Policy],
    measured_us: &[f64; 3],
) -> BarChart {
    let bar = |label: &str, name: &str, saving: f64| Bar {
        label: label.into(),
        color: policy_color(name),
        value: 1e2 * saving,
    };
    let mut groups = Vec::new();
    for (index, machine) in machines.iter().enumerate() {
        let mut bars = vec![bar("predicted", "mixed", machine.saving(operations, &policies[1], &policies[2]))];
        if index == 0 {
            bars.push(bar("measured", "single", 1.0 - measured_us[2] / measured_us[1]));
        }
        groups.push((machine.name.clone(), bars));
    }
    BarChart {
        title: "Time of an iteration that mixed saves over single".into(),
        x: "saved (%)".into(),
        scale: Scale::FromZero,
        groups,
    }
}

/// The patterns of both normal matrices.
fn sparsity(bundle: &LinearProblem, graph: &Structure) -> Vec<SparsityPicture> {
    let of = |name: &str, structure: &Structure, borders: Vec<usize>| {
        let size = structure.column_count();
        let mut picture = SparsityPicture { caption: String::new(), size, blocks: normal_blocks(structure), borders };
        let filled = 1e2 * picture.entry_count() as f64 / (size * size) as f64;
        picture.caption = format!("{name}: {size} x {size}, {filled:.1}% filled");
        picture
    };
    let free = bundle.structure.variables.iter().filter(|variable| !variable.fixed);
    let pose_columns = free.filter(|variable| variable.size == 6).map(|variable| variable.size).sum();
    vec![
        of("bundle adjustment (poses, then depths)", &bundle.structure, vec![pose_columns]),
        of("pose graph", graph, Vec::new()),
    ]
}

/// The blocks of `JᵀJ` that are not zero: of each pair of variables that share a residual.
fn normal_blocks(structure: &Structure) -> BTreeSet<[usize; 4]> {
    let mut blocks = BTreeSet::new();
    for block in 0..structure.residual_block_count() {
        let free: Vec<_> =
            structure.pieces_of(block).map(|(_, variable)| variable).filter(|variable| !variable.fixed).collect();
        for a in &free {
            blocks.extend(free.iter().map(|b| [a.column, b.column, a.size, b.size]));
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_is_symmetric_and_has_every_pair_that_shares_a_residual() {
        let mut structure = Structure::new();
        let (a, fixed, b, c) =
            (structure.add_variable(6), structure.add_fixed(6), structure.add_variable(1), structure.add_variable(1));
        structure.add_residual(2, &[a, b]);
        structure.add_residual(2, &[a, fixed, c]);
        let blocks = normal_blocks(&structure);
        assert_eq!(blocks.len(), 3 + 4);
        assert!(blocks.iter().all(|&[row, column, rows, columns]| blocks.contains(&[column, row, columns, rows])));
        assert!(!blocks.contains(&[6, 7, 1, 1]), "two landmarks share nothing");
    }
}
