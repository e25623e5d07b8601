//! The relative pose error, from frame to frame and over segments of the path.

use super::absolute::{Alignment, alignment_of};
use super::association::{DEFAULT_MAX_DIFFERENCE_NANOS, PosePair, associate};
use super::{EvaluationError, Statistics};
use crate::geometry::{Se3, StampedPose};

/// How fast an estimate departs from the truth.
#[derive(Debug, Clone, PartialEq)]
pub struct RelativeError {
    /// Translation of the relative pose's error between consecutive pairs (m).
    pub frame_translation_m: Statistics,
    /// Angle of the relative pose's error between consecutive pairs (degrees).
    pub frame_rotation_deg: Statistics,
    /// Drift over segments of the path; `None` if the path is too short for one.
    pub segments: Option<SegmentDrift>,
}

/// Drift over segments of fixed lengths, from every pose on.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SegmentDrift {
    /// The lengths along the true path (m).
    pub lengths_m: Vec<f64>,
    /// How many segments there are.
    pub segment_count: usize,
    /// Mean error of translation over length (percent).
    pub translation_percent: f64,
    /// Mean error of rotation over length (degrees per metre).
    pub rotation_deg_per_m: f64,
}

/// The relative pose error of an estimate: `E = (Q_i⁻¹ Q_j)⁻¹ (P_i⁻¹ P_j)` with true poses `Q` and estimated poses `P`,
/// for consecutive pairs and for segments.
///
/// Segments have KITTI's lengths, 100, 200, …, 800 m, divided by the least power of ten by which a path of 8 times
/// the shortest length fits: 10, 20, …, 80 m on a path of 80 to 800 m, 1, 2, …, 8 m on one of 8 to 80 m. Unlike KITTI
/// they start at every pose, not at every tenth.
///
/// - `alignment`: only [`Alignment::Sim3`] makes a difference, by its scale.
///
/// # Errors
/// [`EvaluationError`] if fewer than two poses pair up, or their positions do not determine the scale.
///
/// # Source
/// `evo_rpe` with `--delta 1 --delta_unit f` for consecutive pairs; Geiger et al., *Are we ready for Autonomous
/// Driving?* (2012), for segments.
pub fn relative_error(
    estimate: &impl AsRef<[StampedPose]>,
    truth: &impl AsRef<[StampedPose]>,
    alignment: Alignment,
) -> Result<RelativeError, EvaluationError> {
    let mut pairs = associate(estimate, truth, DEFAULT_MAX_DIFFERENCE_NANOS)?;
    if alignment == Alignment::Sim3 {
        let similarity = alignment_of(&pairs, alignment)?;
        pairs.iter_mut().for_each(|pair| pair.estimate = similarity.transform_pose(&pair.estimate));
    }
    let errors: Vec<Se3> = pairs.windows(2).map(|two| error(&two[0], &two[1])).collect();
    let translations: Vec<f64> = errors.iter().map(|error| error.translation.vector.norm()).collect();
    let angles: Vec<f64> = errors.iter().map(|error| error.rotation.angle().to_degrees()).collect();
    let (Some(frame_translation_m), Some(frame_rotation_deg)) =
        (Statistics::of(&translations), Statistics::of(&angles))
    else {
        return Err(EvaluationError::TooFew { found: pairs.len() });
    };
    Ok(RelativeError { frame_translation_m, frame_rotation_deg, segments: segments(&pairs) })
}

fn error(from: &PosePair, to: &PosePair) -> Se3 {
    from.truth.inv_mul(&to.truth).inv_mul(&from.estimate.inv_mul(&to.estimate))
}

fn segments(pairs: &[PosePair]) -> Option<SegmentDrift> {
    let mut travelled = vec![0.0];
    for two in pairs.windows(2) {
        let step = (two[1].truth.translation.vector - two[0].truth.translation.vector).norm();
        travelled.push(travelled[travelled.len() - 1] + step);
    }
    let total = *travelled.last()?;
    let unit = [100.0, 10.0, 1.0, 0.1].into_iter().find(|unit| total >= 8.0 * unit)?;
    let lengths_m: Vec<f64> = (1..=8).map(|multiple| f64::from(multiple) * unit).collect();
    let (mut translation, mut rotation, mut segment_count) = (0.0, 0.0, 0usize);
    for length in &lengths_m {
        for (from, start) in travelled.iter().enumerate() {
            let to = travelled.partition_point(|distance| *distance < start + length);
            let Some(end) = pairs.get(to) else { break };
            let error = error(&pairs[from], end);
            translation += error.translation.vector.norm() / length;
            rotation += error.rotation.angle().to_degrees() / length;
            segment_count += 1;
        }
    }
    (segment_count > 0).then(|| SegmentDrift {
        lengths_m,
        segment_count,
        translation_percent: 100.0 * translation / segment_count as f64,
        rotation_deg_per_m: rotation / segment_count as f64,
    })
}
