//! KITTI odometry folders.

use crate::fixtures::{data, gray, save_gray, write};
use halfslam::io::sources::{SourceOptions, open};
use halfslam::sensors::{Depth, Images, Rig, SensorEvent};
use std::path::Path;

const CALIBRATION: &str = "P0: 50 0 8 0 0 50 6 0 0 0 1 0\nP1: 50 0 8 -25 0 50 6 0 0 0 1 0\n\
    P2: 50 0 8 3 0 50 6 0 0 0 1 0\nP3: 50 0 8 -22 0 50 6 0 0 0 1 0\nTr: 1 0 0 0 0 1 0 0 0 0 1 0\n";

fn make(folder: &Path, left: &str, right: &str) {
    for (name, seed) in [(left, 0), (right, 100)] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
        for index in 0..3u8 {
            save_gray(&folder.join(name).join(format!("00000{index}.png")), 16, 12, seed + index);
        }
    }
    write(folder.join("calib.txt"), CALIBRATION);
    write(folder.join("times.txt"), "0.0\n1.037359e-01\n0.2\n");
    write(folder.join("poses.txt"), "1 0 0 0 0 1 0 0 0 0 1 0\n1 0 0 0 0 1 0 0 0 0 1 1.5\n1 0 0 0.5 0 1 0 0 0 0 1 3\n");
}

fn refusal(folder: &Path) -> String {
    match open(folder, &SourceOptions::default()) {
        Err(error) => error.to_string(),
        Ok(recording) => recording.events.filter_map(Result::err).next().expect("an error").to_string(),
    }
}

#[test]
fn grey_pairs_with_times_and_poses() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "image_0", "image_1");
    let recording = open(folder.path(), &SourceOptions::default()).unwrap();
    assert_eq!((recording.kind, recording.frame_count), ("kitti", 3));
    assert_eq!(recording.rig.depth, Depth::Stereo { baseline_m: 0.5 });
    assert_eq!((recording.rig.camera.fx, recording.rig.camera.width, recording.rig.camera.height), (50.0, 16, 12));
    let events: Vec<SensorEvent> = recording.events.map(Result::unwrap).collect();
    let SensorEvent::Frame(frame) = &events[1] else { panic!("{:?}", events[1]) };
    assert_eq!(frame.stamp_nanos, 103_735_900);
    assert_eq!(frame.images, Images::Stereo { left: gray(16, 12, 1), right: gray(16, 12, 101) });
    // The base looks ahead along its x axis, and so does the world.
    let truth = recording.truth.unwrap();
    let last = truth.poses()[2].t_world_body;
    assert!((last.translation.vector - nalgebra::Vector3::new(3.0, -0.5, 0.0)).norm() < 1e-12);
    assert!(last.rotation.angle() < 1e-12);
}

#[test]
fn colour_cameras_stand_beside_the_grey_ones() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "image_2", "image_3");
    let recording = open(folder.path(), &SourceOptions::default()).unwrap();
    assert_eq!(recording.rig.depth, Depth::Stereo { baseline_m: 0.5 });
    // The left colour camera is 6 cm left of the grey one.
    let first = recording.truth.unwrap().poses()[0].t_world_body;
    assert!((first.translation.vector - nalgebra::Vector3::new(0.0, 0.06, 0.0)).norm() < 1e-12, "{first}");
}

