//! Bundle adjustment: the truth is found under every policy that claims to, and broken input is named.

#[path = "support/files.rs"]
mod files;
#[path = "support/points.rs"]
mod points;
#[path = "support/windows.rs"]
mod windows;

use halfslam::bundle::{Bundle, BundleOptions, PointBundleOptions, RelativePoseFactor};
use halfslam::precision::Policy;
use halfslam::solver::{SolveStatistics, SolverError};
use nalgebra::Matrix6;
use windows::{ARTICLE, WindowShape, window, worst_position_error_m};

fn solve(bundle: &mut Bundle, policy: &str) -> SolveStatistics {
    bundle.optimize(&Policy::resolve(policy).unwrap(), &BundleOptions::default()).unwrap()
}

const SMALL: WindowShape = WindowShape { keyframes: 10, landmarks: 200, track_length: 5, ..ARTICLE };

#[test]
fn exact_measurements_give_the_truth() {
    let (mut bundle, truth) = window(1, &WindowShape { noise_px: 1e-3, ..SMALL });
    for seen in &mut bundle.observations {
        seen.sigma_px = 0.5;
    }
    let statistics = solve(&mut bundle, "double");
    assert!(statistics.converged, "{statistics:?}");
    assert!(worst_position_error_m(&bundle, &truth) < 1e-3, "{}", worst_position_error_m(&bundle, &truth));
}

#[test]
fn every_sound_policy_ends_where_double_does() {
    for (seed, stereo) in [(1, true), (2, true), (3, false), (4, false)] {
        let (start, truth) = window(seed, &WindowShape { stereo, ..SMALL });
        let mut double = start.clone();
        let best = solve(&mut double, "double");
        assert!(best.final_cost < 0.1 * best.initial_cost);
        assert!(worst_position_error_m(&double, &truth) < 0.1, "{}", worst_position_error_m(&double, &truth));
        for policy in ["single", "mixed"] {
            let mut bundle = start.clone();
            let statistics = solve(&mut bundle, policy);
            assert!(statistics.converged, "{statistics:?}");
            let excess = statistics.final_cost / best.final_cost - 1.0;
            assert!(excess < 1e-4, "{policy}, seed {seed}: {excess:e}, {statistics:?} against {best:?}");
        }
    }
}

/// Whatever the window: short or long tracks, one camera or two, clean or noisy.
#[test]
fn mixed_never_ends_worse_than_double() {
    let (double, mixed) = (Policy::resolve("double").unwrap(), Policy::resolve("mixed").unwrap());
    let options = BundleOptions::default();
    let mut worst = 0.0f64;
    for seed in 0..240 {
        let shape = WindowShape {
            keyframes: 5 + (seed as usize * 7) % 16,
            landmarks: 60 + (seed as usize * 13) % 100,
            track_length: 3 + (seed as usize) % 5,
            stereo: seed % 3 != 0,
            noise_px: [0.1, 0.5, 1.5][seed as usize % 3],
            outlier_ratio: 0.0,
        };
        let (start, _) = window(1000 + seed, &shape);
        let best = start.clone().optimize(&double, &options).unwrap();
        let found = start.clone().optimize(&mixed, &options).unwrap();
        let ratio = found.final_cost / best.final_cost;
        assert!(ratio <= 1.001, "seed {seed}: {ratio}, {found:?} against {best:?}");
        worst = worst.max(ratio - 1.0);
    }
    assert!(worst < 1e-4, "{worst:e}");
}

/// One camera, and every tenth pixel anywhere: landmarks that would lie beyond infinity, and no end within the limit.
#[test]
fn wild_pixels_do_not_part_mixed_from_double() {
    let (double, mixed) = (Policy::resolve("double").unwrap(), Policy::resolve("mixed").unwrap());
    let shape = WindowShape { keyframes: 20, landmarks: 360, track_length: 4, stereo: false, ..ARTICLE };
    let mut escalated = 0;
    for seed in 0..30 {
        let (start, _) = window(2000 + seed, &WindowShape { outlier_ratio: 0.1, ..shape });
        let best = start.clone().optimize(&double, &BundleOptions::default()).unwrap();
        let found = start.clone().optimize(&mixed, &BundleOptions::default()).unwrap();
        let excess = found.final_cost / best.final_cost - 1.0;
        assert!(excess < 1e-4, "seed {seed}: {excess:e}, {found:?} against {best:?}");
        escalated += usize::from(!found.escalations.is_empty());
    }
    assert!(escalated <= 3, "{escalated} of 30");
}

