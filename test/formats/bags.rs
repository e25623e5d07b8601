//! Bags as recordings.

use crate::fixtures::gray;
use crate::sqlite::to_sqlite;
use halfslam::geometry::{Se3, se3};
use halfslam::io::bag::messages::{
    CameraInfo, CompressedImage, Header, Image, Imu, Odometry, TfMessage, TransformStamped,
};
use halfslam::io::bag::{BagReader, BagWriter, Compression, Qos, cdr};
use halfslam::io::sources::{Recording, SourceOptions, open};
use halfslam::sensors::{Depth, Images, Rig, SensorEvent};
use std::path::Path;

const START: i64 = 1_700_000_000_000_000_000;
const STEP: i64 = 50_000_000;

fn image(stamp: i64, frame: &str, encoding: &str, channels: u32, data: Vec<u8>) -> Image {
    let (width, height) = (16, 12);
    let header = Header::new(stamp, frame);
    Image { header, height, width, encoding: encoding.into(), is_bigendian: 0, step: width * channels, data }
}

fn info(stamp: i64, baseline_m: f64) -> CameraInfo {
    let mut info =
        CameraInfo { header: Header::new(stamp, "left_optical"), height: 12, width: 16, ..Default::default() };
    info.distortion_model = "plumb_bob".into();
    info.k = [20.0, 0.0, 8.0, 0.0, 21.0, 6.0, 0.0, 0.0, 1.0];
    info.p = [20.0, 0.0, 8.0, -20.0 * baseline_m, 0.0, 21.0, 6.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    info
}

fn mount() -> Se3 {
    nalgebra::Translation3::new(0.1, 0.05, 0.4) * Rig::optical_looking_ahead()
}

fn transform(parent: &str, child: &str, t: Se3) -> TransformStamped {
    TransformStamped { header: Header::new(START, parent), child_frame_id: child.into(), transform: t.into() }
}

/// Where the base truly is.
fn base(step: i64) -> Se3 {
    se3::exp(&nalgebra::Vector6::new(0.1 * step as f64, 0.0, 0.0, 0.0, 0.0, 0.05 * step as f64))
}

/// Five stereo pairs; the third right image is missing, the fourth left one is broken in its header.
pub fn stereo(folder: &Path, compression: Compression) {
    let mut bag = BagWriter::create_compressed(folder, compression).unwrap();
    let lefts = bag.add_topic::<Image>("/left/image_rect", Qos::SENSOR).unwrap();
    let rights = bag.add_topic::<Image>("/right/image_rect", Qos::SENSOR).unwrap();
    let left_infos = bag.add_topic::<CameraInfo>("/left/camera_info", Qos::SENSOR).unwrap();
    let right_infos = bag.add_topic::<CameraInfo>("/right/camera_info", Qos::SENSOR).unwrap();
    let wheels = bag.add_topic::<Odometry>("/wheel_odometry", Qos::DEFAULT).unwrap();
    let truths = bag.add_topic::<Odometry>("/ground_truth", Qos::DEFAULT).unwrap();
    let imus = bag.add_topic::<Imu>("/imu", Qos::SENSOR).unwrap();
    let tf = bag.add_topic::<TfMessage>("/tf_static", Qos::LATCHED).unwrap();
    let chain = vec![
        transform("base_link", "mast", nalgebra::Translation3::new(0.1, 0.0, 0.4).into()),
        transform("mast", "left_optical", nalgebra::Translation3::new(0.0, 0.05, 0.0) * Rig::optical_looking_ahead()),
        // Lies on its back: its y is the base's -y, its z the base's -z.
        transform("base_link", "imu", se3::exp(&nalgebra::Vector6::new(0.0, 0.0, 0.1, std::f64::consts::PI, 0.0, 0.0))),
    ];
    bag.write(tf, START, &TfMessage { transforms: chain }).unwrap();
    for step in 0..5 {
        let stamp = START + step * STEP;
        let mut imu = Imu { header: Header::new(stamp - 1, "imu"), ..Default::default() };
        imu.angular_velocity.z = -0.5;
        imu.linear_acceleration.y = 1.0;
        bag.write(imus, stamp, &imu).unwrap();
        let mut odometry =
            Odometry { header: Header::new(stamp, "odom"), child_frame_id: "base_link".into(), ..Default::default() };
        odometry.pose.pose = base(step).into();
        odometry.pose.covariance[0] = 0.25;
        bag.write(wheels, stamp, &odometry).unwrap();
        // The truth is that of the mast, not of the base.
        odometry.child_frame_id = "mast".into();
        odometry.pose.pose = (base(step) * nalgebra::Translation3::new(0.1, 0.0, 0.4)).into();
        bag.write(truths, stamp, &odometry).unwrap();
        bag.write(left_infos, stamp, &info(stamp, 0.0)).unwrap();
        bag.write(right_infos, stamp, &info(stamp, 0.12)).unwrap();
        // The right image comes first, and is stamped a little later.
        if step != 2 {
            let right =
                image(stamp + 1_000_000, "right_optical", "mono8", 1, gray(16, 12, 100 + step as u8).into_raw());
            bag.write(rights, stamp, &right).unwrap();
        }
        let mut left = image(stamp, "left_optical", "mono8", 1, gray(16, 12, step as u8).into_raw());
        if step == 3 {
            left.data.truncate(50);
        }
        bag.write(lefts, stamp, &left).unwrap();
    }
    bag.finish().unwrap();
}

pub fn check_stereo(recording: Recording) {
    assert_eq!((recording.kind, recording.frame_count), ("rosbag2", 4));
    let Depth::Stereo { baseline_m } = recording.rig.depth else { panic!("{:?}", recording.rig) };
    assert!((baseline_m - 0.12).abs() < 1e-12);
    assert_eq!((recording.rig.camera.fx, recording.rig.camera.fy, recording.rig.camera.width), (20.0, 21.0, 16));
    assert!((recording.rig.t_base_camera.to_homogeneous() - mount().to_homogeneous()).norm() < 1e-12);
    let truth = recording.truth.unwrap();
    assert_eq!(truth.poses().len(), 5);
    for (step, pose) in truth.poses().iter().enumerate() {
        assert!((pose.t_world_body.to_homogeneous() - base(step as i64).to_homogeneous()).norm() < 1e-9);
    }
    let events: Vec<SensorEvent> = recording.events.map(Result::unwrap).collect();
    let mut last = i64::MIN;
    let (mut frames, mut wheels, mut imus) = (Vec::new(), 0, 0);
    for event in &events {
        assert!(event.stamp_nanos() >= last);
        last = event.stamp_nanos();
        match event {
            SensorEvent::Frame(frame) => frames.push(frame),
            SensorEvent::Wheel(sample) => {
                // Stated along the world's x axis, held along the base's own.
                let along = sample.t_wheel_base.rotation.inverse() * nalgebra::Vector3::x();
                let expected = along * along.transpose() * 0.25;
                assert!((sample.covariance.fixed_view::<3, 3>(0, 0) - expected).norm() < 1e-12);
                wheels += 1;
            }
            SensorEvent::Imu(sample) => {
                assert!((sample.angular_velocity.z - 0.5).abs() < 1e-9);
                assert!((sample.linear_acceleration.y + 1.0).abs() < 1e-9);
                imus += 1;
            }
        }
    }
    assert_eq!((wheels, imus), (5, 5));
    // One has no right image, one is broken.
    let steps: Vec<i64> = frames.iter().map(|frame| (frame.stamp_nanos - START) / STEP).collect();
    assert_eq!(steps, [0, 1, 4]);
    assert_eq!(frames[2].images, Images::Stereo { left: gray(16, 12, 4), right: gray(16, 12, 104) });
}

#[test]
fn a_stereo_bag_is_what_was_written() {
    for compression in [Compression::None, Compression::Zstd] {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("bag");
        stereo(&folder, compression);
        check_stereo(open(&folder, &SourceOptions::default()).unwrap());
        check_stereo(open(&folder.join("bag_0.mcap"), &SourceOptions::default()).unwrap());
        std::fs::remove_file(folder.join("metadata.yaml")).unwrap();
        check_stereo(open(&folder, &SourceOptions::default()).unwrap());
    }
}

fn metadata(file: &str, mode: &str) -> String {
    format!(
        "rosbag2_bagfile_information:\n  version: 4\n  storage_identifier: sqlite3\n  relative_file_paths:\n    - {file}\n  \
         duration:\n    nanoseconds: 200000000\n  starting_time:\n    nanoseconds_since_epoch: {START}\n  message_count: 38\n  \
         topics_with_message_count: []\n  compression_format: {}\n  compression_mode: {mode}\n",
        if mode.is_empty() { "\"\"" } else { "zstd" }
    )
}

#[test]
fn sqlite_bags_and_both_compressions() {
    let temporary = tempfile::tempdir().unwrap();
    let source = temporary.path().join("bag");
    stereo(&source, Compression::None);
    let folder = temporary.path().join("old");
    std::fs::create_dir(&folder).unwrap();
    to_sqlite(&source, &folder.join("old_0.db3"), false);
    check_stereo(open(&folder.join("old_0.db3"), &SourceOptions::default()).unwrap());
    std::fs::write(folder.join("metadata.yaml"), metadata("old_0.db3", "")).unwrap();
    check_stereo(open(&folder, &SourceOptions::default()).unwrap());

    let plain = std::fs::read(folder.join("old_0.db3")).unwrap();
    std::fs::write(folder.join("old_0.db3.zstd"), zstd::encode_all(&plain[..], 0).unwrap()).unwrap();
    std::fs::remove_file(folder.join("old_0.db3")).unwrap();
    std::fs::write(folder.join("metadata.yaml"), metadata("old_0.db3.zstd", "FILE")).unwrap();
    check_stereo(open(&folder, &SourceOptions::default()).unwrap());

    std::fs::remove_file(folder.join("old_0.db3.zstd")).unwrap();
    to_sqlite(&source, &folder.join("old_0.db3"), true);
    std::fs::write(folder.join("metadata.yaml"), metadata("old_0.db3", "MESSAGE")).unwrap();
    check_stereo(open(&folder, &SourceOptions::default()).unwrap());
    std::fs::write(folder.join("metadata.yaml"), metadata("old_0.db3", "MESSAGE").replace("zstd", "lz4")).unwrap();
    let error = open(&folder, &SourceOptions::default()).err().unwrap().to_string();
    assert!(error.contains("metadata.yaml: expected compression 'zstd'") && error.contains("found 'lz4'"), "{error}");
}

#[test]
fn colour_with_depth_compressed_or_not() {
    let png = |words: &[u16]| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let data: Vec<u16> = (0..16 * 12).map(|i| words.get(i).copied().unwrap_or(0)).collect();
        let depth = image::ImageBuffer::<image::Luma<u16>, _>::from_raw(16, 12, data).unwrap();
        image::DynamicImage::ImageLuma16(depth).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("rgbd");
    let mut bag = BagWriter::create(&folder).unwrap();
    let colors = bag.add_topic::<CompressedImage>("/camera/color/image_raw/compressed", Qos::SENSOR).unwrap();
    let infos = bag.add_topic::<CameraInfo>("/camera/color/camera_info", Qos::SENSOR).unwrap();
    let depths = bag
        .add_topic::<CompressedImage>("/camera/aligned_depth_to_color/image_raw/compressedDepth", Qos::SENSOR)
        .unwrap();
    let plain_depths = bag.add_topic::<Image>("/camera/depth/image_raw", Qos::SENSOR).unwrap();
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(16, 12, image::Rgb([10, 200, 30]))
        .write_to(&mut jpeg, image::ImageFormat::Jpeg)
        .unwrap();
    let header = || Header::new(START, "color_optical");
    let color =
        CompressedImage { header: header(), format: "rgb8; jpeg compressed bgr8".into(), data: jpeg.into_inner() };
    bag.write(colors, START, &color).unwrap();
    bag.write(infos, START, &info(START, 0.0)).unwrap();
    let mut data = vec![0u8; 12];
    data.extend(png(&[1500, 0, 65535]));
    bag.write(depths, START, &CompressedImage { header: header(), format: "16UC1; compressedDepth".into(), data })
        .unwrap();
    let mut metres: Vec<u8> = [2.5f32, f32::NAN].iter().flat_map(|value| value.to_le_bytes()).collect();
    metres.resize(16 * 12 * 4, 0);
    bag.write(plain_depths, START, &image(START, "color_optical", "32FC1", 4, metres)).unwrap();
    bag.finish().unwrap();

    let first = |options: &SourceOptions| {
        let recording = open(&folder, options).unwrap();
        assert_eq!((recording.rig.depth, recording.truth.is_none()), (Depth::Image, true));
        let SensorEvent::Frame(frame) = recording.events.map(Result::unwrap).next().unwrap() else { panic!() };
        let color = frame.color.unwrap().get_pixel(3, 3).0;
        assert!(
            color.iter().zip([10, 200, 30]).all(|(found, expected)| (i32::from(*found) - expected).abs() < 6),
            "{color:?}"
        );
        let Images::Rgbd { depth, .. } = frame.images else { panic!() };
        depth.as_raw()[..3].to_vec()
    };
    assert_eq!(first(&SourceOptions::default()), [1.5, 0.0, 0.0]);
    let options = SourceOptions { depth_topic: "/camera/depth/image_raw".into(), ..SourceOptions::default() };
    assert_eq!(first(&options), [2.5, 0.0, 0.0]);
}

#[test]
fn a_raw_pair_is_rectified() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("raw");
    let mut bag = BagWriter::create(&folder).unwrap();
    let lefts = bag.add_topic::<Image>("/left/image_raw", Qos::SENSOR).unwrap();
    let rights = bag.add_topic::<Image>("/right/image_raw", Qos::SENSOR).unwrap();
    let left_infos = bag.add_topic::<CameraInfo>("/left/camera_info", Qos::SENSOR).unwrap();
    let right_infos = bag.add_topic::<CameraInfo>("/right/camera_info", Qos::SENSOR).unwrap();
    let data = gray(16, 12, 0).into_raw();
    bag.write(lefts, START, &image(START, "l", "mono8", 1, data.clone())).unwrap();
    bag.write(rights, START, &image(START, "r", "mono8", 1, data.clone())).unwrap();
    let bent = |baseline_m| CameraInfo { d: vec![-0.2, 0.05, 0.0, 0.0, 0.0], ..info(START, baseline_m) };
    bag.write(left_infos, START, &bent(0.0)).unwrap();
    bag.write(right_infos, START, &bent(0.12)).unwrap();
    bag.finish().unwrap();
    let recording = open(&folder, &SourceOptions::default()).unwrap();
    let Depth::Stereo { baseline_m } = recording.rig.depth else { panic!() };
    assert!((baseline_m - 0.12).abs() < 1e-9, "{baseline_m}");
    let SensorEvent::Frame(frame) = recording.events.map(Result::unwrap).next().unwrap() else { panic!() };
    assert_ne!(frame.reference().as_raw(), &data);
    assert_eq!(frame.reference().dimensions(), (16, 12));
}

