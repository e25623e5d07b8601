//! 7-Scenes and what is laid out like it: `frame-000000.color.png` (or `.jpg`), `.depth.png` and `.pose.txt`.
//!
//! Depth is in millimetres. A `camera-intrinsics.txt` holds the camera's 3×3 matrix; without it the data set's
//! default counts, f = 585 px at the centre of 640x480. Frames are 1/30 s apart.

use super::calibration::Calibration;
use super::folder::{Folder, FrameFiles, existing, file_names};
use super::{Recording, SourceError, SourceOptions};
use crate::geometry::{PinholeCamera, Se3, StampedPose};
use crate::io::table::Table;
use crate::io::trajectory::se3_from_rows;
use crate::sensors::{Rig, SecondImage};
use std::path::Path;

/// What the data set's page says of its cameras.
const DEFAULT_CAMERA: PinholeCamera =
    PinholeCamera { fx: 585.0, fy: 585.0, cx: 320.0, cy: 240.0, width: 640, height: 480 };
/// Kinect's rate.
const RATE_HZ: f64 = 30.0;

fn color_stem(name: &str) -> Option<&str> {
    let (stem, ending) = name.split_once('.')?;
    (stem.starts_with("frame-") && matches!(ending, "color.png" | "color.jpg" | "color.jpeg")).then_some(stem)
}

pub(super) fn is_one(path: &Path) -> Result<bool, SourceError> {
    Ok(path.is_dir() && file_names(path)?.iter().any(|name| color_stem(name).is_some()))
}

pub(super) fn open(path: &Path, options: &SourceOptions) -> Result<Recording, SourceError> {
    let names = file_names(path)?;
    let mut rate_hz = RATE_HZ;
    if !options.camera_file.is_empty() {
        rate_hz = super::CameraFile::load(&options.camera_file)?.rate_hz.unwrap_or(rate_hz);
    }
    let (mut frames, mut poses) = (Vec::new(), Vec::new());
    for name in &names {
        let Some(stem) = color_stem(name) else { continue };
        // Dropped frames leave a gap in the numbers, and so in the stamps.
        let Ok(number) = stem["frame-".len()..].parse::<u32>() else {
            let reason = format!("expected frame-NUMBER.color, found {name}");
            return Err(SourceError::Format { path: path.into(), reason });
        };
        let stamp_nanos = (f64::from(number) / rate_hz * 1e9).round() as i64;
        let depth = existing(path.join(format!("{stem}.depth.png")))?;
        frames.push(FrameFiles { stamp_nanos, reference: path.join(name), second: Some(depth) });
        let pose_file = path.join(format!("{stem}.pose.txt"));
        if pose_file.exists()
            && let Some(t_world_camera) = read_pose(&pose_file)?
        {
            let t_world_body = Rig::optical_looking_ahead() * t_world_camera;
            poses.push(StampedPose { stamp_nanos, t_world_body });
        }
    }
    let intrinsics = path.join("camera-intrinsics.txt");
    let camera = if intrinsics.exists() { read_intrinsics(&intrinsics)? } else { DEFAULT_CAMERA };
    let calibration =
        Calibration { camera: Some(camera.into()), depth_units_per_m: Some(1000.0), ..Calibration::default() };
    let camera_truth = (!poses.is_empty()).then_some(poses);
    let (kind, second, samples) = ("seven_scenes", SecondImage::Depth, Vec::new());
    Folder { kind, path, frames, second, samples, calibration, camera_truth, truth_of_depth: true }
        .into_recording(options)
}

/// The camera's matrix; its size is that of the images.
fn read_intrinsics(path: &Path) -> Result<PinholeCamera, SourceError> {
    let table = Table::read(path)?;
    let rows: Vec<[f64; 3]> = table.lines().map(|line| line.numbers(false)).collect::<Result<_, _>>()?;
    match rows[..] {
        [[fx, _, cx], [_, fy, cy], _] if fx > 0.0 && fy > 0.0 => {
            Ok(PinholeCamera { fx, fy, cx, cy, width: 0, height: 0 })
        }
        _ => Err(table.error(format!("expected 3 rows of a camera matrix, found {rows:?}")).into()),
    }
}

/// A camera's pose; `None` if the tracker that made the data had lost it, which it writes as infinities or NaN.
fn read_pose(path: &Path) -> Result<Option<Se3>, SourceError> {
    let table = Table::read(path)?;
    let mut numbers = Vec::with_capacity(16);
    for line in table.lines() {
        numbers.extend(line.numbers::<4>(false)?);
    }
    let Some(rows) = numbers.first_chunk::<12>().filter(|_| numbers.len() == 16) else {
        return Err(table.error(format!("expected 4 rows of 4 numbers, found {} numbers", numbers.len())).into());
    };
    if rows.iter().any(|number| !number.is_finite()) {
        return Ok(None);
    }
    match se3_from_rows(rows) {
        Some(pose) => Ok(Some(pose)),
        None => Err(table.error("expected the matrix of a pose, found no rotation").into()),
    }
}
