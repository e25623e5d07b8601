//! EuRoC folders.

use crate::fixtures::{euroc_motion, save_gray, write};
use halfslam::io::sources::{SourceOptions, open};
use halfslam::sensors::{Depth, SensorEvent};
use std::path::Path;

/// The left camera looks along the body's z axis, its right along the body's -y; the right one is 11 cm beside it.
fn sensor(y: f64, k1: f64) -> String {
    format!(
        "%YAML:1.0\nsensor_type: camera\ncomment: VI-Sensor\nT_BS:\n  cols: 4\n  rows: 4\n  data: [0.0, -1.0, 0.0, 0.0,\n         \
         1.0, 0.0, 0.0, {y},\n         0.0, 0.0, 1.0, 0.0,\n         0.0, 0.0, 0.0, 1.0]\nrate_hz: 20\nresolution: [64, 48]\n\
         camera_model: pinhole\nintrinsics: [50.0, 51.0, 32.0, 24.0]\ndistortion_model: radial-tangential\n\
         distortion_coefficients: [{k1}, 0.01, 0.0001, 0.00002]\n"
    )
}

fn make(folder: &Path) {
    let root = folder.join("mav0");
    for (camera, y, k1) in [("cam0", 0.0, -0.2), ("cam1", 0.11, -0.21)] {
        std::fs::create_dir_all(root.join(camera).join("data")).unwrap();
        let mut list = String::from("#timestamp [ns],filename\r\n");
        for stamp in ["1403636579763555584", "1403636579813555456"] {
            save_gray(&root.join(camera).join("data").join(format!("{stamp}.png")), 64, 48, 3);
            list += &format!("{stamp},{stamp}.png\r\n");
        }
        write(root.join(camera).join("data.csv"), &list);
        write(root.join(camera).join("sensor.yaml"), &sensor(y, k1));
    }
    euroc_motion(&root);
}

#[test]
fn a_raw_pair_with_imu_and_truth() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    let recording = open(folder.path(), &SourceOptions::default()).unwrap();
    assert_eq!((recording.kind, recording.frame_count), ("euroc", 2));
    let Depth::Stereo { baseline_m } = recording.rig.depth else { panic!() };
    assert!((baseline_m - 0.11).abs() < 1e-9, "{baseline_m}");
    // Camera x is body y; the base's x axis is the camera's z axis, which is the body's z axis.
    let pose = recording.truth.unwrap().poses()[0].t_world_body;
    assert!((pose.translation.vector - nalgebra::Vector3::new(1.0, 2.0, 3.0)).norm() < 1e-9);
    assert!((pose.rotation * nalgebra::Vector3::x() - nalgebra::Vector3::z()).norm() < 1e-9, "{pose}");
    let kinds: Vec<(i64, bool)> = recording
        .events
        .map(Result::unwrap)
        .map(|event| (event.stamp_nanos(), matches!(event, SensorEvent::Frame(_))))
        .collect();
    let (first, second, third) = (1403636579758555392, 1403636579763555584, 1403636579813555456);
    assert_eq!(kinds, [(first, false), (second, true), (third, false), (third, true)]);
}

#[test]
fn what_is_broken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let refusal = || open(folder, &SourceOptions::default()).err().expect("an error").to_string();
    make(folder);
    let sensor_file = folder.join("mav0/cam1/sensor.yaml");
    write(sensor_file.clone(), &sensor(-0.11, 0.0));
    assert!(refusal().contains("expected the right camera to the right of the left one"), "{}", refusal());
    write(sensor_file.clone(), &sensor(0.11, 0.0).replace("[64, 48]", "[32, 48]"));
    assert!(refusal().contains("expected two images of 64x48, found 32x48"), "{}", refusal());
    write(sensor_file.clone(), &sensor(0.11, 0.0).replace("intrinsics", "intrinsic"));
    assert!(refusal().contains("cam1/sensor.yaml: missing field `intrinsics`"), "{}", refusal());
    std::fs::remove_file(&sensor_file).unwrap();
    assert!(refusal().contains("cam1/sensor.yaml: No such file"));
    make(folder);
    std::fs::remove_file(folder.join("mav0/cam0/data/1403636579813555456.png")).unwrap();
    assert!(refusal().contains("1403636579813555456.png: No such file"));
    make(folder);
    write(folder.join("mav0/imu0/data.csv"), "1403636579758555392,-0.1,0.2\n");
    assert!(refusal().ends_with("imu0/data.csv: line 1: expected 6 numbers, found 2"), "{}", refusal());
}
