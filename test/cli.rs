//! The command line answers bad input with a message that says what is wrong and what would be right, a failing exit
//! code, and nothing half written.

#[path = "formats/sqlite.rs"]
mod sqlite;

use halfslam::bundle::{PointBundle, PointCamera, PointObservation, RadialTangentialCamera};
use halfslam::geometry::Se3;
use halfslam::io::bag::messages::{CameraInfo, Header, Image};
use halfslam::io::bag::{BagWriter, Qos};
use halfslam::io::libmv::{self, LibmvFile};
use halfslam::simulation::{Preset, Simulation, SimulationOptions, record};
use nalgebra::Point3;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn halfslam(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_halfslam")).args(arguments).output().expect("the program starts")
}

/// Runs a replay that must fail; returns its message.
fn failing_replay(folder: &Path, arguments: &[&str]) -> String {
    let out = folder.join("out");
    let out_name = out.to_string_lossy().into_owned();
    let output = halfslam(&[&["replay"], arguments, &["--out", &out_name]].concat());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "must fail: {message}");
    assert!(!message.contains("panicked"), "{message}");
    assert!(!out.exists(), "nothing may be written: {message}");
    let left: Vec<_> = std::fs::read_dir(folder).expect("readable").map(|entry| entry.expect("entry").path()).collect();
    assert!(left.iter().all(|path| !path.to_string_lossy().ends_with(".unfinished")), "left behind: {left:?}");
    message
}

fn assert_names(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "expected '{word}' in: {message}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_halfslam"))
        .args(["parameters", "--format", "markdown"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let missing = folder.path().join("no_such_recording");
    let message = failing_replay(folder.path(), &[&missing.to_string_lossy()]);
    assert_names(&message, &["no_such_recording"]);
}

#[test]
fn a_folder_without_a_recording_lists_what_can_be_read() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).expect("folder");
    let message = failing_replay(folder.path(), &[&empty.to_string_lossy()]);
    assert_names(&message, &["empty", "rosbag2", "KITTI"]);
}

#[test]
fn an_unknown_policy_lists_the_known_ones() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let message = failing_replay(folder.path(), &["anything", "--precision", "tripel"]);
    assert_names(&message, &["tripel", "double", "single", "mixed", "half"]);
}

#[test]
fn a_misspelt_parameter_is_answered_with_the_right_one() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let message = failing_replay(folder.path(), &["anything", "--set", "odometry.window.keyframe=9"]);
    assert_names(&message, &["odometry.window.keyframe'", "did you mean 'odometry.window.keyframes'"]);

    let config = folder.path().join("robot.yaml");
    std::fs::write(&config, "odometry:\n  windw:\n    keyframes: 9\n").expect("writable");
    let message = failing_replay(folder.path(), &["anything", "--config", &config.to_string_lossy()]);
    assert_names(&message, &["robot.yaml", "odometry.windw.keyframes", "odometry.window.keyframes"]);
}

#[test]
fn a_parameter_of_the_wrong_type_or_range_is_named() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let message = failing_replay(folder.path(), &["anything", "--set", "odometry.window.keyframes=many"]);
    assert_names(&message, &["odometry.window.keyframes", "whole number", "many"]);
    let message = failing_replay(folder.path(), &["anything", "--set", "odometry.window.keyframes=1"]);
    assert_names(&message, &["odometry.window.keyframes", "2 to 500"]);
    let message = failing_replay(folder.path(), &["anything", "--set", "odometry.window.keyframes"]);
    assert_names(&message, &["NAME=VALUE"]);
}

/// Cuts a file to this share of its length.
fn truncate(file: &Path, share: f64) {
    let bytes = std::fs::read(file).expect("readable");
    std::fs::write(file, &bytes[..(bytes.len() as f64 * share) as usize]).expect("writable");
}