#[test]
fn both_linear_solvers_end_at_the_same_cost() {
    for policy in ["double", "single", "mixed"] {
        let (start, _) = window(11, &SMALL);
        let policy = Policy::resolve(policy).unwrap();
        let costs = ["schur", "cgnr"].map(|linear_solver| {
            let options = BundleOptions { linear_solver: linear_solver.into(), ..BundleOptions::default() };
            let statistics = start.clone().optimize(&policy, &options).unwrap();
            assert_eq!(statistics.linear_solver, linear_solver);
            statistics.final_cost
        });
        assert!((costs[0] / costs[1] - 1.0).abs() < 1e-4, "{}: {costs:?}", policy.name);
    }
}

#[test]
fn points_of_any_camera_are_adjusted_under_every_policy() {
    let options = PointBundleOptions::default();
    for seed in 0..6 {
        let (bal, stereo) = (points::bal_scene(seed, 8, 120), points::stereo_scene(seed, 8, 120));
        let distorted = points::distorted_scene(seed, 8, 120);
        let solve = |policy: &str| {
            let policy = Policy::resolve(policy).unwrap();
            [
                bal.clone().optimize(&policy, &options).unwrap(),
                stereo.clone().optimize(&policy, &options).unwrap(),
                distorted.clone().optimize(&policy, &options).unwrap(),
            ]
        };
        let best = solve("double");
        for (best, unknowns) in best.iter().zip([72 + 360, 42 + 360, 41 + 360]) {
            assert!(best.converged && best.final_cost < 0.1 * best.initial_cost, "seed {seed}: {best:?}");
            // Half a squared pixel of 0.5 px for each residual that is not used up by an unknown.
            let expected = 0.125 * (best.row_count - unknowns) as f64;
            assert!((0.8..1.2).contains(&(best.final_cost / expected)), "seed {seed}: {expected}, {best:?}");
        }
        for policy in ["single", "mixed"] {
            for (found, best) in solve(policy).iter().zip(&best) {
                // Eight free cameras leave flat valleys, along which a relative decrease of 1e-6 stops either policy.
                let excess = found.final_cost / best.final_cost - 1.0;
                assert!(excess < 1e-3, "{policy}, seed {seed}: {excess:e}, {found:?} against {best:?}");
            }
        }
    }
}

#[test]
fn points_that_do_not_converge_end_no_worse_than_in_double() {
    let points = points::bal_scene(2, 8, 120);
    for limit in [1, 3, 6] {
        let mut options = PointBundleOptions::default();
        options.solver.max_iterations = limit;
        let solve = |policy: &str| points.clone().optimize(&Policy::resolve(policy).unwrap(), &options).unwrap();
        let (double, mixed) = (solve("double"), solve("mixed"));
        assert!(!double.converged && !mixed.escalations.is_empty(), "limit {limit}: {mixed:?}");
        assert!(mixed.final_cost <= 1.001 * double.final_cost, "limit {limit}: {mixed:?} against {double:?}");
        assert!(mixed.iterations > double.iterations, "what every attempt took counts");
    }
}

