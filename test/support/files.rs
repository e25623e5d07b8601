//! Real bundle adjustment problems, where they are: in `HALFSLAM_DATA`, else in `../shared/data`.
#![allow(dead_code)]

use halfslam::bundle::{PointBundle, PointObservation, RectifiedStereo};
use halfslam::geometry::{PinholeCamera, Se3};
use halfslam::io::bal::{self, BalBundle};
use halfslam::io::libmv::{self, LibmvFile};
use nalgebra::{Matrix3, Point3, Rotation3, Translation3, UnitQuaternion, Vector3};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file of the problems; `None`, and a word about it, if it is not there.
fn file(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HALFSLAM_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let path = root.join("bundle_adjustment").join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

/// A reconstruction of "Bundle Adjustment in the Large".
pub fn bal_file(name: &str) -> Option<BalBundle> {
    Some(bal::read(&file(name)?).expect("a sound file"))
}

/// A reconstruction as libmv writes it.
pub fn libmv_file(name: &str) -> Option<LibmvFile> {
    Some(libmv::read(&file(name)?).expect("a sound file"))
}

/// Stereo keyframes of KITTI 00, as GTSAM's example has them: poses (4x4, camera to world), and lines
/// `pose landmark u u_right v x y z`, the point in that camera's coordinates. The first pose is fixed; pixels have a
/// standard deviation of one.
pub fn stereo_file() -> Option<PointBundle<RectifiedStereo, 3>> {
    let numbers = |name: &str| -> Option<Vec<Vec<f64>>> {
        let text = std::fs::read_to_string(file(&format!("gtsam_vo_stereo/{name}"))?).expect("readable");
        let line = |line: &str| line.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        Some(text.lines().filter(|line| !line.trim().is_empty()).map(line).collect())
    };
    let lens = &numbers("VO_calibration00s.txt")?[0];
    let camera = PinholeCamera { fx: lens[0], fy: lens[1], cx: lens[3], cy: lens[4], width: 1241, height: 376 };
    let mut keyframes = BTreeMap::new();
    let mut cameras = Vec::new();
    for row in numbers("VO_camera_poses00s.txt")? {
        let m = &row[1..];
        let rotation = Matrix3::new(m[0], m[1], m[2], m[4], m[5], m[6], m[8], m[9], m[10]);
        let rotation = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix(&rotation));
        let t_world_camera = Se3::from_parts(Translation3::from(Vector3::new(m[3], m[7], m[11])), rotation);
        keyframes.insert(row[0] as u64, cameras.len());
        cameras.push(RectifiedStereo { camera, baseline_m: lens[5], t_world_camera });
    }
    let mut places = BTreeMap::new();
    let (mut points, mut observations) = (Vec::new(), Vec::new());
    for row in numbers("VO_stereo_factors00s.txt")? {
        let camera = keyframes[&(row[0] as u64)];
        let point = *places.entry(row[1] as u64).or_insert_with(|| {
            points.push(cameras[camera].t_world_camera * Point3::new(row[5], row[6], row[7]));
            points.len() - 1
        });
        observations.push(PointObservation { camera, point, measured: [row[2], row[4], row[3]], sigma_px: 1.0 });
    }
    let fixed = (0..cameras.len()).map(|index| index == 0).collect();
    Some(PointBundle { cameras, fixed, points, observations })
}
