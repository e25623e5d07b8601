//! The two nodes as processes, over real DDS. Each test has a ROS graph of its own.

mod support;

use halfslam::config::Config;
use halfslam::geometry::{Trajectory, se3};
use halfslam::io::trajectory::read_tum;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;
use support::{Node, graph, program, python, recording, single_recording};

fn run_to_its_end(name: &str, parameters: &[&str]) -> (Option<i32>, String) {
    let mut arguments = vec!["--ros-args"];
    parameters.iter().for_each(|parameter| arguments.extend(["-p", parameter]));
    let output = graph(Command::new(program(name)).args(arguments), 0).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_wrong_parameter_ends_a_node_with_its_name() {
    for (parameter, words) in [
        ("ros.odom_fram:=x", ["'ros.odom_fram'", "did you mean 'ros.odom_frame'"]),
        ("ros.publish_tf:=maybe", ["'ros.publish_tf'", "expected true or false"]),
        ("ros.frame_queue:=0", ["'ros.frame_queue'", "1 to 1000"]),
        ("precision:=quarter", ["'precision'", "double, single, mixed, half"]),
        ("use_sim_time:=perhaps", ["'use_sim_time'", "expected true or false"]),
    ] {
        for name in ["vo_node", "loop_closure_node"] {
            let (code, said) = run_to_its_end(name, &[parameter]);
            assert_eq!(code, Some(1), "{name} {parameter}: {said}");
            assert!(words.iter().all(|word| said.contains(word)), "{name} {parameter}: {said}");
        }
    }
}

#[test]
fn a_broken_parameter_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("broken.yaml");
    std::fs::write(&file, "a: [").unwrap();
    let mut command = Command::new(program("vo_node"));
    let output = graph(command.args(["--ros-args", "--params-file"]).arg(&file), 1).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("broken.yaml"), "{said}");
}

#[test]
fn a_recording_that_is_not_there_is_named_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, out) = (folder.path().join("no_such_bag"), folder.path().join("out"));
    for arguments in [vec!["play"], vec!["demo", "--out", out.to_str().unwrap()]] {
        let mut command = Command::new(program("halfslam"));
        let output = graph(command.args(&arguments).arg(&missing), 10).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains("no_such_bag"), "{arguments:?}: {said}");
        assert!(!out.exists(), "{arguments:?}");
    }
}

#[test]
fn sigint_ends_both_nodes_with_zero() {
    for name in ["vo_node", "loop_closure_node"] {
        let node = Node::start(name, &[], 2);
        node.wait_until_ready();
        assert_eq!(node.interrupt(), Some(0), "{name}");
    }
}

#[test]
fn a_node_outlives_bad_messages_gaps_and_jumps_of_time() {
    let node = Node::start("vo_node", &["-p", "ros.topic_timeout_secs:=1.0"], 3);
    let output = graph(&mut python("stubborn_node.py"), 3).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(node.interrupt(), Some(0));
}

#[test]
fn the_map_outlives_bad_keyframes_a_new_odometry_and_jumps_of_time() {
    let node = Node::start("loop_closure_node", &[], 8);
    let output = graph(&mut python("stubborn_map.py"), 8).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(node.interrupt(), Some(0));
}

#[test]
fn the_nodes_agree_with_one_process() {
    agree_with_one_process(recording(), 4);
}

#[test]
fn the_nodes_agree_with_one_process_on_one_camera_and_wheels() {
    agree_with_one_process(single_recording(), 10);
}

fn agree_with_one_process(recording: &Path, number: u32) {
    let folder = tempfile::tempdir().unwrap();
    let (odometry, corrected) = support::in_one_process(recording, &Config::default());
    let mut differences = Vec::new();
    // On a machine that is too busy frames are dropped, or samples come after their frame, which is reported: then slower.
    for rate in ["1.0", "0.5", "0.25"] {
        let mut command = Command::new(program("halfslam"));
        let command = command.args(["demo", "--rate", rate, "--out"]).arg(folder.path()).arg(recording);
        let Output { status, stdout, stderr } = graph(command, number).output().unwrap();
        let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{said}");
        let read = |name: &str| read_tum(&folder.path().join(name)).unwrap();
        let compared = agree("odometry", &read("odometry.tum"), &odometry)
            .and_then(|()| agree("corrected path", &read("corrected.tum"), &corrected));
        match compared {
            Ok(()) => return,
            Err(difference) if said.contains("losses            none") => panic!("rate {rate}: {difference}"),
            Err(difference) => differences.push(format!("rate {rate}: {difference}; {said}")),
        }
    }
    panic!("{}", differences.join("\n"));
}

#[test]
fn every_frame_that_is_lost_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("halfslam"));
    // Faster than any computer tracks.
    let command = command.args(["demo", "--rate", "200", "--out"]).arg(folder.path()).arg(recording());
    let Output { status, stdout, stderr } = graph(command, 9).output().unwrap();
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{said}");
    let summary = std::fs::read_to_string(folder.path().join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    let count = |value: &serde_json::Value| value.as_u64().unwrap();
    let unused = count(&summary["frames"]) - count(&summary["odometry_poses"]);
    assert!(unused > 10, "{summary}");
    // Samples that come after their frame lose no frame.
    let losses = summary["losses"].as_object().unwrap().iter().filter(|(name, _)| !name.ends_with("late samples"));
    let reported: u64 = losses.map(|(_, value)| value.as_str().unwrap().parse::<u64>().unwrap()).sum();
    // Those after the last one that came, and those before the rate was known, nobody can miss.
    assert!(reported + 10 >= unused, "{unused} frames were not used; {summary}");
}

