//! The window as a bundle, adjusted, and its outliers thrown out.

use super::covariance::sqrt_information;
use super::planar::{self, PlanarOptions};
use super::window::{InverseDepth, Landmark, LandmarkId, Window};
use crate::bundle::{Bundle, BundleLandmark, BundleObservation, BundleOptions, BundlePose, RelativePoseFactor};
use crate::geometry::rigid::Rigid;
use crate::geometry::se3::carried;
use crate::geometry::triangulation::{Sight, triangulate};
use crate::geometry::{PinholeCamera, Se3};
use crate::precision::{Policy, Precision, Scalar, bf16, f16};
use crate::solver::{SolveStatistics, SolverError};
use nalgebra::{Point3, Vector2};

/// Squared whitened residuals beyond these are outliers: 99.5% of χ² with 1, 2 and 3 degrees of freedom.
const GATES: [f64; 3] = [7.88, 10.6, 12.84];

/// Least angle (rad) between rays that tell a depth.
const MIN_PARALLAX_RAD: f64 = 0.02;

/// Adjusts poses and depths of the window, on the floor if there is one; its oldest keyframes, `fixed_count` of them, stay.
///
/// `None` if there is nothing to adjust.
///
/// # Errors
/// [`SolverError`]; the window is unchanged.
pub(super) fn adjust(
    window: &mut Window,
    fixed_count: usize,
    policy: &Policy,
    options: &BundleOptions,
    floor: &PlanarOptions,
) -> Result<Option<SolveStatistics>, SolverError> {
    let fixed_count = fixed_count.min(window.keyframes.len().max(2) - 1);
    let (mut bundle, ids) = bundle_of(window, fixed_count, |_, _| true);
    if window.keyframes.len() < 2 || bundle.observations.is_empty() {
        return Ok(None);
    }
    bundle.priors.extend(planar::priors(window, fixed_count, floor));
    let statistics = bundle.optimize(policy, options)?;
    let t_odom_first = window.keyframes[0].t_odom_camera;
    for (keyframe, pose) in window.keyframes.iter_mut().zip(&bundle.poses).skip(fixed_count) {
        keyframe.t_odom_camera = product(&t_odom_first, &pose.t_world_camera, policy.update);
    }
    for (id, adjusted) in ids.iter().zip(&bundle.landmarks) {
        if let Some(depth) = window.landmarks.get_mut(id).and_then(|landmark| landmark.inverse_depth.as_mut()) {
            depth.value = adjusted.inverse_depth.max(1e-4);
        }
    }
    Ok(Some(statistics))
}

/// `a · b` in the precision of updates: double but for a naive policy, which gets here too what it asks for.
fn product(a: &Se3, b: &Se3, precision: Precision) -> Se3 {
    fn product_in<S: Scalar>(a: &Se3, b: &Se3) -> Se3 {
        Rigid::<S>::from_se3(a).compose(&Rigid::from_se3(b)).to_se3()
    }
    match precision {
        Precision::F16 => product_in::<f16>(a, b),
        Precision::BF16 => product_in::<bf16>(a, b),
        Precision::F32 => product_in::<f32>(a, b),
        Precision::F64 => product_in::<f64>(a, b),
    }
}

/// The window as a bundle whose world is the oldest keyframe's camera, so that numbers stay small wherever the robot
/// is, and the landmark of each of the bundle's: of those that are `chosen`.
pub(super) fn bundle_of(
    window: &Window,
    fixed_count: usize,
    chosen: impl Fn(LandmarkId, &Landmark) -> bool,
) -> (Bundle, Vec<LandmarkId>) {
    let t_first_odom = window.keyframes.front().map_or_else(Se3::identity, |first| first.t_odom_camera.inverse());
    let pose = |(index, t_odom_camera): (usize, &Se3)| BundlePose {
        t_world_camera: t_first_odom * t_odom_camera,
        fixed: index < fixed_count,
    };
    let mut bundle = Bundle {
        camera: window.camera,
        baseline_m: window.baseline_m,
        poses: window.keyframes.iter().map(|keyframe| &keyframe.t_odom_camera).enumerate().map(pose).collect(),
        landmarks: Vec::new(),
        observations: Vec::new(),
        relative_poses: motion_factors(window),
        priors: window.marginal_priors.iter().filter_map(|prior| prior.in_bundle(window, &t_first_odom)).collect(),
    };
    let mut ids = Vec::new();
    for (&id, landmark) in &window.landmarks {
        let (Some(depth), true) = (landmark.inverse_depth, landmark.observations.len() > 1 && chosen(id, landmark))
        else {
            continue;
        };
        let Some(host) = window.index(landmark.host().keyframe) else { continue };
        let index = bundle.landmarks.len();
        for (place, observation) in landmark.observations.iter().enumerate() {
            let Some(keyframe) = window.index(observation.keyframe) else { continue };
            if place == landmark.host && observation.px_right_x.is_none() {
                continue;
            }
            bundle.observations.push(BundleObservation {
                keyframe,
                landmark: index,
                px: observation.px,
                px_right_x: observation.px_right_x,
                sigma_px: window.sigma_px,
            });
        }
        bundle.landmarks.push(BundleLandmark { host, px_host: landmark.host().px, inverse_depth: depth.value });
        ids.push(id);
    }
    (bundle, ids)
}

