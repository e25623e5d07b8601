//! Small bags, with a topic of every kind.

use crate::fixtures::gray;
use halfslam::geometry::Se3;
use halfslam::io::bag::messages::{
    CameraInfo, CompressedImage, Header, Image, Imu, Odometry, PoseStamped, TfMessage, TransformStamped,
};
use halfslam::io::bag::{BagWriter, Compression, Qos};
use halfslam::sensors::Rig;
use std::path::Path;

const START: i64 = 1_700_000_000_000_000_000;
const STEP: i64 = 50_000_000;
const FRAMES: i64 = 3;

fn info(stamp: i64, frame: &str, shift: f64) -> CameraInfo {
    let header = Header::new(stamp, frame);
    let mut info =
        CameraInfo { header, height: 12, width: 16, distortion_model: "plumb_bob".into(), ..Default::default() };
    info.d = vec![-0.1, 0.01, 0.001, 0.0, 0.0];
    info.k = [20.0, 0.0, 8.0, 0.0, 21.0, 6.0, 0.0, 0.0, 1.0];
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    info.p = [20.0, 0.0, 8.0, shift, 0.0, 21.0, 6.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    info
}

fn image(stamp: i64, frame: &str, encoding: &str, channels: u32) -> Image {
    let data = gray(16 * channels, 12, stamp as u8).into_raw();
    let header = Header::new(stamp, frame);
    Image { header, height: 12, width: 16, encoding: encoding.into(), is_bigendian: 0, step: 16 * channels, data }
}

/// Wheels, inertial unit, truth and transforms.
fn body(bag: &mut BagWriter) {
    let transform = |child: &str, y: f64| TransformStamped {
        header: Header::new(START, "base_link"),
        child_frame_id: child.into(),
        transform: (Se3::translation(0.1, y, 0.4) * Rig::optical_looking_ahead()).into(),
    };
    let transforms = ["left", "right", "imu"].into_iter().zip([0.05, 0.0, 0.1]).map(|(child, y)| transform(child, y));
    let tf = bag.add_topic::<TfMessage>("/tf_static", Qos::LATCHED).unwrap();
    bag.write(tf, START, &TfMessage { transforms: transforms.collect() }).unwrap();
    let wheels = bag.add_topic::<Odometry>("/wheel_odometry", Qos::DEFAULT).unwrap();
    let truths = bag.add_topic::<PoseStamped>("/ground_truth", Qos::DEFAULT).unwrap();
    let imus = bag.add_topic::<Imu>("/imu", Qos::SENSOR).unwrap();
    for stamp in (0..FRAMES).map(|step| START + step * STEP) {
        let header = Header::new(stamp, "odom");
        let odometry = Odometry { header: header.clone(), child_frame_id: "base_link".into(), ..Default::default() };
        bag.write(wheels, stamp, &odometry).unwrap();
        bag.write(truths, stamp, &PoseStamped { header, ..Default::default() }).unwrap();
        bag.write(imus, stamp, &Imu { header: Header::new(stamp, "imu"), ..Default::default() }).unwrap();
    }
}

/// A raw pair: Bayer pixels on the left, 16 bits on the right.
pub fn stereo(folder: &Path, compression: Compression) {
    let mut bag = BagWriter::create_compressed(folder, compression).unwrap();
    body(&mut bag);
    let [left, right] =
        ["left", "right"].map(|side| bag.add_topic::<Image>(&format!("/{side}/image_raw"), Qos::SENSOR).unwrap());
    let infos = ["left", "right"]
        .map(|side| bag.add_topic::<CameraInfo>(&format!("/{side}/camera_info"), Qos::SENSOR).unwrap());
    for stamp in (0..FRAMES).map(|step| START + step * STEP) {
        for ((topic, frame), shift) in infos.into_iter().zip(["left", "right"]).zip([0.0, -2.4]) {
            bag.write(topic, stamp, &info(stamp, frame, shift)).unwrap();
        }
        bag.write(left, stamp, &image(stamp, "left", "bayer_rggb8", 1)).unwrap();
        bag.write(right, stamp, &image(stamp, "right", "mono16", 2)).unwrap();
    }
    bag.finish().unwrap();
}

/// Compressed colour and depth of a camera of its own: words as RVL, all of them 1 m.
pub fn rgbd(folder: &Path) {
    let mut bag = BagWriter::create(folder).unwrap();
    body(&mut bag);
    let color = bag.add_topic::<CompressedImage>("/color/image_raw/compressed", Qos::SENSOR).unwrap();
    let depth = bag.add_topic::<CompressedImage>("/depth/image_raw/compressedDepth", Qos::SENSOR).unwrap();
    let infos = ["color", "depth"]
        .map(|name| bag.add_topic::<CameraInfo>(&format!("/{name}/camera_info"), Qos::SENSOR).unwrap());
    let mut png = std::io::Cursor::new(Vec::new());
    gray(16, 12, 0).write_to(&mut png, image::ImageFormat::Png).unwrap();
    for stamp in (0..FRAMES).map(|step| START + step * STEP) {
        for (topic, frame) in infos.into_iter().zip(["left", "right"]) {
            bag.write(topic, stamp, &info(stamp, frame, 0.0)).unwrap();
        }
        let (header, data) = (Header::new(stamp, "left"), png.get_ref().clone());
        bag.write(color, stamp, &CompressedImage { header, format: "png".into(), data }).unwrap();
        let (header, data) = (Header::new(stamp, "right"), [vec![0; 12], rvl()].concat());
        bag.write(depth, stamp, &CompressedImage { header, format: "16UC1; compressedDepth rvl".into(), data })
            .unwrap();
    }
    bag.finish().unwrap();
}

/// 16x12 words of 1000: no zeros, 192 others, a difference of 1000 (coded 2000), then 191 of none.
fn rvl() -> Vec<u8> {
    let mut nibbles = vec![0u32, 0x8, 0x8, 3];
    nibbles.extend([0x8, 0xa, 0xf, 3]);
    nibbles.resize(4 + 4 + 191, 0);
    nibbles.resize(nibbles.len().next_multiple_of(8), 0);
    let words =
        nibbles.chunks(8).flat_map(|eight| eight.iter().fold(0, |word, nibble| word << 4 | nibble).to_le_bytes());
    [16u32, 12].into_iter().flat_map(u32::to_le_bytes).chain(words).collect()
}
