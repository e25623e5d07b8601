//! The pose of one camera as a least-squares problem: known landmarks, one unknown pose, and what was known before.

use super::{PosePrior, Sighting};
use crate::bundle::reprojection::{Placement, StereoCamera};
use crate::geometry::relative_pose::RigidGroup;
use crate::geometry::rigid::{Rigid, Vec3};
use crate::geometry::{PinholeCamera, Se3};
use crate::precision::{Precision, Scalar};
use crate::solver::{Loss, Problem};
use crate::sparse::Structure;
use nalgebra::{Matrix3, Matrix6, Vector3};

/// Landmarks nearer to the camera plane than this (m) are not seen.
const NEAREST_M: f64 = 0.01;

/// Residuals beyond this many standard deviations count linearly (Huber).
const HUBER_SIGMAS: f64 = 2.0;

/// The (virtual) stereo camera and how well it measures.
#[derive(Debug, Clone, Copy)]
pub struct Eye<'a> {
    /// The (left) camera.
    pub camera: &'a PinholeCamera,
    /// To the (virtual) right camera (m), for right columns.
    pub baseline_m: f64,
    /// Standard deviation of every pixel coordinate.
    pub sigma_px: f64,
}

/// A sighting, ready for evaluation.
#[derive(Debug, Clone, Copy)]
struct Sight {
    /// The landmark in the camera at its prior pose (m): positions are subtracted in double, before anything is rounded.
    p_prior: Vec3<f64>,
    /// `[u, v, u_right]` relative to the principal point (px).
    measured: [f64; 3],
    /// u and v, with the right column or without.
    rows: usize,
    /// Inverse square root of the residual's covariance.
    whitening: Matrix3<f64>,
}

/// The pose of a camera under adjustment.
///
/// Residuals are `S^-½ (px(T) − px)`, with `S = σ² I + s sᵀ`, where `s` is what one standard deviation of the landmark's
/// depth does to its pixels at the prior pose, and `Λ^½ (T ⊟ T₀)`.
pub(super) struct PoseProblem<'a> {
    eye: Eye<'a>,
    sights: Vec<Sight>,
    t_world_prior: Rigid<f64>,
    /// `Λ^½`, upper triangular.
    sqrt_information: Matrix6<f64>,
    t_world_camera: Rigid<f64>,
    structure: Structure,
}

impl<'a> PoseProblem<'a> {
    /// The problem of the sightings in front of the camera, at a pose; `None` if the prior's information is not
    /// positive definite.
    pub(super) fn new(
        eye: Eye<'a>,
        sightings: impl Iterator<Item = Sighting>,
        t_world_camera: &Se3,
        prior: &PosePrior,
    ) -> Option<Self> {
        let sqrt_information = prior.information.cholesky()?.l().transpose();
        let mut structure = Structure::new();
        let pose = structure.add_variable(6);
        let (t_camera_world, t_prior_world) = (t_world_camera.inverse(), prior.t_world_camera.inverse());
        let sights: Vec<Sight> = sightings
            .filter_map(|sighting| {
                let residual = Residual::of(eye, &sighting, &t_camera_world)?;
                let p_prior = t_prior_world * sighting.p_world;
                let PinholeCamera { cx, cy, .. } = *eye.camera;
                let measured = [sighting.px.x - cx, sighting.px.y - cy, sighting.px_right_x.map_or(0.0, |u| u - cx)];
                let (rows, whitening) = (residual.rows, residual.whitening());
                structure.add_residual(rows, &[pose]);
                Some(Sight { p_prior: p_prior.coords.into(), measured, rows, whitening })
            })
            .collect();
        structure.add_residual(6, &[pose]);
        let t_world_prior = Rigid::from_se3(&prior.t_world_camera);
        let t_world_camera = Rigid::from_se3(t_world_camera);
        Some(Self { eye, sights, t_world_prior, sqrt_information, t_world_camera, structure })
    }

    /// The pose it stands at.
    pub(super) fn t_world_camera(&self) -> Se3 {
        self.t_world_camera.to_se3()
    }

    /// `Jᵀ W J` at the present pose, outliers weighted as by the solve.
    pub(super) fn information(&self) -> Matrix6<f64> {
        let mut residuals = vec![0.0f64; self.structure.row_count()];
        let mut jacobian = vec![0.0f64; self.structure.entry_count()];
        self.residuals(&mut residuals);
        self.linearize(&mut jacobian);
        let mut information = Matrix6::zeros();
        for block in 0..self.structure.residual_block_count() {
            let squared = residuals[self.structure.rows(block)].iter().map(|r| r * r).sum();
            let weight = self.loss(block).evaluate(squared).1;
            for row in jacobian[self.structure.entries(block)].chunks_exact(6) {
                let row = nalgebra::RowVector6::from_row_slice(row);
                information += row.transpose() * row * weight;
            }
        }
        information
    }