/// What wheels and gyroscope tell between neighbouring keyframes, in camera frames: against so many observations in each,
/// which err in common.
fn motion_factors(window: &Window) -> Vec<RelativePoseFactor> {
    let seen = window.seen_counts();
    let (t_base_camera, t_camera_base) = (window.t_base_camera, window.t_base_camera.inverse());
    let factor = |(to, keyframe): (usize, &super::window::WindowKeyframe)| {
        let measured = keyframe.measured.as_ref()?;
        Some(RelativePoseFactor {
            from: to.checked_sub(1)?,
            to,
            t_from_to: t_camera_base * measured.t_before_base * t_base_camera,
            sqrt_information: sqrt_information(&carried(&measured.covariance, &t_camera_base))?
                * window.noise.design_effect(seen[to]).sqrt(),
        })
    };
    window.keyframes.iter().enumerate().filter_map(factor).collect()
}

/// Learns how much pixels err from the newest keyframe's, where that did not see a landmark first.
pub(super) fn learn_noise(window: &mut Window) {
    let Some(newest) = window.keyframes.back() else { return };
    let (id, t_camera_odom) = (newest.id, newest.t_odom_camera.inverse());
    let seen = window.landmarks.iter().filter_map(|(&landmark, mark)| {
        let seen = mark.observations.last().filter(|seen| seen.keyframe == id && mark.host().keyframe != id)?;
        let p_camera = t_camera_odom * window.position(landmark)?.0;
        Some((seen.px, (seen.px - window.camera.project(&p_camera)) / window.sigma_px))
    });
    let seen: Vec<_> = seen.collect();
    window.noise.learn(&seen);
}