#[test]
fn a_camera_file_has_the_last_word() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "image_0", "image_1");
    let camera = folder.path().join("mine.yaml");
    write(camera.clone(), "mount: {translation_m: [0.2, 0, 1]}\nbaseline_m: 0.4\nfx: 60\nfy: 60\ncx: 8\ncy: 6\n");
    let options = SourceOptions { camera_file: camera.to_str().unwrap().into(), ..SourceOptions::default() };
    let recording = open(folder.path(), &options).unwrap();
    assert_eq!((recording.rig.depth, recording.rig.camera.fx), (Depth::Stereo { baseline_m: 0.4 }, 60.0));
    let expected = nalgebra::Translation3::new(0.2, 0.0, 1.0) * Rig::optical_looking_ahead();
    assert!((recording.rig.t_base_camera.to_homogeneous() - expected.to_homogeneous()).norm() < 1e-12);
    let last = recording.truth.unwrap().poses()[2].t_world_body.translation.vector;
    assert!((last - nalgebra::Vector3::new(2.8, -0.5, -1.0)).norm() < 1e-12);

    write(camera, "width: 32\n");
    let error = open(folder.path(), &options).err().unwrap().to_string();
    assert!(error.contains("000000.png: expected 32x12 pixels as the calibration says, found 16x12"), "{error}");
}

#[test]
fn what_is_broken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(refusal(&folder.join("nothing")).contains("nothing: No such file"));
    assert!(refusal(folder).contains("not a recording that can be read; expected one of: a rosbag2 folder"));
    make(folder, "image_0", "image_1");

    std::fs::write(folder.join("image_0/000001.png"), &[0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0][..]).unwrap();
    assert!(refusal(folder).contains("image_0/000001.png: "), "{}", refusal(folder));
    save_gray(&folder.join("image_0/000001.png"), 8, 8, 0);
    assert!(refusal(folder).ends_with("expected 16x12 as the calibration says, found 8x8"), "{}", refusal(folder));
    save_gray(&folder.join("image_0/000001.png"), 16, 12, 0);
    std::fs::remove_file(folder.join("image_1/000002.png")).unwrap();
    assert!(refusal(folder).contains("image_1/000002.png: No such file"));
    save_gray(&folder.join("image_1/000002.png"), 16, 12, 0);

    write(folder.join("times.txt"), "0\n1\n");
    assert!(refusal(folder).ends_with("times.txt: expected a time for each of 3 images, found 2"));
    write(folder.join("times.txt"), "0\n1\n1\n");
    assert!(refusal(folder).ends_with("times.txt: expected increasing times, found time 3 not after its predecessor"));
    write(folder.join("times.txt"), "0\n1\n2\n");
    write(folder.join("poses.txt"), "1 0 0 0 0 1 0 0 0 0 1\n");
    assert!(refusal(folder).ends_with("poses.txt: line 1: expected 12 numbers, found 11"));
    std::fs::remove_file(folder.join("poses.txt")).unwrap();
    write(folder.join("calib.txt"), "P0: 50 0 8 0 0 50 6 0 0 0 1 0\n");
    assert!(refusal(folder).contains("calib.txt: expected a line P1 of 12 numbers for image_0, found none"));
    for number in ["nan", "-inf", "1e309"] {
        write(folder.join("calib.txt"), &CALIBRATION.replacen("-25", number, 1));
        assert!(refusal(folder).contains("calib.txt: line 2: expected finite numbers"), "{}", refusal(folder));
    }
    std::fs::remove_file(folder.join("calib.txt")).unwrap();
    assert!(refusal(folder).contains("calib.txt: No such file"));
}

#[test]
fn the_sample_opens() {
    let Some(path) = data("sequences/kitti_seq1_stereo51") else { return };
    let recording = open(&path, &SourceOptions::default()).unwrap();
    assert_eq!(recording.frame_count, 51);
    let Depth::Stereo { baseline_m } = recording.rig.depth else { panic!("{:?}", recording.rig) };
    assert!((baseline_m - 0.537_150_65).abs() < 1e-6, "{baseline_m}");
    assert_eq!((recording.rig.camera.width, recording.rig.camera.height), (1226, 370));
    let length = recording.truth.unwrap().path_length_m();
    assert!((55.0..65.0).contains(&length), "{length}");
    let first = recording.events.take(3).map(Result::unwrap).last().unwrap();
    assert_eq!(first.stamp_nanos(), 200_000_000);
}