/// Best known costs, of the published problems from their own starts, without a robust loss.
#[test]
fn real_problems_reach_their_optimum_under_mixed() {
    let (policy, options) = (Policy::resolve("mixed").unwrap(), PointBundleOptions::default());
    let reached = |name: &str, best: f64, found: SolveStatistics| {
        assert!(found.converged && found.final_cost < 1.0001 * best, "{name}: {found:?}");
        assert!(found.escalations.is_empty(), "{name}: {found:?}");
    };
    if let Some(mut bundle) = files::bal_file("bal_ladybug_49/problem-49-7776-pre.txt") {
        reached("ladybug-49", 13_344.32, bundle.optimize(&policy, &options).unwrap());
    }
    if let Some(mut bundle) = files::bal_file("bal_dubrovnik_16/problem-16-22106-pre.txt") {
        reached("dubrovnik-16", 18_033.90, bundle.optimize(&policy, &options).unwrap());
    }
    if let Some(start) = files::libmv_file("libmv/problem_01.bin") {
        let best = start.bundle.clone().optimize(&Policy::resolve("double").unwrap(), &options).unwrap();
        reached("libmv 01", best.final_cost, start.bundle.clone().optimize(&policy, &options).unwrap());
    }
    if let Some(start) = files::stereo_file() {
        // One point passes through infinity on the way; where it stays there the end is 7,418.11.
        reached("stereo", 7_399.04, start.clone().optimize(&policy, &options).unwrap());
    }
}

/// A point that begins so far away that a step carries it through infinity is found in front of its cameras.
#[test]
fn points_do_not_stay_behind_the_cameras_that_see_them() {
    let options = PointBundleOptions::default();
    for policy in ["double", "single", "mixed"] {
        let policy = Policy::resolve(policy).unwrap();
        let mut set_back = 0;
        for (seed, point) in (0..6).flat_map(|seed| [7, 30, 55].map(|point| (seed, point))) {
            let mut bundle = points::stereo_scene(seed, 8, 120);
            let best = bundle.clone().optimize(&policy, &options).unwrap();
            let seen = bundle.observations.iter().rev().find(|seen| seen.point == point).unwrap();
            let t_world_camera = bundle.cameras[seen.camera].t_world_camera;
            let p_camera = t_world_camera.inverse() * bundle.points[point];
            bundle.points[point] = t_world_camera * (p_camera * 5.0);
            let found = bundle.optimize(&policy, &options).unwrap();
            assert!(found.final_cost < 1.0001 * best.final_cost, "seed {seed}, {point}: {found:?} against {best:?}");
            set_back += usize::from(found.stop_reason.contains("set back"));
            for seen in bundle.observations.iter().filter(|seen| seen.point == point) {
                let p_camera = bundle.cameras[seen.camera].t_world_camera.inverse() * bundle.points[point];
                assert!(p_camera.z > 0.0, "seed {seed}, {point}: {p_camera}");
            }
        }
        assert!(set_back > 3, "{}: {set_back}", policy.name);
    }
}

#[test]
fn a_robust_loss_of_points_bears_outliers() {
    let mut bundle = points::bal_scene(3, 8, 120);
    let clean = bundle.clone();
    // Of two or three sights of a point nobody can say which is wrong.
    let sights = |point: usize| clean.observations.iter().filter(|seen| seen.point == point).count();
    for seen in bundle.observations.iter_mut().filter(|seen| sights(seen.point) >= 6).step_by(20) {
        seen.measured[0] += 80.0;
    }
    let policy = Policy::resolve("mixed").unwrap();
    // What the clean measurements cost where a solve with outliers under this loss ends.
    let clean_cost = |loss: &str| {
        let mut adjusted = bundle.clone();
        let options = PointBundleOptions { loss: loss.into(), ..PointBundleOptions::default() };
        adjusted.optimize(&policy, &options).unwrap();
        adjusted.observations.clone_from(&clean.observations);
        adjusted.optimize(&policy, &PointBundleOptions::default()).unwrap().initial_cost
    };
    let of_squares = clean_cost("squared");
    for loss in ["huber", "cauchy"] {
        let of_loss = clean_cost(loss);
        assert!(of_loss < 0.5 * of_squares, "{loss}: {of_loss} against {of_squares}");
    }
}

