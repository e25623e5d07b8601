//! ATE and RPE are evo's, to the sixth decimal.

use halfslam::evaluation::{Alignment, EvaluationError, absolute_error, relative_error};
use halfslam::geometry::{StampedPose, Trajectory, se3};
use halfslam::io::trajectory;
use std::path::{Path, PathBuf};

/// One of evo's test trajectories against its truth.
type Row = (&'static str, &'static str, &'static str, usize, &'static [f64]);

/// Truth, estimate, alignment, pairs, and what evo 1.38.1 computes: APE of translation (m) and of angle (degrees), each
/// rmse, mean, median, std and max; RPE from frame to frame, the same two, each rmse, mean and median.
const EVO: &[Row] = &[
    (
        "freiburg1_xyz-groundtruth.txt",
        "freiburg1_xyz-rgbdslam.txt",
        "none",
        785,
        &[
            0.020079418,
            0.018062518,
            0.016517756,
            0.008770888,
            0.043289434,
            0.701693152,
            0.631027107,
            0.585723439,
            0.306884457,
            1.81897442,
            0.005764371,
            0.004815609,
            0.004138858,
            0.353613161,
            0.300306581,
            0.262139,
        ],
    ),
    (
        "freiburg1_xyz-groundtruth.txt",
        "freiburg1_xyz-rgbdslam.txt",
        "se3",
        785,
        &[
            0.013470089,
            0.012024499,
            0.011183187,
            0.006070809,
            0.034759546,
            2.057699602,
            2.024695482,
            2.000841087,
            0.367063833,
            3.639590831,
            0.005764371,
            0.004815609,
            0.004138858,
            0.353613161,
            0.300306581,
            0.262139,
        ],
    ),
    (
        "freiburg1_xyz-groundtruth.txt",
        "freiburg1_xyz-rgbdslam.txt",
        "sim3",
        785,
        &[
            0.013389385,
            0.01198689,
            0.011133899,
            0.005965744,
            0.034846145,
            2.057699602,
            2.024695482,
            2.000841087,
            0.367063833,
            3.639590831,
            0.005805695,
            0.004847246,
            0.004154625,
            0.353613161,
            0.300306581,
            0.262139,
        ],
    ),
    (
        "freiburg1_xyz-groundtruth.txt",
        "freiburg1_xyz-rgbdslam_drift.txt",
        "none",
        785,
        &[
            0.13418542,
            0.122985617,
            0.126530561,
            0.0536681,
            0.249332053,
            36.177897052,
            36.17603564,
            36.167268669,
            0.366988373,
            37.234369021,
            0.005764379,
            0.004815612,
            0.004138811,
            0.353613536,
            0.300308417,
            0.262139222,
        ],
    ),
    (
        "freiburg1_xyz-groundtruth.txt",
        "freiburg1_xyz-rgbdslam_drift.txt",
        "se3",
        785,
        &[
            0.013470119,
            0.012024516,
            0.011183138,
            0.006070842,
            0.034759897,
            2.057702487,
            2.024698143,
            2.000898817,
            0.367065323,
            3.639636705,
            0.005764379,
            0.004815612,
            0.004138811,
            0.353613536,
            0.300308417,
            0.262139222,
        ],
    ),
    (
        "freiburg1_xyz-groundtruth.txt",
        "freiburg1_xyz-rgbdslam_drift.txt",
        "sim3",
        785,
        &[
            0.013389416,
            0.011986908,
            0.011133736,
            0.005965778,
            0.034846486,
            2.057702487,
            2.024698143,
            2.000898817,
            0.367065323,
            3.639636705,
            0.005805702,
            0.004847248,
            0.004154672,
            0.353613536,
            0.300308417,
            0.262139222,
        ],
    ),
    (
        "fr2_desk_groundtruth.txt",
        "fr2_desk_ORB.txt",
        "none",
        2174,
        &[
            3.173993542,
            2.949693888,
            2.594642465,
            1.171981644,
            5.066735062,
            132.478584407,
            132.477169431,
            132.453930851,
            0.612295652,
            134.516178785,
            0.003490321,
            0.003038087,
            0.002750288,
            0.280519226,
            0.22955612,
            0.187818457,
        ],
    ),
    (
        "fr2_desk_groundtruth.txt",
        "fr2_desk_ORB.txt",
        "se3",
        2174,
        &[
            0.008118978,
            0.007491777,
            0.00741463,
            0.00312907,
            0.024299594,
            0.989035658,
            0.959473082,
            0.949801238,
            0.240006123,
            2.024871216,
            0.003490321,
            0.003038087,
            0.002750288,
            0.280519226,
            0.22955612,
            0.187818457,
        ],
    ),
    (
        "fr2_desk_groundtruth.txt",
        "fr2_desk_ORB.txt",
        "sim3",
        2174,
        &[
            0.006123163,
            0.005586197,
            0.005305225,
            0.002507494,
            0.021476786,
            0.989035658,
            0.959473082,
            0.949801238,
            0.240006123,
            2.024871216,
            0.003485017,
            0.003030383,
            0.002745521,
            0.280519226,
            0.22955612,
            0.187818457,
        ],
    ),
    (
        "V102_groundtruth.csv",
        "V102.txt",
        "none",
        798,
        &[
            2.554174046,
            2.507287888,
            2.377860678,
            0.487147311,
            3.655152032,
            27.815578896,
            27.728002364,
            28.240866125,
            2.205519048,
            31.153172848,
            0.01507671,
            0.006106922,
            0.004183939,
            0.357615595,
            0.089875601,
            0.033030033,
        ],
    ),
    (
        "V102_groundtruth.csv",
        "V102.txt",
        "se3",
        798,
        &[
            0.091727115,
            0.081521622,
            0.077911949,
            0.042048648,
            0.255816734,
            2.71677136,
            2.308505341,
            1.954712391,
            1.432358096,
            9.911251435,
            0.01507671,
            0.006106922,
            0.004183939,
            0.357615595,
            0.089875601,
            0.033030033,
        ],
    ),
    (
        "V102_groundtruth.csv",
        "V102.txt",
        "sim3",
        798,
        &[
            0.083841388,
            0.074841085,
            0.071945179,
            0.037791406,
            0.226651792,
            2.71677136,
            2.308505341,
            1.954712391,
            1.432358096,
            9.911251435,
            0.014710655,
            0.006022702,
            0.004358351,
            0.357615595,
            0.089875601,
            0.033030033,
        ],
    ),
    (
        "KITTI_00_gt.txt",
        "KITTI_00_ORB.txt",
        "none",
        4541,
        &[
            7.790288883,
            7.011750402,
            6.801631675,
            3.394695447,
            13.458508807,
            1.609558711,
            1.53816506,
            1.518558229,
            0.474054313,
            7.936409655,
            0.028120377,
            0.019301311,
            0.014709043,
            0.114973521,
            0.059583455,
            0.041074405,
        ],
    ),
    (
        "KITTI_00_gt.txt",
        "KITTI_00_ORB.txt",
        "se3",
        4541,
        &[
            1.303449715,
            1.156997129,
            1.06562477,
            0.600282269,
            3.587949121,
            0.756300517,
            0.616516411,
            0.527891364,
            0.438061625,
            6.752584454,
            0.028120377,
            0.019301311,
            0.014709043,
            0.114973521,
            0.059583455,
            0.041074405,
        ],
    ),
    (
        "KITTI_00_gt.txt",
        "KITTI_00_ORB.txt",
        "sim3",
        4541,
        &[
            0.937709074,
            0.872692632,
            0.844691013,
            0.343082901,
            2.693499864,
            0.756300517,
            0.616516411,
            0.527891364,
            0.438061625,
            6.752584454,
            0.027822453,
            0.018952974,
            0.014375696,
            0.114973521,
            0.059583455,
            0.041074405,
        ],
    ),
    (
        "KITTI_00_gt.txt",
        "KITTI_00_SPTAM.txt",
        "none",
        4541,
        &[
            9.224541737,
            8.623703555,
            8.28232141,
            3.274737738,
            14.911823228,
            2.409096918,
            2.195778103,
            2.02065572,
            0.991113757,
            11.336711493,
            0.034919368,
            0.023406451,
            0.019159937,
            0.296389843,
            0.241716405,
            0.201018442,
        ],
    ),
    (
        "KITTI_00_gt.txt",
        "KITTI_00_SPTAM.txt",
        "se3",
        4541,
        &[
            3.738487908,
            3.490976633,
            3.642584642,
            1.337674842,
            7.768977407,
            1.725539722,
            1.37712861,
            1.040717449,
            1.039713482,
            9.979460604,
            0.034919368,
            0.023406451,
            0.019159937,
            0.296389843,
            0.241716405,
            0.201018442,
        ],
    ),
    (
        "KITTI_00_gt.txt",
        "KITTI_00_SPTAM.txt",
        "sim3",
        4541,
        &[
            3.635293564,
            3.357305779,
            3.479863755,
            1.394222797,
            7.291831028,
            1.725539722,
            1.37712861,
            1.040717449,
            1.039713482,
            9.979460604,
            0.035017253,
            0.023520177,
            0.019239508,
            0.296389843,
            0.241716405,
            0.201018442,
        ],
    ),
];

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
    for (truth, estimate, alignment, pairs, figures) in EVO {
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
        assert_eq!(absolute.translation_m.count, *pairs, "{name}");
        let mut found = Vec::new();
        for figures in [absolute.translation_m, absolute.rotation_deg] {
            found.extend([figures.rmse, figures.mean, figures.median, figures.std, figures.max]);
        }
        for figures in [relative.frame_translation_m, relative.frame_rotation_deg] {
            found.extend([figures.rmse, figures.mean, figures.median]);
        }
        assert_eq!(found.len(), figures.len());
        for (index, (found, expected)) in found.iter().zip(*figures).enumerate() {
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
