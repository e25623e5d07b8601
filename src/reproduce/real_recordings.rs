//! Experiments 1 and 4 on real recordings: odometry and map from images under double, mixed and naive half.

use super::real_data::{self, SEQUENCES};
use super::{Check, Outcome, Picture, ReproduceError, Setup, Table, Verdict};
use crate::config::Config;
use crate::evaluation::{Alignment, absolute_error};
use crate::geometry::Trajectory;
use crate::io::sources::{self, Recording};
use crate::odometry::TrackingState;
use crate::plot::{Chart, Line, Scale, Style, TRUTH, policy_color};
use crate::replay::{self, ReplayError};
use std::path::Path;

const POLICIES: [&str; 3] = ["double", "mixed", "half"];
/// A quick run ends after so many samples.
const QUICK_EVENTS: usize = 150;
/// Errors of runs that took other features differ by as much, whatever their precision.
const ALIKE: f64 = 1.5;

/// A recording under one policy.
struct Run {
    frames: usize,
    tracked: usize,
    loops: usize,
    odometry: Trajectory,
    /// Absolute errors (m) of odometry and map; infinite where they cannot be told.
    odometry_ate_m: f64,
    corrected_ate_m: f64,
}

/// A recording under each policy, and its truth.
struct Replayed {
    name: String,
    truth: Trajectory,
    runs: Vec<Run>,
}

/// Replays the recordings of the data folder whose truth is known.
pub(super) fn run(setup: &Setup) -> Result<Outcome, ReproduceError> {
    let folder = match real_data::folder(setup.data.as_deref(), SEQUENCES) {
        Ok(folder) => folder,
        Err(reason) => return Ok(Outcome::skipped(reason)),
    };
    let folders = real_data::folders(&folder);
    let count = folders.len() * POLICIES.len();
    let runs = setup.each("real recordings", count, |index| {
        replayed(setup, &folders[index / POLICIES.len()], POLICIES[index % POLICIES.len()])
    })?;
    let mut runs = runs.into_iter();
    let mut recordings = Vec::new();
    for path in &folders {
        let (truths, runs): (Vec<Trajectory>, Vec<Run>) = runs.by_ref().take(POLICIES.len()).flatten().unzip();
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        recordings.extend(truths.into_iter().next().map(|truth| Replayed { name, truth, runs }));
    }
    if recordings.is_empty() {
        return Ok(Outcome::skipped(format!("no recording with a truth in {}", folder.display())));
    }
    let pictures = recordings
        .iter()
        .map(|recording| (format!("real_recording_{}", recording.name), Picture::Chart(from_above(recording))));
    Ok(Outcome { verdict: verdict(&recordings), tables: vec![table(&recordings)], pictures: pictures.collect() })
}

/// A recording under a policy, and its truth; `None` if that is not known, or if the folder is no recording that can be replayed.
fn replayed(setup: &Setup, path: &Path, policy: &str) -> Result<Option<(Trajectory, Run)>, ReproduceError> {
    let config = Config { precision: policy.into(), ..Config::default() };
    let opened = sources::open(path, &config.source);
    let left_out = |error: &dyn std::fmt::Display| tracing::warn!("{}: left out: {error}", path.display());
    let Ok(recording) = opened.inspect_err(|error| left_out(error)) else { return Ok(None) };
    let events = recording.events.take(setup.size(usize::MAX, QUICK_EVENTS));
    let recording = Recording { events: Box::new(events), ..recording };
    let outcome = match replay::run(recording, &config, &mut |_| ()) {
        Err(error @ ReplayError::NoScale { .. }) => {
            left_out(&error);
            return Ok(None);
        }
        outcome => outcome?,
    };
    let Some(truth) = outcome.truth else { return Ok(None) };
    let ate_m = |estimate: &Trajectory| super::drive::ate_m(estimate, &truth);
    let run = Run {
        frames: outcome.frames.len(),
        tracked: outcome.frames.iter().filter(|frame| frame.state == TrackingState::Tracking).count(),
        loops: outcome.map.loops().len(),
        odometry_ate_m: ate_m(&outcome.odometry),
        corrected_ate_m: ate_m(&outcome.map.trajectory()),
        odometry: outcome.odometry,
    };
    Ok(Some((truth, run)))
}

