//! Programs, graphs and recordings for the tests of the nodes.

use halfslam::config::Config;
use halfslam::geometry::{StampedPose, Trajectory};
use halfslam::io::sources;
use halfslam::map::LoopCloser;
use halfslam::odometry::Odometry;
use halfslam::place::Describer;
use halfslam::precision::Policy;
use halfslam::sensors::SensorEvent;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// One of this package's programs.
pub fn program(name: &str) -> &'static str {
    match name {
        "vo_node" => env!("CARGO_BIN_EXE_vo_node"),
        "loop_closure_node" => env!("CARGO_BIN_EXE_loop_closure_node"),
        _ => env!("CARGO_BIN_EXE_halfslam"),
    }
}

/// A script beside these tests.
pub fn python(script: &str) -> Command {
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("test/ros").join(script));
    command
}

/// Puts a command into a ROS graph of its own: tests of this run differ by `number`, runs by the process.
pub fn graph(command: &mut Command, number: u32) -> &mut Command {
    let domain = 1 + (std::process::id() * 7 + number) % 100;
    command.env("ROS_DOMAIN_ID", domain.to_string()).env("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
}

/// A running program, which ends with the test.
pub struct Node(pub Child);

impl Node {
    pub fn start(name: &str, arguments: &[&str], number: u32) -> Self {
        let mut command = Command::new(program(name));
        let command = command.arg("--ros-args").args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit());
        Self(graph(command, number).spawn().unwrap())
    }

    /// A node is ready when it sleeps in its spin: by then all its threads are there.
    pub fn wait_until_ready(&self) {
        let threads = format!("/proc/{}/task", self.0.id());
        let deadline = Instant::now() + Duration::from_secs(20);
        let is_there = |name: &str| {
            std::fs::read_dir(&threads).is_ok_and(|tasks| {
                tasks
                    .flatten()
                    .any(|task| std::fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name))
            })
        };
        while !is_there("spin") {
            assert!(Instant::now() < deadline, "the node does not spin");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends SIGINT and gives the exit code.
    pub fn interrupt(mut self) -> Option<i32> {
        Command::new("kill").args(["-INT", &self.0.id().to_string()]).status().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the program still runs 20 s after SIGINT");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Processes that this one has started.
    pub fn children(&self) -> Vec<u32> {
        let id = self.0.id();
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).unwrap().flatten();
        let children = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
        children.flat_map(|line| line.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// A short simulated tour with a stereo pair, wheels, inertial unit and truth; made once for all tests of a run.
pub fn recording() -> &'static Path {
    static RECORDING: OnceLock<PathBuf> = OnceLock::new();
    RECORDING.get_or_init(|| simulated("stereo"))
}

/// The same with one camera.
pub fn single_recording() -> &'static Path {
    static RECORDING: OnceLock<PathBuf> = OnceLock::new();
    RECORDING.get_or_init(|| simulated("mono"))
}

fn simulated(preset: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ros_tour_{preset}"));
    let _ = std::fs::remove_dir_all(&folder);
    let mut command = Command::new(program("halfslam"));
    let command = command.args(["simulate", "--seed", "3", "--duration", "8", "--preset", preset, "--out"]);
    assert!(command.arg(&folder).status().unwrap().success());
    folder
}

/// What odometry and loop closer make of a recording in this process: the odometry and the corrected path.
pub fn in_one_process(path: &Path, config: &Config) -> (Trajectory, Trajectory) {
    let recording = sources::open(path, &config.source).unwrap();
    let policy = Policy::resolve(&config.precision).unwrap();
    let mut odometry = Odometry::new(&config.odometry, &recording.rig, &policy).unwrap();
    let mut describer = Describer::new(&config.map.place);
    let mut map = LoopCloser::new(&config.map, &policy);
    let mut trajectory = Trajectory::default();
    for event in recording.events {
        match event.unwrap() {
            SensorEvent::Wheel(sample) => odometry.add_wheel(&sample),
            SensorEvent::Imu(sample) => odometry.add_imu(&sample),
            SensorEvent::Frame(frame) => {
                let estimate = odometry.track(&Arc::from(frame));
                trajectory.push(StampedPose { stamp_nanos: estimate.stamp_nanos, t_world_body: estimate.t_odom_base });
                if let Some(keyframe) = &estimate.keyframe {
                    map.add(describer.describe(keyframe)).unwrap();
                }
            }
        }
    }
    if let Some((keyframe, _)) = odometry.finish() {
        map.add(describer.describe(&keyframe)).unwrap();
    }
    let corrected = map.trajectory();
    (trajectory, corrected)
}