/// Takes out observations that contradict their landmark, right columns alone where the rest agrees, and landmarks
/// whose newest observation does or of which too little is left. Gives the landmarks that are gone.
pub(super) fn reject_outliers(window: &mut Window) -> Vec<LandmarkId> {
    let Some(newest) = window.keyframes.back().map(|keyframe| keyframe.id) else { return Vec::new() };
    let ids: Vec<LandmarkId> = window.landmarks.keys().copied().collect();
    let mut gone = Vec::new();
    for id in ids {
        let Some((p_odom, _)) = window.position(id) else { continue };
        let Some(landmark) = window.landmarks.get(&id) else { continue };
        let verdicts: Vec<Agreement> = landmark
            .observations
            .iter()
            .enumerate()
            .map(|(place, observation)| {
                let Some(index) = window.index(observation.keyframe) else { return Agreement::Neither };
                let p_camera = window.keyframes[index].t_odom_camera.inverse() * p_odom;
                let residual = Residual::of(&p_camera, &observation.px, observation.px_right_x, window);
                residual.agreement(place == landmark.host)
            })
            .collect();
        let newest_fails = landmark
            .observations
            .iter()
            .zip(&verdicts)
            .any(|(observation, verdict)| observation.keyframe == newest && *verdict == Agreement::Neither);
        let Some(landmark) = window.landmarks.get_mut(&id) else { continue };
        for (observation, verdict) in landmark.observations.iter_mut().zip(&verdicts) {
            if *verdict == Agreement::DirectionOnly {
                observation.px_right_x = None;
            }
        }
        let host_keyframe = landmark.host().keyframe;
        let mut keep = verdicts.iter().map(|verdict| *verdict != Agreement::Neither);
        landmark.observations.retain(|_| keep.next().unwrap_or(true));
        let host = landmark.observations.iter().position(|observation| observation.keyframe == host_keyframe);
        let supported = landmark.observations.len() > 1
            || landmark.observations.iter().any(|observation| observation.px_right_x.is_some());
        match host {
            Some(host) if supported && !newest_fails => landmark.host = host,
            _ => {
                window.landmarks.remove(&id);
                gone.push(id);
            }
        }
    }
    gone
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Agreement {
    Full,
    DirectionOnly,
    Neither,
}

/// Squared whitened residuals of an observation: in the (left) image, and of the right column.
struct Residual {
    left: f64,
    right: Option<f64>,
}

impl Residual {
    fn of(p_camera: &Point3<f64>, px: &Vector2<f64>, px_right_x: Option<f64>, window: &Window) -> Self {
        if p_camera.z < 0.01 {
            return Self { left: f64::INFINITY, right: None };
        }
        let PinholeCamera { fx, .. } = window.camera;
        let projected = window.camera.project(p_camera);
        let variance = window.sigma_px * window.sigma_px;
        let right = |column: f64| (column - projected.x + fx * window.baseline_m / p_camera.z).powi(2) / variance;
        Self { left: (px - projected).norm_squared() / variance, right: px_right_x.map(right) }
    }

    fn agreement(&self, hosts: bool) -> Agreement {
        let gate = if hosts { GATES[0] } else { GATES[2] };
        match self.right {
            _ if self.left > GATES[1] => Agreement::Neither,
            Some(right) if self.left + right > gate => Agreement::DirectionOnly,
            _ => Agreement::Full,
        }
    }
}

/// Gives landmarks without depth one, where the rays of their observations tell it.
pub(super) fn triangulate_unknown(window: &mut Window) {
    let unknown: Vec<LandmarkId> =
        window.landmarks.iter().filter(|(_, mark)| mark.inverse_depth.is_none()).map(|(id, _)| *id).collect();
    for id in unknown {
        let Some(landmark) = window.landmarks.get(&id) else { continue };
        let seen: Vec<(Se3, Vector2<f64>)> = landmark
            .observations
            .iter()
            .filter_map(|seen| Some((window.keyframes[window.index(seen.keyframe)?].t_odom_camera, seen.px)))
            .collect();
        if seen.len() < 3 {
            continue;
        }
        let sights: Vec<Sight> = seen
            .iter()
            .map(|(t_world_camera, px)| Sight { t_world_camera: *t_world_camera, ray_camera: window.camera.ray(px) })
            .collect();
        let Some(p_odom) = triangulate(&sights, MIN_PARALLAX_RAD) else { continue };
        let agrees = seen.iter().all(|(t_odom_camera, px)| {
            Residual::of(&(t_odom_camera.inverse() * p_odom), px, None, window).left <= GATES[1]
        });
        let depth_m = (seen[0].0.inverse() * p_odom).z;
        if !agrees || depth_m < 0.05 {
            continue;
        }
        let sigma = depth_sigma(window.camera, window.sigma_px, &seen, 1.0 / depth_m);
        if let Some(landmark) = window.landmarks.get_mut(&id) {
            landmark.host = 0;
            landmark.inverse_depth = Some(InverseDepth { value: 1.0 / depth_m, sigma });
        }
    }
}

/// Standard deviation of an inverse depth (1/m) in the first of some cameras, poses given, by finite differences.
fn depth_sigma(camera: PinholeCamera, sigma_px: f64, seen: &[(Se3, Vector2<f64>)], inverse_depth: f64) -> f64 {
    let (t_odom_host, px_host) = &seen[0];
    let step = 1e-3 * inverse_depth;
    let information: f64 = seen[1..]
        .iter()
        .map(|(t_odom_camera, _)| {
            let t_camera_host = t_odom_camera.inverse() * t_odom_host;
            let at = |inverse: f64| camera.project(&(t_camera_host * Point3::from(camera.ray(px_host) / inverse)));
            ((at(inverse_depth + step) - at(inverse_depth)) / step).norm_squared()
        })
        .sum();
    sigma_px / information.sqrt().max(1e-9)
}
