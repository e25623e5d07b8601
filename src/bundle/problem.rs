//! A bundle as a least-squares problem.

use super::reprojection::{StereoCamera, is_in_front};
use super::{Bundle, BundleOptions};
use crate::geometry::Se3;
use crate::geometry::relative_pose::RigidGroup;
use crate::geometry::rigid::{Rigid, Vec3};
use crate::precision::{Precision, Scalar};
use crate::solver::{Loss, Problem, SolverError};
use crate::sparse::{Structure, VariableIndex};

/// The least inverse depth (1/m): what lies farther than 1,000 km, or would get beyond infinity, stays there.
const MIN_INVERSE_DEPTH: f64 = 1e-6;

/// One observation, ready for evaluation.
#[derive(Debug, Clone, Copy)]
struct Sight {
    /// Its index in the bundle.
    observation: usize,
    target: usize,
    host: usize,
    landmark: usize,
    ray: Vec3<f64>,
    /// `[u, v, u_right]` (px).
    measured: [f64; 3],
    kind: Kind,
    /// One over the standard deviation (1/px).
    weight: f64,
}

/// Which of `[u, v, u_right]` are residuals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// All three.
    Stereo,
    /// The left pixel.
    Mono,
    /// Seen by its host: the left pixel is what defines the ray, so only the right column tells anything.
    Host,
}

/// A bundle under adjustment: its estimate, and everything else precomputed.
pub(super) struct BundleProblem<'a> {
    bundle: &'a Bundle,
    pub(super) poses: Vec<Rigid<f64>>,
    pub(super) inverse_depths: Vec<f64>,
    /// By keyframe, then host: neighbours share their relative pose, and their columns.
    sights: Vec<Sight>,
    pose_variables: Vec<VariableIndex>,
    landmark_variables: Vec<VariableIndex>,
    structure: Structure,
    loss: Loss,
}

impl<'a> BundleProblem<'a> {
    /// Checks a bundle and lays out its unknowns: poses, then inverse depths. What no residual touches is held fixed.
    pub(super) fn new(bundle: &'a Bundle, options: &BundleOptions) -> Result<Self, SolverError> {
        super::validate::validate(bundle)?;
        let mut sights: Vec<Sight> =
            (0..bundle.observations.len()).filter_map(|observation| sight(bundle, observation)).collect();
        sights.sort_by_key(|sight| (sight.target, sight.host, sight.observation));

        let mut pose_seen = vec![false; bundle.poses.len()];
        let mut landmark_seen = vec![false; bundle.landmarks.len()];
        for sight in &sights {
            landmark_seen[sight.landmark] = true;
            if sight.kind != Kind::Host {
                pose_seen[sight.target] = true;
                pose_seen[sight.host] = true;
            }
        }
        for factor in &bundle.relative_poses {
            pose_seen[factor.from] = true;
            pose_seen[factor.to] = true;
        }

        let mut structure = Structure::new();
        let mut add = |free, size| if free { structure.add_variable(size) } else { structure.add_fixed(size) };
        let pose_variables: Vec<_> =
            bundle.poses.iter().zip(&pose_seen).map(|(pose, &seen)| add(seen && !pose.fixed, 6)).collect();
        let landmark_variables: Vec<_> = landmark_seen.iter().map(|&seen| add(seen, 1)).collect();
        for sight in &sights {
            let landmark = landmark_variables[sight.landmark];
            let ends = [pose_variables[sight.target], pose_variables[sight.host], landmark];
            match sight.kind {
                Kind::Stereo => structure.add_residual(3, &ends),
                Kind::Mono => structure.add_residual(2, &ends),
                Kind::Host => structure.add_residual(1, &[landmark]),
            };
        }
        for factor in &bundle.relative_poses {
            structure.add_residual(6, &[pose_variables[factor.from], pose_variables[factor.to]]);
        }
        Ok(Self {
            bundle,
            poses: bundle.poses.iter().map(|pose| Rigid::from_se3(&pose.t_world_camera)).collect(),
            inverse_depths: bundle.landmarks.iter().map(|l| l.inverse_depth.max(MIN_INVERSE_DEPTH)).collect(),
            sights,
            pose_variables,
            landmark_variables,
            structure,
            loss: Loss::Huber(options.huber_sigmas),
        })
    }

