//! The motion that puts the surfaces of two frames onto each other.

use super::SurfaceImage;
use super::level::Level;
use super::pairs::{Pairs, Row};
use super::problem::StepProblem;
use crate::frontend::PosePrior;
use crate::geometry::{Se3, se3};
use crate::precision::Policy;
use crate::solver::{Preconditioner, SolverOptions, minimize};
use nalgebra::{Matrix6, UnitQuaternion, Vector3};

/// How the camera moved between two frames, by their surfaces.
#[derive(Debug, Clone)]
pub struct SurfaceAlignment {
    /// Coordinates of the later camera into those of the earlier one.
    pub t_earlier_later: Se3,
    /// Covariance of `[ρ; φ]` in the later camera's own frame (m, rad).
    pub covariance: Matrix6<f64>,
    /// Share of the later frame's points that lie on surfaces of the earlier one.
    pub shared: f64,
}

/// Steps at each size of the image, at most: pairs are made anew for each.
const MAX_STEPS: usize = 10;

/// A step is the last one at a size if it moves points by less than this share of a cell.
const SMALL_STEP: f64 = 0.05;

/// Part of a pixel's error that all of a frame's have in common, as a share of its standard deviation: what the calibration of
/// depth cameras leaves is of the size of what a pixel errs by chance. No number of pixels makes a frame better than that.
const COMMON_SHARE: f64 = 0.5;

/// An alignment counts if so much of the later frame lies on surfaces of the earlier one,
const MIN_SHARED: f64 = 0.3;
/// and so much of what falls into its image,
const MIN_AGREEING: f64 = 0.75;
/// as far as depths are uncertain, by no more than so many standard deviations,
const MAX_DEPTH_SCALE: f64 = 1.5;
/// and if its own standard deviations were at most these (m at a depth of 1 m, and rad) with depths as uncertain as is said: a
/// wall without texture does not tell how one moves along it, however well it fits onto itself.
const MAX_SIGMAS: (f64, f64) = (0.06, 0.08);

/// Levels (finest first) at which an alignment is made exact; at the coarser ones before them it finds its way.
const EXACT_LEVELS: usize = 2;

/// Aligns two frames. At coarse levels that begins at what is expected, at no motion, and at the turn by which the coarsest
/// images look alike; what looks most alike then is aligned exactly. What is expected counts as far as it is certain. `None` if
/// the surfaces do not tell the motion.
///
/// - `prior`: the later camera in the earlier one.
/// - `depth_sigma_m`: standard deviation of depths at 1 m; it grows with the square of the depth.
pub fn align(
    earlier: &SurfaceImage,
    later: &SurfaceImage,
    prior: &PosePrior,
    depth_sigma_m: f64,
    policy: &Policy,
) -> Option<SurfaceAlignment> {
    let levels: Vec<(&Level, &Level)> = earlier.levels.iter().zip(&later.levels).collect();
    let (exact, coarse) = levels.split_at(EXACT_LEVELS.min(levels.len() - 1));
    let along = |levels: &[(&Level, &Level)], start: Se3| {
        levels
            .iter()
            .rev()
            .try_fold(start, |t, (earlier, later)| aligned_at(earlier, later, t, prior, depth_sigma_m, policy))
    };
    let turn = levels.last().and_then(|(earlier, later)| turn_that_looks_alike(earlier, later));
    let starts = [Some(prior.t_world_camera), Some(Se3::identity()), turn];
    let ways = starts.into_iter().flatten().filter_map(|start| along(coarse, start));
    let (first, second) = coarse.first()?;
    let alike = |t: &Se3| Pairs::new(first, second, t, depth_sigma_m).alike_count;
    let t_earlier_later = along(exact, ways.max_by_key(alike)?)?;
    let (earlier, later) = levels.first()?;
    judged(earlier, later, t_earlier_later, prior, depth_sigma_m)
}

