//! Trajectories in the formats of TUM, KITTI and EuRoC.

use super::table::{Line, Table, TableError};
use crate::geometry::{Se3, StampedPose, Trajectory};
use nalgebra::{Matrix3, Quaternion, Rotation3, Translation3, UnitQuaternion, Vector3};
use std::io::Write;
use std::path::Path;

/// How a file of poses is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrajectoryFormat {
    /// `seconds x y z qx qy qz qw`, blanks between.
    Tum,
    /// The upper three rows of the pose's matrix, row by row; no times.
    Kitti,
    /// `nanoseconds, x, y, z, qw, qx, qy, qz, …`.
    Euroc,
}

/// The time between two poses of a file that states none, so that pose number `i` has stamp `i` seconds.
pub const UNTIMED_STEP_NANOS: i64 = 1_000_000_000;

/// Reads a trajectory, finding out its format by its first line.
///
/// # Errors
/// [`TableError`] names file, line, what was expected and what was found.
pub fn read(path: &Path) -> Result<(Trajectory, TrajectoryFormat), TableError> {
    let (poses, format) = read_poses(path)?;
    Ok((Trajectory::from_poses(poses), format))
}

/// Like [`read`], sorted by stamp, but with all poses of a stamp where there are several.
///
/// # Errors
/// As [`read`].
pub fn read_poses(path: &Path) -> Result<(Vec<StampedPose>, TrajectoryFormat), TableError> {
    let table = Table::read(path)?;
    let Some(first) = table.lines().next() else {
        return Err(table.error("expected poses, found none"));
    };
    let format = match first.words().len() {
        8 => TrajectoryFormat::Tum,
        12 => TrajectoryFormat::Kitti,
        count if count > 8 => TrajectoryFormat::Euroc,
        count => {
            return Err(first.error(format!(
                "expected 8 numbers (TUM), 12 (KITTI) or more than 8 with commas (EuRoC), found {count}"
            )));
        }
    };
    let mut poses = match format {
        TrajectoryFormat::Tum => poses_of(&table, tum_line)?,
        TrajectoryFormat::Euroc => poses_of(&table, euroc_line)?,
        TrajectoryFormat::Kitti => kitti_poses(&table)?
            .into_iter()
            .enumerate()
            .map(|(index, t_world_body)| StampedPose { stamp_nanos: index as i64 * UNTIMED_STEP_NANOS, t_world_body })
            .collect(),
    };
    poses.sort_by_key(|pose: &StampedPose| pose.stamp_nanos);
    Ok((poses, format))
}

/// Reads poses `seconds x y z qx qy qz qw`.
///
/// # Errors
/// [`TableError`] names file, line, what was expected and what was found.
pub fn read_tum(path: &Path) -> Result<Trajectory, TableError> {
    Ok(Trajectory::from_poses(poses_of(&Table::read(path)?, tum_line)?))
}

/// Reads poses `nanoseconds, x, y, z, qw, qx, qy, qz, …`; what follows on a line is skipped.
///
/// # Errors
/// [`TableError`] names file, line, what was expected and what was found.
pub fn read_euroc(path: &Path) -> Result<Trajectory, TableError> {
    Ok(Trajectory::from_poses(poses_of(&Table::read(path)?, euroc_line)?))
}

/// Reads poses of 12 numbers, in order.
///
/// # Errors
/// [`TableError`] names file, line, what was expected and what was found.
pub fn read_kitti(path: &Path) -> Result<Vec<Se3>, TableError> {
    kitti_poses(&Table::read(path)?)
}

/// Writes a trajectory in TUM's format: stamps to the nanosecond, metres and quaternions in 9 decimals.
///
/// # Errors
/// What `out` says.
pub fn write_tum(out: &mut impl Write, trajectory: &Trajectory) -> std::io::Result<()> {
    writeln!(out, "# timestamp tx ty tz qx qy qz qw")?;
    for pose in trajectory.poses() {
        let (v, q) = (pose.t_world_body.translation.vector, pose.t_world_body.rotation);
        let (sign, nanos) = (if pose.stamp_nanos < 0 { "-" } else { "" }, pose.stamp_nanos.unsigned_abs());
        let (whole, fraction) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        writeln!(
            out,
            "{sign}{whole}.{fraction:09} {:.9} {:.9} {:.9} {:.9} {:.9} {:.9} {:.9}",
            v.x, v.y, v.z, q.i, q.j, q.k, q.w
        )?;
    }
    Ok(())
}

/// Writes poses in KITTI's format: 12 numbers per line, 9 digits behind the first.
///
/// # Errors
/// What `out` says.
pub fn write_kitti(out: &mut impl Write, poses: impl IntoIterator<Item = Se3>) -> std::io::Result<()> {
    for pose in poses {
        let matrix = pose.to_homogeneous();
        let numbers: Vec<String> = (0..12).map(|index| format!("{:.9e}", matrix[(index / 4, index % 4)])).collect();
        writeln!(out, "{}", numbers.join(" "))?;
    }
    Ok(())
}

fn poses_of(table: &Table, read: fn(&Line) -> Result<StampedPose, TableError>) -> Result<Vec<StampedPose>, TableError> {
    table.lines().map(|line| read(&line)).collect()
}

