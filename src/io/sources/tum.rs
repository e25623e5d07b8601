//! TUM RGB-D: `rgb.txt`, `depth.txt` and `groundtruth.txt` with stamps and files.
//!
//! Depth images hold 5000 units per metre. Folders named after the data set's sequences (`freiburg1`, `freiburg2`,
//! `freiburg3`) get that camera's calibration; others the data set's default, f = 525 px, centre (319.5, 239.5).

use super::calibration::Calibration;
use super::folder::{Folder, FrameFiles, existing};
use super::pairing::{nearest_pairs, sorted};
use super::{CameraFile, Recording, SourceError, SourceOptions};
use crate::geometry::PinholeCamera;
use crate::io::table::Table;
use crate::io::trajectory::read_tum;
use crate::sensors::SecondImage;
use std::path::{Path, PathBuf};

/// What the data set's page gives as default.
const DEFAULT_CAMERA: PinholeCamera =
    PinholeCamera { fx: 525.0, fy: 525.0, cx: 319.5, cy: 239.5, width: 640, height: 480 };
const DEPTH_UNITS_PER_M: f64 = 5000.0;

pub(super) fn is_one(path: &Path) -> bool {
    path.join("rgb.txt").is_file()
}

pub(super) fn open(path: &Path, options: &SourceOptions) -> Result<Recording, SourceError> {
    let colors = read_list(path, "rgb.txt")?;
    let alone = !path.join("depth.txt").exists();
    let frames = if alone { single(&colors)? } else { with_depth(path, &colors, options)? };
    let mut calibration = Calibration { camera: Some(DEFAULT_CAMERA.into()), ..Calibration::default() };
    calibration.depth_units_per_m = Some(DEPTH_UNITS_PER_M);
    if let Some(preset) = preset(path) {
        CameraFile::load(preset)?.apply(&mut calibration, Some((640, 480))).map_err(SourceError::format(path))?;
    }
    // The truth is that of the colour camera's optical frame, in a world with z up.
    let truth_file = path.join("groundtruth.txt");
    let camera_truth = if truth_file.exists() { Some(read_tum(&truth_file)?.poses().to_vec()) } else { None };
    let second = if alone { SecondImage::None } else { SecondImage::Depth };
    let (kind, samples) = ("tum", Vec::new());
    Folder { kind, path, frames, second, samples, calibration, camera_truth, truth_of_depth: false }
        .into_recording(options)
}

fn stamps(list: &[(i64, PathBuf)]) -> Vec<Option<i64>> {
    list.iter().map(|(stamp, _)| Some(*stamp)).collect()
}

fn single(colors: &[(i64, PathBuf)]) -> Result<Vec<FrameFiles>, SourceError> {
    let frame = |(stamp_nanos, index): (i64, usize)| {
        Ok(FrameFiles { stamp_nanos, reference: existing(colors[index].1.clone())?, second: None })
    };
    sorted(&stamps(colors)).into_iter().map(frame).collect()
}

/// Colour images with the depth image that is nearest in time.
fn with_depth(path: &Path, colors: &[(i64, PathBuf)], options: &SourceOptions) -> Result<Vec<FrameFiles>, SourceError> {
    let depths = read_list(path, "depth.txt")?;
    let mut frames = Vec::new();
    for (color, depth) in nearest_pairs(&stamps(colors), &options.shifted(&stamps(&depths)), options.tolerance_nanos())
    {
        let (stamp_nanos, reference) = &colors[color];
        let (reference, second) = (existing(reference.clone())?, Some(existing(depths[depth].1.clone())?));
        frames.push(FrameFiles { stamp_nanos: *stamp_nanos, reference, second });
    }
    if frames.is_empty() {
        let reason = format!(
            "expected stamps in rgb.txt and depth.txt that differ by at most {} ms (option source.pair_tolerance_ms), \
             found none among {} and {}",
            options.pair_tolerance_ms,
            colors.len(),
            depths.len()
        );
        return Err(SourceError::Format { path: path.into(), reason });
    }
    Ok(frames)
}

/// Stamps (ns) and files.
fn read_list(folder: &Path, name: &str) -> Result<Vec<(i64, PathBuf)>, SourceError> {
    let table = Table::read(&folder.join(name))?;
    let mut list = Vec::new();
    for line in table.lines() {
        let [stamp, file] = line.words()[..] else {
            return Err(line.error(format!("expected a stamp and a file, found {} words", line.words().len())).into());
        };
        list.push((line.stamp_nanos(stamp)?, folder.join(file)));
    }
    Ok(list)
}

/// The calibration of the data set's camera that a folder is named after.
fn preset(path: &Path) -> Option<&'static str> {
    let absolute = path.canonicalize().ok()?;
    let name = absolute.file_name()?.to_str()?;
    let presets = [("freiburg1", "tum_freiburg1"), ("freiburg2", "tum_freiburg2"), ("freiburg3", "tum_freiburg3")];
    presets.iter().find(|(word, _)| name.contains(word)).map(|(_, preset)| *preset)
}