/// The turn of the camera that moves the image as a whole: a start, and no more.
///
/// # Source
/// Klein, Murray, *Improving the agility of keyframe-based SLAM* (2008), 3.3: small blurry images. Here every shift is tried.
fn turn_that_looks_alike(earlier: &Level, later: &Level) -> Option<Se3> {
    let shift = later.shift_to(earlier)?;
    let about = Vector3::new(-shift.y / later.camera.fy, shift.x / later.camera.fx, 0.0);
    Some(Se3::from_parts(Default::default(), UnitQuaternion::from_scaled_axis(about)))
}

/// Aligns two frames at one level.
fn aligned_at(
    earlier: &Level,
    later: &Level,
    start: Se3,
    prior: &PosePrior,
    depth_sigma_m: f64,
    policy: &Policy,
) -> Option<Se3> {
    let mut t_earlier_later = start;
    for _ in 0..MAX_STEPS {
        let pairs = Pairs::new(earlier, later, &t_earlier_later, depth_sigma_m);
        let step = step(pairs, prior, &t_earlier_later, policy)?;
        t_earlier_later *= se3::exp(&step);
        let moved = step.fixed_rows::<3>(0).norm() / later.typical_depth_m? + step.fixed_rows::<3>(3).norm();
        if moved * later.camera.fx < SMALL_STEP {
            break;
        }
    }
    Some(t_earlier_later)
}

/// How much less `count` pixels tell than if each erred on its own.
fn design_effect(count: usize) -> f64 {
    1.0 + count as f64 * COMMON_SHARE * COMMON_SHARE
}

/// One step of Gauss and Newton, in the precisions of the policy.
fn step(pairs: Pairs, prior: &PosePrior, t_earlier_later: &Se3, policy: &Policy) -> Option<nalgebra::Vector6<f64>> {
    let weighted = prior.information * design_effect(pairs.rows.len());
    let root = weighted.cholesky()?.l().transpose();
    let deviation = root * se3::log(&(prior.t_world_camera.inverse() * t_earlier_later));
    let expected = (0..6).map(|k| Row { residual: deviation[k], by_motion: root.row(k).into_owned() });
    let mut problem = StepProblem::new(pairs.rows.into_iter().chain(expected).collect());
    let options = SolverOptions { max_iterations: 1, ..SolverOptions::default() };
    minimize(&mut problem, policy, &options, &mut Preconditioner::BlockJacobi).ok()?;
    Some(problem.step())
}