#[test]
fn broken_points_are_named() {
    let sound = points::bal_scene(4, 4, 20);
    let refused = |change: &dyn Fn(&mut halfslam::io::bal::BalBundle), word: &str| {
        let mut bundle = sound.clone();
        change(&mut bundle);
        let policy = Policy::resolve("mixed").unwrap();
        let error = bundle.optimize(&policy, &PointBundleOptions::default()).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    };
    refused(&|b| b.cameras[2].focal_px = f64::NAN, "camera 2");
    refused(&|b| b.points[5].x = f64::INFINITY, "point 5");
    refused(&|b| b.observations[3].point = 20, "observation 3");
    refused(&|b| b.observations[4].sigma_px = 0.0, "observation 4");
    refused(&|b| b.fixed.clear(), "0 flags");
}

/// Scaled and at the origin half precision does well enough; 150 m from it its numbers are an eighth of a metre apart, and
/// without scaling squares of the Jacobian's entries are beyond its range.
#[test]
fn half_runs_and_is_worse_away_from_the_origin_and_without_scaling() {
    let (start, _) = window(5, &SMALL);
    let naive = Policy::resolve("half").unwrap();
    let scaled = Policy { scaling: true, ..naive.clone() };
    let error = |policy: &Policy, offset_m: f64| {
        let mut moved = start.clone();
        for pose in &mut moved.poses {
            pose.t_world_camera.translation.x += offset_m;
        }
        let (mut double, mut half) = (moved.clone(), moved);
        let best = solve(&mut double, "double");
        let found = half.optimize(policy, &BundleOptions::default()).unwrap();
        assert!(found.final_cost.is_finite() && found.final_cost <= found.initial_cost);
        found.final_cost / best.final_cost
    };
    let errors = [error(&scaled, 0.0), error(&scaled, 150.0), error(&naive, 0.0)];
    assert!(errors[0] > 1.01 && errors[1] > 1.2 * errors[0] && errors[2] > 1.2 * errors[0], "{errors:?}");
}

#[test]
fn outliers_are_seen_in_the_chi_squares() {
    let (start, truth) = window(6, &SMALL);
    let mut bundle = start.clone();
    for index in (3..bundle.observations.len()).step_by(25) {
        let seen = &mut bundle.observations[index];
        seen.px.y += if seen.keyframe == bundle.landmarks[seen.landmark].host { 0.0 } else { 60.0 };
    }
    solve(&mut bundle, "mixed");
    assert!(worst_position_error_m(&bundle, &truth) < 0.1);
    let chi_squares = bundle.chi_squares().unwrap();
    let (mut good, mut suspected) = (0, 0);
    for (index, (after, before)) in bundle.observations.iter().zip(&start.observations).enumerate() {
        if after.px != before.px {
            assert!(chi_squares[index] > 100.0, "observation {index}: {}", chi_squares[index]);
        } else {
            good += 1;
            suspected += usize::from(chi_squares[index] > 16.0);
        }
    }
    // Sound ones are suspected only where they share a short track with an outlier.
    assert!(20 * suspected < good, "{suspected} of {good}");
}

#[test]
fn fixed_poses_stay_and_inverse_depths_stay_positive() {
    let (mut bundle, _) = window(7, &SMALL);
    bundle.poses[4].fixed = true;
    let before = bundle.clone();
    for landmark in bundle.landmarks.iter_mut().step_by(10) {
        landmark.inverse_depth = -0.2;
    }
    let statistics = solve(&mut bundle, "mixed");
    assert!(statistics.final_cost.is_finite());
    for index in [0, 4] {
        assert_eq!(bundle.poses[index], before.poses[index]);
    }
    assert!(bundle.landmarks.iter().all(|landmark| landmark.inverse_depth > 0.0));
}

#[test]
fn a_relative_pose_alone_moves_a_pose_onto_itself() {
    let (mut bundle, truth) = window(8, &SMALL);
    bundle.observations.clear();
    let t_from_to = truth[0].inverse() * truth[3];
    let sqrt_information = Matrix6::identity() * 100.0;
    bundle.relative_poses.push(RelativePoseFactor { from: 0, to: 3, t_from_to, sqrt_information });
    let untouched = bundle.poses[5].clone();
    for policy in ["double", "mixed"] {
        solve(&mut bundle, policy);
        let gap = truth[3].inverse() * bundle.poses[3].t_world_camera;
        assert!(gap.translation.vector.norm() < 1e-5 && gap.rotation.angle() < 1e-5, "{policy}: {gap}");
        assert_eq!(bundle.poses[5], untouched);
    }
    let covariance = bundle.pose_covariance(3, &BundleOptions::default()).unwrap();
    assert!((covariance - Matrix6::identity() * 1e-4).amax() < 1e-6, "{covariance}");
}