#[test]
fn what_is_broken_is_named() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("bag");
    stereo(&folder, Compression::None);
    let refusal = |path: &Path, options: &SourceOptions| match open(path, options) {
        Err(error) => error.to_string(),
        Ok(recording) => recording.events.filter_map(Result::err).next().expect("an error").to_string(),
    };
    let none = SourceOptions::default();
    let wrong = SourceOptions { left_topic: "/cam/image".into(), ..none.clone() };
    let error = refusal(&folder, &wrong);
    assert!(
        error.contains("left_topic: no topic /cam/image; there are /ground_truth (nav_msgs/msg/Odometry), /imu"),
        "{error}"
    );
    let tight = SourceOptions { pair_tolerance_ms: 0.5, ..none.clone() };
    let error = refusal(&folder, &tight);
    assert!(
        error.contains("/left/image_rect and /right/image_rect: expected stamps that differ by at most 0.5 ms"),
        "{error}"
    );

    let file = folder.join("bag_0.mcap");
    let whole = std::fs::read(&file).unwrap();
    for length in [whole.len() - 1, whole.len() * 2 / 3, 20, 3, 0] {
        std::fs::write(&file, &whole[..length]).unwrap();
        let error = refusal(&folder, &none);
        assert!(error.contains("bag_0.mcap: expected") && error.contains("cut off"), "{length}: {error}");
    }
    std::fs::remove_file(&file).unwrap();
    assert!(refusal(&folder, &none).contains("bag_0.mcap: entity not found"), "{}", refusal(&folder, &none));
    std::fs::write(folder.join("metadata.yaml"), "rosbag2_bagfile_information:\n  version: x\n").unwrap();
    assert!(refusal(&folder, &none).contains("metadata.yaml: ") && refusal(&folder, &none).contains("line 2"));
    let lone = temporary.path().join("lone.db3");
    std::fs::write(&lone, b"not a database at all, but long enough to look at").unwrap();
    assert!(refusal(&lone, &none).contains("lone.db3: expected a complete sqlite3 bag"), "{}", refusal(&lone, &none));
}

