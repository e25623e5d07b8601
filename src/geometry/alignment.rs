//! Alignment of point sets: the rigid transform or similarity that maps one onto the other best.

use super::Se3;
use nalgebra::{Isometry3, Matrix3, Point3, Rotation3, Translation3, UnitQuaternion, Vector3};

/// A similarity: `p_target = scale · (rotation · p_source) + translation`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// Target length over source length; 1 for a rigid transform.
    pub scale: f64,
    /// Rotation and translation (m): source coordinates into target coordinates, after scaling.
    pub t_target_source: Se3,
}

/// Why two point sets cannot be aligned.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AlignmentError {
    /// The sets pair up by index, so they must be of one length.
    #[error("alignment needs as many source as target points; found {sources} and {targets}")]
    Count {
        /// Points in the source.
        sources: usize,
        /// Points in the target.
        targets: usize,
    },
    /// The points do not determine the rotation.
    #[error("alignment needs at least 3 points that do not lie on one line; found {count} points of rank {rank}")]
    Degenerate {
        /// Points in each set.
        count: usize,
        /// Rank of their cross-covariance; at least 2 is needed.
        rank: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("alignment needs finite points; point {index} is not")]
    NotFinite {
        /// Index of the first such pair.
        index: usize,
    },
}

impl Similarity {
    /// The image of a point.
    pub fn transform_point(&self, p_source: &Point3<f64>) -> Point3<f64> {
        let rotated = self.t_target_source.rotation * p_source.coords * self.scale;
        Point3::from(rotated + self.t_target_source.translation.vector)
    }

    /// The image of a pose: its position is scaled, its rotation is not.
    pub fn transform_pose(&self, t_source_body: &Se3) -> Se3 {
        let position = self.transform_point(&Point3::from(t_source_body.translation.vector));
        Isometry3::from_parts(
            Translation3::from(position.coords),
            self.t_target_source.rotation * t_source_body.rotation,
        )
    }
}

/// The rigid transform `t_target_source` with the least sum of squared distances `|target − t · source|²`.
///
/// # Errors
/// [`AlignmentError`] if the points do not determine it.
///
/// # Source
/// Umeyama, *Least-squares estimation of transformation parameters between two point patterns* (1991), with scale 1.
pub fn align_se3(source: &[Point3<f64>], target: &[Point3<f64>]) -> Result<Se3, AlignmentError> {
    Ok(umeyama(source, target, false)?.t_target_source)
}

/// The similarity with the least sum of squared distances `|target − s · R · source − t|²`.
///
/// # Errors
/// [`AlignmentError`] if the points do not determine it.
///
/// # Source
/// Umeyama (1991), equations 40 to 42.
pub fn align_sim3(source: &[Point3<f64>], target: &[Point3<f64>]) -> Result<Similarity, AlignmentError> {
    umeyama(source, target, true)
}