#[test]
fn a_truncated_bag_is_named() {
    let temporary = tempfile::tempdir().expect("temporary folder");
    let options = SimulationOptions { duration_secs: 2.0, frame_rate_hz: 5.0, ..SimulationOptions::default() };
    let bag = temporary.path().join("tour");
    record(&Simulation::new(&options, 1, Preset::Stereo), &bag, |_| ()).expect("recorded");
    let database = temporary.path().join("tour.db3");
    sqlite::to_sqlite(&bag, &database, false);
    // Whole, it can be replayed.
    let whole = temporary.path().join("whole");
    let output = halfslam(&["replay", &database.to_string_lossy(), "--out", &whole.to_string_lossy()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    for share in [0.99, 0.5, 0.01] {
        let file = bag.join("tour_0.mcap");
        truncate(&file, share);
        let message = failing_replay(temporary.path(), &[&bag.to_string_lossy()]);
        assert_names(&message, &["tour_0.mcap", "expected", "cut off"]);
        truncate(&database, share);
        let message = failing_replay(temporary.path(), &[&database.to_string_lossy()]);
        assert_names(&message, &["tour.db3", "expected a complete sqlite3 bag"]);
    }
}

#[test]
fn a_calibration_that_contradicts_the_images_is_named_with_both_sizes() {
    let temporary = tempfile::tempdir().expect("temporary folder");
    let bag = temporary.path().join("tour");
    let mut writer = BagWriter::create(&bag).expect("a new folder");
    for (camera, shift) in [("left", 0.0), ("right", -40.0)] {
        let images = writer.add_topic::<Image>(&format!("/{camera}/image_rect"), Qos::SENSOR).expect("topic");
        let infos = writer.add_topic::<CameraInfo>(&format!("/{camera}/camera_info"), Qos::SENSOR).expect("topic");
        let header = Header::new(1_000, camera);
        let mut info = CameraInfo { header: header.clone(), width: 640, height: 480, ..CameraInfo::default() };
        info.p = [400.0, 0.0, 320.0, shift, 0.0, 400.0, 240.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        writer.write(infos, 1_000, &info).expect("written");
        let (width, height, encoding) = (320, 240, "mono8".to_owned());
        let data = vec![0; 320 * 240];
        let image = Image { header, width, height, encoding, is_bigendian: 0, step: width, data };
        writer.write(images, 1_000, &image).expect("written");
    }
    writer.finish().expect("a bag");
    let message = failing_replay(temporary.path(), &[&bag.to_string_lossy()]);
    assert_names(&message, &["camera_info: expected 320x240 pixels", "image_rect", "found 640x480"]);
}

#[test]
fn other_commands_name_what_is_wrong_too() {
    let temporary = tempfile::tempdir().expect("temporary folder");
    let path = |name: &str| temporary.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("taken"), "something").expect("writable");
    let long = path("long");
    for (arguments, words) in [
        (vec!["evaluate", "none.tum", "other.tum"], vec!["none.tum"]),
        (vec!["solve", "none.g2o"], vec!["none.g2o"]),
        (vec!["simulate", "--out", &path("taken")], vec!["taken", "exists already"]),
        (vec!["simulate", "--out", &long, "--duration", "-3"], vec!["--duration", "1 to 36000"]),
        (vec!["simulate", "--out", &long, "--preset", "sonar"], vec!["sonar", "stereo", "rgbd", "mono"]),
        (vec!["simulat"], vec!["simulat", "'simulate'"]),
    ] {
        let output = halfslam(&arguments.iter().map(AsRef::as_ref).collect::<Vec<&str>>());
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?} must fail: {message}");
        assert_names(&message, &words);
        assert!(!Path::new(&long).exists(), "{arguments:?} must write nothing");
    }
}

/// A limit on the size of files stands for a disk that is full: both fail in the middle of writing.
#[test]
fn a_bag_that_does_not_fit_is_named_with_what_the_system_says_and_leaves_nothing() {
    let temporary = tempfile::tempdir().expect("temporary folder");
    let bag = temporary.path().join("tour");
    let script = r#"trap "" XFSZ; ulimit -f 4096; exec "$0" simulate --duration 2 --out "$1""#;
    let output = Command::new("bash").args(["-c", script, env!("CARGO_BIN_EXE_halfslam")]).arg(&bag).output();
    let output = output.expect("bash runs");
    assert!(!output.status.success());
    assert_names(&String::from_utf8_lossy(&output.stderr), &["tour_0.mcap", "File too large"]);
    assert_eq!(std::fs::read_dir(temporary.path()).expect("readable").count(), 0, "nothing may be left");
}

#[test]
fn the_parameters_are_printed() {
    let output = halfslam(&["parameters"]);
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert_names(&text, &["ros__parameters", "keyframes"]);
}

#[test]
fn a_broken_reconstruction_is_named_with_its_line() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("broken.txt");
    std::fs::write(&path, "1 1 1\n0 3 1.0 2.0\n0 0 0\n0 0 0\n500 0 0\n1 2 -3\n").expect("written");
    let output = halfslam(&["solve", &path.to_string_lossy()]);
    assert!(!output.status.success());
    assert_names(&String::from_utf8_lossy(&output.stderr), &["broken.txt", "line 2", "point 3 of 1"]);
}

