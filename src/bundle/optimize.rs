//! Adjusting a bundle, and what can be asked of it then.

use super::problem::BundleProblem;
use super::{Bundle, BundleOptions, covariance};
use crate::precision::{Policy, Precision};
use crate::solver::{LinearProblem, Preconditioner, SolveStatistics, SolverError, minimize};
use nalgebra::Matrix6;

impl Bundle {
    /// Adjusts poses and inverse depths in place. On an error nothing is changed. Inverse depths stay positive.
    ///
    /// # Errors
    /// [`SolverError`] if an index is out of range, no pose is fixed, or values are not finite.
    pub fn optimize(&mut self, policy: &Policy, options: &BundleOptions) -> Result<SolveStatistics, SolverError> {
        let mut problem = BundleProblem::new(self, options)?;
        let policy = policy_of_bundles(policy);
        let statistics = minimize(&mut problem, &policy, &options.solver, &mut Preconditioner::BlockJacobi)?;
        let poses: Vec<_> = (0..problem.poses.len())
            .map(|i| problem.pose_column(i).is_some().then(|| problem.poses[i].to_se3()))
            .collect();
        let inverse_depths = problem.inverse_depths;
        for (pose, moved) in self.poses.iter_mut().zip(poses) {
            pose.t_world_camera = moved.unwrap_or(pose.t_world_camera);
        }
        for (landmark, inverse_depth) in self.landmarks.iter_mut().zip(inverse_depths) {
            landmark.inverse_depth = inverse_depth;
        }
        Ok(statistics)
    }

    /// The bundle linearized where it stands: columns of the free poses first, six each, then one of each landmark.
    ///
    /// # Errors
    /// [`SolverError`] if the bundle itself is broken.
    pub fn linear_problem(&self, options: &BundleOptions) -> Result<LinearProblem, SolverError> {
        Ok(LinearProblem::of(&BundleProblem::new(self, options)?))
    }

    /// The squared norm of each observation's residual in standard deviations, without the robust loss: 3 degrees of
    /// freedom for a stereo observation, 2 for a monocular one, 1 for the host's right column. 0 for what is no
    /// residual (a host's monocular observation), infinite where the landmark lies behind the camera.
    ///
    /// # Errors
    /// [`SolverError`] if the bundle itself is broken.
    pub fn chi_squares(&self) -> Result<Vec<f64>, SolverError> {
        Ok(BundleProblem::new(self, &BundleOptions::default())?.chi_squares())
    }

    /// The marginal covariance of a keyframe's pose, all landmarks and other keyframes being estimated too, relative to
    /// the fixed ones: perturbed in the camera's own frame, `[ρ; φ]` (m, rad). Zero for a fixed pose. To first order,
    /// with outliers weighted as by the solve; always in double precision, through the Schur complement on the poses.
    ///
    /// # Errors
    /// [`SolverError`] if the index is out of range, or the measurements do not determine the pose.
    pub fn pose_covariance(&self, keyframe: usize, options: &BundleOptions) -> Result<Matrix6<f64>, SolverError> {
        if keyframe >= self.poses.len() {
            let count = self.poses.len();
            return Err(SolverError::Problem(format!("bundle: there is no pose {keyframe} among {count}")));
        }
        covariance::pose_covariance(&BundleProblem::new(self, options)?, keyframe)
    }
}

/// `mixed` means half precision in the products of a bundle, and single in its small preconditioner. A policy of the
/// user's own is taken at its word.
fn policy_of_bundles(policy: &Policy) -> Policy {
    match Policy::resolve("mixed") {
        Ok(mixed) if mixed == *policy => Policy { preconditioner: Precision::F32, ..mixed },
        _ => policy.clone(),
    }
}
