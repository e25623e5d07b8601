//! Experiment 1: one trajectory under naive half and under mixed, from above.

use super::drive::{ate_m, odometry, tour};
use super::{Check, Outcome, Picture, ReproduceError, Setup, Table, Verdict};
use crate::evaluation::{Alignment, absolute_error};
use crate::geometry::Trajectory;
use crate::odometry::OdometryOptions;
use crate::plot::{Chart, Line, Scale, Style, TRUTH, policy_color};
use crate::precision::Policy;
use crate::simulation::features::FeatureOptions;

const POLICIES: [&str; 3] = ["double", "mixed", "half"];

/// Drives the first tour of the seed under each policy.
pub(super) fn run(setup: &Setup) -> Result<Outcome, ReproduceError> {
    let duration_secs = if setup.quick { 20.0 } else { 90.0 };
    let simulation = tour(setup.seed, duration_secs, &FeatureOptions::default());
    let truth = simulation.truth();
    let estimates = setup.each("trajectory", POLICIES.len(), |index| {
        let policy = Policy::resolve(POLICIES[index])?;
        odometry(&simulation, &policy, &OdometryOptions::default(), None)
    })?;
    let [double, mixed, half] = [0, 1, 2].map(|index| ate_m(&estimates[index], &truth));
    let aligned: Vec<Trajectory> = estimates
        .iter()
        .map(|estimate| match absolute_error(estimate, &truth, Alignment::Se3) {
            Ok(error) => error.aligned_estimate,
            Err(_) => estimate.clone(),
        })
        .collect();

    let mut table = Table::new("trajectory", &["trajectory", "time (s)", "x (m)", "y (m)"]);
    let named = std::iter::once(("truth", &truth)).chain(POLICIES.into_iter().zip(&aligned));
    for (name, trajectory) in named {
        let start = truth.poses().first().map_or(0, |pose| pose.stamp_nanos);
        for pose in trajectory.poses() {
            let [x, y] = [pose.t_world_body.translation.x, pose.t_world_body.translation.y];
            let secs = (pose.stamp_nanos - start) as f64 * 1e-9;
            table.push([name.to_string(), format!("{secs:.3}"), format!("{x:.6}"), format!("{y:.6}")]);
        }
    }
    let line = |label: String, color, style, trajectory| Line { label, color, style, points: from_above(trajectory) };
    let estimate = |index: usize, style, ate_m: f64| {
        let label = format!("{} (ATE {:.1} mm)", POLICIES[index], 1e3 * ate_m);
        line(label, policy_color(POLICIES[index]), style, &aligned[index])
    };
    let chart = Chart {
        title: format!("One trajectory of {:.0} m, from above", truth.path_length_m()),
        x: "x (m)".into(),
        y: "y (m)".into(),
        x_scale: Scale::Map,
        y_scale: Scale::Map,
        lines: vec![
            line("truth".into(), TRUTH, Style::Line, &truth),
            estimate(2, Style::Line, half),
            estimate(1, Style::Dashed, mixed),
        ],
    };
    let same = (mixed / double - 1.0).abs();
    let verdict = Verdict::of(vec![
        Check::new(
            "mixed lies on double",
            same < 0.05,
            format!(
                "mixed's ATE of {:.2} mm is within {:.2}% of double's {:.2} mm",
                1e3 * mixed,
                1e2 * same,
                1e3 * double
            ),
        ),
        Check::new(
            "naive half does not",
            half > 2.0 * double,
            format!("naive half's is {:.1} mm, {:.1} times that", 1e3 * half, half / double),
        ),
    ]);
    Ok(Outcome { verdict, tables: vec![table], pictures: vec![("trajectory".into(), Picture::Chart(chart))] })
}

fn from_above(trajectory: &Trajectory) -> Vec<(f64, f64)> {
    trajectory.poses().iter().map(|pose| (pose.t_world_body.translation.x, pose.t_world_body.translation.y)).collect()
}
