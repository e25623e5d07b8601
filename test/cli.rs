//! The command line answers bad input with a message that says what is wrong and what would be right, a failing exit
//! code, and nothing half written.

use std::path::Path;
use std::process::{Command, Output};

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
