//! The pose of one frame from landmarks that it sees.

use crate::geometry::{PinholeCamera, Se3, se3};
use nalgebra::{Matrix3, Matrix6, Point3, SMatrix, Vector2, Vector3, Vector6};

/// A landmark and where a frame sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sighting {
    /// The landmark (m).
    pub p_world: Point3<f64>,
    /// How the landmark moves when its depth changes by one standard deviation (m).
    pub spread_world: Vector3<f64>,
    /// Where it is seen (px).
    pub px: Vector2<f64>,
    /// Column in the (virtual) right image (px).
    pub px_right_x: Option<f64>,
}

/// What is known of the pose before the images are looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct PosePrior {
    /// Camera coordinates into world coordinates.
    pub t_world_camera: Se3,
    /// Inverse of the covariance of `[ρ; φ]` in the camera's own frame.
    pub information: Matrix6<f64>,
}

/// The pose of a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct PoseSolution {
    /// Camera coordinates into world coordinates.
    pub t_world_camera: Se3,
    /// Covariance of `[ρ; φ]` in the camera's own frame (m, rad), as if the landmarks' depths alone were uncertain.
    pub covariance: Matrix6<f64>,
    /// How each sighting agrees with it.
    pub verdicts: Vec<Verdict>,
}

/// How a sighting agrees with a pose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// In all that was measured.
    Inlier,
    /// In the (left) image, but not in the right column: a mismatch, or the depth of what lies behind an edge.
    DirectionOnly,
    /// Not at all.
    Outlier,
}

impl PoseSolution {
    /// Sightings that agree, at least in direction.
    pub fn inlier_count(&self) -> usize {
        self.verdicts.iter().filter(|&&verdict| verdict != Verdict::Outlier).count()
    }
}

/// Squared whitened residuals beyond these are outliers: 99.5% of the χ² distribution with 2 and 3 degrees of freedom.
const GATES: [f64; 2] = [10.6, 12.84];

/// Beyond this squared whitened residual the weight falls as its square root (Huber).
const HUBER_SQUARED: f64 = 4.0;

/// Rounds of solving and then judging which sightings agree; steps in each.
const ROUNDS: usize = 3;
const STEPS: usize = 6;

/// Landmarks nearer to the camera plane than this (m) are not projected.
const NEAREST_M: f64 = 0.01;

/// Estimates the pose that minimizes the whitened reprojection errors under Huber's loss, starting at the prior:
/// `Σ ρ(rᵀ S⁻¹ r) + (T ⊟ T₀)ᵀ Λ (T ⊟ T₀)`, with `S = σ² I + s sᵀ`, where `s` is what one standard deviation of the
/// landmark's depth does to its pixels. So points of uncertain depth tell directions and no more.
///
/// - `baseline_m`: to the (virtual) right camera, for `px_right_x`.
/// - `sigma_px`: standard deviation of every pixel coordinate.
///
/// `None` if the sightings and the prior do not determine the pose.
pub fn pose_from_sightings(
    sightings: &[Sighting],
    camera: &PinholeCamera,
    baseline_m: f64,
    sigma_px: f64,
    prior: &PosePrior,
) -> Option<PoseSolution> {
    let view = View { camera, baseline_m, sigma_px };
    let mut t_world_camera = prior.t_world_camera;
    let mut verdicts = vec![Verdict::Inlier; sightings.len()];
    let mut information = prior.information;
    for _ in 0..ROUNDS {
        for _ in 0..STEPS {
            let (normal, gradient) = view.normal_equations(sightings, &verdicts, &t_world_camera, prior);
            information = normal;
            let step = normal.cholesky()?.solve(&gradient);
            if !step.iter().all(|value| value.is_finite()) {
                return None;
            }
            t_world_camera *= se3::exp(&step);
            if step.norm() < 1e-7 {
                break;
            }
        }
        let t_camera_world = t_world_camera.inverse();
        for (verdict, sighting) in verdicts.iter_mut().zip(sightings) {
            *verdict = view.judge(sighting, &t_camera_world);
        }
    }
    t_world_camera.rotation.renormalize();
    Some(PoseSolution { t_world_camera, covariance: information.cholesky()?.inverse(), verdicts })
}

