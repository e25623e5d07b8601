//! A bundle as a least-squares problem.

// Loops over lanes index several arrays at once: in this form the compiler vectorizes them.
#![allow(clippy::needless_range_loop)]

use super::reprojection::{Placement, StereoCamera, by_host};
use super::{Bundle, BundleOptions};
use crate::geometry::Se3;
use crate::geometry::relative_pose::RigidGroup;
use crate::geometry::rigid::Rigid;
use crate::precision::kernels::{LANES, Lanes};
use crate::precision::{Precision, Scalar};
use crate::solver::{Layout, Loss, Rows, Separable, SolverError, Touched};
use crate::sparse::Structure;

/// The least inverse depth (1/m): what lies farther than 1,000 km, or would get beyond infinity, stays there.
const MIN_INVERSE_DEPTH: f64 = 1e-6;

/// What a tile of observations measured.
#[derive(Debug, Clone, Copy)]
struct Measured {
    /// `x` and `y` of the rays `(x, y, 1)` of their landmarks.
    ray: [Lanes<f64>; 2],
    /// `[u, v, u_right]`, relative to the principal point (px).
    px: [Lanes<f64>; 3],
    /// One over the standard deviation (1/px) of the left pixel and of the right column; zero for what is no residual.
    weights: [Lanes<f64>; 2],
}

/// A bundle under adjustment: its estimate, and everything else precomputed.
pub(super) struct BundleProblem<'a> {
    bundle: &'a Bundle,
    pub(super) poses: Vec<Rigid<f64>>,
    pub(super) inverse_depths: Vec<f64>,
    /// Index in the bundle of each landmark. In order of their hosts, those first that are seen longest: then the landmarks
    /// that two keyframes share are nearly in a row, and are read and written as vectors.
    pub(super) landmarks: Vec<usize>,
    /// Observations by target, then host. One by the landmark's own host tells nothing of poses: it has neither.
    layout: Layout,
    /// Index in the bundle of each of the layout's observations.
    observations: Vec<usize>,
    measured: Vec<Measured>,
    factors: Structure,
    loss: Loss,
}

impl<'a> BundleProblem<'a> {
    /// Checks a bundle and lays out its unknowns: poses, then inverse depths. What no residual touches is held fixed.
    pub(super) fn new(bundle: &'a Bundle, options: &BundleOptions) -> Result<Self, SolverError> {
        super::validate::validate(bundle)?;
        let mut last_seen = vec![0; bundle.landmarks.len()];
        for seen in &bundle.observations {
            last_seen[seen.landmark] = last_seen[seen.landmark].max(seen.keyframe);
        }
        let mut landmarks: Vec<usize> = (0..bundle.landmarks.len()).collect();
        landmarks.sort_by_cached_key(|&index| (bundle.landmarks[index].host, std::cmp::Reverse(last_seen[index])));
        let mut places = vec![0; landmarks.len()];
        for (place, &index) in landmarks.iter().enumerate() {
            places[index] = place;
        }
        let mut pose_seen = vec![false; bundle.poses.len()];
        let (mut observations, mut touched) = (Vec::new(), Vec::new());
        for (index, seen) in bundle.observations.iter().enumerate() {
            let host = bundle.landmarks[seen.landmark].host;
            let frames = if seen.keyframe != host {
                (pose_seen[seen.keyframe], pose_seen[host]) = (true, true);
                [Some(seen.keyframe), Some(host)]
            } else if seen.px_right_x.is_some() {
                // The host's left pixel is what defines the ray: only the right column tells anything.
                [None, None]
            } else {
                continue;
            };
            observations.push(index);
            touched.push(Touched { frames, landmark: places[seen.landmark] });
        }
        for factor in &bundle.relative_poses {
            (pose_seen[factor.from], pose_seen[factor.to]) = (true, true);
        }
        for &keyframe in bundle.priors.iter().flat_map(|prior| &prior.keyframes) {
            pose_seen[keyframe] = true;
        }
        let fixed: Vec<bool> = bundle.poses.iter().zip(&pose_seen).map(|(pose, &seen)| pose.fixed || !seen).collect();
        let layout = Layout::new(&fixed, bundle.landmarks.len(), &touched);
        let mut factors = Structure::new();
        for &fixed in &fixed {
            if fixed {
                factors.add_fixed(6)
            } else {
                factors.add_variable(6)
            };
        }
        for factor in &bundle.relative_poses {
            factors.add_residual(6, &[factor.from, factor.to]);
        }
        for prior in &bundle.priors {
            factors.add_residual(prior.row_count(), &prior.keyframes);
        }
        let mut problem = Self {
            bundle,
            poses: bundle.poses.iter().map(|pose| Rigid::from_se3(&pose.t_world_camera)).collect(),
            inverse_depths: (landmarks.iter())
                .map(|&index| bundle.landmarks[index].inverse_depth.max(MIN_INVERSE_DEPTH))
                .collect(),
            landmarks,
            layout,
            observations,
            measured: Vec::new(),
            factors,
            loss: Loss::Huber(options.huber_sigmas),
        };
        problem.measured = (0..problem.layout.tile_count()).map(|tile| problem.measure(tile)).collect();
        Ok(problem)
    }

