//! Experiment 6: the errors of the pose graphs that one growing map poses.

use super::growing_map::{MapProblem, POLICIES};
use super::{Check, Outcome, Picture, ReproduceError, Setup, Table, Verdict};
use crate::plot::{Chart, Line, Scale, Style, cumulative_steps, policy_color, quantile};

/// Shares at which the distributions are compared.
const SHARES: [f64; 3] = [0.5, 0.9, 0.99];
/// How far mixed's quantiles may be from single's.
const TOLERANCE: f64 = 0.01;

/// Tells the errors after each of the growing map's solves.
pub(super) fn run(setup: &Setup) -> Result<Outcome, ReproduceError> {
    let problems = &setup.map_history()?.problems;
    let header = ["keyframes", "before (m)", "double ATE (m)", "single ATE (m)", "mixed ATE (m)", "Cholesky ATE (m)"];
    let mut table = Table::new("map_accuracy", &header);
    for problem in problems {
        let errors = problem.solves.iter().map(|solve| solve.ate_m);
        let errors = std::iter::once(problem.before_ate_m).chain(errors).map(|error| format!("{error:.8}"));
        let direct = problem.direct.map_or(String::new(), |direct| format!("{:.8}", direct.ate_m));
        table.push(std::iter::once(problem.keyframes.to_string()).chain(errors).chain([direct]));
    }
    let of =
        |policy: usize| problems.iter().map(|problem: &MapProblem| problem.solves[policy].ate_m).collect::<Vec<_>>();
    let (single, mixed) = (of(1), of(2));
    let line = |policy: usize, errors: &[f64], style| Line {
        label: POLICIES[policy].into(),
        color: policy_color(POLICIES[policy]),
        style,
        points: cumulative_steps(errors),
    };
    let chart = Chart {
        title: format!("Error after each of the {} optimizations of a growing map", problems.len()),
        x: "absolute trajectory error, RMSE (m)".into(),
        y: "share of problems (%)".into(),
        x_scale: Scale::FromZero,
        y_scale: Scale::FromZero,
        lines: vec![line(1, &single, Style::Line), line(2, &mixed, Style::Dashed)],
    };
    let apart = SHARES
        .map(|share| (quantile(&mixed, share) / quantile(&single, share) - 1.0).abs())
        .into_iter()
        .fold(0.0, f64::max);
    let worst = single.iter().zip(&mixed).map(|(single, mixed)| (mixed / single - 1.0).abs()).fold(0.0, f64::max);
    let check = Check::new(
        "mixed's curve lies on single's",
        apart < TOLERANCE,
        format!(
            "mixed's median, 90% and 99% ({} mm) are within {:.3}% of single's on {} problems, each problem within {:.3}%",
            SHARES.map(|share| format!("{:.2}", 1e3 * quantile(&mixed, share))).join(", "),
            1e2 * apart,
            problems.len(),
            1e2 * worst
        ),
    );
    let pictures = vec![("map_accuracy".into(), Picture::Chart(chart))];
    Ok(Outcome { verdict: Verdict::of(vec![check]), tables: vec![table], pictures })
}