/// One sighting linearized: rows u, v and, where seen, the right column.
struct Linearized {
    rows: usize,
    residual: Vector3<f64>,
    jacobian: SMatrix<f64, 3, 6>,
    /// Inverse of the residual's covariance.
    information: Matrix3<f64>,
    squared: f64,
}

struct View<'a> {
    camera: &'a PinholeCamera,
    baseline_m: f64,
    sigma_px: f64,
}

impl View<'_> {
    fn linearize(&self, sighting: &Sighting, t_camera_world: &Se3) -> Option<Linearized> {
        let p = t_camera_world * sighting.p_world;
        if p.z < NEAREST_M {
            return None;
        }
        let PinholeCamera { fx, fy, cx, cy, .. } = *self.camera;
        let inverse_z = 1.0 / p.z;
        let (u, v) = (fx * p.x * inverse_z + cx, fy * p.y * inverse_z + cy);
        let right = u - fx * self.baseline_m * inverse_z;
        let rows = if sighting.px_right_x.is_some() { 3 } else { 2 };
        let residual = Vector3::new(
            sighting.px.x - u,
            sighting.px.y - v,
            sighting.px_right_x.map_or(0.0, |column| column - right),
        );
        let mut projection = Matrix3::new(
            fx * inverse_z,
            0.0,
            -fx * p.x * inverse_z * inverse_z,
            0.0,
            fy * inverse_z,
            -fy * p.y * inverse_z * inverse_z,
            fx * inverse_z,
            0.0,
            -fx * (p.x - self.baseline_m) * inverse_z * inverse_z,
        );
        if rows == 2 {
            projection.row_mut(2).fill(0.0);
        }
        // T exp(δ) moves the point in the camera by -ρ + p × φ.
        let mut motion = SMatrix::<f64, 3, 6>::zeros();
        motion.fixed_view_mut::<3, 3>(0, 0).copy_from(&-Matrix3::identity());
        motion.fixed_view_mut::<3, 3>(0, 3).copy_from(&se3::skew(&p.coords));
        let spread = projection * (t_camera_world.rotation * sighting.spread_world);
        let variance = self.sigma_px * self.sigma_px;
        let mut information =
            (Matrix3::identity() - spread * spread.transpose() / (variance + spread.norm_squared())) / variance;
        if rows == 2 {
            information[(2, 2)] = 0.0;
        }
        let squared = (residual.transpose() * information * residual)[0];
        Some(Linearized { rows, residual, jacobian: projection * motion, information, squared })
    }

    fn normal_equations(
        &self,
        sightings: &[Sighting],
        verdicts: &[Verdict],
        t_world_camera: &Se3,
        prior: &PosePrior,
    ) -> (Matrix6<f64>, Vector6<f64>) {
        let t_camera_world = t_world_camera.inverse();
        let deviation = se3::log(&(t_world_camera.inverse() * prior.t_world_camera));
        let mut normal = prior.information;
        let mut gradient = prior.information * deviation;
        for (sighting, verdict) in sightings.iter().zip(verdicts) {
            let seen = match verdict {
                Verdict::Inlier => self.linearize(sighting, &t_camera_world),
                Verdict::DirectionOnly => self.linearize(&direction_of(sighting), &t_camera_world),
                Verdict::Outlier => None,
            };
            let Some(seen) = seen else { continue };
            let weight = if seen.squared > HUBER_SQUARED { (HUBER_SQUARED / seen.squared).sqrt() } else { 1.0 };
            let weighted = seen.jacobian.transpose() * seen.information * weight;
            normal += weighted * seen.jacobian;
            gradient += weighted * seen.residual;
        }
        (normal, gradient)
    }

    fn judge(&self, sighting: &Sighting, t_camera_world: &Se3) -> Verdict {
        let passes = |sighting: &Sighting| {
            self.linearize(sighting, t_camera_world).is_some_and(|seen| seen.squared <= GATES[seen.rows - 2])
        };
        if passes(sighting) {
            Verdict::Inlier
        } else if sighting.px_right_x.is_some() && passes(&direction_of(sighting)) {
            Verdict::DirectionOnly
        } else {
            Verdict::Outlier
        }
    }
}