    fn measure(&self, tile: usize) -> Measured {
        let camera = &self.bundle.camera;
        let zero = [0.0; LANES];
        let mut measured = Measured { ray: [zero; 2], px: [zero; 3], weights: [zero; 2] };
        for (lane, &index) in self.layout.observations(tile).iter().enumerate() {
            let seen = &self.bundle.observations[self.observations[index as usize]];
            let ray = camera.ray(&self.bundle.landmarks[seen.landmark].px_host);
            (measured.ray[0][lane], measured.ray[1][lane]) = (ray.x, ray.y);
            measured.px[0][lane] = seen.px.x - camera.cx;
            measured.px[1][lane] = seen.px.y - camera.cy;
            measured.px[2][lane] = seen.px_right_x.map_or(0.0, |x| x - camera.cx);
        }
        for lane in self.layout.used_lanes(tile) {
            let seen = &self.bundle.observations[self.observations[self.layout.observations(tile)[lane] as usize]];
            let weight = 1.0 / seen.sigma_px;
            let is_host = seen.keyframe == self.bundle.landmarks[seen.landmark].host;
            measured.weights[0][lane] = if is_host { 0.0 } else { weight };
            measured.weights[1][lane] = if seen.px_right_x.is_some() { weight } else { 0.0 };
        }
        measured
    }

    /// Whether there are right columns.
    pub(super) fn is_stereo(&self) -> bool {
        self.bundle.observations.iter().any(|seen| seen.px_right_x.is_some())
    }

    /// Whether a keyframe has unknowns.
    pub(super) fn is_free(&self, keyframe: usize) -> bool {
        self.layout.free(keyframe).is_some()
    }

    /// Squared norm of each observation's whitened residual; 0 where it has none, infinite behind the camera.
    pub(super) fn chi_squares(&self) -> Vec<f64> {
        let mut chi_squares = vec![0.0; self.bundle.observations.len()];
        for (group, tiles) in self.layout.groups().iter().enumerate() {
            let prepared = self.prepare_group::<f64>(group);
            for tile in tiles.tiles.clone() {
                let mut residual = [[0.0; LANES]; 3];
                self.evaluate(&prepared, tile, &mut residual);
                for lane in self.layout.used_lanes(tile) {
                    let index = self.observations[self.layout.observations(tile)[lane] as usize];
                    let landmark = self.layout.landmarks(tile)[lane] as usize;
                    let ray = self.measured[tile].ray.map(|ray| ray[lane]);
                    let visible = prepared.1.is_in_front(&[ray[0], ray[1], 1.0], self.inverse_depths[landmark]);
                    let squared_norm = residual.iter().map(|row| row[lane] * row[lane]).sum();
                    chi_squares[index] = if visible { squared_norm } else { f64::INFINITY };
                }
            }
        }
        chi_squares
    }

    fn t_target_host<S: Scalar>(&self, group: usize) -> Rigid<S> {
        match self.layout.groups()[group].frames {
            [Some(target), Some(host)] => relative(&self.poses[target], &self.poses[host]),
            _ => Rigid::from_se3(&Se3::identity()),
        }
    }

    fn prepare_group<S: Scalar>(&self, group: usize) -> (StereoCamera<S>, Placement<S>) {
        let camera = StereoCamera::new(&self.bundle.camera, self.bundle.baseline_m);
        (camera, Placement::new(&self.t_target_host(group)))
    }
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

impl<const R: usize> Separable<R, 6, 1> for BundleProblem<'_> {
    type State = (Vec<Rigid<f64>>, Vec<f64>);
    type Prepared<S: Scalar> = (StereoCamera<S>, Placement<S>);

