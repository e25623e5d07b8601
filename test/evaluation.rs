//! ATE and RPE are evo's, to the sixth decimal.

use halfslam::evaluation::{Alignment, EvaluationError, absolute_error, relative_error};
use halfslam::geometry::{StampedPose, Trajectory, se3};
use halfslam::io::trajectory;
use std::path::{Path, PathBuf};

/// What evo 1.38.1 computes for pairs of its own test trajectories: APE of translation (m) and of angle (degrees), and RPE
/// from frame to frame, the same two.
const EVO: &str = include_str!("evaluation/evo.csv");

/// Files and figures are rounded, single numbers as large as 300 m are compared.
const TOLERANCE: f64 = 1e-6;

fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("HALFSLAM_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let folder = root.join("trajectories/evo");
    if !folder.exists() {
        println!("skipped: {} is missing", folder.display());
    }
    folder.exists().then_some(folder)
}

#[test]
fn figures_are_those_of_evo() {
    let Some(folder) = folder() else { return };
    let rows: Vec<Vec<&str>> = EVO.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 18);
    for row in &rows {
        let [truth, estimate, alignment, pairs, figures @ ..] = row.as_slice() else { panic!("{row:?}") };
        let name = format!("{estimate} {alignment}");
        let alignment = match *alignment {
            "none" => Alignment::None,
            "se3" => Alignment::Se3,
            _ => Alignment::Sim3,
        };
        let (truth, _) = trajectory::read_poses(&folder.join(truth)).unwrap();
        let (estimate, _) = trajectory::read_poses(&folder.join(estimate)).unwrap();
        let absolute = absolute_error(&estimate, &truth, alignment).unwrap();
        let relative = relative_error(&estimate, &truth, alignment).unwrap();
        assert_eq!(absolute.translation_m.count.to_string(), *pairs, "{name}");
        let mut found = Vec::new();
        for figures in [absolute.translation_m, absolute.rotation_deg] {
            found.extend([figures.rmse, figures.mean, figures.median, figures.std, figures.max]);
        }
        for figures in [relative.frame_translation_m, relative.frame_rotation_deg] {
            found.extend([figures.rmse, figures.mean, figures.median]);
        }
        assert_eq!(found.len(), figures.len());
        for (index, (found, expected)) in found.iter().zip(figures).enumerate() {
            let expected: f64 = expected.parse().unwrap();
            assert!((found - expected).abs() < TOLERANCE, "{name}, figure {index}: {found} for {expected}");
        }
    }
}

/// A straight path of 10 cm steps whose estimate is 1% too long.
fn stretched() -> (Trajectory, Trajectory) {
    let path = |scale: f64| {
        let pose = |index: i64| StampedPose {
            stamp_nanos: index * 50_000_000,
            t_world_body: se3::exp(&nalgebra::Vector6::new(0.1 * scale * index as f64, 0.0, 0.0, 0.0, 0.0, 0.0)),
        };
        Trajectory::from_poses((0..200).map(pose).collect())
    };
    (path(1.01), path(1.0))
}

#[test]
fn drift_is_the_part_of_the_path_that_is_wrong() {
    let (estimate, truth) = stretched();
    let drift = relative_error(&estimate, &truth, Alignment::None).unwrap().segments.unwrap();
    assert_eq!(drift.lengths_m, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    assert!((drift.translation_percent - 1.0).abs() < 0.02, "{drift:?}");
    assert_eq!(drift.rotation_deg_per_m, 0.0);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let (estimate, truth) = stretched();
    // A line leaves the rotation about it open.
    assert!(matches!(absolute_error(&estimate, &truth, Alignment::Se3), Err(EvaluationError::Alignment(_))));
    let late =
        truth.poses().iter().map(|pose| StampedPose { stamp_nanos: pose.stamp_nanos + 3_600_000_000_000, ..*pose });
    let late = Trajectory::from_poses(late.collect());
    let error = absolute_error(&estimate, &late, Alignment::None).unwrap_err().to_string();
    assert!(
        error.contains("200 poses (0.000 s to 9.950 s)") && error.contains("(3600.000 s to 3609.950 s)"),
        "{error}"
    );
    let error = absolute_error(&Trajectory::default(), &truth, Alignment::None).unwrap_err().to_string();
    assert!(error.contains("0 poses (no time at all)"), "{error}");
}