/// The alignment with its covariance, if it counts.
fn judged(
    earlier: &Level,
    later: &Level,
    t_earlier_later: Se3,
    prior: &PosePrior,
    depth_sigma_m: f64,
) -> Option<SurfaceAlignment> {
    let pairs = Pairs::new(earlier, later, &t_earlier_later, depth_sigma_m);
    let shared = pairs.agreeing_count as f64 / pairs.point_count.max(1) as f64;
    let agreeing = pairs.agreeing_count as f64 / pairs.seen_count.max(1) as f64;
    let effect = design_effect(pairs.rows.len());
    let covariance = (pairs.information() / effect + prior.information).cholesky()?.inverse();
    let sigma = |first: usize| {
        covariance.fixed_view::<3, 3>(first, first).symmetric_eigenvalues().max().sqrt() / pairs.depth_scale
    };
    let sigmas = (sigma(0) / later.typical_depth_m?, sigma(3));
    tracing::debug!(
        "surfaces: shared {shared:.2}, agreeing {agreeing:.2}, alike {:.2}, scale {:.2}, sigmas {:.4} {:.4}",
        pairs.alike_count as f64 / pairs.seen_count.max(1) as f64,
        pairs.depth_scale,
        sigmas.0,
        sigmas.1
    );
    let counts = shared >= MIN_SHARED
        && agreeing >= MIN_AGREEING
        && pairs.depth_scale <= MAX_DEPTH_SCALE
        && sigmas.0 <= MAX_SIGMAS.0
        && sigmas.1 <= MAX_SIGMAS.1;
    counts.then_some(SurfaceAlignment { t_earlier_later, covariance, shared })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PinholeCamera;
    use crate::sensors::DepthImage;
    use image::GrayImage;
    use nalgebra::{Point3, Vector2, Vector6};

    const CAMERA: PinholeCamera = PinholeCamera { fx: 134.0, fy: 134.0, cx: 79.5, cy: 59.5, width: 160, height: 120 };

    /// What a ray from a point meets: how far that is along it, and its brightness.
    type World = fn(&Point3<f64>, &Vector3<f64>) -> (f64, f64);

    /// A box of 0.6 x 0.4 x 0.5 m on a floor, without any pattern, by the light of a lamp.
    fn bare_box(from: &Point3<f64>, along: &Vector3<f64>) -> (f64, f64) {
        let (low, high) = (Vector3::new(-0.3, -0.2, 0.0), Vector3::new(0.3, 0.2, 0.5));
        let (mut enters, mut leaves, mut face) = (0.0, f64::INFINITY, 0);
        for axis in 0..3 {
            let ends = [low[axis], high[axis]].map(|side| (side - from[axis]) / along[axis]);
            if ends[0].min(ends[1]) > enters {
                (enters, face) = (ends[0].min(ends[1]), axis);
            }
            leaves = ends[0].max(ends[1]).min(leaves);
        }
        let (far, color) =
            if enters < leaves { (enters, 60.0 + 60.0 * face as f64) } else { (-from.z / along.z, 220.0) };
        let to_lamp = Point3::new(1.0, -1.5, 2.0) - (from + along * far);
        (far, color * (4.0 / to_lamp.norm_squared()).min(1.0))
    }

    /// A wall 2 m ahead (along x) without any texture.
    fn bare_wall(from: &Point3<f64>, along: &Vector3<f64>) -> (f64, f64) {
        ((2.0 - from.x) / along.x, 120.0)
    }

    /// The same wall with a smooth pattern.
    fn shaded_wall(from: &Point3<f64>, along: &Vector3<f64>) -> (f64, f64) {
        let far = (2.0 - from.x) / along.x;
        let on_wall = from + along * far;
        (far, 120.0 + 50.0 * (3.0 * on_wall.y).sin() + 40.0 * (4.0 * on_wall.z).cos())
    }

    /// What a camera sees of a world, all of it brighter by so many grey levels.
    fn seen(world: World, t_world_camera: &Se3, brighter: f64) -> SurfaceImage {
        let ray = |x: u32, y: u32| {
            let along = t_world_camera.rotation * CAMERA.ray(&Vector2::new(f64::from(x), f64::from(y)));
            world(&t_world_camera.translation.vector.into(), &along)
        };
        let gray = GrayImage::from_fn(160, 120, |x, y| image::Luma([(ray(x, y).1 + brighter).round() as u8]));
        let depth = DepthImage::from_fn(160, 120, |x, y| image::Luma([ray(x, y).0 as f32]));
        SurfaceImage::new(&gray, &depth, &CAMERA, &(0.3..=8.0))
    }

    /// A camera at a place that looks at another.
    fn looking(from: [f64; 3], at: [f64; 3]) -> Se3 {
        let (from, at) = (Vector3::from(from), Vector3::from(at));
        let rotation = UnitQuaternion::face_towards(&(at - from), &-Vector3::z());
        Se3::from_parts(from.into(), rotation)
    }

    /// Aligned from rest, where any motion of half a metre is expected.
    fn aligned(world: World, poses: &[Se3; 2], policy: &str) -> Option<SurfaceAlignment> {
        let prior = PosePrior { t_world_camera: Se3::identity(), information: Matrix6::identity() * 4.0 };
        let [earlier, later] = [0, 1].map(|index| seen(world, &poses[index], 20.0 * index as f64));
        align(&earlier, &later, &prior, 0.004, &Policy::resolve(policy).unwrap())
    }

    fn error(aligned: &SurfaceAlignment, poses: &[Se3; 2]) -> Vector6<f64> {
        se3::log(&(aligned.t_earlier_later.inverse() * poses[0].inverse() * poses[1]))
    }

    #[test]
    fn a_bare_box_tells_a_large_step_round_it_under_every_policy() {
        let poses = [looking([1.3, 0.6, 1.1], [0.0, 0.0, 0.2]), looking([1.2, 0.75, 1.08], [-0.06, 0.02, 0.25])];
        let motion = se3::log(&(poses[0].inverse() * poses[1]));
        assert!(motion.fixed_rows::<3>(0).norm() > 0.15 && motion.fixed_rows::<3>(3).norm() > 0.1, "{motion}");
        for policy in ["double", "single", "mixed"] {
            let aligned = aligned(bare_box, &poses, policy).unwrap();
            let error = error(&aligned, &poses);
            assert!(error.fixed_rows::<3>(0).norm() < 0.008 && error.fixed_rows::<3>(3).norm() < 0.005, "{error}");
            let squared = error.dot(&(aligned.covariance.cholesky().unwrap().solve(&error)));
            assert!(squared < 6.0, "{squared}");
            assert!((0.6..0.95).contains(&aligned.shared), "{}", aligned.shared);
        }
    }

    #[test]
    fn a_turn_by_a_third_of_the_view_is_found_by_what_looks_alike() {
        // Twenty degrees of sixty.
        let poses = [looking([0.0, 0.0, 0.0], [2.0, 0.4, 0.1]), looking([0.02, 0.03, 0.0], [2.0, -0.32, 0.2])];
        let turn = poses[0].rotation.angle_to(&poses[1].rotation);
        assert!(turn > 0.35, "{turn}");
        let [earlier, later] = [0, 1].map(|index| seen(shaded_wall, &poses[index], 20.0 * index as f64));
        let alike = turn_that_looks_alike(earlier.levels.last().unwrap(), later.levels.last().unwrap()).unwrap();
        // A cell of the coarsest image is three degrees.
        assert!(alike.rotation.angle_to(&(poses[0].inverse() * poses[1]).rotation) < 0.08, "{alike}");
    }

    #[test]
    fn a_wall_tells_the_motion_along_it_only_by_its_pattern() {
        let poses = [looking([0.0, 0.0, 0.0], [2.0, 0.0, 0.0]), looking([0.05, 0.1, 0.03], [2.0, 0.15, 0.0])];
        assert!(aligned(bare_wall, &poses, "mixed").is_none());
        let error = error(&aligned(shaded_wall, &poses, "mixed").unwrap(), &poses);
        assert!(error.fixed_rows::<3>(0).norm() < 0.005 && error.fixed_rows::<3>(3).norm() < 0.003, "{error}");
    }

    #[test]
    fn what_shows_something_else_is_not_aligned() {
        let prior = PosePrior { t_world_camera: Se3::identity(), information: Matrix6::identity() * 4.0 };
        let of_box = seen(bare_box, &looking([1.3, 0.6, 1.1], [0.0, 0.0, 0.2]), 0.0);
        let of_wall = seen(shaded_wall, &looking([0.0, 0.0, 0.0], [2.0, 0.0, 0.0]), 0.0);
        let nothing = SurfaceImage::new(&GrayImage::new(160, 120), &DepthImage::new(160, 120), &CAMERA, &(0.3..=8.0));
        let policy = Policy::resolve("mixed").unwrap();
        for later in [&of_wall, &nothing] {
            assert!(align(&of_box, later, &prior, 0.004, &policy).is_none());
            assert!(align(later, &of_box, &prior, 0.004, &policy).is_none());
        }
    }

    #[test]
    fn a_step_from_near_ends_much_nearer() {
        // As it does where derivatives are right.
        let poses = [looking([0.0, 0.0, 0.0], [2.0, 0.0, 0.0]), looking([0.05, 0.1, 0.03], [2.0, 0.15, 0.0])];
        let images = poses.map(|pose| seen(shaded_wall, &pose, 0.0));
        let truth = poses[0].inverse() * poses[1];
        let off = Vector6::new(0.008, -0.01, 0.012, 0.004, 0.006, -0.005);
        let prior = PosePrior { t_world_camera: truth, information: Matrix6::identity() * 1e-6 };
        let start = truth * se3::exp(&off);
        let pairs = Pairs::new(&images[0].levels[0], &images[1].levels[0], &start, 0.004);
        let end = start * se3::exp(&step(pairs, &prior, &start, &Policy::resolve("double").unwrap()).unwrap());
        let left = se3::log(&(truth.inverse() * end));
        assert!(left.norm() < 0.15 * off.norm(), "{left}");
    }
}
