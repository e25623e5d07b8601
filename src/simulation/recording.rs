//! A simulation, recorded to a rosbag2 folder.

use super::cameras::{Pictures, Preset};
use super::imu::{ACCELEROMETER_NOISE, GYRO_NOISE, IMU_HEIGHT_M};
use super::timeline::{Reading, START_NANOS, Simulation};
use super::tour::Motion;
use super::wheels::WheelReading;
use crate::geometry::Se3;
use crate::io::bag::messages::{
    CameraInfo, Header, Image, Imu, Odometry, PoseWithCovariance, TfMessage, TransformStamped, Twist,
    TwistWithCovariance, Vector3,
};
use crate::io::bag::{BagError, BagWriter, Qos, Topic};
use crate::sensors::{Depth, ImuSample, Rig};
use std::path::Path;

const BASE_FRAME: &str = "base_link";
const IMU_FRAME: &str = "imu_link";
const WORLD_FRAME: &str = "world";
const ODOM_FRAME: &str = "odom";
const IMU_TOPIC: &str = "/imu";
const WHEEL_TOPIC: &str = "/wheel_odometry";
const TRUTH_TOPIC: &str = "/ground_truth";

/// Records a simulation to a new folder. `progress` is told after each message how much of the time is done (0 to 1).
///
/// Topics: `/left|right/{image_rect,camera_info}` (stereo; mono: left), `/color/{image_rect,camera_info}` with
/// `/depth/{image_rect,camera_info}` (rgbd), `/imu`, `/wheel_odometry`, `/ground_truth`, `/tf_static`.
///
/// # Errors
/// [`BagError`] if the folder exists or cannot be written; nothing is left behind then.
pub fn record(simulation: &Simulation, folder: &Path, mut progress: impl FnMut(f64)) -> Result<(), BagError> {
    let mut bag = BagWriter::create(folder)?;
    let rig = simulation.rig();
    let names = camera_names(simulation.preset());
    let transforms = bag.add_topic::<TfMessage>("/tf_static", Qos::LATCHED)?;
    let cameras =
        names.iter().map(|name| CameraTopics::new(&mut bag, name)).collect::<Result<Vec<CameraTopics>, BagError>>()?;
    let imu = bag.add_topic::<Imu>(IMU_TOPIC, Qos::SENSOR)?;
    let wheels = bag.add_topic::<Odometry>(WHEEL_TOPIC, Qos::DEFAULT)?;
    let truth = bag.add_topic::<Odometry>(TRUTH_TOPIC, Qos::DEFAULT)?;
    bag.write(transforms, START_NANOS, &static_transforms(&rig, names))?;
    let duration = simulation.duration_nanos().max(1) as f64;
    for (stamp, reading) in simulation.readings() {
        match reading {
            Reading::Truth(motion) => bag.write(truth, stamp, &truth_message(stamp, &motion))?,
            Reading::Imu(sample) => bag.write(imu, stamp, &imu_message(&sample))?,
            Reading::Wheels(reading) => bag.write(wheels, stamp, &wheel_message(stamp, &reading))?,
            Reading::Pictures(pictures) => {
                for (image, camera) in image_messages(stamp, pictures, &rig, names).into_iter().zip(&cameras) {
                    bag.write(camera.info, stamp, &camera_info(&image, &rig, camera.is_right))?;
                    bag.write(camera.image, stamp, &image)?;
                }
            }
        }
        progress((stamp - START_NANOS) as f64 / duration);
    }
    bag.finish()
}

struct CameraTopics {
    image: Topic<Image>,
    info: Topic<CameraInfo>,
    is_right: bool,
}

impl CameraTopics {
    fn new(bag: &mut BagWriter, name: &str) -> Result<Self, BagError> {
        Ok(Self {
            image: bag.add_topic(&format!("/{name}/image_rect"), Qos::SENSOR)?,
            info: bag.add_topic(&format!("/{name}/camera_info"), Qos::SENSOR)?,
            is_right: name == "right",
        })
    }
}

fn camera_names(preset: Preset) -> &'static [&'static str] {
    match preset {
        Preset::Stereo => &["left", "right"],
        Preset::Rgbd => &["color", "depth"],
        Preset::Mono => &["left"],
    }
}

/// The frame of a camera; depth is aligned, so it is in the colour camera's frame.
fn optical_frame(name: &str) -> String {
    format!("{}_optical_frame", if name == "depth" { "color" } else { name })
}