    /// First column of a keyframe's pose; `None` if it is fixed.
    pub(super) fn pose_column(&self, keyframe: usize) -> Option<usize> {
        self.structure.column(self.pose_variables[keyframe])
    }

    /// Number of columns that belong to poses; they come first.
    pub(super) fn pose_column_count(&self) -> usize {
        6 * (0..self.poses.len()).filter(|&keyframe| self.pose_column(keyframe).is_some()).count()
    }

    /// The column of each entry in a row of a residual block; `None` where the unknown is fixed.
    pub(super) fn columns_of(&self, block: usize) -> impl Iterator<Item = Option<usize>> + '_ {
        self.structure.variables_of(block).flat_map(|variable| {
            let size = if variable < self.poses.len() { 6 } else { 1 };
            let first = self.structure.column(variable);
            (0..size).map(move |k| first.map(|column| column + k))
        })
    }

    /// Squared norm of each observation's whitened residual; 0 where it has none, infinite behind the camera.
    pub(super) fn chi_squares(&self) -> Vec<f64> {
        let mut residuals = vec![0.0f64; self.structure.row_count()];
        self.residuals(&mut residuals);
        let mut chi_squares = vec![0.0; self.bundle.observations.len()];
        for (block, sight) in self.sights.iter().enumerate() {
            let t_target_host = relative::<f64>(&self.poses[sight.target], &self.poses[sight.host]);
            let visible = sight.kind == Kind::Host
                || is_in_front(&t_target_host, &sight.ray, self.inverse_depths[sight.landmark]);
            let squared_norm = residuals[self.structure.rows(block)].iter().map(|r| r * r).sum();
            chi_squares[sight.observation] = if visible { squared_norm } else { f64::INFINITY };
        }
        chi_squares
    }

    /// Visits each sight with the pose of its host in its camera, computed once for neighbours that share it.
    fn for_each_sight<S: Scalar>(&self, mut visit: impl FnMut(&Sight, &Rigid<S>)) {
        let mut last = None;
        for sight in &self.sights {
            let pair = (sight.target, sight.host);
            let t_target_host = match last {
                Some((of, pose)) if of == pair => pose,
                _ => relative::<S>(&self.poses[sight.target], &self.poses[sight.host]),
            };
            last = Some((pair, t_target_host));
            visit(sight, &t_target_host);
        }
    }
}

/// One observation; `None` if nothing can be learned from it.
fn sight(bundle: &Bundle, observation: usize) -> Option<Sight> {
    let seen = &bundle.observations[observation];
    let landmark = &bundle.landmarks[seen.landmark];
    let kind = match (seen.keyframe == landmark.host, seen.px_right_x) {
        (false, Some(_)) => Kind::Stereo,
        (false, None) => Kind::Mono,
        (true, Some(_)) => Kind::Host,
        (true, None) => return None,
    };
    let ray = bundle.camera.ray(&landmark.px_host);
    Some(Sight {
        observation,
        target: seen.keyframe,
        host: landmark.host,
        landmark: seen.landmark,
        ray: [ray.x, ray.y, ray.z],
        // The host's own pixel defines the ray, also where the observation says another.
        measured: [seen.px.x, seen.px.y, seen.px_right_x.unwrap_or(0.0)],
        kind,
        weight: 1.0 / seen.sigma_px,
    })
}

/// `target⁻¹ · host` in precision `S`: formed in double and rounded once, but for naive half precision, which gets
/// half precision here too.
fn relative<S: Scalar>(t_world_target: &Rigid<f64>, t_world_host: &Rigid<f64>) -> Rigid<S> {
    if S::PRECISION == Precision::F16 {
        t_world_target.cast::<S>().relative(&t_world_host.cast())
    } else {
        t_world_target.relative(t_world_host).cast()
    }
}