/// The difference, if there is more than a centimetre or another number of poses.
fn agree(what: &str, nodes: &Trajectory, one_process: &Trajectory) -> Result<(), String> {
    let (nodes, one_process) = (nodes.poses(), one_process.poses());
    if nodes.len() != one_process.len() {
        return Err(format!("{what}: {} poses and {}", nodes.len(), one_process.len()));
    }
    for (a, b) in nodes.iter().zip(one_process) {
        let difference = se3::log(&(a.t_world_body.inverse() * b.t_world_body));
        let distance_m = difference.fixed_rows::<3>(0).norm();
        if (a.stamp_nanos - b.stamp_nanos).abs() > 1_000 || distance_m > 0.01 {
            return Err(format!("{what} at {} and {} ns: {distance_m} m apart", a.stamp_nanos, b.stamp_nanos));
        }
    }
    Ok(())
}

#[test]
fn a_map_is_made_from_images_and_anybodys_odometry() {
    let recording = recording();
    let arguments = ["-p", "ros.input:=images", "-p", "use_sim_time:=true", "-r", "odometry:=ground_truth"];
    let node = Node::start("loop_closure_node", &arguments, 5);
    let mut play = Command::new(program("halfslam"));
    let mut play = graph(play.arg("play").arg(recording).arg("--clock"), 5).spawn().unwrap();
    let output = graph(python("map_from_images.py").arg("60"), 5).output().unwrap();
    let _ = play.kill();
    play.wait().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(node.interrupt(), Some(0));
}

#[test]
fn the_demo_leaves_nobody_behind() {
    let recording = recording();
    let mut command = Command::new(program("halfslam"));
    let folder = tempfile::tempdir().unwrap();
    let command = command.args(["demo", "--out"]).arg(folder.path()).arg(recording);
    let demo = Node(graph(command, 6).spawn().unwrap());
    std::thread::sleep(Duration::from_secs(3));
    let children = demo.children();
    assert_eq!(children.len(), 2, "{children:?}");
    assert_eq!(demo.interrupt(), Some(1), "an interrupted demo has no result");
    for child in children {
        assert!(!std::path::Path::new(&format!("/proc/{child}")).exists(), "process {child} is left behind");
    }
}

/// Topic to type, reliability and durability, or service to type, of each node and side.
type Interface = BTreeMap<String, BTreeMap<String, BTreeMap<String, Vec<String>>>>;

/// The tables of docs/topics.md.
fn written_interface() -> Interface {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/topics.md")).unwrap();
    let mut interface = Interface::new();
    for section in page.split("\n## `").skip(1) {
        let (node, rest) = section.split_once("` ").expect("a node's name");
        let (side, rows) = rest.split_once('\n').expect("a table");
        let rows = rows.lines().take_while(|line| !line.starts_with("## ")).filter_map(|line| {
            let (cells, _what_for) = line.strip_prefix("| `")?.rsplit_once(" | ")?;
            let mut cells = cells.split(" | ");
            let name = cells.next()?.trim_end_matches('`');
            Some((name.to_owned(), cells.map(str::to_owned).collect()))
        });
        interface.entry(node.into()).or_default().insert(side.into(), rows.collect());
    }
    interface
}

#[test]
fn the_topic_page_says_what_the_nodes_subscribe_to_publish_and_serve() {
    // Two of each, which together have every topic; in a namespace, which relative names must follow.
    let nodes: Vec<Node> = [
        ("vo_node", "__node:=vo_node_stereo", "ros.camera:=stereo"),
        ("vo_node", "__node:=vo_node_rgbd", "ros.camera:=rgbd"),
        ("loop_closure_node", "__node:=loop_closure_node_keyframes", "ros.input:=keyframes"),
        ("loop_closure_node", "__node:=loop_closure_node_stereo", "ros.camera:=stereo"),
        ("loop_closure_node", "__node:=loop_closure_node_rgbd", "ros.camera:=rgbd"),
    ]
    .map(|(program, name, parameter)| {
        const APART: &str = "ros.depth_aligned:=false";
        let input = if name.ends_with("keyframes") { "keyframes" } else { "images" };
        let input = format!("ros.input:={input}");
        let common =
            ["-r", "__ns:=/robot", "-p", "use_sim_time:=true", "-r", name, "-p", parameter, "-p", &input, "-p", APART];
        Node::start(program, &common, 7)
    })
    .into();
    let names = ["vo_node_stereo", "vo_node_rgbd"].into_iter();
    let names = names.chain(["loop_closure_node_keyframes", "loop_closure_node_stereo", "loop_closure_node_rgbd"]);
    let output = graph(python("interface.py").arg("30").args(names), 7).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Interface = serde_json::from_slice(&output.stdout).unwrap();
    let mut union = Interface::new();
    for (name, sides) in found {
        let program = if name.starts_with("vo_node") { "vo_node" } else { "loop_closure_node" };
        for (side, topics) in sides {
            let topics = topics
                .into_iter()
                .map(|(topic, words)| (topic.strip_prefix("/robot/").map_or(topic.clone(), str::to_owned), words));
            union.entry(program.into()).or_default().entry(side).or_default().extend(topics);
        }
    }
    assert_eq!(union, written_interface());
    for node in nodes {
        assert_eq!(node.interrupt(), Some(0));
    }
}