    /// `T⁻¹ · T₀` in precision `S`: formed in double and rounded once, but for naive half precision, which gets half
    /// precision here too.
    fn t_camera_prior<S: Scalar>(&self) -> Rigid<S> {
        if S::PRECISION == Precision::F16 {
            self.t_world_camera.cast::<S>().relative(&self.t_world_prior.cast())
        } else {
            self.t_world_camera.relative(&self.t_world_prior).cast()
        }
    }
}

impl Problem for PoseProblem<'_> {
    type State = Rigid<f64>;

    fn name(&self) -> &'static str {
        "pose"
    }

    fn structure(&self) -> &Structure {
        &self.structure
    }

    fn residuals<S: Scalar>(&self, residuals: &mut [S]) {
        let camera = StereoCamera::<S>::new(self.eye.camera, self.eye.baseline_m);
        let t_camera_prior = self.t_camera_prior::<S>();
        let placement = Placement::new(&t_camera_prior);
        let mut rest = residuals;
        for sight in &self.sights {
            let px = camera.project(&placement, &sight.p_prior.map(S::from_f64), S::ONE);
            let (rows, after) = std::mem::take(&mut rest).split_at_mut(sight.rows);
            let difference: Vec3<S> = std::array::from_fn(|i| px[i] - S::from_f64(sight.measured[i]));
            for (i, row) in rows.iter_mut().enumerate() {
                *row = (0..sight.rows).map(|k| S::from_f64(sight.whitening[(i, k)]) * difference[k]).sum();
            }
            rest = after;
        }
        let deviation = Se3::residual(&Rigid::from_se3(&Se3::identity()), &t_camera_prior);
        for (i, row) in rest.iter_mut().enumerate() {
            *row = (i..6).map(|k| S::from_f64(self.sqrt_information[(i, k)]) * deviation[k]).sum();
        }
    }

    fn linearize<S: Scalar>(&self, jacobian: &mut [S]) {
        let camera = StereoCamera::<S>::new(self.eye.camera, self.eye.baseline_m);
        let t_camera_prior = self.t_camera_prior::<S>();
        let placement = Placement::new(&t_camera_prior);
        let mut rest = jacobian;
        for sight in &self.sights {
            let (_, by_pose) = camera.jacobian(&placement, &sight.p_prior.map(S::from_f64), S::ONE);
            let (entries, after) = std::mem::take(&mut rest).split_at_mut(6 * sight.rows);
            for (i, row) in entries.chunks_exact_mut(6).enumerate() {
                for (column, entry) in row.iter_mut().enumerate() {
                    let product = |k: usize| S::from_f64(sight.whitening[(i, k)]) * by_pose[k][column];
                    *entry = (0..sight.rows).map(product).sum();
                }
            }
            rest = after;
        }
        let (by_camera, _) = Se3::jacobians(&Rigid::from_se3(&Se3::identity()), &t_camera_prior);
        for (i, row) in rest.chunks_exact_mut(6).enumerate() {
            for (column, entry) in row.iter_mut().enumerate() {
                *entry = (i..6).map(|k| S::from_f64(self.sqrt_information[(i, k)]) * by_camera[k][column]).sum();
            }
        }
    }

    fn retract<S: Scalar>(&mut self, step: &[S]) {
        let tangent = std::array::from_fn(|k| step[k]);
        self.t_world_camera = self.t_world_camera.cast::<S>().retract(&tangent).cast();
    }

    fn state(&self) -> Self::State {
        self.t_world_camera
    }

    fn restore(&mut self, state: &Self::State) {
        self.t_world_camera = *state;
    }

    fn loss(&self, block: usize) -> Loss {
        if block < self.sights.len() { Loss::Huber(HUBER_SIGMAS) } else { Loss::Squared }
    }
}

/// A sighting's residual at a pose, with what makes its covariance `σ² I + s sᵀ`.
pub(super) struct Residual {
    pub rows: usize,
    /// Zero in rows that were not measured, as is the spread.
    difference: Vector3<f64>,
    spread: Vector3<f64>,
    variance: f64,
}

impl Residual {
    /// `None` if the landmark is not in front of the camera.
    pub(super) fn of(eye: Eye<'_>, sighting: &Sighting, t_camera_world: &Se3) -> Option<Self> {
        let p = t_camera_world * sighting.p_world;
        if p.z < NEAREST_M {
            return None;
        }
        let PinholeCamera { fx, fy, .. } = *eye.camera;
        let px = eye.camera.project(&p);
        let d = t_camera_world.rotation * sighting.spread_world / p.z;
        let (x, y, shift) = (p.x / p.z, p.y / p.z, eye.baseline_m / p.z);
        let mut spread = Vector3::new(fx * (d.x - x * d.z), fy * (d.y - y * d.z), fx * (d.x - (x - shift) * d.z));
        let mut difference = (px - sighting.px).push(0.0);
        let rows = match sighting.px_right_x {
            Some(column) => {
                difference.z = px.x - fx * shift - column;
                3
            }
            None => {
                spread.z = 0.0;
                2
            }
        };
        Some(Self { rows, difference, spread, variance: eye.sigma_px * eye.sigma_px })
    }

