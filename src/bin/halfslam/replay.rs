//! `halfslam replay`: a recording through the whole pipeline.

use super::Failure;
use halfslam::config::Config;
use halfslam::io::sources;
use halfslam::odometry::TrackingState;
use halfslam::options::ParameterValue;
use halfslam::replay::{self, Errors, OutputFolder, Summary};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;

/// Arguments of `halfslam replay`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A rosbag2, or a folder in the format of EuRoC, TUM RGB-D, KITTI odometry or 7-Scenes.
    source: PathBuf,
    /// Precision policy: double, single, mixed, half, or a YAML file; the configuration's if not given.
    #[arg(long)]
    precision: Option<String>,
    /// Configuration file; see `halfslam parameters`.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Sets one parameter, e.g. `--set odometry.window.keyframes=20`; can be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    sets: Vec<String>,
    /// Where the results go.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

/// Replays, writes the results and prints the figures.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = configuration(arguments)?;
    halfslam::precision::Policy::resolve(&config.precision)?;
    let recording = sources::open(&arguments.source, &config.source)?;
    let output = OutputFolder::prepare(&arguments.out)?;

    let bar = progress_bar(recording.frame_count as u64);
    let mut lost = 0;
    let outcome = replay::run(recording, &config, &mut |frame| {
        lost += usize::from(frame.state == TrackingState::Lost);
        bar.set_message(if lost > 0 { format!("{lost} lost") } else { String::new() });
        bar.inc(1);
    });
    bar.finish_and_clear();
    let summary = output.write(&outcome?, &config)?;
    print_summary(&summary);
    println!("results in {}", arguments.out.display());
    Ok(())
}

fn configuration(arguments: &Arguments) -> Result<Config, Failure> {
    let mut config = match &arguments.config {
        Some(path) => Config::load(path)?,
        None => Config::default(),
    };
    for set in &arguments.sets {
        let (name, value) =
            set.split_once('=').ok_or_else(|| format!("--set {set}: expected NAME=VALUE, found no '='"))?;
        config.change(name, &ParameterValue::from_text(value))?;
    }
    if let Some(precision) = &arguments.precision {
        config.precision.clone_from(precision);
    }
    Ok(config)
}

/// A bar with rate and remaining time.
pub fn progress_bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} frames, {per_sec}, {eta} left {msg}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn print_summary(summary: &Summary) {
    println!("policy          {}", summary.policy);
    println!("frames          {} ({} tracked, {} lost)", summary.frames, summary.tracked, summary.lost);
    println!("path            {:.2} m", summary.path_length_m);
    println!("keyframes       {}", summary.keyframes);
    let false_loops = summary.edges.map_or(String::new(), |edges| format!(" ({} false)", edges.false_loops));
    println!("loops           {}{false_loops}", summary.loops);
    print_errors("odometry", summary.odometry.as_ref());
    print_errors("corrected", summary.corrected.as_ref());
    println!("per frame       {:.2} ms median, {:.2} ms p99", summary.frame_ms.median, summary.frame_ms.p99);
    println!(
        "per keyframe    {:.2} ms median, {:.2} ms p99 (places and map)",
        summary.map_ms.median, summary.map_ms.p99
    );
    println!("per solve       {:.2} ms median, {:.2} ms p99", summary.solve_ms.median, summary.solve_ms.p99);
    for failure in &summary.failed_corrections {
        println!("loop not closed {failure}");
    }
}

fn print_errors(name: &str, errors: Option<&Errors>) {
    let Some(errors) = errors else { return println!("{name:<15} no truth known") };
    print!("{name:<15} ATE {:.4} m", errors.ate_rmse_m);
    if let Some(percent) = errors.rpe_translation_percent {
        print!(", drift {percent:.3} %");
    }
    println!();
}
