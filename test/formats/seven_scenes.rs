//! 7-Scenes folders.

use crate::fixtures::{data, save_depth, save_rgb, write};
use halfslam::io::sources::{SourceOptions, open};
use halfslam::sensors::{Depth, Images, SensorEvent};
use std::path::Path;

fn make(folder: &Path) {
    for (index, ending) in [(0, "png"), (1, "jpg"), (3, "png")] {
        let stem = format!("frame-00000{index}");
        save_rgb(&folder.join(format!("{stem}.color.{ending}")), 8, 6, [200, 40, 40]);
        save_depth(&folder.join(format!("{stem}.depth.png")), 8, 6, &[1500, 65535, 0]);
        let pose = format!("1 0 0 {index}\n0 1 0 0\n0 0 1 2\n0 0 0 1\n");
        write(folder.join(format!("{stem}.pose.txt")), &pose);
    }
    write(folder.join("camera-intrinsics.txt"), "10 0 4\n0 11 3\n0 0 1\n");
}

#[test]
fn frames_with_depth_and_poses() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    write(folder.path().join("frame-000001.pose.txt"), "nan nan nan nan\n0 1 0 0\n0 0 1 2\n0 0 0 1\n");
    let recording = open(folder.path(), &SourceOptions::default()).unwrap();
    assert_eq!((recording.kind, recording.frame_count, recording.rig.depth), ("seven_scenes", 3, Depth::Image));
    let camera = recording.rig.camera;
    assert_eq!((camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height), (10.0, 11.0, 4.0, 3.0, 8, 6));
    // Where the tracker was lost there is no truth.
    let truth = recording.truth.unwrap();
    let poses: Vec<_> = truth.poses().iter().map(|pose| (pose.stamp_nanos, pose.t_world_body)).collect();
    assert_eq!(poses.iter().map(|(stamp, _)| *stamp).collect::<Vec<_>>(), [0, 100_000_000]);
    assert!((poses[1].1.translation.vector - nalgebra::Vector3::new(2.0, -3.0, 0.0)).norm() < 1e-12);

    let events: Vec<SensorEvent> = recording.events.map(Result::unwrap).collect();
    let SensorEvent::Frame(frame) = &events[1] else { panic!("{:?}", events[1]) };
    assert_eq!(frame.stamp_nanos, 33_333_333);
    let Images::Rgbd { gray, depth } = &frame.images else { panic!("{:?}", frame.images) };
    assert_eq!(&depth.as_raw()[..3], &[1.5, 0.0, 0.0]);
    assert!((i32::from(gray.as_raw()[20]) - 88).abs() <= 1);
    assert_eq!(frame.color.as_ref().unwrap().dimensions(), (8, 6));
}

#[test]
fn depth_of_a_camera_of_its_own_is_moved_and_the_truth_is_that_cameras() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    let camera_file = folder.path().join("camera.yaml");
    let depth = "{fx: 10, fy: 11, cx: 3, cy: 3, t_camera_depth: {translation_m: [-0.15, 0, 0.5]}}";
    write(camera_file.clone(), &format!("depth: {depth}\n"));
    let options = SourceOptions { camera_file: camera_file.to_str().unwrap().into(), ..SourceOptions::default() };
    let recording = open(folder.path(), &options).unwrap();
    // The base is the colour camera's body: the depth camera sits 15 cm to its left and 50 cm ahead.
    let truth = recording.truth.unwrap();
    let place = truth.poses()[1].t_world_body.translation.vector;
    assert!((place - nalgebra::Vector3::new(1.5, -1.15, 0.0)).norm() < 1e-9, "{place}");
    let SensorEvent::Frame(frame) = recording.events.map(Result::unwrap).next().unwrap() else { panic!() };
    let Images::Rgbd { depth, .. } = &frame.images else { panic!("{:?}", frame.images) };
    // 1.5 m at pixel (0, 0): x = -0.45 m, which the colour camera sees at -0.6 m, 2 m away: in column 1, and in row 1.
    let seen: Vec<_> = depth.enumerate_pixels().filter(|(_, _, depth)| depth.0[0] > 0.0).collect();
    assert_eq!(seen, [(1, 1, &image::Luma([2.0]))]);
}

#[test]
fn what_is_broken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let refusal = || match open(folder, &SourceOptions::default()) {
        Err(error) => error.to_string(),
        Ok(recording) => recording.events.filter_map(Result::err).next().expect("an error").to_string(),
    };
    make(folder);
    save_rgb(&folder.join("frame-000001.depth.png"), 8, 6, [1, 2, 3]);
    assert!(
        refusal().contains("frame-000001.depth.png: expected a depth image of one channel with 16 bits, found Rgb8")
    );
    std::fs::remove_file(folder.join("frame-000001.depth.png")).unwrap();
    assert!(refusal().contains("frame-000001.depth.png: No such file"));
    make(folder);
    write(folder.join("frame-000003.pose.txt"), "1 0 0 0\n0 2 0 0\n0 0 1 2\n0 0 0 1\n");
    assert!(refusal().contains("frame-000003.pose.txt: expected the matrix of a pose, found no rotation"));
    write(folder.join("frame-000003.pose.txt"), "1 0 0 0\n0 1 0 0\n");
    assert!(refusal().contains("expected 4 rows of 4 numbers, found 8 numbers"));
    make(folder);
    write(folder.join("camera-intrinsics.txt"), "10 0 4\n0 x 3\n");
    assert!(refusal().contains("camera-intrinsics.txt: line 2: expected a number, found 'x'"));
}

#[test]
fn the_sample_opens() {
    let Some(path) = data("sequences/7scenes_1000_rgbd") else { return };
    let recording = open(&path, &SourceOptions::default()).unwrap();
    assert_eq!((recording.frame_count, recording.truth.as_ref().unwrap().poses().len()), (1000, 1000));
    let length = recording.truth.unwrap().path_length_m();
    assert!((7.0..8.0).contains(&length), "{length}");
    let SensorEvent::Frame(frame) = recording.events.map(Result::unwrap).next().unwrap() else { panic!() };
    let Images::Rgbd { depth, .. } = frame.images else { panic!() };
    let seen = depth.as_raw().iter().filter(|depth| **depth > 0.0).count();
    assert!(depth.as_raw().iter().all(|depth| *depth < 10.0) && seen > 640 * 480 / 2, "{seen}");
}
