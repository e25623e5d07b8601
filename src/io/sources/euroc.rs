//! EuRoC and other folders in ASL's layout: `mav0/cam0`, `cam1`, `imu0`, `state_groundtruth_estimate0`, each with
//! `data.csv` and `sensor.yaml`.
//!
//! The raw pair is rectified. The base is a body that looks ahead with the left camera; the truth, which is that of
//! the inertial unit's body, is carried over to it by the calibration.

use super::calibration::Calibration;
use super::folder::{Folder, FrameFiles, existing};
use super::pairing::{nearest_pairs, sorted};
use super::{Recording, SourceError, SourceOptions};
use crate::geometry::{PinholeCamera, Se3, StampedPose};
use crate::io::table::Table;
use crate::io::trajectory::{read_euroc, se3_from_rows};
use crate::sensors::{Distortion, ImuSample, RawCamera, Rig, SecondImage, SensorEvent};
use nalgebra::{UnitQuaternion, Vector3};
use std::path::{Path, PathBuf};

/// The folder that holds `cam0`.
fn root(path: &Path) -> Option<PathBuf> {
    [path.join("mav0"), path.to_path_buf()].into_iter().find(|root| root.join("cam0").is_dir())
}

pub(super) fn is_one(path: &Path) -> bool {
    root(path).is_some()
}

pub(super) fn open(path: &Path, options: &SourceOptions) -> Result<Recording, SourceError> {
    let root = root(path).unwrap_or_else(|| path.to_path_buf());
    let (left_folder, right_folder) = (root.join("cam0"), root.join("cam1"));
    let lefts = read_images(&left_folder)?;
    let left = read_camera(&left_folder.join("sensor.yaml"), options)?;
    let mut calibration =
        Calibration { camera: left.as_ref().map(|left| left.camera.clone()), ..Calibration::default() };
    let stamps = |images: &[(i64, PathBuf)]| images.iter().map(|(stamp, _)| Some(*stamp)).collect::<Vec<_>>();
    let mut frames = Vec::new();
    let second = if right_folder.is_dir() {
        let rights = read_images(&right_folder)?;
        let right = read_camera(&right_folder.join("sensor.yaml"), options)?;
        calibration.right = left.as_ref().zip(right).map(|(left, right)| {
            let t_left_right = left.t_body_camera.inverse() * right.t_body_camera;
            (right.camera, t_left_right)
        });
        let right_stamps = options.shifted(&stamps(&rights));
        for (left, right) in nearest_pairs(&stamps(&lefts), &right_stamps, options.tolerance_nanos()) {
            let (stamp_nanos, file) = &lefts[left];
            let (reference, second) = (existing(file.clone())?, Some(existing(rights[right].1.clone())?));
            frames.push(FrameFiles { stamp_nanos: *stamp_nanos, reference, second });
        }
        SecondImage::Right
    } else {
        for (stamp_nanos, place) in sorted(&stamps(&lefts)) {
            let reference = existing(lefts[place].1.clone())?;
            frames.push(FrameFiles { stamp_nanos, reference, second: None });
        }
        SecondImage::None
    };
    let t_body_camera = left.map_or_else(Se3::identity, |left| left.t_body_camera);
    let imu_file = root.join("imu0/data.csv");
    // The base looks ahead with the left camera.
    let rotation_base_body = Rig::optical_looking_ahead().rotation * t_body_camera.rotation.inverse();
    let rotation_body_imu = read_imu_rotation(&root.join("imu0/sensor.yaml"))?;
    let rotation_base_imu = rotation_base_body * rotation_body_imu;
    let samples = if imu_file.exists() { read_imu(&imu_file, &rotation_base_imu)? } else { Vec::new() };
    let camera_truth = match truth_file(&root) {
        Some(file) => Some(truth(&file, &t_body_camera)?),
        None => None,
    };
    Folder { kind: "euroc", path, frames, second, samples, calibration, camera_truth, truth_of_depth: false }
        .into_recording(options)
}

/// Stamps (ns) and files of a camera.
fn read_images(folder: &Path) -> Result<Vec<(i64, PathBuf)>, SourceError> {
    let table = Table::read(&folder.join("data.csv"))?;
    let mut images = Vec::new();
    for line in table.lines() {
        let [stamp, file] = line.words()[..] else {
            return Err(line.error(format!("expected a stamp and a file, found {} words", line.words().len())).into());
        };
        let Ok(stamp_nanos) = stamp.parse() else {
            return Err(line.error(format!("expected whole nanoseconds, found '{stamp}'")).into());
        };
        images.push((stamp_nanos, folder.join("data").join(file)));
    }
    Ok(images)
}

