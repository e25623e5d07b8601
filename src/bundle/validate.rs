//! What a bundle must be, said before anything is computed.

use super::Bundle;
use crate::geometry::relative_pose::RigidGroup;
use crate::solver::SolverError;

/// Checks indices, numbers and the gauge.
///
/// # Errors
/// [`SolverError::Problem`] names the first item that is wrong.
pub(super) fn validate(bundle: &Bundle) -> Result<(), SolverError> {
    let problem = |text: String| Err(SolverError::Problem(format!("bundle: {text}")));
    let (poses, landmarks) = (bundle.poses.len(), bundle.landmarks.len());
    let camera = &bundle.camera;
    if ![camera.fx, camera.fy].iter().all(|f| f.is_finite() && *f > 0.0)
        || ![camera.cx, camera.cy, bundle.baseline_m].iter().all(|v| v.is_finite())
    {
        return problem(format!("the camera is not usable: {camera:?}, baseline {} m", bundle.baseline_m));
    }
    if bundle.priors.is_empty() && !bundle.poses.iter().any(|pose| pose.fixed) {
        return problem("no pose is fixed and there is no prior; fix at least one of them".into());
    }
    for (i, pose) in bundle.poses.iter().enumerate() {
        if !RigidGroup::is_finite(&pose.t_world_camera) {
            return problem(format!("pose {i} is not finite"));
        }
    }
    for (i, landmark) in bundle.landmarks.iter().enumerate() {
        if landmark.host >= poses {
            return problem(format!("landmark {i} has host {}, but there are {poses} poses", landmark.host));
        }
        if !landmark.inverse_depth.is_finite() || !landmark.px_host.iter().all(|v| v.is_finite()) {
            return problem(format!("landmark {i} is not finite"));
        }
    }
    for (i, seen) in bundle.observations.iter().enumerate() {
        if seen.keyframe >= poses || seen.landmark >= landmarks {
            return problem(format!(
                "observation {i} is of landmark {} in keyframe {}, but there are {landmarks} landmarks and {poses} poses",
                seen.landmark, seen.keyframe
            ));
        }
        if !seen.px.iter().chain(&seen.px_right_x).all(|v| v.is_finite()) {
            return problem(format!("observation {i} is not finite"));
        }
        if !(seen.sigma_px > 0.0 && seen.sigma_px.is_finite()) {
            return problem(format!("observation {i} has a standard deviation of {} px; expected > 0", seen.sigma_px));
        }
    }
    for (i, factor) in bundle.relative_poses.iter().enumerate() {
        if factor.from >= poses || factor.to >= poses || factor.from == factor.to {
            return problem(format!(
                "relative pose {i} is from {} to {}; expected two different ones of {poses} poses",
                factor.from, factor.to
            ));
        }
        if !RigidGroup::is_finite(&factor.t_from_to) || !factor.sqrt_information.iter().all(|v| v.is_finite()) {
            return problem(format!("relative pose {i} is not finite"));
        }
    }
    for prior in &bundle.priors {
        let (rows, columns, tied) = (prior.sqrt_information.nrows(), prior.sqrt_information.ncols(), &prior.keyframes);
        let (sizes, others) = ((columns, prior.t_world_camera.len()), (6 * tied.len(), tied.len()));
        if rows == 0 || sizes != others || prior.residual.len() != rows {
            return problem(format!("the prior's {rows} x {columns} root does not fit its {} keyframes", tied.len()));
        }
        if tied.iter().enumerate().any(|(i, keyframe)| *keyframe >= poses || tied[..i].contains(keyframe)) {
            return problem(format!("the prior is on keyframes {tied:?}; expected different ones of {poses} poses"));
        }
        let numbers = || prior.sqrt_information.iter().chain(prior.residual.iter());
        if !numbers().all(|value| value.is_finite()) || !prior.t_world_camera.iter().all(RigidGroup::is_finite) {
            return problem("the prior is not finite".into());
        }
    }
    Ok(())
}
