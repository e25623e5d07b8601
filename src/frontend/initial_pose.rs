//! The pose of one frame from landmarks that it sees.

use super::pose_problem::{Eye, PoseProblem, Residual};
use crate::geometry::{Se3, se3};
use crate::precision::Policy;
use crate::solver::{Preconditioner, SolverOptions, minimize};
use nalgebra::{Matrix3, Matrix3x6, Matrix6, Point3, Vector2, Vector3};

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

/// Which sightings a pose is estimated from at first, before it says itself which agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// All of them: the majority decides.
    All,
    /// Those that agree with the prior, as uncertain as it is: the prior decides.
    Agreeing,
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

/// Rounds of solving and then judging which sightings agree.
const ROUNDS: usize = 3;

/// Estimates the pose that minimizes the whitened reprojection errors under Huber's loss, starting at the prior:
/// `Σ ρ(rᵀ S⁻¹ r) + (T ⊟ T₀)ᵀ Λ (T ⊟ T₀)`, with `S = σ² I + s sᵀ`, where `s` is what one standard deviation of the
/// landmark's depth does to its pixels. So points of uncertain depth tell directions and no more. Residuals, Jacobian,
/// the linear solver and the pose's update are in the precisions of the policy, as those of the window are.
///
/// `None` if the sightings and the prior do not determine the pose.
pub fn pose_from_sightings(
    sightings: &[Sighting],
    eye: Eye<'_>,
    prior: &PosePrior,
    start: Start,
    policy: &Policy,
) -> Option<PoseSolution> {
    let options = SolverOptions { max_iterations: 8, ..SolverOptions::default() };
    let mut t_world_camera = prior.t_world_camera;
    let mut verdicts = match start {
        Start::All => vec![Verdict::Inlier; sightings.len()],
        Start::Agreeing => agreeing(eye, sightings, prior)?,
    };
    let mut information = prior.information;
    for _ in 0..ROUNDS {
        let judged = sightings.iter().zip(&verdicts).filter_map(|(sighting, verdict)| match verdict {
            Verdict::Inlier => Some(*sighting),
            Verdict::DirectionOnly => Some(direction_of(sighting)),
            Verdict::Outlier => None,
        });
        let mut problem = PoseProblem::new(eye, judged, &t_world_camera, prior)?;
        minimize(&mut problem, policy, &options, &mut Preconditioner::BlockJacobi).ok()?;
        t_world_camera = problem.t_world_camera();
        information = problem.information();
        let t_camera_world = t_world_camera.inverse();
        let before = verdicts.clone();
        for (verdict, sighting) in verdicts.iter_mut().zip(sightings) {
            *verdict = judge(eye, sighting, &t_camera_world);
        }
        if verdicts == before {
            break;
        }
    }
    Some(PoseSolution { t_world_camera, covariance: information.cholesky()?.inverse(), verdicts })
}

/// How sightings agree with a prior before anything is estimated: their innovations whitened by `S` and the prior's own
/// covariance.
///
/// # Source
/// Bar-Shalom, Li, Kirubarajan, *Estimation with applications to tracking and navigation* (2001), 5.4: the gate of a filter.
fn agreeing(eye: Eye<'_>, sightings: &[Sighting], prior: &PosePrior) -> Option<Vec<Verdict>> {
    let covariance = prior.information.cholesky()?.inverse();
    let t_camera_world = prior.t_world_camera.inverse();
    let agrees = |sighting: &Sighting| {
        let residual = Residual::of(eye, sighting, &t_camera_world)?;
        let p = (t_camera_world * sighting.p_world).coords;
        // A camera that is moved and turned by [ρ; φ] sees the point at p - ρ + p × φ.
        let mut by_pose = Matrix3x6::zeros();
        by_pose.fixed_view_mut::<3, 3>(0, 0).copy_from(&-Matrix3::identity());
        by_pose.fixed_view_mut::<3, 3>(0, 3).copy_from(&se3::skew(&p));
        let squared = residual.squared_given(eye, &p, &(by_pose * covariance * by_pose.transpose()));
        (squared <= GATES[residual.rows - 2]).then_some(())
    };
    let verdict = |sighting: &Sighting| match (agrees(sighting), agrees(&direction_of(sighting))) {
        (Some(()), _) => Verdict::Inlier,
        (None, Some(())) => Verdict::DirectionOnly,
        (None, None) => Verdict::Outlier,
    };
    Some(sightings.iter().map(verdict).collect())
}

