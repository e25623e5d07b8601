//! Every kind of image that a bag may hold: encodings, lenses, depth of a camera of its own, clocks that differ, one camera.

use crate::fixtures::{gray, write};
use halfslam::geometry::{PinholeCamera, Se3, se3};
use halfslam::io::bag::messages::{CameraInfo, Header, Image, Message, Odometry, TfMessage, TransformStamped};
use halfslam::io::bag::{BagWriter, Qos};
use halfslam::io::sources::{SourceOptions, open};
use halfslam::sensors::{
    Depth, Distortion, Frame, Images, Picture, RawCamera, Rectification, Rig, Second, SensorEvent,
};
use image::GrayImage;
use std::path::Path;

const START: i64 = 1_700_000_000_000_000_000;
const MILLISECOND: i64 = 1_000_000;
const WIDTH: u32 = 64;
const HEIGHT: u32 = 48;

fn image(stamp: i64, frame: &str, encoding: &str, bytes: u32, data: Vec<u8>) -> Image {
    let header = Header::new(stamp, frame);
    Image {
        header,
        height: HEIGHT,
        width: WIDTH,
        encoding: encoding.into(),
        is_bigendian: 0,
        step: WIDTH * bytes,
        data,
    }
}

fn info(model: &str, d: &[f64], baseline_m: f64) -> CameraInfo {
    let (f, cx, cy) = (50.0, 31.5, 23.5);
    CameraInfo {
        height: HEIGHT,
        width: WIDTH,
        distortion_model: model.into(),
        d: d.to_vec(),
        k: [f, 0.0, cx, 0.0, f, cy, 0.0, 0.0, 1.0],
        r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p: [f, 0.0, cx, -f * baseline_m, 0.0, f, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
        ..CameraInfo::default()
    }
}

/// A bag of some messages: topic and message each.
struct Bag<'a>(BagWriter, &'a Path);

impl<'a> Bag<'a> {
    fn new(folder: &'a Path) -> Self {
        Self(BagWriter::create(folder).unwrap(), folder)
    }
    fn with<M: Message + serde::Serialize>(mut self, topic: &str, messages: &[M]) -> Self {
        let topic = self.0.add_topic::<M>(topic, Qos::SENSOR).unwrap();
        messages.iter().for_each(|message| self.0.write(topic, START, message).unwrap());
        self
    }
    /// Rig and frames of the recording, with the options.
    fn read(self, options: &SourceOptions) -> (Rig, Vec<Frame>) {
        self.0.finish().unwrap();
        let recording = open(self.1, options).unwrap();
        let frame = |event: SensorEvent| if let SensorEvent::Frame(frame) = event { Some(*frame) } else { None };
        (recording.rig, recording.events.map(Result::unwrap).filter_map(frame).collect())
    }
}

fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("bag");
    (temporary, path)
}

#[test]
fn every_encoding_is_the_same_picture() {
    // Red 200, green 100, blue 50 everywhere, but for the grey ones, which hold its brightness.
    let pixels = (WIDTH * HEIGHT) as usize;
    let bayer = |red_at: (usize, usize)| -> Vec<u8> {
        let color = |i: usize| {
            let (x, y) = (i % WIDTH as usize % 2, i / WIDTH as usize % 2);
            if (x, y) == red_at {
                200
            } else if (1 - x, 1 - y) == red_at {
                50
            } else {
                100
            }
        };
        (0..pixels).map(color).collect()
    };
    let encodings: [(&str, u32, Vec<u8>); 10] = [
        ("mono8", 1, [124].repeat(pixels)),
        ("mono16", 2, [7, 124].repeat(pixels)),
        ("rgb8", 3, [200, 100, 50].repeat(pixels)),
        ("bgr8", 3, [50, 100, 200].repeat(pixels)),
        ("rgba8", 4, [200, 100, 50, 9].repeat(pixels)),
        ("bgra8", 4, [50, 100, 200, 9].repeat(pixels)),
        ("bayer_rggb8", 1, bayer((0, 0))),
        ("bayer_bggr8", 1, bayer((1, 1))),
        ("bayer_gbrg8", 1, bayer((0, 1))),
        ("bayer_grbg8", 1, bayer((1, 0))),
    ];
    for (encoding, bytes, data) in encodings {
        let (_temporary, path) = folder();
        let (rig, frames) = Bag::new(&path)
            .with("/camera/image_rect", &[image(START, "camera", encoding, bytes, data)])
            .with("/camera/camera_info", &[info("plumb_bob", &[0.0; 5], 0.0)])
            .read(&SourceOptions::default());
        assert_eq!(rig.depth, Depth::None);
        let Images::Mono { gray } = &frames[0].images else { panic!("{encoding}") };
        let level = gray.get_pixel(32, 24).0[0];
        assert!((123..=125).contains(&level), "{encoding}: {level}");
        let color = frames[0].color.as_ref().map(|color| color.get_pixel(32, 24).0);
        assert_eq!(color, (!encoding.starts_with("mono")).then_some([200, 100, 50]), "{encoding}");
    }
}

