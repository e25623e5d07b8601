//! Bags that halfslam writes.

use halfslam::io::bag::messages::{CameraInfo, Header, Image, Imu, Odometry, TfMessage, TransformStamped};
use halfslam::io::bag::{BagError, BagWriter, Compression, Qos};
use halfslam::simulation::{Preset, Simulation, SimulationOptions, record};
use serde_json::{Value, json};
use std::path::Path;

const START_NANOS: i64 = 1_700_000_000_000_000_000;

fn image(stamp_nanos: i64, seed: u8) -> Image {
    Image {
        header: Header::new(stamp_nanos, "left_optical"),
        height: 48,
        width: 64,
        encoding: "mono8".into(),
        is_bigendian: 0,
        step: 64,
        data: (0..48 * 64).map(|i| (i as u8).wrapping_mul(7) ^ seed).collect(),
    }
}

/// A bag with a message of every kind that the simulation writes.
fn write(folder: &Path, compression: Compression) -> Result<(), BagError> {
    let mut bag = BagWriter::create_compressed(folder, compression)?;
    let images = bag.add_topic::<Image>("/left/image_rect", Qos::SENSOR)?;
    let infos = bag.add_topic::<CameraInfo>("/left/camera_info", Qos::DEFAULT)?;
    let wheels = bag.add_topic::<Odometry>("/wheel/odometry", Qos::DEFAULT)?;
    let imus = bag.add_topic::<Imu>("/imu", Qos::SENSOR)?;
    let transforms = bag.add_topic::<TfMessage>("/tf_static", Qos::LATCHED)?;

    let mut transform = TransformStamped { child_frame_id: "left_optical".into(), ..Default::default() };
    transform.header = Header::new(START_NANOS, "base_link");
    transform.transform.translation.x = 0.25;
    bag.write(transforms, START_NANOS, &TfMessage { transforms: vec![transform] })?;
    for step in 0..100u8 {
        let stamp = START_NANOS + i64::from(step) * 50_000_000;
        bag.write(images, stamp, &image(stamp, step))?;
        let mut info =
            CameraInfo { header: Header::new(stamp, "left_optical"), height: 48, width: 64, ..Default::default() };
        info.distortion_model = "plumb_bob".into();
        info.d = vec![0.0; 5];
        info.p = [40.0, 0.0, 32.0, -4.8, 0.0, 41.0, 24.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        bag.write(infos, stamp, &info)?;
        let mut wheel =
            Odometry { header: Header::new(stamp, "odom"), child_frame_id: "base_link".into(), ..Default::default() };
        wheel.pose.pose.position.x = 0.1 * f64::from(step);
        wheel.pose.covariance[35] = 0.01;
        wheel.twist.covariance[35] = 0.02;
        bag.write(wheels, stamp, &wheel)?;
        let mut imu = Imu { header: Header::new(stamp, "imu"), ..Default::default() };
        imu.linear_acceleration.z = 9.81;
        imu.angular_velocity.z = f64::from(step) * 0.5;
        bag.write(imus, stamp, &imu)?;
    }
    bag.finish()
}

/// What rosbags and mcap-ros2-support find in a bag; nothing where they are not installed.
fn read_with_other_tools(bag: &Path) -> Option<Value> {
    let Ok(python) = std::env::var("HALFSLAM_PYTHON") else {
        println!("skipped: HALFSLAM_PYTHON names no python with rosbags and mcap-ros2-support");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("test/python/read_bag.py");
    let output = std::process::Command::new(&python).arg(script).arg(bag).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn other_tools_read_a_simulated_tour_of_every_preset() {
    let options = SimulationOptions { duration_secs: 1.0, frame_rate_hz: 2.0, ..SimulationOptions::default() };
    for (preset, cameras) in [
        (Preset::Stereo, vec![("left", "mono8", 752), ("right", "mono8", 752)]),
        (Preset::Rgbd, vec![("color", "rgb8", 640), ("depth", "16UC1", 640)]),
        (Preset::Mono, vec![("left", "mono8", 752)]),
    ] {
        let temporary = tempfile::tempdir().unwrap();
        let bag = temporary.path().join("tour");
        let simulation = Simulation::new(&options, 5, preset);
        record(&simulation, &bag, |_| ()).unwrap();
        let Some(found) = read_with_other_tools(&bag) else { return };
        for reader in ["rosbags", "mcap"] {
            let topics = &found[reader];
            assert_eq!(topics.as_object().unwrap().len(), 4 + 2 * cameras.len(), "{preset:?} {reader}: {topics}");
            let expected_counts = [("/imu", 201), ("/wheel_odometry", 51), ("/ground_truth", 101), ("/tf_static", 1)];
            for (topic, count) in expected_counts {
                assert_eq!(topics[topic]["count"], count, "{preset:?} {reader} {topic}");
            }
            for (camera, encoding, width) in &cameras {
                let (image, info) =
                    (&topics[format!("/{camera}/image_rect")], &topics[format!("/{camera}/camera_info")]);
                assert_eq!((&image["count"], &info["count"]), (&json!(3), &json!(3)), "{preset:?} {reader} {camera}");
                let seen = [&image["digest"][1], &image["digest"][2], &info["digest"][1]];
                assert_eq!(seen, [&json!(width), &json!(encoding), &json!(width)], "{preset:?} {reader} {camera}");
            }
            let robot = topics["/ground_truth"]["digest"].as_array().unwrap();
            assert_eq!(robot[..2], [json!("world"), json!("base_link")], "{preset:?} {reader}");
        }
    }
}

#[test]
fn other_tools_read_it() {
    for compression in [Compression::None, Compression::Zstd] {
        let temporary = tempfile::tempdir().unwrap();
        let bag = temporary.path().join("tour");
        write(&bag, compression).unwrap();
        let Some(found) = read_with_other_tools(&bag) else { return };
        let last = START_NANOS + 99 * 50_000_000;
        for reader in ["rosbags", "mcap"] {
            let topics = &found[reader];
            assert_eq!(topics.as_object().unwrap().len(), 5, "{reader}");
            for (topic, message_type, digest) in [
                ("/left/image_rect", "sensor_msgs/Image", json!([48, 64, "mono8", 64, crc32(&image(0, 99).data)])),
                ("/wheel/odometry", "nav_msgs/Odometry", json!(["odom", "base_link", 9.9, 0.0, 0.0, 0.01, 0.02])),
                ("/imu", "sensor_msgs/Imu", json!([49.5, 9.81])),
                (
                    "/left/camera_info",
                    "sensor_msgs/CameraInfo",
                    json!([48, 64, "plumb_bob", 40.0, 0.0, 32.0, -4.8, 0.0, 41.0, 24.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
                ),
            ] {
                let entry = &topics[topic];
                assert_eq!(entry["type"], message_type, "{reader} {topic}");
                assert_eq!(
                    (entry["count"].as_i64(), entry["last"].as_i64()),
                    (Some(100), Some(last)),
                    "{reader} {topic}"
                );
                assert_eq!(entry["digest"], digest, "{reader} {topic}");
            }
            assert_eq!(topics["/tf_static"]["digest"], json!([["base_link", "left_optical", 0.25, 1.0]]), "{reader}");
        }
        assert_eq!(found["rosbags"]["/tf_static"]["durability"], "transient_local");
        assert_eq!(found["rosbags"]["/imu"]["durability"], "volatile");
    }
}

/// CRC-32 (IEEE), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn the_same_messages_make_the_same_bytes() {
    let temporary = tempfile::tempdir().unwrap();
    let files = ["a", "b"].map(|parent| {
        let parent = temporary.path().join(parent);
        std::fs::create_dir(&parent).unwrap();
        write(&parent.join("tour"), Compression::Zstd).unwrap();
        ["tour/tour_0.mcap", "tour/metadata.yaml"].map(|file| std::fs::read(parent.join(file)).unwrap())
    });
    assert!(files[0] == files[1]);
}

#[test]
fn nothing_half_is_left_and_nothing_is_overwritten() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("tour");
    let mut bag = BagWriter::create(&folder).unwrap();
    let images = bag.add_topic::<Image>("/image", Qos::SENSOR).unwrap();
    bag.write(images, 5, &image(5, 0)).unwrap();
    let refused = bag.write(images, -1, &image(0, 0)).unwrap_err();
    assert!(refused.to_string().contains("found -1 ns"), "{refused}");
    drop(bag);
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);

    std::fs::create_dir(&folder).unwrap();
    let refused = BagWriter::create(&folder).err().unwrap().to_string();
    assert!(refused.contains("tour: exists already"), "{refused}");
}