/// Three cameras side by side that see a grid of points through one distorted lens; `error_m` moves each point.
fn libmv_file(error_m: f64) -> LibmvFile {
    let camera = |x: f64| RadialTangentialCamera {
        t_world_camera: Se3::translation(x, 0.0, 0.0),
        focal_px: 500.0,
        center_px: [320.0, 240.0],
        radial: [-0.1, 0.01, 0.0],
        tangential: [1e-3, -1e-3],
    };
    let cameras: Vec<_> = [0.0, 0.5, 1.0].map(camera).into();
    let points = (0..16).map(|k| Point3::new(f64::from(k % 4) - 1.0, f64::from(k / 4) - 1.5, 5.0 + f64::from(k % 3)));
    let points: Vec<_> = points.collect();
    let mut observations = Vec::new();
    for (camera, seeing) in cameras.iter().enumerate() {
        for (point, p_world) in points.iter().enumerate() {
            let p_camera = seeing.t_world_camera.inverse() * p_world;
            let measured = RadialTangentialCamera::project(&seeing.lens::<f64>(), &p_camera.into());
            observations.push(PointObservation { camera, point, measured, sigma_px: 1.0 });
        }
    }
    let points = points.iter().map(|point| point.map(|value| value + error_m)).collect();
    let bundle = PointBundle { fixed: vec![false; 3], cameras, points, observations };
    LibmvFile { bundle, images: vec![1, 2, 9], tracks: (0..16).collect(), normalized: false, unplaced_markers: 0 }
}

#[test]
fn a_reconstruction_of_libmv_is_solved_and_written_again() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let [path, out, plot] = ["start.bin", "end.bin", "plot.svg"].map(|name| folder.path().join(name));
    libmv::write(&path, &libmv_file(0.05)).expect("written");
    let words = [&path, Path::new("--out"), &out, Path::new("--plot"), &plot, Path::new("--json"), Path::new("-")]
        .map(|path: &Path| path.to_string_lossy().into_owned());
    let output = halfslam(&[&["solve"], &words.each_ref().map(String::as_str)[..]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let cost = |name: &str| report[name].as_f64().expect("a number");
    // Of exact pixels nothing is left but that the format rounds them to single precision.
    assert!(cost("initial_cost") > 100.0 && cost("final_cost") < 1e-3, "{report}");
    let end = libmv::read(&out).expect("a sound file");
    assert_eq!((end.images, end.bundle.observations.len()), (vec![1, 2, 9], 48));
    assert!(plot.exists());
}

#[test]
fn a_broken_reconstruction_of_libmv_is_named_with_its_byte() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("broken.bin");
    let mut bytes = libmv::to_bytes(&libmv_file(0.0));
    bytes[34..38].copy_from_slice(&(-3i32).to_le_bytes());
    std::fs::write(&path, bytes).expect("written");
    let output = halfslam(&["solve", &path.to_string_lossy()]);
    assert!(!output.status.success());
    assert_names(&String::from_utf8_lossy(&output.stderr), &["broken.bin", "byte 34", "-3 cameras"]);
}