fn table(recordings: &[Replayed]) -> Table {
    let header = ["recording", "policy", "frames", "tracked", "loops", "odometry ATE (m)", "corrected ATE (m)"];
    let mut table = Table::new("real_recordings", &header);
    for recording in recordings {
        for (policy, run) in POLICIES.iter().zip(&recording.runs) {
            let counts = [run.frames, run.tracked, run.loops].map(|count| count.to_string());
            let errors = [run.odometry_ate_m, run.corrected_ate_m].map(|error| format!("{error:.6}"));
            table.push([recording.name.clone(), (*policy).into()].into_iter().chain(counts).chain(errors));
        }
    }
    table
}

/// The two axes along which a recording extends the most.
fn from_above(recording: &Replayed) -> Chart {
    let positions = || recording.truth.poses().iter().map(|pose| pose.t_world_body.translation.vector);
    let extent = |axis: usize| {
        let (least, most) = positions().fold((f64::MAX, f64::MIN), |(a, b), p| (a.min(p[axis]), b.max(p[axis])));
        most - least
    };
    let mut axes = [0, 1, 2];
    axes.sort_by(|a, b| extent(*b).total_cmp(&extent(*a)));
    let [first, second] = [axes[0].min(axes[1]), axes[0].max(axes[1])];
    let points = |trajectory: &Trajectory| {
        let positions = trajectory.poses().iter().map(|pose| pose.t_world_body.translation.vector);
        positions.map(|p| (p[first], p[second])).collect()
    };
    let aligned = |policy: usize, style| {
        let run = &recording.runs[policy];
        let error = absolute_error(&run.odometry, &recording.truth, Alignment::Se3);
        Line {
            label: format!("{} (ATE {:.1} cm)", POLICIES[policy], 1e2 * run.odometry_ate_m),
            color: policy_color(POLICIES[policy]),
            style,
            points: points(error.as_ref().map_or(&run.odometry, |error| &error.aligned_estimate)),
        }
    };
    let truth = Line { label: "truth".into(), color: TRUTH, style: Style::Line, points: points(&recording.truth) };
    let name = |axis: usize| format!("{} (m)", ["x", "y", "z"][axis]);
    Chart {
        title: format!("Visual odometry of {}", recording.name),
        x: name(first),
        y: name(second),
        x_scale: Scale::Map,
        y_scale: Scale::Map,
        lines: vec![truth, aligned(2, Style::Line), aligned(1, Style::Dashed)],
    }
}

fn verdict(recordings: &[Replayed]) -> Verdict {
    let found = |recording: &Replayed| {
        let [double, mixed, half] = [0, 1, 2].map(|policy| 1e2 * recording.runs[policy].odometry_ate_m);
        format!("{}: double {double:.1}, mixed {mixed:.1}, half {half:.1} cm", recording.name)
    };
    let check = |claim, holds: &dyn Fn(&[Run]) -> bool| {
        let found = recordings.iter().map(found).collect::<Vec<_>>().join("; ");
        Check::new(claim, recordings.iter().all(|recording| holds(&recording.runs)), found)
    };
    let tracked = recordings.iter().flat_map(|recording| &recording.runs[..2]);
    let (frames, all) = tracked.fold((0, 0), |(tracked, all), run| (tracked + run.tracked, all + run.frames));
    Verdict::of(vec![
        Check::new("no frame is lost in double and mixed", frames == all, format!("{frames} of {all} tracked")),
        check("mixed's odometry is as good as double's", &|runs| {
            runs[1].odometry_ate_m < ALIKE * runs[0].odometry_ate_m
        }),
        check("naive half's is not", &|runs| runs[2].odometry_ate_m > ALIKE * runs[1].odometry_ate_m),
    ])
}