fn static_transforms(rig: &Rig, names: &[&str]) -> TfMessage {
    let transform = |child: String, t: Se3| TransformStamped {
        header: Header::new(START_NANOS, BASE_FRAME),
        child_frame_id: child,
        transform: t.into(),
    };
    let camera = |name: &&str| match (*name, rig.depth) {
        ("right", Depth::Stereo { baseline_m }) => {
            transform(optical_frame(name), rig.t_base_camera * nalgebra::Translation3::new(baseline_m, 0.0, 0.0))
        }
        _ => transform(optical_frame(name), rig.t_base_camera),
    };
    let cameras = names.iter().filter(|name| **name != "depth").map(camera);
    let imu = transform(IMU_FRAME.into(), Se3::translation(0.0, 0.0, IMU_HEIGHT_M));
    TfMessage { transforms: cameras.chain([imu]).collect() }
}

fn image_messages(stamp: i64, pictures: Pictures, rig: &Rig, names: &[&str]) -> Vec<Image> {
    let (width, height) = (rig.camera.width, rig.camera.height);
    let parts = match pictures {
        Pictures::Stereo { left, right } => vec![("mono8", 1, left), ("mono8", 1, right)],
        Pictures::Mono { gray } => vec![("mono8", 1, gray)],
        Pictures::Rgbd { color, depth_mm } => {
            let depth = depth_mm.into_iter().flat_map(u16::to_le_bytes).collect();
            vec![("rgb8", 3, color), ("16UC1", 2, depth)]
        }
    };
    let image = |((encoding, bytes, data), name): ((&str, u32, Vec<u8>), &&str)| Image {
        header: Header::new(stamp, optical_frame(name)),
        height,
        width,
        encoding: encoding.into(),
        is_bigendian: 0,
        step: width * bytes,
        data,
    };
    parts.into_iter().zip(names).map(image).collect()
}

fn camera_info(image: &Image, rig: &Rig, is_right: bool) -> CameraInfo {
    let camera = rig.camera;
    let (fx, fy, cx, cy) = (camera.fx, camera.fy, camera.cx, camera.cy);
    // The convention of sensor_msgs: the right camera's P holds -fx times the baseline.
    let shift = match rig.depth {
        Depth::Stereo { baseline_m } if is_right => -fx * baseline_m,
        _ => 0.0,
    };
    CameraInfo {
        header: image.header.clone(),
        height: image.height,
        width: image.width,
        distortion_model: "plumb_bob".into(),
        d: vec![0.0; 5],
        k: [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        r: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p: [fx, 0.0, cx, shift, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
        ..CameraInfo::default()
    }
}

fn imu_message(sample: &ImuSample) -> Imu {
    let diagonal = |value: f64| [value, 0.0, 0.0, 0.0, value, 0.0, 0.0, 0.0, value];
    Imu {
        header: Header::new(sample.stamp_nanos, IMU_FRAME),
        // The first element says that there is no orientation.
        orientation_covariance: [-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        angular_velocity: sample.angular_velocity.into(),
        angular_velocity_covariance: diagonal(GYRO_NOISE * GYRO_NOISE * 200.0),
        linear_acceleration: sample.linear_acceleration.into(),
        linear_acceleration_covariance: diagonal(ACCELEROMETER_NOISE * ACCELEROMETER_NOISE * 200.0),
        ..Imu::default()
    }
}

fn odometry(stamp: i64, frame: &str, pose: PoseWithCovariance, [speed, yaw_rate]: [f64; 2]) -> Odometry {
    let twist =
        Twist { linear: Vector3 { x: speed, y: 0.0, z: 0.0 }, angular: Vector3 { x: 0.0, y: 0.0, z: yaw_rate } };
    Odometry {
        header: Header::new(stamp, frame),
        child_frame_id: BASE_FRAME.into(),
        pose,
        twist: TwistWithCovariance { twist, ..TwistWithCovariance::default() },
    }
}

fn wheel_message(stamp: i64, reading: &WheelReading) -> Odometry {
    let mut covariance = [0.0; 36];
    for (index, value) in covariance.iter_mut().enumerate() {
        *value = reading.covariance[(index / 6, index % 6)];
    }
    let pose = PoseWithCovariance { pose: reading.t_wheel_base.into(), covariance };
    odometry(stamp, ODOM_FRAME, pose, reading.twist)
}

fn truth_message(stamp: i64, motion: &Motion) -> Odometry {
    let pose = PoseWithCovariance { pose: motion.t_world_base.into(), ..PoseWithCovariance::default() };
    odometry(stamp, WORLD_FRAME, pose, [motion.speed, motion.yaw_rate])
}