#[test]
fn raw_pairs_of_every_lens_are_rectified_as_their_infos_say() {
    let (left, right) = (gray(WIDTH, HEIGHT, 3), gray(WIDTH, HEIGHT, 90));
    let rational = [-0.3, 0.05, 0.001, -0.001, 0.01, 0.02, -0.01, 0.003];
    let lenses: [(&str, &[f64]); 3] = [
        ("plumb_bob", &[-0.2, 0.05, 0.001, -0.002, 0.0]),
        ("rational_polynomial", &rational),
        ("equidistant", &[0.02, -0.01, 0.003, -0.001]),
    ];
    for (model, d) in lenses {
        let pinhole = PinholeCamera { fx: 50.0, fy: 50.0, cx: 31.5, cy: 23.5, width: WIDTH, height: HEIGHT };
        let camera = RawCamera { pinhole, distortion: Distortion::from_name(model, d).unwrap() };
        let (baseline, mount) = (Se3::translation(0.12, 0.0, 0.0), Rig::optical_looking_ahead());
        let expected = Rectification::stereo(&camera, &camera, &baseline, &mount).unwrap();
        let of_right = Second::Right(Picture::Gray(right.clone()));
        let expected_frame = expected.frame(START, Picture::Gray(left.clone()), of_right).unwrap();
        // The baseline stands in the projection, or nowhere but in the transforms.
        for in_projection in [true, false] {
            let (_temporary, path) = folder();
            let mut infos = [info(model, d, 0.0), info(model, d, 0.12)];
            if !in_projection {
                infos.iter_mut().for_each(|info| info.p = [0.0; 12]);
            }
            let transform = |child: &str, t: Se3| TransformStamped {
                header: Header::new(START, "base_link"),
                child_frame_id: child.into(),
                transform: t.into(),
            };
            let [left_info, right_info] = infos;
            let (rig, frames) = Bag::new(&path)
                .with("/left/image_raw", &[image(START, "left", "mono8", 1, left.as_raw().clone())])
                .with("/right/image_raw", &[image(START, "right", "mono8", 1, right.as_raw().clone())])
                .with("/left/camera_info", &[left_info])
                .with("/right/camera_info", &[right_info])
                .with(
                    "/tf_static",
                    &[TfMessage { transforms: vec![transform("left", mount), transform("right", mount * baseline)] }],
                )
                .read(&SourceOptions::default());
            assert!((rig.camera.fx - expected.rig().camera.fx).abs() < 1e-6, "{model}, {in_projection}");
            assert_eq!(frames[0].images, expected_frame.images, "{model}, {in_projection}");
            assert_ne!(frames[0].reference(), &left, "{model}: as raw as it came");
        }
    }
}

/// Words of 16 bits, or metres, as a depth message.
fn depth_image(stamp: i64, frame: &str, encoding: &str, metres: f32) -> Image {
    let count = (WIDTH * HEIGHT) as usize;
    match encoding {
        "32FC1" => image(stamp, frame, encoding, 4, metres.to_le_bytes().repeat(count)),
        _ => image(stamp, frame, encoding, 2, ((metres * 1000.0) as u16).to_le_bytes().repeat(count)),
    }
}

#[test]
fn depth_is_metres_in_every_encoding_and_moved_to_colour_where_its_camera_stands_apart() {
    let colors = gray(WIDTH, HEIGHT, 0);
    for (encoding, apart) in [("16UC1", false), ("mono16", false), ("32FC1", false), ("16UC1", true), ("32FC1", true)] {
        let (_temporary, path) = folder();
        let frame = if apart { "depth" } else { "color" };
        // The depth camera stands 30 cm behind the colour camera, rolled by 90 degrees, and its image is turned.
        let t_color_depth = se3::exp(&nalgebra::Vector6::new(0.0, 0.0, -0.3, 0.0, 0.0, std::f64::consts::FRAC_PI_2));
        let transform = TransformStamped {
            header: Header::new(START, "color"),
            child_frame_id: "depth".into(),
            transform: t_color_depth.into(),
        };
        let (rig, frames) = Bag::new(&path)
            .with("/color/image_rect", &[image(START, "color", "mono8", 1, colors.as_raw().clone())])
            .with("/color/camera_info", &[info("plumb_bob", &[0.0; 5], 0.0)])
            .with("/depth/image_rect", &[depth_image(START, frame, encoding, 2.5)])
            .with("/depth/camera_info", &[info("plumb_bob", &[0.0; 5], 0.0)])
            .with("/tf_static", &[TfMessage { transforms: vec![transform] }])
            .read(&SourceOptions::default());
        assert_eq!(rig.depth, Depth::Image);
        let Images::Rgbd { depth, .. } = &frames[0].images else { panic!("{encoding}") };
        let expected = if apart { 2.2 } else { 2.5 };
        let found = depth.get_pixel(32, 24).0[0];
        assert!((found - expected).abs() < 1e-6, "{encoding}, apart {apart}: {found}");
    }
}

