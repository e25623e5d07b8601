//! KITTI odometry: folders of rectified stereo pairs.
//!
//! `image_0`/`image_1` (grey) or `image_2`/`image_3` (colour) with `calib.txt` of lines `P0:` to `P3:`; or
//! `image_l`/`image_r` with a `calib.txt` of two unnamed projections. Times in `times.txt`, else 10 Hz. Poses in
//! `poses.txt`, or where the data set has them: `../../poses/<sequence>.txt`.

use super::calibration::Calibration;
use super::folder::{Folder, FrameFiles, existing, file_names, is_image};
use super::{Recording, SourceError, SourceOptions};
use crate::geometry::{PinholeCamera, Se3, StampedPose};
use crate::io::table::Table;
use crate::io::trajectory::read_kitti;
use crate::sensors::{Rig, SecondImage};
use std::path::{Path, PathBuf};

/// Left folder, right folder, and the rows of `calib.txt` that belong to them.
const LAYOUTS: [(&str, &str, usize, usize); 3] =
    [("image_0", "image_1", 0, 1), ("image_2", "image_3", 2, 3), ("image_l", "image_r", 0, 1)];
/// KITTI's cameras take ten images per second.
const RATE_HZ: f64 = 10.0;

pub(super) fn is_one(path: &Path) -> bool {
    LAYOUTS.iter().any(|(left, ..)| path.join(left).is_dir())
}

pub(super) fn open(path: &Path, options: &SourceOptions) -> Result<Recording, SourceError> {
    let layout = LAYOUTS.iter().find(|(left, ..)| path.join(left).is_dir()).unwrap_or(&LAYOUTS[0]);
    let (left_folder, right_folder) = (path.join(layout.0), path.join(layout.1));
    let second = if right_folder.is_dir() { SecondImage::Right } else { SecondImage::None };
    let names: Vec<String> = file_names(&left_folder)?.into_iter().filter(|name| is_image(name)).collect();

    let mut calibration = Calibration { rate_hz: Some(RATE_HZ), ..Calibration::default() };
    let mut p_rig_camera = nalgebra::Vector3::zeros();
    let calibration_file = path.join("calib.txt");
    if calibration_file.exists() {
        let projections = read_projections(&calibration_file)?;
        let row = |index: usize| {
            projections.get(index).copied().flatten().ok_or_else(|| SourceError::Format {
                path: calibration_file.clone(),
                reason: format!("expected a line P{index} of 12 numbers for {}, found none", layout.0),
            })
        };
        let left = row(layout.2)?;
        calibration.camera = Some(left.camera().into());
        // The projections and the poses refer to the left grey camera; the colour cameras stand beside it.
        p_rig_camera = -left.offset();
        if second == SecondImage::Right {
            calibration.baseline_m = Some(left.offset().x - row(layout.3)?.offset().x);
        }
    } else if options.camera_file.is_empty() {
        existing(calibration_file)?;
    }
    if !options.camera_file.is_empty()
        && let Some(rate_hz) = super::CameraFile::load(&options.camera_file)?.rate_hz
    {
        calibration.rate_hz = Some(rate_hz);
    }

    let stamps = stamps(&path.join("times.txt"), names.len(), calibration.rate_hz.unwrap_or(RATE_HZ))?;
    let mut frames = Vec::with_capacity(names.len());
    for (name, stamp_nanos) in names.iter().zip(&stamps) {
        let right = if second == SecondImage::Right { Some(existing(right_folder.join(name))?) } else { None };
        frames.push(FrameFiles { stamp_nanos: *stamp_nanos, reference: left_folder.join(name), second: right });
    }
    let camera_truth = match poses_file(path) {
        Some(file) => Some(truth(&file, &stamps, Se3::translation(p_rig_camera.x, p_rig_camera.y, p_rig_camera.z))?),
        None => None,
    };
    Folder {
        kind: "kitti",
        path,
        frames,
        second,
        samples: Vec::new(),
        calibration,
        camera_truth,
        truth_of_depth: false,
    }
    .into_recording(options)
}

