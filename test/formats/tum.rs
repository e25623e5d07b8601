//! TUM RGB-D folders.

use crate::fixtures::{save_depth, save_rgb, write};
use halfslam::io::sources::{SourceOptions, open};
use halfslam::sensors::{Depth, Images, SensorEvent};
use std::path::Path;

fn make(folder: &Path) {
    for name in ["rgb", "depth"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    for index in 0..3 {
        save_rgb(&folder.join(format!("rgb/{index}.png")), 640, 480, [9, 9, 9]);
        save_depth(&folder.join(format!("depth/{index}.png")), 640, 480, &[5000, 0, 12345]);
    }
    write(
        folder.join("rgb.txt"),
        "# color images\n1305031102.175304 rgb/0.png\n1305031102.211214 rgb/1.png\n1305031102.3 rgb/2.png\n",
    );
    write(
        folder.join("depth.txt"),
        "1305031102.160407 depth/0.png\n1305031102.226738 depth/1.png\n1305031102.35 depth/2.png\n",
    );
    write(
        folder.join("groundtruth.txt"),
        "# x\n1305031102.1758 1 2 3 0 0 0 1\n1305031102.1858 1 2 3 -0.5 0.5 -0.5 0.5\n",
    );
}

#[test]
fn colour_and_depth_are_associated() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    let recording = open(folder.path(), &SourceOptions::default()).unwrap();
    // The third depth image is 50 ms late.
    assert_eq!((recording.kind, recording.frame_count, recording.rig.depth), ("tum", 2, Depth::Image));
    assert_eq!((recording.rig.camera.fx, recording.rig.camera.cx), (525.0, 319.5));
    // A camera with its z axis along the world's x axis and its y axis down: the base stands upright.
    let truth = recording.truth.unwrap();
    assert!(truth.poses()[1].t_world_body.rotation.angle() < 1e-9, "{}", truth.poses()[1].t_world_body);
    let events: Vec<SensorEvent> = recording.events.map(Result::unwrap).collect();
    let SensorEvent::Frame(frame) = &events[1] else { panic!() };
    assert_eq!(frame.stamp_nanos, 1_305_031_102_211_214_000);
    let Images::Rgbd { depth, .. } = &frame.images else { panic!() };
    assert_eq!(&depth.as_raw()[..3], &[1.0, 0.0, 2.469]);
}

#[test]
fn a_sequence_of_the_data_set_gets_its_camera() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("rgbd_dataset_freiburg3_office");
    make(&folder);
    assert_eq!(open(&folder, &SourceOptions::default()).unwrap().rig.camera.fx, 535.4);
    let options = SourceOptions { camera_file: "tum_freiburg1".into(), ..SourceOptions::default() };
    let recording = open(&folder, &options).unwrap();
    assert_eq!(recording.rig.camera.fx, 517.306408);
    // Undistorting keeps size and kind.
    assert_eq!(recording.events.filter(Result::is_ok).count(), 2);
}

#[test]
fn what_is_broken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let refusal = |options: &SourceOptions| open(folder, options).err().expect("an error").to_string();
    let none = SourceOptions::default();
    make(folder);
    let tight = SourceOptions { pair_tolerance_ms: 1.0, ..none.clone() };
    assert!(refusal(&tight).contains("rgb.txt and depth.txt that differ by at most 1 ms"), "{}", refusal(&tight));
    std::fs::remove_file(folder.join("depth/1.png")).unwrap();
    assert!(refusal(&none).contains("depth/1.png: "));
    make(folder);
    write(folder.join("rgb.txt"), "1305031102.175304 rgb/0.png\n1305031102.2\n");
    assert!(refusal(&none).ends_with("rgb.txt: line 2: expected a stamp and a file, found 1 words"));
    // Without depth it is a recording of one camera, which nothing but wheels can tell the scale of.
    std::fs::remove_file(folder.join("depth.txt")).unwrap();
    write(folder.join("rgb.txt"), "1305031102.175304 rgb/0.png\n");
    let alone = open(folder, &none).unwrap();
    let refusal = halfslam::replay::run(alone, &Default::default(), &mut |_| ()).err().unwrap().to_string();
    assert!(refusal.contains("wheel_odometry.txt") && refusal.contains("depth.txt"), "{refusal}");
}