#[test]
fn images_are_paired_within_the_tolerance_after_the_offset_of_their_clocks() {
    fn make(path: &Path) -> Bag<'_> {
        let left = |at: i64| image(START + at * MILLISECOND, "left", "mono8", 1, [at as u8].repeat(64 * 48));
        let right = |at: i64| image(START + (at + 130) * MILLISECOND, "right", "mono8", 1, [at as u8].repeat(64 * 48));
        Bag::new(path)
            .with("/left/image_rect", &[left(0), left(50), left(100)])
            .with("/right/image_rect", &[right(1), right(48), right(96)])
            .with("/left/camera_info", &[info("plumb_bob", &[0.0; 5], 0.0)])
            .with("/right/camera_info", &[info("plumb_bob", &[0.0; 5], 0.12)])
    }
    let pairs = |tolerance_ms: f64| {
        let (_temporary, path) = folder();
        let options =
            SourceOptions { second_offset_ms: -130.0, pair_tolerance_ms: tolerance_ms, ..SourceOptions::default() };
        let (_, frames) = make(&path).read(&options);
        frames.iter().map(|frame| (frame.stamp_nanos - START) / MILLISECOND).collect::<Vec<_>>()
    };
    assert_eq!(pairs(5.0), [0, 50, 100]);
    assert_eq!(pairs(2.5), [0, 50]);
    let (_temporary, path) = folder();
    make(&path).0.finish().unwrap();
    // Without the offset the first right image is the last left one's nearest.
    let options = SourceOptions { pair_tolerance_ms: 40.0, ..SourceOptions::default() };
    assert_eq!(open(&path, &options).unwrap().frame_count, 1);
}

#[test]
fn wheels_of_an_unknown_frame_are_ignored_as_the_nodes_ignore_them() {
    let (_temporary, path) = folder();
    let odometry = |child: &str| Odometry {
        header: Header::new(START, "odom"),
        child_frame_id: child.into(),
        ..Default::default()
    };
    let read = |child: &str, path: &Path| {
        let mut message = odometry(child);
        message.pose.pose.orientation.w = 1.0;
        Bag::new(path)
            .with("/camera/image_rect", &[image(START, "camera", "mono8", 1, vec![0; 64 * 48])])
            .with("/camera/camera_info", &[info("plumb_bob", &[0.0; 5], 0.0)])
            .with("/wheel_odometry", &[message])
            .0
            .finish()
            .unwrap();
        let recording = open(path, &SourceOptions::default()).unwrap();
        let count = recording.events.filter(|event| matches!(event, Ok(SensorEvent::Wheel(_)))).count();
        (recording.has_wheels, count)
    };
    assert_eq!(read("caster", &path), (false, 0));
    let (_temporary, path) = folder();
    assert_eq!(read("base_link", &path), (true, 1));
    let (_temporary, path) = folder();
    assert_eq!(read("", &path), (true, 1));
}

#[test]
fn a_folder_of_one_camera_has_its_wheels_beside_it() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    for name in ["a", "b"] {
        GrayImage::new(WIDTH, HEIGHT).save(folder.join(format!("{name}.png"))).unwrap();
    }
    write(folder.join("rgb.txt"), "1.00 a.png\n1.05 b.png\n");
    write(folder.join("camera.yaml"), "{fx: 50, fy: 50, cx: 31.5, cy: 23.5}");
    let camera_file = folder.join("camera.yaml").to_str().unwrap().to_owned();
    let options = SourceOptions { camera_file, ..SourceOptions::default() };
    let alone = open(folder, &options).unwrap();
    assert!(!alone.has_wheels);
    let refused = halfslam::replay::run(alone, &Default::default(), &mut |_| ()).err().unwrap().to_string();
    assert!(refused.contains("wheel_odometry.txt"), "{refused}");
    write(folder.join("wheel_odometry.txt"), "1.00 0 0 0 0 0 0 1\n1.02 0.01 0 0 0 0 0 1\n1.06 0.03 0 0 0 0 0 1\n");
    let recording = open(folder, &options).unwrap();
    assert!(recording.has_wheels && recording.rig.depth == Depth::None);
    let kinds: Vec<bool> = recording.events.map(|event| matches!(event.unwrap(), SensorEvent::Wheel(_))).collect();
    assert_eq!(kinds, [true, false, true, false, true], "of one stamp the sample comes before the frame");
}
