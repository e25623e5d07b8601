//! Experiment 5: the time of pose graph optimization while a map grows.

use super::growing_map::{MapProblem, POLICIES};
use super::{Check, Outcome, Picture, ReproduceError, Setup, Table, Verdict};
use crate::plot::{Chart, Line, Scale, Style, policy_color, quantile};

/// Tells the times of the growing map's solves, and of a sparse Cholesky factorization beside them.
pub(super) fn run(setup: &Setup) -> Result<Outcome, ReproduceError> {
    let problems = &setup.map_history()?.problems;
    let direct: Vec<(f64, f64)> =
        problems.iter().filter_map(|p| Some((p.keyframes as f64, p.direct?.time_ms * 1e-3))).collect();
    let mut lines: Vec<Line> = (0..3).map(|policy| line(problems, policy)).collect();
    lines.push(Line {
        label: "sparse Cholesky, double".into(),
        color: policy_color("cholesky"),
        style: Style::Line,
        points: direct.clone(),
    });
    let chart = Chart {
        title: "Time of a pose graph optimization while the map grows".into(),
        x: "keyframes".into(),
        y: "processor time (s)".into(),
        x_scale: Scale::FromZero,
        y_scale: Scale::Logarithmic,
        lines,
    };
    let pictures = vec![("map_time".into(), Picture::Chart(chart))];
    Ok(Outcome { verdict: verdict(problems), tables: vec![table(problems)], pictures })
}

fn line(problems: &[MapProblem], policy: usize) -> Line {
    let point = |problem: &MapProblem| (problem.keyframes as f64, 1e-3 * problem.solves[policy].time_ms);
    let (label, color) = (POLICIES[policy].into(), policy_color(POLICIES[policy]));
    Line { label, color, style: Style::Dots, points: problems.iter().map(point).collect() }
}

fn table(problems: &[MapProblem]) -> Table {
    let mut header = vec!["keyframes".to_string(), "loops".to_string()];
    for policy in POLICIES {
        header.extend(
            ["time (ms)", "linear solver (ms)", "triangular solves (ms)", "iterations", "CG iterations"]
                .map(|what| format!("{policy} {what}")),
        );
    }
    header.extend(["Cholesky time (ms)".to_string(), "Cholesky factorizations".to_string()]);
    let mut table = Table { name: "map_time".into(), header, rows: Vec::new() };
    for problem in problems {
        let mut row = vec![problem.keyframes.to_string(), problem.loop_count.to_string()];
        for solve in &problem.solves {
            let phases = &solve.statistics.phases;
            row.extend([solve.time_ms, phases.linear_ms, phases.triangular_ms].map(|ms| format!("{ms:.3}")));
            row.extend([solve.statistics.iterations, solve.statistics.cg_iterations].map(|count| count.to_string()));
        }
        row.push(problem.direct.map_or(String::new(), |direct| format!("{:.3}", direct.time_ms)));
        row.push(problem.direct.map_or(String::new(), |direct| direct.factorizations.to_string()));
        table.push(row);
    }
    table
}

fn verdict(problems: &[MapProblem]) -> Verdict {
    let total = |policy: usize, time: fn(&MapProblem, usize) -> f64| {
        problems.iter().map(|problem| time(problem, policy)).sum::<f64>()
    };
    let time = |problem: &MapProblem, policy: usize| problem.solves[policy].time_ms;
    let saved: Vec<f64> = problems.iter().map(|problem| 1.0 - time(problem, 2) / time(problem, 1)).collect();
    let mean_saved = saved.iter().sum::<f64>() / saved.len() as f64;
    let linear = |problem: &MapProblem, policy: usize| problem.solves[policy].statistics.phases.linear_ms;
    let triangular = |problem: &MapProblem, policy: usize| problem.solves[policy].statistics.phases.triangular_ms;
    let triangular_share = total(1, triangular) / total(1, linear);
    let against_direct: Vec<f64> =
        problems.iter().filter_map(|problem| Some(problem.direct?.time_ms / time(problem, 2))).collect();
    let largest = problems.last().map_or(0.0, |problem| 1e-3 * time(problem, 2));
    let largest_direct = problems.iter().rev().find_map(|problem| problem.direct).map_or(0.0, |d| 1e-3 * d.time_ms);
    Verdict::of(vec![
        Check::of_time(
            "mixed is faster than single",
            mean_saved > 0.0,
            format!(
                "mixed takes {:.0}% less time than single on average over {} solves ({:.0}% less in total)",
                1e2 * mean_saved,
                problems.len(),
                1e2 * (1.0 - total(2, time) / total(1, time))
            ),
        ),
        Check::of_time(
            "the triangular solves are about half of a linear solve",
            (0.3..0.8).contains(&triangular_share),
            format!("triangular solves are {:.0}% of single's linear solves", 1e2 * triangular_share),
        ),
        Check::of_time(
            "the iterative solver is faster than a sparse Cholesky",
            quantile(&against_direct, 0.5) > 1.0,
            format!(
                "a sparse Cholesky of the full problem takes {:.1} times mixed's time in the middle, {largest_direct:.2} s against {largest:.2} s at the largest",
                quantile(&against_direct, 0.5)
            ),
        ),
    ])
}