fn tum_line(line: &Line) -> Result<StampedPose, TableError> {
    let words = line.words();
    if words.len() != 8 {
        return Err(line.error(format!("expected 8 numbers (stamp x y z qx qy qz qw), found {}", words.len())));
    }
    let [x, y, z, qx, qy, qz, qw] = line.numbers_of(&words[1..], false)?;
    Ok(StampedPose { stamp_nanos: line.stamp_nanos(words[0])?, t_world_body: pose(line, [x, y, z], [qw, qx, qy, qz])? })
}

fn euroc_line(line: &Line) -> Result<StampedPose, TableError> {
    let words = line.words();
    if words.len() < 8 {
        return Err(line.error(format!("expected at least 8 numbers (ns x y z qw qx qy qz), found {}", words.len())));
    }
    let [x, y, z, qw, qx, qy, qz] = line.numbers_of(&words[1..], true)?;
    let stamp_nanos =
        words[0].parse().map_err(|_| line.error(format!("expected whole nanoseconds, found '{}'", words[0])))?;
    Ok(StampedPose { stamp_nanos, t_world_body: pose(line, [x, y, z], [qw, qx, qy, qz])? })
}

/// A pose from a position and a quaternion, real part first.
fn pose(line: &Line, position: [f64; 3], [w, x, y, z]: [f64; 4]) -> Result<Se3, TableError> {
    let quaternion = Quaternion::new(w, x, y, z);
    let norm = quaternion.norm();
    if !(position.iter().all(|v| v.is_finite()) && norm.is_finite() && (norm - 1.0).abs() < 0.1) {
        return Err(line.error(format!("expected a finite position and a unit quaternion, found one of norm {norm}")));
    }
    Ok(Se3::from_parts(Translation3::from(Vector3::from(position)), UnitQuaternion::from_quaternion(quaternion)))
}

fn kitti_poses(table: &Table) -> Result<Vec<Se3>, TableError> {
    table
        .lines()
        .map(|line| {
            let rows = line.numbers::<12>(false)?;
            se3_from_rows(&rows).ok_or_else(|| line.error("expected the rows [R t] of a pose, found no rotation"))
        })
        .collect()
}

/// The pose of the rows `[R t]` of its matrix; `None` unless it is finite and `R` is a rotation to about 1%, which
/// is made exact.
pub fn se3_from_rows(rows: &[f64; 12]) -> Option<Se3> {
    let [a, b, c, x, d, e, f, y, g, h, i, z] = *rows;
    if !rows.iter().all(|v| v.is_finite()) {
        return None;
    }
    let matrix = Matrix3::new(a, b, c, d, e, f, g, h, i);
    let is_rotation = (matrix * matrix.transpose() - Matrix3::identity()).norm() < 0.03 && matrix.determinant() > 0.0;
    let svd = is_rotation.then(|| matrix.svd(true, true))?;
    let rotation = Rotation3::from_matrix_unchecked(svd.u? * svd.v_t?);
    Some(Se3::from_parts(Translation3::new(x, y, z), UnitQuaternion::from_rotation_matrix(&rotation)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3;
    use proptest::prelude::*;

    fn any_pose() -> impl Strategy<Value = StampedPose> {
        let tangent = prop::array::uniform6(-2.5f64..2.5);
        (0..2_000_000_000_000_000_000i64, tangent)
            .prop_map(|(stamp_nanos, tangent)| StampedPose { stamp_nanos, t_world_body: se3::exp(&tangent.into()) })
    }

    fn close(a: &Se3, b: &Se3) -> bool {
        (a.to_homogeneous() - b.to_homogeneous()).norm() < 1e-7
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn tum_and_kitti_survive(poses in prop::collection::vec(any_pose(), 1..8)) {
            let folder = tempfile::tempdir().unwrap();
            let trajectory = Trajectory::from_poses(poses);
            let path = folder.path().join("a.tum");
            write_tum(&mut std::fs::File::create(&path).unwrap(), &trajectory).unwrap();
            let (found, format) = read(&path).unwrap();
            prop_assert_eq!(format, TrajectoryFormat::Tum);
            prop_assert_eq!(found.poses().len(), trajectory.poses().len());
            for (a, b) in found.poses().iter().zip(trajectory.poses()) {
                prop_assert!(a.stamp_nanos == b.stamp_nanos && close(&a.t_world_body, &b.t_world_body));
            }
            let path = folder.path().join("a.txt");
            let mut file = std::fs::File::create(&path).unwrap();
            write_kitti(&mut file, trajectory.poses().iter().map(|pose| pose.t_world_body)).unwrap();
            let (found, format) = read(&path).unwrap();
            prop_assert_eq!(format, TrajectoryFormat::Kitti);
            for (a, b) in found.poses().iter().zip(trajectory.poses()) {
                prop_assert!(close(&a.t_world_body, &b.t_world_body));
            }
        }
    }

    #[test]
    fn broken_lines_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("poses");
        for (text, message) in [
            ("1 0 0 0 0 0 0 1\n2 0 0 0 0 0 0\n", "line 2: expected 8 numbers (stamp x y z qx qy qz qw), found 7"),
            ("1 0 0 0 0 0 0 0\n", "line 1: expected a finite position and a unit quaternion, found one of norm 0"),
            ("1 0 0 0 0 1 0 0 0 0 2 0\n", "line 1: expected the rows [R t] of a pose, found no rotation"),
            ("a 0 0 0 0 0 0 1\n", "line 1: expected a time in seconds, found 'a'"),
            ("# nothing\n", "expected poses, found none"),
            ("1 2 3\n", "found 3"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains("poses: ") && error.ends_with(message), "{error}");
        }
    }
}