/// The sighting without its right column.
fn direction_of(sighting: &Sighting) -> Sighting {
    Sighting { px_right_x: None, ..*sighting }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: PinholeCamera = PinholeCamera { fx: 460.0, fy: 455.0, cx: 376.0, cy: 240.0, width: 752, height: 480 };
    const BASELINE_M: f64 = 0.12;

    fn world() -> Vec<Point3<f64>> {
        (0..60)
            .map(|index| {
                let step = f64::from(index);
                Point3::new((step * 0.7).sin() * 2.0, (step * 1.3).cos() * 1.2, 3.0 + (step * 0.37).sin() * 1.5)
            })
            .collect()
    }

    fn sightings(t_world_camera: &Se3) -> Vec<Sighting> {
        world()
            .iter()
            .map(|p_world| {
                let p = t_world_camera.inverse() * p_world;
                let px = CAMERA.project(&p);
                let px_right_x = Some(px.x - CAMERA.fx * BASELINE_M / p.z);
                Sighting { p_world: *p_world, spread_world: Vector3::zeros(), px, px_right_x }
            })
            .collect()
    }

    fn weak_prior(t_world_camera: Se3) -> PosePrior {
        PosePrior { t_world_camera, information: Matrix6::identity() * 1e-9 }
    }

    #[test]
    fn the_true_pose_is_found_among_a_third_of_outliers() {
        let truth = se3::exp(&Vector6::new(0.12, -0.05, 0.2, 0.03, -0.06, 0.02));
        let mut seen = sightings(&truth);
        for sighting in seen.iter_mut().step_by(3) {
            sighting.px += Vector2::new(35.0, -20.0);
        }
        let solution = pose_from_sightings(&seen, &CAMERA, BASELINE_M, 0.5, &weak_prior(Se3::identity())).unwrap();
        assert!(se3::log(&(truth.inverse() * solution.t_world_camera)).norm() < 1e-5);
        assert_eq!(solution.inlier_count(), 40);
        assert_eq!(solution.verdicts[..2], [Verdict::Outlier, Verdict::Inlier]);
    }

    #[test]
    fn a_wrong_right_column_leaves_the_direction() {
        let truth = se3::exp(&Vector6::new(0.1, 0.0, 0.1, 0.0, -0.02, 0.0));
        let mut seen = sightings(&truth);
        for sighting in seen.iter_mut().step_by(4) {
            sighting.px_right_x = sighting.px_right_x.map(|column| column - 8.0);
        }
        let solution = pose_from_sightings(&seen, &CAMERA, BASELINE_M, 0.5, &weak_prior(Se3::identity())).unwrap();
        assert!(se3::log(&(truth.inverse() * solution.t_world_camera)).norm() < 1e-5);
        assert_eq!(solution.verdicts[..2], [Verdict::DirectionOnly, Verdict::Inlier]);
    }

    #[test]
    fn the_jacobian_is_that_of_finite_differences() {
        let pose = se3::exp(&Vector6::new(0.1, 0.2, -0.1, 0.05, -0.04, 0.1));
        let view = View { camera: &CAMERA, baseline_m: BASELINE_M, sigma_px: 1.0 };
        let sighting = sightings(&Se3::identity())[7];
        let at = view.linearize(&sighting, &pose.inverse()).unwrap();
        for axis in 0..6 {
            let mut step = Vector6::zeros();
            step[axis] = 1e-6;
            let moved = view.linearize(&sighting, &(pose * se3::exp(&step)).inverse()).unwrap();
            let difference = (at.residual - moved.residual) / 1e-6;
            assert!((difference - at.jacobian.column(axis)).norm() < 1e-2, "axis {axis}");
        }
    }

    #[test]
    fn without_sightings_the_prior_stays_and_without_both_there_is_no_pose() {
        let prior = PosePrior { t_world_camera: Se3::translation(1.0, 2.0, 3.0), information: Matrix6::identity() };
        let solution = pose_from_sightings(&[], &CAMERA, BASELINE_M, 0.5, &prior).unwrap();
        assert!((solution.t_world_camera.translation.vector - prior.t_world_camera.translation.vector).norm() < 1e-12);
        let none = PosePrior { information: Matrix6::zeros(), ..prior };
        assert!(pose_from_sightings(&[], &CAMERA, BASELINE_M, 0.5, &none).is_none());
    }
}