/// The mean of the normalized squared error over windows is its number of degrees of freedom.
#[test]
fn the_covariance_is_consistent_with_the_error() {
    let windows = 40;
    let mut mean = 0.0;
    for seed in 0..windows {
        let (mut bundle, truth) = window(100 + seed, &WindowShape { keyframes: 5, landmarks: 60, ..SMALL });
        // The loss is not what is tested: with it, a residual beyond two standard deviations would widen the covariance.
        let options = BundleOptions { huber_sigmas: 1000.0, ..BundleOptions::default() };
        bundle.optimize(&Policy::resolve("double").unwrap(), &options).unwrap();
        let error = halfslam::geometry::se3::log(&(bundle.poses[4].t_world_camera.inverse() * truth[4]));
        let covariance = bundle.pose_covariance(4, &options).unwrap();
        mean += error.dot(&covariance.cholesky().unwrap().solve(&error)) / windows as f64;
    }
    // 240 degrees of freedom: the mean has a standard deviation of 0.55. Host pixels are exact in these windows.
    assert!((4.3..7.7).contains(&mean), "{mean}");
}

/// A bundle without its first `count` keyframes, what they host, and what touches them.
fn without_oldest(bundle: &Bundle, count: usize) -> Bundle {
    let stays = |landmark: usize| bundle.landmarks[landmark].host >= count;
    let mut place = vec![0; bundle.landmarks.len()];
    let mut left =
        Bundle { poses: bundle.poses[count..].to_vec(), landmarks: vec![], observations: vec![], ..bundle.clone() };
    for (index, landmark) in bundle.landmarks.iter().enumerate().filter(|(index, _)| stays(*index)) {
        place[index] = left.landmarks.len();
        left.landmarks.push(halfslam::bundle::BundleLandmark { host: landmark.host - count, ..landmark.clone() });
    }
    for seen in bundle.observations.iter().filter(|seen| stays(seen.landmark) && seen.keyframe >= count) {
        let (keyframe, landmark) = (seen.keyframe - count, place[seen.landmark]);
        left.observations.push(halfslam::bundle::BundleObservation { keyframe, landmark, ..seen.clone() });
    }
    left
}

/// At the optimum a window without its oldest keyframes, but with their prior, is at its optimum too, and as certain.
#[test]
fn a_prior_replaces_the_keyframes_that_left() {
    for (seed, policy) in [(21, "double"), (22, "double"), (23, "mixed"), (24, "mixed")] {
        let (mut bundle, _) = window(seed, &SMALL);
        let policy = Policy::resolve(policy).unwrap();
        let mut options = BundleOptions::default();
        (options.solver.cost_tolerance, options.solver.max_iterations) = (1e-12, 50);
        bundle.optimize(&policy, &options).unwrap();
        let mut prior = bundle.marginalize(&[0, 1, 2], &policy, &options).unwrap().unwrap();
        assert!(prior.keyframes.iter().all(|keyframe| (3..8).contains(keyframe)), "{:?}", prior.keyframes);
        // The information in which the root was taken: positive semidefinite, however it was rounded.
        let information = prior.sqrt_information.transpose() * &prior.sqrt_information;
        let smallest = information.clone().symmetric_eigenvalues().min();
        assert!(smallest > -1e-12 * information.amax(), "{smallest:e} of {:e}", information.amax());

        prior.keyframes.iter_mut().for_each(|keyframe| *keyframe -= 3);
        let mut left = without_oldest(&bundle, 3);
        left.priors = vec![prior];
        let before = left.clone();
        let statistics = left.optimize(&policy, &options).unwrap();
        assert!(statistics.initial_cost - statistics.final_cost < 1e-3 * statistics.final_cost, "{statistics:?}");
        for (after, before) in left.poses.iter().zip(&before.poses) {
            let moved = (before.t_world_camera.inverse() * after.t_world_camera).translation.vector.norm();
            assert!(moved < 2e-3, "{}: {moved} m", policy.name);
        }
        let newest = left.poses.len() - 1;
        let with_prior = left.pose_covariance(newest, &options).unwrap();
        let whole = bundle.pose_covariance(newest + 3, &options).unwrap();
        assert!((with_prior - whole).amax() < 0.02 * whole.amax(), "{with_prior} {whole}");
    }
}

