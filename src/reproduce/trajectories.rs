//! Experiment 2: the errors of many trajectories under double, mixed and naive half.

use super::drive::{ate_m, odometry, tour};
use super::{Check, Outcome, Picture, ReproduceError, Setup, Table, Verdict};
use crate::odometry::OdometryOptions;
use crate::plot::{Chart, Line, Scale, Style, cumulative_steps, policy_color, quantile};
use crate::precision::Policy;
use crate::simulation::features::FeatureOptions;

const POLICIES: [&str; 3] = ["double", "mixed", "half"];
/// As many as the article's.
const COUNT: usize = 1703;
/// Length of each (s).
const DURATION_SECS: f64 = 16.0;
/// Shares at which the distributions are compared.
const SHARES: [f64; 3] = [0.5, 0.9, 0.99];
/// How far mixed's quantiles may be from double's.
const TOLERANCE: f64 = 0.01;

/// Drives many tours, each through a flat of its own, under each policy.
pub(super) fn run(setup: &Setup) -> Result<Outcome, ReproduceError> {
    let count = setup.count(COUNT, 3);
    let duration_secs = if setup.quick { 8.0 } else { DURATION_SECS };
    let policies = POLICIES.map(Policy::resolve).into_iter().collect::<Result<Vec<Policy>, _>>()?;
    let errors_m = setup.each("trajectories", count, |index| -> Result<Vec<f64>, ReproduceError> {
        let simulation = tour(setup.seed + index as u64, duration_secs, &FeatureOptions::default());
        let truth = simulation.truth();
        let error = |policy| Ok(ate_m(&odometry(&simulation, policy, &OdometryOptions::default(), None)?, &truth));
        policies.iter().map(error).collect()
    })?;

    let mut table = Table::new("trajectories", &["seed", "double ATE (m)", "mixed ATE (m)", "half ATE (m)"]);
    for (index, errors) in errors_m.iter().enumerate() {
        let seed = (setup.seed + index as u64).to_string();
        table.push(std::iter::once(seed).chain(errors.iter().map(|error| format!("{error:.7}"))));
    }
    let of = |policy: usize| errors_m.iter().map(|errors| errors[policy]).collect::<Vec<f64>>();
    let [double, mixed, half] = [of(0), of(1), of(2)];
    let line = |index: usize, errors: &[f64], style| Line {
        label: POLICIES[index].into(),
        color: policy_color(POLICIES[index]),
        style,
        points: cumulative_steps(errors),
    };
    let chart = Chart {
        title: format!("Odometry's error on {count} trajectories"),
        x: "absolute trajectory error, RMSE (m)".into(),
        y: "share of trajectories (%)".into(),
        x_scale: Scale::Logarithmic,
        y_scale: Scale::FromZero,
        lines: vec![line(0, &double, Style::Line), line(1, &mixed, Style::Dashed), line(2, &half, Style::Line)],
    };
    let ratio = |errors: &[f64], share| quantile(errors, share) / quantile(&double, share);
    let apart = SHARES.map(|share| (ratio(&mixed, share) - 1.0).abs()).into_iter().fold(0.0, f64::max);
    let quantiles = SHARES.map(|share| format!("{:.1}", 1e3 * quantile(&mixed, share))).join(", ");
    let verdict = Verdict::of(vec![
        Check::new(
            "mixed's curve lies on double's",
            apart < TOLERANCE,
            format!(
                "mixed's median, 90% and 99% ({quantiles} mm) are within {:.2}% of double's on {count} trajectories",
                1e2 * apart
            ),
        ),
        Check::new(
            "naive half's does not",
            ratio(&half, 0.5) > 2.0,
            format!("naive half's median is {:.1} times double's", ratio(&half, 0.5)),
        ),
    ]);
    Ok(Outcome { verdict, tables: vec![table], pictures: vec![("trajectories".into(), Picture::Chart(chart))] })
}