struct Camera {
    camera: RawCamera,
    t_body_camera: Se3,
}

#[derive(serde::Deserialize)]
struct SensorFile {
    #[serde(rename = "T_BS")]
    t_bs: Matrix,
    resolution: [u32; 2],
    intrinsics: [f64; 4],
    #[serde(default)]
    distortion_model: String,
    #[serde(default)]
    distortion_coefficients: Vec<f64>,
}

#[derive(serde::Deserialize)]
struct Matrix {
    data: Vec<f64>,
}

impl Matrix {
    fn pose(&self, path: &Path) -> Result<Se3, SourceError> {
        let rows = self.data.first_chunk::<12>().filter(|_| self.data.len() == 16);
        rows.and_then(se3_from_rows).ok_or_else(|| SourceError::Format {
            path: path.into(),
            reason: format!("T_BS: expected the 16 numbers of a rigid transform, found {:?}", self.data),
        })
    }
}

fn read_yaml<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, SourceError> {
    let text = std::fs::read_to_string(path).map_err(SourceError::io(path))?;
    // OpenCV, whose format this is, starts with a line that YAML does not know.
    let yaml = text.trim_start().strip_prefix("%YAML:1.0").unwrap_or(&text);
    serde_yaml::from_str(yaml).map_err(SourceError::format(path))
}

/// A camera's calibration; `None` if there is none but a camera file may say it.
fn read_camera(path: &Path, options: &SourceOptions) -> Result<Option<Camera>, SourceError> {
    if !path.exists() && !options.camera_file.is_empty() {
        return Ok(None);
    }
    let file: SensorFile = read_yaml(path)?;
    let t_body_camera = file.t_bs.pose(path)?;
    let [fx, fy, cx, cy] = file.intrinsics;
    let [width, height] = file.resolution;
    let distortion = Distortion::from_name(&file.distortion_model, &file.distortion_coefficients);
    let distortion = distortion.map_err(SourceError::format(path))?;
    let pinhole = PinholeCamera { fx, fy, cx, cy, width, height };
    Ok(Some(Camera { camera: RawCamera { pinhole, distortion }, t_body_camera }))
}

/// The inertial unit's axes in the body's; the body's own where nothing is said.
fn read_imu_rotation(path: &Path) -> Result<UnitQuaternion<f64>, SourceError> {
    #[derive(serde::Deserialize)]
    struct ImuFile {
        #[serde(rename = "T_BS")]
        t_bs: Option<Matrix>,
    }
    if !path.exists() {
        return Ok(UnitQuaternion::identity());
    }
    let file: ImuFile = read_yaml(path)?;
    Ok(file.t_bs.map(|matrix| matrix.pose(path)).transpose()?.unwrap_or_else(Se3::identity).rotation)
}

fn read_imu(path: &Path, rotation_base_imu: &UnitQuaternion<f64>) -> Result<Vec<SensorEvent>, SourceError> {
    let table = Table::read(path)?;
    let mut samples = Vec::new();
    for line in table.lines() {
        let words = line.words();
        let [wx, wy, wz, ax, ay, az] = line.numbers_of(words.get(1..).unwrap_or_default(), false)?;
        let Ok(stamp_nanos) = words[0].parse() else {
            return Err(line.error(format!("expected whole nanoseconds, found '{}'", words[0])).into());
        };
        let sample = ImuSample {
            stamp_nanos,
            angular_velocity: Vector3::new(wx, wy, wz),
            linear_acceleration: Vector3::new(ax, ay, az),
        };
        samples.push(SensorEvent::Imu(sample.turned(rotation_base_imu)));
    }
    samples.sort_by_key(SensorEvent::stamp_nanos);
    Ok(samples)
}

fn truth_file(root: &Path) -> Option<PathBuf> {
    let names = ["state_groundtruth_estimate0", "groundtruth0", "mocap0"];
    names.iter().map(|name| root.join(name).join("data.csv")).find(|file| file.exists())
}

/// Poses of the left camera.
fn truth(file: &Path, t_body_camera: &Se3) -> Result<Vec<StampedPose>, SourceError> {
    let trajectory = read_euroc(file)?;
    let of_camera = |pose: &StampedPose| StampedPose { t_world_body: pose.t_world_body * t_body_camera, ..*pose };
    Ok(trajectory.poses().iter().map(of_camera).collect())
}
