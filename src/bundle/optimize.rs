//! Adjusting a bundle, and what can be asked of it then.

use super::problem::BundleProblem;
use super::{Bundle, BundleOptions};
use crate::precision::{Policy, Precision};
use crate::solver::{
    Flat, LinearProblem, LinearSolver, SolveStatistics, SolverError, frame_covariance, minimize_separable,
};
use nalgebra::Matrix6;

impl Bundle {
    /// Adjusts poses and inverse depths in place. On an error nothing is changed. Inverse depths stay positive.
    ///
    /// # Errors
    /// [`SolverError`] if an index is out of range, no pose is fixed, or values are not finite.
    pub fn optimize(&mut self, policy: &Policy, options: &BundleOptions) -> Result<SolveStatistics, SolverError> {
        let mut problem = BundleProblem::new(self, options)?;
        let policy = policy_of_bundles(policy);
        let linear_solver = LinearSolver::named(&options.linear_solver);
        let statistics = if problem.is_stereo() {
            minimize_separable::<_, 3, 6, 1>(&mut problem, &policy, &options.solver, linear_solver)
        } else {
            minimize_separable::<_, 2, 6, 1>(&mut problem, &policy, &options.solver, linear_solver)
        }?;
        let poses: Vec<_> =
            (0..problem.poses.len()).map(|i| problem.is_free(i).then(|| problem.poses[i].to_se3())).collect();
        let (landmarks, inverse_depths) = (problem.landmarks, problem.inverse_depths);
        for (pose, moved) in self.poses.iter_mut().zip(poses) {
            pose.t_world_camera = moved.unwrap_or(pose.t_world_camera);
        }
        for (index, inverse_depth) in landmarks.into_iter().zip(inverse_depths) {
            self.landmarks[index].inverse_depth = inverse_depth;
        }
        Ok(statistics)
    }

    /// The bundle linearized where it stands: columns of the free poses first, six each, then one of each landmark in
    /// the order of their hosts.
    ///
    /// # Errors
    /// [`SolverError`] if the bundle itself is broken.
    pub fn linear_problem(&self, options: &BundleOptions) -> Result<LinearProblem, SolverError> {
        let mut problem = BundleProblem::new(self, options)?;
        Ok(if problem.is_stereo() {
            LinearProblem::of(&Flat::<_, 3, 6, 1>::new(&mut problem))
        } else {
            LinearProblem::of(&Flat::<_, 2, 6, 1>::new(&mut problem))
        })
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
        let covariance =
            frame_covariance::<_, 3, 6, 1>(&BundleProblem::new(self, options)?, keyframe).ok_or_else(|| {
                SolverError::Problem(format!(
                    "bundle: the measurements do not determine the pose of keyframe {keyframe}"
                ))
            })?;
        Ok(Matrix6::from_fn(|i, j| covariance[i][j]))
    }
}

/// `mixed` means half precision in the products of a bundle, and single in its small preconditioner. A policy of the
/// user's own is taken at its word.
pub(super) fn policy_of_bundles(policy: &Policy) -> Policy {
    match Policy::resolve("mixed") {
        Ok(mixed) if mixed == *policy => Policy { preconditioner: Precision::F32, ..mixed },
        _ => policy.clone(),
    }
}
