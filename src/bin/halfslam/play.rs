//! `halfslam play`: a recording as ROS 2 topics.

use super::Failure;
use halfslam::config::Config;
use halfslam::io::sources;
use halfslam::ros::Node;
use halfslam::ros::player::{PlayOptions, Player};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Arguments of `halfslam play`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A rosbag2, or a folder in the format of EuRoC, TUM RGB-D, KITTI odometry or 7-Scenes.
    source: PathBuf,
    /// Times as fast as recorded.
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    rate: f64,
    /// Publish /clock, for nodes with use_sim_time.
    #[arg(long)]
    clock: bool,
    /// Seconds to wait for somebody to listen before starting.
    #[arg(long, default_value_t = 10.0, value_parser = not_negative)]
    wait: f64,
}

/// Plays a recording to its end, or until Ctrl-C.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::default();
    let recording = sources::open(&arguments.source, &config.source)?;
    let bar = progress_bar(recording.frame_count as u64);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut node = Node::create("halfslam_player")?;
    let options =
        PlayOptions { rate: arguments.rate, clock: arguments.clock, wait: Duration::from_secs_f64(arguments.wait) };
    let player = Player::advertise(&mut node, &recording, &config.ros, options)?;
    let _spinning = node.spin()?;
    let signal = runtime.block_on(async { halfslam::ros::node::signal() })?;
    let watcher = std::thread::spawn({
        let stop = stop.clone();
        move || {
            runtime.block_on(signal);
            stop.store(true, Ordering::Relaxed);
        }
    });
    player.play(recording, &stop, &mut |_| bar.inc(1))?;
    bar.finish_and_clear();
    // The watcher waits for a signal that need not come: the program's end takes it along.
    drop(watcher);
    Ok(())
}

/// A bar with rate and remaining time.
pub fn progress_bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} frames, {eta} left {msg}");
    ProgressBar::new(length).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A number above zero.
pub fn positive(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number| *number > 0.0).ok_or_else(|| "expected a number above 0".into())
}

fn not_negative(text: &str) -> Result<f64, String> {
    let in_range = |number: &f64| (0.0..=86_400.0).contains(number);
    text.parse().ok().filter(in_range).ok_or_else(|| "expected seconds from 0 to 86400".into())
}
