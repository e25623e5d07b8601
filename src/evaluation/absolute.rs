//! The absolute trajectory error.

use super::association::{DEFAULT_MAX_DIFFERENCE_NANOS, PosePair, associate};
use super::{EvaluationError, Statistics};
use crate::geometry::{Se3, Similarity, StampedPose, Trajectory, align_se3, align_sim3};
use nalgebra::Point3;

/// How an estimate is brought into the truth's world before they are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alignment {
    /// As it is.
    None,
    /// By the best rotation and translation.
    #[default]
    Se3,
    /// By the best rotation, translation and scale.
    Sim3,
}

/// How far an estimate is from the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct AbsoluteError {
    /// Distances of the positions (m).
    pub translation_m: Statistics,
    /// Angles between the orientations (degrees).
    pub rotation_deg: Statistics,
    /// The estimate's world into the truth's world.
    pub alignment: Similarity,
    /// Stamp (ns) and distance (m) of each pair, in order of time.
    pub errors: Vec<(i64, f64)>,
    /// The whole estimate in the truth's world.
    pub aligned_estimate: Trajectory,
}

/// The absolute trajectory error of an estimate: its poses are paired with the truth by stamp (at most 0.01 s apart),
/// aligned by their positions, and compared.
///
/// # Errors
/// [`EvaluationError`] if no poses pair up, or their positions do not determine the alignment.
///
/// # Source
/// The figures of `evo_ape` with `--pose_relation trans_part` and `angle_deg`.
pub fn absolute_error(
    estimate: &impl AsRef<[StampedPose]>,
    truth: &impl AsRef<[StampedPose]>,
    alignment: Alignment,
) -> Result<AbsoluteError, EvaluationError> {
    let pairs = associate(estimate, truth, DEFAULT_MAX_DIFFERENCE_NANOS)?;
    let alignment = alignment_of(&pairs, alignment)?;
    let mut errors = Vec::with_capacity(pairs.len());
    let mut angles = Vec::with_capacity(pairs.len());
    for pair in &pairs {
        let aligned = alignment.transform_pose(&pair.estimate);
        errors.push((pair.stamp_nanos, (aligned.translation.vector - pair.truth.translation.vector).norm()));
        angles.push(pair.truth.rotation.angle_to(&aligned.rotation).to_degrees());
    }
    let lengths: Vec<f64> = errors.iter().map(|(_, distance)| *distance).collect();
    let aligned =
        |pose: &StampedPose| StampedPose { t_world_body: alignment.transform_pose(&pose.t_world_body), ..*pose };
    let aligned_estimate = Trajectory::from_poses(estimate.as_ref().iter().map(aligned).collect());
    let too_few = EvaluationError::TooFew { found: pairs.len() };
    let (Some(translation_m), Some(rotation_deg)) = (Statistics::of(&lengths), Statistics::of(&angles)) else {
        return Err(too_few);
    };
    Ok(AbsoluteError { translation_m, rotation_deg, alignment, errors, aligned_estimate })
}

pub(super) fn alignment_of(pairs: &[PosePair], alignment: Alignment) -> Result<Similarity, EvaluationError> {
    let estimates: Vec<Point3<f64>> = pairs.iter().map(|pair| pair.estimate.translation.vector.into()).collect();
    let truths: Vec<Point3<f64>> = pairs.iter().map(|pair| pair.truth.translation.vector.into()).collect();
    Ok(match alignment {
        Alignment::None => Similarity { scale: 1.0, t_target_source: Se3::identity() },
        Alignment::Se3 => Similarity { scale: 1.0, t_target_source: align_se3(&estimates, &truths)? },
        Alignment::Sim3 => align_sim3(&estimates, &truths)?,
    })
}