#[test]
fn a_calibration_that_contradicts_the_images_is_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("bag");
    let mut bag = BagWriter::create(&folder).unwrap();
    let images = bag.add_topic::<Image>("/camera/image_rect", Qos::SENSOR).unwrap();
    let infos = bag.add_topic::<CameraInfo>("/camera/camera_info", Qos::SENSOR).unwrap();
    bag.write(images, START, &image(START, "c", "mono8", 1, vec![0; 16 * 12])).unwrap();
    bag.write(infos, START, &CameraInfo { width: 640, height: 480, ..info(START, 0.0) }).unwrap();
    bag.finish().unwrap();
    let error = open(&folder, &SourceOptions::default()).err().unwrap().to_string();
    let expected =
        "/camera/camera_info: expected 16x12 pixels, as the images on /camera/image_rect have, found 640x480";
    assert!(error.ends_with(expected), "{error}");
}

#[test]
fn messages_decode_by_type() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("bag");
    stereo(&folder, Compression::None);
    let reader = BagReader::open(&folder).unwrap();
    let wanted: Vec<bool> = reader.topics().iter().map(|topic| topic.name == "/imu").collect();
    let imus: Vec<_> = reader.messages(&wanted).map(Result::unwrap).collect();
    assert_eq!(imus.len(), 5);
    assert_eq!(reader.decode::<Imu>(&imus[1]).unwrap().header.stamp.nanos(), START + STEP - 1);
    assert_eq!(cdr::decode::<Imu>(&imus[1].data).unwrap().header.frame_id, "imu");
    let mut cut = imus[1].clone();
    cut.data.truncate(40);
    let error = reader.decode::<Imu>(&cut).unwrap_err().to_string();
    assert!(error.starts_with("/imu: not a sensor_msgs/msg/Imu: "), "{error}");
}