impl Problem for BundleProblem<'_> {
    type State = (Vec<Rigid<f64>>, Vec<f64>);

    fn name(&self) -> &'static str {
        "bundle"
    }

    fn structure(&self) -> &Structure {
        &self.structure
    }

    fn residuals<S: Scalar>(&self, residuals: &mut [S]) {
        let camera = StereoCamera::<S>::new(&self.bundle.camera, self.bundle.baseline_m);
        let mut rest = residuals;
        self.for_each_sight::<S>(|sight, t_target_host| {
            let weight = S::from_f64(sight.weight);
            let measured = sight.measured.map(S::from_f64);
            let ray = sight.ray.map(S::from_f64);
            let inverse_depth = S::from_f64(self.inverse_depths[sight.landmark]);
            let written = match sight.kind {
                Kind::Host => {
                    let u = camera.focal[0] * ray[0] + camera.centre[0];
                    rest[0] = (u - camera.focal_baseline * inverse_depth - measured[2]) * weight;
                    1
                }
                Kind::Stereo | Kind::Mono => {
                    let rows = if sight.kind == Kind::Stereo { 3 } else { 2 };
                    let px = camera.project(t_target_host, &ray, inverse_depth);
                    for (row, (px, measured)) in rest[..rows].iter_mut().zip(px.iter().zip(&measured)) {
                        *row = (*px - *measured) * weight;
                    }
                    rows
                }
            };
            rest = &mut std::mem::take(&mut rest)[written..];
        });
        for (factor, rows) in self.bundle.relative_poses.iter().zip(rest.chunks_exact_mut(6)) {
            let relative = relative::<S>(&self.poses[factor.from], &self.poses[factor.to]);
            let residual = Se3::residual(&factor.t_from_to.rounded::<S>(), &relative);
            for (i, row) in rows.iter_mut().enumerate() {
                *row = (i..6).map(|k| S::from_f64(factor.sqrt_information[(i, k)]) * residual[k]).sum();
            }
        }
    }

    fn linearize<S: Scalar>(&self, jacobian: &mut [S]) {
        let camera = StereoCamera::<S>::new(&self.bundle.camera, self.bundle.baseline_m);
        let mut rest = jacobian;
        self.for_each_sight::<S>(|sight, t_target_host| {
            let weight = S::from_f64(sight.weight);
            let written = match sight.kind {
                Kind::Host => {
                    rest[0] = -(camera.focal_baseline * weight);
                    1
                }
                Kind::Stereo | Kind::Mono => {
                    let rows = if sight.kind == Kind::Stereo { 3 } else { 2 };
                    let inverse_depth = S::from_f64(self.inverse_depths[sight.landmark]);
                    let analytic = camera.jacobian(t_target_host, &sight.ray.map(S::from_f64), inverse_depth);
                    for (to, from) in rest[..13 * rows].iter_mut().zip(analytic.as_flattened()) {
                        *to = *from * weight;
                    }
                    13 * rows
                }
            };
            rest = &mut std::mem::take(&mut rest)[written..];
        });
        for (factor, block) in self.bundle.relative_poses.iter().zip(rest.chunks_exact_mut(72)) {
            let relative = relative::<S>(&self.poses[factor.from], &self.poses[factor.to]);
            let (from, to) = Se3::jacobians(&factor.t_from_to.rounded::<S>(), &relative);
            let whiten = |i: usize, of: &[[S; 6]; 6], column: usize| -> S {
                (i..6).map(|k| S::from_f64(factor.sqrt_information[(i, k)]) * of[k][column]).sum()
            };
            for (i, row) in block.chunks_exact_mut(12).enumerate() {
                for column in 0..6 {
                    row[column] = whiten(i, &from, column);
                    row[6 + column] = whiten(i, &to, column);
                }
            }
        }
    }

    fn retract<S: Scalar>(&mut self, step: &[S]) {
        for (pose, &variable) in self.poses.iter_mut().zip(&self.pose_variables) {
            if let Some(column) = self.structure.column(variable) {
                let tangent = std::array::from_fn(|k| step[column + k]);
                *pose = pose.cast::<S>().retract(&tangent).cast();
            }
        }
        for (inverse_depth, &variable) in self.inverse_depths.iter_mut().zip(&self.landmark_variables) {
            if let Some(column) = self.structure.column(variable) {
                let moved = (S::from_f64(*inverse_depth) + step[column]).to_f64();
                // Not `max`, which would turn NaN into a number that nobody notices.
                *inverse_depth = if moved < MIN_INVERSE_DEPTH { MIN_INVERSE_DEPTH } else { moved };
            }
        }
    }

    fn state(&self) -> Self::State {
        (self.poses.clone(), self.inverse_depths.clone())
    }

    fn restore(&mut self, (poses, inverse_depths): &Self::State) {
        self.poses.clone_from(poses);
        self.inverse_depths.clone_from(inverse_depths);
    }

    fn loss(&self, block: usize) -> Loss {
        if block < self.sights.len() { self.loss } else { Loss::Squared }
    }
}
