//! Experiment 4: errors without and with loop closure.

use super::drive::{ate_m, odometry, tour};
use super::{Check, Outcome, Picture, ReproduceError, Setup, Table, Verdict};
use crate::config::Config;
use crate::geometry::{StampedPose, Trajectory};
use crate::map::LoopCloser;
use crate::plot::{CORRECTED, Chart, Line, ODOMETRY, Scale, Style, cumulative_steps, quantile};
use crate::precision::Policy;
use crate::simulation::features::FeatureOptions;

const COUNT: usize = 40;
/// Long enough to return to a place several times (s).
const DURATION_SECS: f64 = 150.0;

/// What the article reports: without and with, in metres.
const ARTICLE_M: [[f64; 2]; 4] = [[0.403, 5.83e-4], [0.265, 5.71e-4], [0.200, 5.57e-4], [0.0972, 3.19e-4]];
const FIGURES: [&str; 4] = ["max", "99%", "90%", "mean"];

/// One tour: errors (m) of the keyframes as the odometry saw them and as the map corrected them, and closed loops.
struct Tour {
    without_m: f64,
    with_m: f64,
    loop_count: usize,
}

/// Drives tours through odometry, place recognition and loop closure, in mixed. The cameras are calibrated without
/// error: one would stretch odometry and loops alike, and hide what the loops take away.
pub(super) fn run(setup: &Setup) -> Result<Outcome, ReproduceError> {
    let policy = Policy::resolve("mixed")?;
    let config = Config::default();
    let features = FeatureOptions { focal_error: 0.0, column_error_px: 0.0, ..FeatureOptions::default() };
    let count = setup.count(COUNT, 3);
    let duration_secs = if setup.quick { 40.0 } else { DURATION_SECS };
    let tours = setup.each("loop closure", count, |index| -> Result<Tour, ReproduceError> {
        let simulation = tour(setup.seed + index as u64, duration_secs, &features);
        let truth = simulation.truth();
        let mut map = LoopCloser::new(&config.map, &policy);
        let estimate = odometry(&simulation, &policy, &config.odometry, Some(&mut map))?;
        let corrected = map.trajectory();
        let stamped =
            |pose: &StampedPose| estimate.at(pose.stamp_nanos).map(|t| StampedPose { t_world_body: t, ..*pose });
        let uncorrected = Trajectory::from_poses(corrected.poses().iter().filter_map(stamped).collect());
        let loop_count = map.loops().len();
        Ok(Tour { without_m: ate_m(&uncorrected, &truth), with_m: ate_m(&corrected, &truth), loop_count })
    })?;

    let mut table = Table::new("loop_closure_tours", &["seed", "loops", "ATE without (m)", "ATE with (m)"]);
    for (index, tour) in tours.iter().enumerate() {
        let seed = setup.seed + index as u64;
        let errors = [tour.without_m, tour.with_m].map(|error| format!("{error:.6}"));
        table.push([seed.to_string(), tour.loop_count.to_string()].into_iter().chain(errors));
    }
    let without: Vec<f64> = tours.iter().map(|tour| tour.without_m).collect();
    let with: Vec<f64> = tours.iter().map(|tour| tour.with_m).collect();
    let header = ["figure", "without (m)", "with (m)", "article without (m)", "article with (m)"];
    let mut summary = Table::new("loop_closure", &header);
    let (ours_without, ours_with) = (figures(&without), figures(&with));
    for (index, name) in FIGURES.into_iter().enumerate() {
        let values = [ours_without[index], ours_with[index], ARTICLE_M[index][0], ARTICLE_M[index][1]];
        summary.push(std::iter::once(name.into()).chain(values.map(|value| format!("{value:.6}"))));
    }
    let line = |label: &str, color, errors: &[f64]| Line {
        label: label.into(),
        color,
        style: Style::Line,
        points: cumulative_steps(errors),
    };
    let chart = Chart {
        title: format!("{count} tours of {duration_secs:.0} s without and with loop closure"),
        x: "absolute trajectory error, RMSE (m)".into(),
        y: "share of tours (%)".into(),
        x_scale: Scale::Logarithmic,
        y_scale: Scale::FromZero,
        lines: vec![line("odometry alone", ODOMETRY, &without), line("with loop closure", CORRECTED, &with)],
    };
    let loops: usize = tours.iter().map(|tour| tour.loop_count).sum();
    let found = FIGURES.iter().zip(ours_without.iter().zip(&ours_with));
    let found = found.map(|(name, (without, with))| format!("{name} {:.1} to {:.1} mm", 1e3 * without, 1e3 * with));
    let verdict = Verdict::of(vec![
        Check::new("loops close", loops >= count, format!("{loops} on {count} tours")),
        Check::new(
            "they take a good part of the mean error away",
            ours_with[3] < 0.67 * ours_without[3],
            found.collect::<Vec<_>>().join(", "),
        ),
    ]);
    let pictures = vec![("loop_closure".into(), Picture::Chart(chart))];
    Ok(Outcome { verdict, tables: vec![summary, table], pictures })
}

/// Maximum, 99%, 90% and mean.
fn figures(errors: &[f64]) -> [f64; 4] {
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    [quantile(errors, 1.0), quantile(errors, 0.99), quantile(errors, 0.9), mean]
}