/// A projection matrix `K [I | t]`, row by row.
#[derive(Debug, Clone, Copy)]
struct Projection([f64; 12]);

impl Projection {
    /// The intrinsics; the size is not known here.
    fn camera(&self) -> PinholeCamera {
        let m = &self.0;
        PinholeCamera { fx: m[0], fy: m[5], cx: m[2], cy: m[6], width: 0, height: 0 }
    }

    /// `t`: coordinates of the first camera plus `t` are those of this one (m).
    fn offset(&self) -> nalgebra::Vector3<f64> {
        let m = &self.0;
        let z = m[11];
        nalgebra::Vector3::new((m[3] - m[2] * z) / m[0], (m[7] - m[6] * z) / m[5], z)
    }
}

/// The projections by number; lines with names other than `P<number>:` are other sensors'.
fn read_projections(path: &Path) -> Result<Vec<Option<Projection>>, SourceError> {
    let table = Table::read(path)?;
    let mut projections = vec![None; 4];
    for (index, line) in table.lines().enumerate() {
        let words = line.words();
        let (number, numbers) = match words[0].strip_suffix(':') {
            Some(name) => match name.strip_prefix('P').and_then(|number| number.parse::<usize>().ok()) {
                Some(number) => (number, &words[1..]),
                None => continue,
            },
            None => (index, &words[..]),
        };
        let projection = Projection(line.numbers_of(numbers, false)?);
        let [fx, fy] = [projection.0[0], projection.0[5]];
        if !(fx > 0.0 && fy > 0.0 && projection.offset().iter().all(|v| v.is_finite())) {
            let expected = "expected finite numbers and positive focal lengths";
            return Err(line.error(format!("{expected}, found {:?}", projection.0)).into());
        }
        if let Some(slot) = projections.get_mut(number) {
            *slot = Some(projection);
        }
    }
    Ok(projections)
}

fn stamps(times: &Path, count: usize, rate_hz: f64) -> Result<Vec<i64>, SourceError> {
    if !times.exists() {
        return Ok((0..count).map(|index| (index as f64 / rate_hz * 1e9).round() as i64).collect());
    }
    let table = Table::read(times)?;
    let stamps: Vec<i64> = table.lines().map(|line| line.stamp_nanos(line.words()[0])).collect::<Result<_, _>>()?;
    if stamps.len() < count {
        return Err(table.error(format!("expected a time for each of {count} images, found {}", stamps.len())).into());
    }
    if let Some(index) = stamps.windows(2).position(|pair| pair[1] <= pair[0]) {
        return Err(table
            .error(format!("expected increasing times, found time {} not after its predecessor", index + 2))
            .into());
    }
    Ok(stamps)
}

fn poses_file(path: &Path) -> Option<PathBuf> {
    let beside = path.join("poses.txt");
    if beside.exists() {
        return Some(beside);
    }
    let absolute = path.canonicalize().ok()?;
    let of_data_set = absolute.parent()?.parent()?.join("poses").join(absolute.file_name()?).with_extension("txt");
    of_data_set.exists().then_some(of_data_set)
}

/// Poses of the left camera in a world with z up: the first camera's optical frame, turned.
fn truth(file: &Path, stamps: &[i64], t_rig_camera: Se3) -> Result<Vec<StampedPose>, SourceError> {
    let poses = read_kitti(file)?;
    if poses.len() < stamps.len() {
        let reason = format!("expected a pose for each of {} images, found {}", stamps.len(), poses.len());
        return Err(SourceError::Format { path: file.into(), reason });
    }
    let stamped = stamps.iter().zip(poses).map(|(&stamp_nanos, pose)| StampedPose {
        stamp_nanos,
        t_world_body: Rig::optical_looking_ahead() * pose * t_rig_camera,
    });
    Ok(stamped.collect())
}