fn umeyama(source: &[Point3<f64>], target: &[Point3<f64>], with_scale: bool) -> Result<Similarity, AlignmentError> {
    if source.len() != target.len() {
        return Err(AlignmentError::Count { sources: source.len(), targets: target.len() });
    }
    let finite = |point: &Point3<f64>| point.iter().all(|value| value.is_finite());
    if let Some(index) = source.iter().zip(target).position(|(a, b)| !finite(a) || !finite(b)) {
        return Err(AlignmentError::NotFinite { index });
    }
    let degenerate = |rank| AlignmentError::Degenerate { count: source.len(), rank };
    if source.len() < 3 {
        return Err(degenerate(source.len().saturating_sub(1)));
    }

    let count = source.len() as f64;
    let mean = |points: &[Point3<f64>]| points.iter().map(|point| point.coords).sum::<Vector3<f64>>() / count;
    let (mean_source, mean_target) = (mean(source), mean(target));
    let mut covariance = Matrix3::zeros();
    let mut variance_source = 0.0;
    for (p_source, p_target) in source.iter().zip(target) {
        let centred = p_source.coords - mean_source;
        covariance += (p_target.coords - mean_target) * centred.transpose();
        variance_source += centred.norm_squared();
    }
    covariance /= count;
    variance_source /= count;

    let svd = covariance.svd(true, true);
    let largest = svd.singular_values.max();
    let rank = svd.singular_values.iter().filter(|&&value| value > largest * 1e-12 && value > 0.0).count();
    if rank < 2 {
        return Err(degenerate(rank));
    }
    let (Some(u), Some(v_transposed)) = (svd.u, svd.v_t) else { return Err(degenerate(rank)) };
    // nalgebra does not promise an order of singular values; the sign of the smallest one is what must give way.
    let mut sign = Vector3::repeat(1.0);
    if u.determinant() * v_transposed.determinant() < 0.0 {
        sign[svd.singular_values.imin()] = -1.0;
    }
    let rotation = u * Matrix3::from_diagonal(&sign) * v_transposed;
    let scale = if with_scale { svd.singular_values.dot(&sign) / variance_source } else { 1.0 };
    let translation = mean_target - rotation * mean_source * scale;
    let rotation = UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(rotation));
    Ok(Similarity { scale, t_target_source: Isometry3::from_parts(Translation3::from(translation), rotation) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3;
    use nalgebra::Vector6;
    use proptest::prelude::*;

    fn points() -> Vec<Point3<f64>> {
        (0..20).map(|i| f64::from(i) * 0.7).map(|a| Point3::new(a.sin(), 2.0 * a.cos(), 0.3 * a)).collect()
    }

    proptest! {
        #[test]
        fn similarity_is_recovered(v in prop::array::uniform6(-3.0f64..3.0), scale in 0.1f64..10.0) {
            let truth = Similarity { scale, t_target_source: se3::exp(&Vector6::from(v)) };
            let source = points();
            let target: Vec<_> = source.iter().map(|point| truth.transform_point(point)).collect();
            let found = align_sim3(&source, &target).unwrap();
            prop_assert!((found.scale - scale).abs() < 1e-9 * scale);
            for (p_source, p_target) in source.iter().zip(&target) {
                prop_assert!((found.transform_point(p_source) - p_target).norm() < 1e-8);
            }
        }

        #[test]
        fn no_small_change_aligns_better(noise in prop::collection::vec(-0.2f64..0.2, 60), turn in prop::array::uniform6(-1e-3f64..1e-3)) {
            let source = points();
            let target: Vec<_> =
                source.iter().enumerate().map(|(i, p)| p + Vector3::from_column_slice(&noise[3 * i..3 * i + 3])).collect();
            let cost = |t: &Se3| source.iter().zip(&target).map(|(a, b)| (t * a - b).norm_squared()).sum::<f64>();
            let best = align_se3(&source, &target).unwrap();
            prop_assert!(cost(&best) <= cost(&(best * se3::exp(&Vector6::from(turn)))) + 1e-12);
        }
    }

    #[test]
    fn a_mirrored_set_gives_a_rotation_and_a_plane_suffices() {
        let flat: Vec<_> = points().iter().map(|p| Point3::new(p.x, p.y, 0.0)).collect();
        let turned: Vec<_> = flat.iter().map(|p| Point3::new(-p.x, p.y, 0.0)).collect();
        let found = align_se3(&flat, &turned).unwrap();
        assert!(flat.iter().zip(&turned).all(|(a, b)| (found * a - b).norm() < 1e-9));
        let mirrored: Vec<_> = points().iter().map(|p| Point3::new(-p.x, p.y, p.z)).collect();
        let rotation = align_se3(&points(), &mirrored).unwrap().rotation.to_rotation_matrix();
        assert!((rotation.matrix().determinant() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_aligned_is_refused_by_name() {
        let line: Vec<_> = (0..5).map(|i| Point3::new(f64::from(i), 0.0, 0.0)).collect();
        assert!(matches!(align_se3(&line, &line), Err(AlignmentError::Degenerate { rank: 1, .. })));
        assert!(matches!(align_se3(&line[..2], &line[..2]), Err(AlignmentError::Degenerate { .. })));
        assert!(matches!(align_se3(&[], &[]), Err(AlignmentError::Degenerate { .. })));
        assert!(matches!(align_se3(&line, &line[1..]), Err(AlignmentError::Count { sources: 5, targets: 4 })));
        let mut broken = points();
        broken[7].y = f64::NAN;
        assert!(matches!(align_sim3(&broken, &points()), Err(AlignmentError::NotFinite { index: 7 })));
    }
}
