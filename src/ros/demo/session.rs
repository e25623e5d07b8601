//! One run of the demo from start to end.

use super::children::Children;
use super::listener::Listener;
use super::report::Report;
use crate::config::Config;
use crate::io::sources;
use crate::replay::ReplayError;
use crate::ros::player::{PlayError, PlayOptions, Player};
use crate::ros::{Node, RosError};
use crate::sensors::Depth;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What the demo plays, and how.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// The recording.
    pub source: PathBuf,
    /// Configuration of both nodes.
    pub config: Config,
    /// Times as fast as recorded.
    pub rate: f64,
}

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The recording cannot be read or played.
    #[error(transparent)]
    Play(#[from] PlayError),
    /// The nodes could make nothing of the recording.
    #[error(transparent)]
    Recording(#[from] ReplayError),
    /// ROS refuses.
    #[error(transparent)]
    Ros(#[from] RosError),
    /// A node did not do as it should.
    #[error("{name}: {reason}")]
    Program {
        /// The program.
        name: &'static str,
        /// What happened.
        reason: String,
    },
    /// The nodes said nothing.
    #[error("the nodes published no odometry; their diagnostics: {0}")]
    Silent(String),
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// A result cannot be written.
    #[error("{path}: {reason}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

/// How long the nodes may say nothing new before they are taken to be done.
const QUIET: Duration = Duration::from_secs(4);
const LISTENER_WAIT: Duration = Duration::from_secs(20);

/// Starts both nodes, plays the recording to them and collects what they publish. `progress` is called with the
/// number of frames played and of all frames. The nodes are ended whatever happens.
///
/// # Errors
/// [`DemoError`] says what failed.
pub fn run(options: &DemoOptions, progress: &mut dyn FnMut(usize, usize)) -> Result<Report, DemoError> {
    let mut config = options.config.clone();
    let recording = sources::open(&options.source, &config.source).map_err(PlayError::from)?;
    let (rig, frame_count, truth) = (recording.rig, recording.frame_count, recording.truth.clone());
    config.ros.camera = match rig.depth {
        Depth::Image => "rgbd".into(),
        Depth::Stereo { .. } => "stereo".into(),
        Depth::None if recording.has_wheels => "mono".into(),
        Depth::None => {
            return Err(ReplayError::NoScale { kind: recording.kind }.into());
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| RosError::Start(error.to_string()))?;
    let stop = Arc::new(AtomicBool::new(false));
    watch_signals(&runtime, &stop)?;

    let mut node = Node::create("halfslam_demo")?;
    let (listener, taking) = Listener::subscribe(&mut node)?;
    let play = PlayOptions { rate: options.rate, clock: true, wait: LISTENER_WAIT };
    let player = Player::advertise(&mut node, &recording, &config.ros, play)?;
    let _spinning = node.spin()?;
    runtime.spawn(taking);

    let mut children = Children::start(&config)?;
    let (mut played, mut last_stamp, mut failure) = (0, 0, None);
    let mut image_times = BTreeMap::new();
    player.play(recording, &stop, &mut |stamp_nanos| {
        (played, last_stamp) = (played + 1, stamp_nanos);
        image_times.insert(stamp_nanos, Instant::now());
        progress(played, frame_count);
        if let Err(error) = children.check() {
            failure.get_or_insert(error);
            stop.store(true, Ordering::Relaxed);
        }
    })?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    wait_until_quiet(&listener, &mut children, last_stamp, &stop)?;
    if stop.load(Ordering::Relaxed) {
        return Err(DemoError::Interrupted);
    }
    let heard = listener.heard();
    children.stop()?;
    if heard.odometry.poses().is_empty() {
        return Err(DemoError::Silent(format!("{:?}", heard.diagnostics)));
    }
    Ok(Report { frames_played: played, image_times, heard, truth })
}

fn watch_signals(runtime: &tokio::runtime::Runtime, stop: &Arc<AtomicBool>) -> Result<(), RosError> {
    let stop = stop.clone();
    let signal = runtime.block_on(async { crate::ros::node::signal() });
    let signal = signal.map_err(|error| RosError::Start(error.to_string()))?;
    runtime.spawn(async move {
        signal.await;
        stop.store(true, Ordering::Relaxed);
    });
    Ok(())
}

/// Waits until the last frame's odometry and every keyframe's corrected pose are there, or nothing new comes.
fn wait_until_quiet(
    listener: &Listener,
    children: &mut Children,
    last_stamp: i64,
    stop: &AtomicBool,
) -> Result<(), DemoError> {
    let (mut before, mut changed) = (listener.progress(), Instant::now());
    while changed.elapsed() < QUIET && !stop.load(Ordering::Relaxed) {
        children.check()?;
        let now = listener.progress();
        if now != before {
            (before, changed) = (now, Instant::now());
        }
        let heard = listener.heard();
        let tracked_all = heard.odometry.poses().last().is_some_and(|pose| pose.stamp_nanos == last_stamp);
        // Keyframes are described after their frame's odometry is published, so a little quiet is asked for.
        if tracked_all && now.1 == now.2 && changed.elapsed() > Duration::from_secs(1) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
