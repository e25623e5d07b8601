//! `halfslam demo`: both nodes on a recording.

use super::Failure;
use super::play::{positive, progress_bar};
use halfslam::config::Config;
use halfslam::ros::demo::{self, DemoOptions, Report};
use std::path::PathBuf;

/// Arguments of `halfslam demo`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A rosbag2, or a folder in the format of EuRoC, TUM RGB-D, KITTI odometry or 7-Scenes.
    source: PathBuf,
    /// Times as fast as recorded.
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    rate: f64,
    /// Precision policy: double, single, mixed, half, or a YAML file.
    #[arg(long)]
    precision: Option<String>,
    /// Where the results go.
    #[arg(long, default_value = "out/demo")]
    out: PathBuf,
}

/// Runs the demo and prints what came of it.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut config = Config::default();
    if let Some(precision) = &arguments.precision {
        config.precision.clone_from(precision);
    }
    halfslam::precision::Policy::resolve(&config.precision)?;
    let options = DemoOptions { source: arguments.source.clone(), config, rate: arguments.rate };
    let bar = progress_bar(0);
    let report = demo::run(&options, &mut |played, all| {
        bar.set_length(all as u64);
        bar.set_position(played as u64);
    });
    bar.finish_and_clear();
    let report = report?;
    let written = demo::write(&report, &arguments.out)?;
    print(&report);
    for path in written {
        println!("  {}", path.display());
    }
    Ok(())
}

fn print(report: &Report) {
    let heard = &report.heard;
    println!("frames played     {}", report.frames_played);
    println!(
        "odometry          {} poses, {:.2} m of path",
        heard.odometry.poses().len(),
        heard.odometry.path_length_m()
    );
    println!("keyframes         {}, {} in the corrected path", heard.keyframe_count, heard.corrected.poses().len());
    println!("loops             {}", report.loop_count());
    println!("map               {} points", heard.cloud_points);
    for (name, error) in [("odometry", report.odometry_error()), ("corrected path", report.corrected_error())] {
        match error {
            Some(error) => println!("ATE {name:<14}{:.3} m (RMSE)", error.translation_m.rmse),
            None => println!("ATE {name:<14}unknown: the recording has no truth"),
        }
    }
    if let Some([median, p95, p99, max]) = report.latency_ms() {
        println!("image to pose     {median:.1} ms median, {p95:.1} p95, {p99:.1} p99, {max:.1} at most");
    }
    if let Some([median, p95, p99]) = report.node_ms() {
        println!("  of it in vo_node {median:.1} ms median, {p95:.1} p95, {p99:.1} p99; the rest is the middleware's");
    }
    let losses = report.losses();
    if losses.is_empty() {
        println!("losses            none: every frame was used");
    }
    for (what, count) in losses {
        println!("loss              {what}: {count}");
    }
    println!("results:");
}