#[test]
fn a_prior_in_single_precision_is_that_in_double() {
    for seed in 0..10 {
        let (bundle, _) = window(40 + seed, &WindowShape { stereo: seed % 2 == 0, ..SMALL });
        let options = BundleOptions::default();
        let prior = |policy: &str| {
            bundle.marginalize(&[0, 1, 2], &Policy::resolve(policy).unwrap(), &options).unwrap().unwrap()
        };
        let (double, single) = (prior("double"), prior("mixed"));
        let information = |r: &nalgebra::DMatrix<f64>| r.transpose() * r;
        let gap = (information(&double.sqrt_information) - information(&single.sqrt_information)).amax();
        assert!(gap < 1e-5 * information(&double.sqrt_information).amax(), "seed {seed}: {gap:e}");
        let gradient = |p: &halfslam::bundle::SquareRootPrior| p.sqrt_information.transpose() * &p.residual;
        let (exact, gap) = (gradient(&double), (gradient(&double) - gradient(&single)).amax());
        assert!(gap < 1e-4 * exact.amax(), "seed {seed}: {gap:e} of {:e}", exact.amax());
    }
    let (bundle, _) = window(9, &SMALL);
    let nothing = bundle.marginalize(&[9], &Policy::resolve("mixed").unwrap(), &BundleOptions::default()).unwrap();
    assert!(nothing.is_none(), "the newest keyframe hosts nothing");
    assert!(bundle.marginalize(&[10], &Policy::resolve("mixed").unwrap(), &BundleOptions::default()).is_err());
}

#[test]
fn what_is_broken_is_named() {
    let (sound, _) = window(9, &SMALL);
    let refused = |change: &dyn Fn(&mut Bundle), word: &str| {
        let mut bundle = sound.clone();
        change(&mut bundle);
        let before = format!("{bundle:?}");
        let error = bundle.optimize(&Policy::resolve("mixed").unwrap(), &BundleOptions::default()).unwrap_err();
        assert!(matches!(error, SolverError::Problem(_)), "{error}");
        assert!(error.to_string().contains(word), "{error}");
        assert_eq!(format!("{bundle:?}"), before);
    };
    refused(&|b| b.poses[0].fixed = false, "no pose is fixed");
    refused(&|b| b.poses[3].t_world_camera.translation.x = f64::NAN, "pose 3");
    refused(&|b| b.landmarks[7].host = 99, "landmark 7");
    refused(&|b| b.landmarks[8].inverse_depth = f64::INFINITY, "landmark 8");
    refused(&|b| b.observations[5].landmark = 10_000, "observation 5");
    refused(&|b| b.observations[6].px.x = f64::NAN, "observation 6");
    refused(&|b| b.observations[4].sigma_px = 0.0, "observation 4");
    refused(&|b| b.camera.fx = 0.0, "camera");
    let prior = sound.marginalize(&[0], &Policy::resolve("double").unwrap(), &BundleOptions::default()).unwrap();
    refused(
        &|b| {
            b.priors = prior.iter().cloned().collect();
            b.priors.iter_mut().for_each(|prior| prior.keyframes[0] = 77);
        },
        "77",
    );
    refused(
        &|b| {
            b.priors = prior.iter().cloned().collect();
            b.priors.iter_mut().for_each(|prior| prior.residual[0] = f64::NAN);
        },
        "prior is not finite",
    );
    assert!(sound.pose_covariance(10, &BundleOptions::default()).is_err());
}