    fn name(&self) -> &'static str {
        "bundle"
    }

    #[inline(always)]
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn prepare<S: Scalar>(&self, group: usize) -> Self::Prepared<S> {
        self.prepare_group(group)
    }

    #[inline(always)]
    fn evaluate<S: Scalar>(&self, (camera, host): &Self::Prepared<S>, tile: usize, residual: &mut [Lanes<S>; R]) {
        let Measured { ray, px, weights } = &self.measured[tile];
        let [inverse_depths] = self.layout.gather(tile, self.inverse_depths.as_chunks::<1>().0);
        let inverse_depths = inverse_depths.map(S::from_f64);
        for lane in 0..LANES {
            let ray = [S::from_f64(ray[0][lane]), S::from_f64(ray[1][lane]), S::ONE];
            let projected = camera.project(host, &ray, inverse_depths[lane]);
            for row in 0..R {
                let weight = S::from_f64(weights[row / 2][lane]);
                residual[row][lane] = (projected[row] - S::from_f64(px[row][lane])) * weight;
            }
        }
    }

    #[inline(always)]
    fn differentiate<S: Scalar>(&self, (camera, host): &Self::Prepared<S>, tile: usize, rows: &mut Rows<S, R, 6, 1>) {
        let Measured { ray, px, weights } = &self.measured[tile];
        let [inverse_depths] = self.layout.gather(tile, self.inverse_depths.as_chunks::<1>().0);
        let inverse_depths = inverse_depths.map(S::from_f64);
        for lane in 0..LANES {
            let ray = [S::from_f64(ray[0][lane]), S::from_f64(ray[1][lane]), S::ONE];
            let (projected, derivative) = camera.jacobian(host, &ray, inverse_depths[lane]);
            for row in 0..R {
                let weight = S::from_f64(weights[row / 2][lane]);
                rows.residual[row][lane] = (projected[row] - S::from_f64(px[row][lane])) * weight;
                for d in 0..6 {
                    rows.by_frame[row][d][lane] = derivative[row][d] * weight;
                }
                rows.by_landmark[row][0][lane] = derivative[row][6] * weight;
            }
        }
    }

    fn coupling(&self, group: usize) -> [[f64; 6]; 6] {
        by_host(&self.t_target_host(group))
    }

    fn is_held(&self, landmark: usize, [gradient]: [f64; 1]) -> bool {
        self.inverse_depths[landmark] <= MIN_INVERSE_DEPTH && gradient > 0.0
    }

    fn loss(&self) -> Loss {
        self.loss
    }

    fn factors(&self) -> &Structure {
        &self.factors
    }

    fn factor_residuals<S: Scalar>(&self, residuals: &mut [S]) {
        let (of_relative_poses, mut rest) = residuals.split_at_mut(6 * self.bundle.relative_poses.len());
        for prior in &self.bundle.priors {
            let (of_prior, after) = std::mem::take(&mut rest).split_at_mut(prior.row_count());
            prior.residuals(&self.poses, of_prior);
            rest = after;
        }
        for (factor, rows) in self.bundle.relative_poses.iter().zip(of_relative_poses.chunks_exact_mut(6)) {
            let relative = relative::<S>(&self.poses[factor.from], &self.poses[factor.to]);
            let residual = Se3::residual(&factor.t_from_to.rounded::<S>(), &relative);
            for (i, row) in rows.iter_mut().enumerate() {
                *row = (i..6).map(|k| S::from_f64(factor.sqrt_information[(i, k)]) * residual[k]).sum();
            }
        }
    }

    fn linearize_factors<S: Scalar>(&self, jacobian: &mut [S]) {
        let (of_relative_poses, mut rest) = jacobian.split_at_mut(72 * self.bundle.relative_poses.len());
        for prior in &self.bundle.priors {
            let (of_prior, after) =
                std::mem::take(&mut rest).split_at_mut(6 * prior.keyframes.len() * prior.row_count());
            prior.linearize(&self.poses, of_prior);
            rest = after;
        }
        for (factor, block) in self.bundle.relative_poses.iter().zip(of_relative_poses.chunks_exact_mut(72)) {
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
        let (of_poses, of_landmarks) = step.split_at(6 * self.layout.free_count());
        for (frame, pose) in self.poses.iter_mut().enumerate() {
            if let Some(free) = self.layout.free(frame) {
                let tangent = std::array::from_fn(|k| of_poses[6 * free + k]);
                *pose = pose.cast::<S>().retract(&tangent).cast();
            }
        }
        for (inverse_depth, step) in self.inverse_depths.iter_mut().zip(of_landmarks) {
            let moved = (S::from_f64(*inverse_depth) + *step).to_f64();
            // Not `max`, which would turn NaN into a number that nobody notices.
            *inverse_depth = if moved < MIN_INVERSE_DEPTH { MIN_INVERSE_DEPTH } else { moved };
        }
    }

    fn state(&self) -> Self::State {
        (self.poses.clone(), self.inverse_depths.clone())
    }

    fn restore(&mut self, (poses, inverse_depths): &Self::State) {
        self.poses.clone_from(poses);
        self.inverse_depths.clone_from(inverse_depths);
    }
}