    /// `rᵀ S⁻¹ r`, by the formula of Sherman and Morrison.
    pub(super) fn squared(&self) -> f64 {
        let along = self.spread.dot(&self.difference);
        (self.difference.norm_squared() - along * along / (self.variance + self.spread.norm_squared())) / self.variance
    }

    /// `rᵀ (S + P Σ Pᵀ)⁻¹ r`, where `P Σ Pᵀ` is what the uncertainty `Σ` (m²) of the landmark's place in the camera, at
    /// `p`, does to the pixels.
    pub(super) fn squared_given(&self, eye: Eye<'_>, p: &Vector3<f64>, covariance: &Matrix3<f64>) -> f64 {
        let PinholeCamera { fx, fy, .. } = *eye.camera;
        let (x, y, shift) = (p.x / p.z, p.y / p.z, eye.baseline_m / p.z);
        let mut projection = Matrix3::new(fx, 0.0, -fx * x, 0.0, fy, -fy * y, fx, 0.0, -fx * (x - shift)) / p.z;
        if self.rows < 3 {
            projection.row_mut(2).fill(0.0);
        }
        let spread = self.spread * self.spread.transpose();
        let whole = Matrix3::identity() * self.variance + spread + projection * covariance * projection.transpose();
        whole.cholesky().map_or(f64::INFINITY, |factor| self.difference.dot(&factor.solve(&self.difference)))
    }

    /// `S^-½`: one over `σ` across the spread, less along it.
    fn whitening(&self) -> Matrix3<f64> {
        let squared = self.spread.norm_squared();
        let along = self.spread * self.spread.transpose() / squared.max(f64::MIN_POSITIVE);
        let lost = 1.0 - (self.variance / (self.variance + squared)).sqrt();
        (Matrix3::identity() - along * lost) / self.variance.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3;
    use nalgebra::{Point3, Vector2, Vector6};

    const CAMERA: PinholeCamera = PinholeCamera { fx: 460.0, fy: 455.0, cx: 376.0, cy: 240.0, width: 752, height: 480 };

    fn sighting(px_right_x: Option<f64>) -> Sighting {
        let (p_world, spread_world) = (Point3::new(0.5, -0.4, 3.0), Vector3::new(0.05, -0.03, 0.2));
        Sighting { p_world, spread_world, px: Vector2::new(455.0, 180.0), px_right_x }
    }

    #[test]
    fn the_jacobian_is_that_of_finite_differences() {
        let prior = PosePrior { t_world_camera: Se3::identity(), information: Matrix6::identity() * 4.0 };
        let pose = se3::exp(&Vector6::new(0.1, 0.2, -0.1, 0.05, -0.04, 0.1));
        let eye = Eye { camera: &CAMERA, baseline_m: 0.12, sigma_px: 1.0 };
        let sightings = [sighting(Some(430.0)), sighting(None)];
        let mut problem = PoseProblem::new(eye, sightings.into_iter(), &pose, &prior).unwrap();
        let mut jacobian = [0.0f64; 66];
        problem.linearize(&mut jacobian);
        let residuals = |problem: &PoseProblem| {
            let mut residuals = [0.0f64; 11];
            problem.residuals(&mut residuals);
            residuals
        };
        let (start, state) = (residuals(&problem), problem.state());
        for column in 0..6 {
            let mut step = [0.0; 6];
            step[column] = 1e-6;
            problem.retract(&step);
            for (row, moved) in residuals(&problem).iter().enumerate() {
                let difference = (moved - start[row]) / 1e-6;
                let entry = jacobian[6 * row + column];
                assert!((difference - entry).abs() < 1e-3 * entry.abs().max(1.0), "row {row}, column {column}");
            }
            problem.restore(&state);
        }
    }

    #[test]
    fn whitened_residuals_have_the_norm_that_their_covariance_says() {
        let eye = Eye { camera: &CAMERA, baseline_m: 0.12, sigma_px: 0.7 };
        for px_right_x in [None, Some(430.0)] {
            let residual = Residual::of(eye, &sighting(px_right_x), &Se3::translation(0.01, 0.02, -0.05)).unwrap();
            let covariance = Matrix3::identity() * 0.49 + residual.spread * residual.spread.transpose();
            let inverse = covariance.try_inverse().unwrap();
            let expected = (residual.difference.transpose() * inverse * residual.difference)[0];
            assert!((residual.squared() - expected).abs() < 1e-9 * expected);
            assert!(((residual.whitening() * residual.difference).norm_squared() - expected).abs() < 1e-9 * expected);
        }
    }
}