fn judge(eye: Eye<'_>, sighting: &Sighting, t_camera_world: &Se3) -> Verdict {
    let passes = |sighting: &Sighting| {
        let residual = Residual::of(eye, sighting, t_camera_world);
        residual.is_some_and(|residual| residual.squared() <= GATES[residual.rows - 2])
    };
    if passes(sighting) {
        Verdict::Inlier
    } else if sighting.px_right_x.is_some() && passes(&direction_of(sighting)) {
        Verdict::DirectionOnly
    } else {
        Verdict::Outlier
    }
}

/// The sighting without its right column.
fn direction_of(sighting: &Sighting) -> Sighting {
    Sighting { px_right_x: None, ..*sighting }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PinholeCamera;
    use nalgebra::Vector6;

    const CAMERA: PinholeCamera = PinholeCamera { fx: 460.0, fy: 455.0, cx: 376.0, cy: 240.0, width: 752, height: 480 };
    const BASELINE_M: f64 = 0.12;
    const EYE: Eye<'static> = Eye { camera: &CAMERA, baseline_m: BASELINE_M, sigma_px: 0.5 };

    fn mixed() -> Policy {
        Policy::resolve("mixed").unwrap()
    }

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
        let solution = pose_from_sightings(&seen, EYE, &weak_prior(Se3::identity()), Start::All, &mixed()).unwrap();
        assert!(se3::log(&(truth.inverse() * solution.t_world_camera)).norm() < 1e-5);
        assert_eq!(solution.inlier_count(), 40);
        assert_eq!(solution.verdicts[..2], [Verdict::Outlier, Verdict::Inlier]);
    }

    #[test]
    fn what_moves_as_one_is_told_from_what_stands_by_a_prior() {
        // Two thirds stand on something that moves by 10 cm; the prior, a centimetre off, knows better.
        let mut seen = sightings(&Se3::identity());
        let moved = sightings(&Se3::translation(0.1, 0.0, 0.0));
        for (index, sighting) in seen.iter_mut().enumerate().filter(|(index, _)| index % 3 != 0) {
            *sighting = Sighting { p_world: sighting.p_world, ..moved[index] };
        }
        let information = Matrix6::from_diagonal(&Vector6::new(1e4, 1e4, 1e4, 1e6, 1e6, 1e6));
        let prior = PosePrior { t_world_camera: Se3::translation(-0.01, 0.0, 0.0), information };
        let estimated = |start: Start| pose_from_sightings(&seen, EYE, &prior, start, &mixed()).unwrap();
        let (all, agreeing) = (estimated(Start::All), estimated(Start::Agreeing));
        assert!((all.t_world_camera.translation.x - 0.1).abs() < 0.01 && all.inlier_count() >= 40);
        assert!(agreeing.t_world_camera.translation.vector.norm() < 2e-3, "{}", agreeing.t_world_camera);
        assert!(agreeing.inlier_count() >= 20 && agreeing.inlier_count() < 40);
    }

    #[test]
    fn a_wrong_right_column_leaves_the_direction() {
        let truth = se3::exp(&Vector6::new(0.1, 0.0, 0.1, 0.0, -0.02, 0.0));
        let mut seen = sightings(&truth);
        for sighting in seen.iter_mut().step_by(4) {
            sighting.px_right_x = sighting.px_right_x.map(|column| column - 8.0);
        }
        let solution = pose_from_sightings(&seen, EYE, &weak_prior(Se3::identity()), Start::All, &mixed()).unwrap();
        assert!(se3::log(&(truth.inverse() * solution.t_world_camera)).norm() < 1e-5);
        assert_eq!(solution.verdicts[..2], [Verdict::DirectionOnly, Verdict::Inlier]);
    }

    #[test]
    fn without_sightings_the_prior_stays_and_without_both_there_is_no_pose() {
        let prior = PosePrior { t_world_camera: Se3::translation(1.0, 2.0, 3.0), information: Matrix6::identity() };
        let solution = pose_from_sightings(&[], EYE, &prior, Start::All, &mixed()).unwrap();
        assert!((solution.t_world_camera.translation.vector - prior.t_world_camera.translation.vector).norm() < 1e-12);
        let none = PosePrior { information: Matrix6::zeros(), ..prior };
        assert!(pose_from_sightings(&[], EYE, &none, Start::All, &mixed()).is_none());
    }
}
