//! What is known of keyframes from measurements that are gone: a square-root prior.

use crate::geometry::Se3;
use crate::geometry::relative_pose::RigidGroup;
use crate::geometry::rigid::Rigid;
use crate::precision::Scalar;
use nalgebra::{DMatrix, DVector};

/// The prior `½ ‖d + R δ‖²` on the poses of some keyframes, `δ = [t; 2 q_vec]` of each relative to where it was linearized,
/// one after the other.
///
/// As the root `R` and not as the information `Rᵀ R` it survives single precision: the information of a window spans more
/// digits than that has, and becomes indefinite there; a root has half as many, and whatever its rounding, `Rᵀ R` is
/// positive semidefinite.
#[derive(Debug, Clone, PartialEq)]
pub struct SquareRootPrior {
    /// Index of each keyframe it ties, in the bundle that it is part of.
    pub keyframes: Vec<usize>,
    /// Where each was when the prior was made: camera coordinates into world coordinates. The measurements behind the
    /// prior are not linearized anew, or it would gain information about what nothing was measured of.
    pub t_world_camera: Vec<Se3>,
    /// Upper triangular `R`, 6 columns for each keyframe (1/m, 1/rad).
    pub sqrt_information: DMatrix<f64>,
    /// `d`.
    pub residual: DVector<f64>,
}

impl SquareRootPrior {
    /// Number of residuals.
    pub(super) fn row_count(&self) -> usize {
        self.sqrt_information.nrows()
    }

    /// `d + R δ` at poses of the bundle.
    pub(super) fn residuals<S: Scalar>(&self, poses: &[Rigid<f64>], residuals: &mut [S]) {
        let delta: Vec<[S; 6]> = (self.keyframes.iter().zip(&self.t_world_camera))
            .map(|(&keyframe, origin)| {
                Se3::residual(&Se3::identity().rounded::<S>(), &moved::<S>(origin, &poses[keyframe]))
            })
            .collect();
        for (i, residual) in residuals.iter_mut().enumerate() {
            let mut sum = S::from_f64(self.residual[i]);
            for (k, value) in delta.as_flattened().iter().enumerate() {
                sum += S::from_f64(self.sqrt_information[(i, k)]) * *value;
            }
            *residual = sum;
        }
    }

    /// The Jacobian by perturbations of the poses, row by row, six columns for each keyframe.
    pub(super) fn linearize<S: Scalar>(&self, poses: &[Rigid<f64>], jacobian: &mut [S]) {
        let width = 6 * self.keyframes.len();
        for (index, (&keyframe, origin)) in self.keyframes.iter().zip(&self.t_world_camera).enumerate() {
            let (_, by_pose) = Se3::jacobians(&Se3::identity().rounded::<S>(), &moved::<S>(origin, &poses[keyframe]));
            for (i, row) in jacobian.chunks_exact_mut(width).enumerate() {
                for column in 0..6 {
                    row[6 * index + column] = (0..6)
                        .map(|k| S::from_f64(self.sqrt_information[(i, 6 * index + k)]) * by_pose[k][column])
                        .sum();
                }
            }
        }
    }
}

/// The pose relative to where the prior was made, formed in double.
fn moved<S: Scalar>(origin: &Se3, pose: &Rigid<f64>) -> Rigid<S> {
    Rigid::<f64>::from_se3(origin).relative(pose).cast()
}
