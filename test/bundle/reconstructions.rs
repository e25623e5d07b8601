//! Reconstructions: cameras and points.

use crate::{files, points};
use halfslam::bundle::PointBundleOptions;
use halfslam::precision::Policy;
use halfslam::solver::SolveStatistics;

#[test]
fn points_of_any_camera_are_adjusted_under_every_policy() {
    // Eight free cameras leave flat valleys, along which a decrease of a millionth would stop any policy anywhere.
    let mut options = PointBundleOptions::default();
    (options.solver.cost_tolerance, options.solver.max_iterations) = (1e-8, 1000);
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
        // The factor is that of the very matrix; more would be spent on what rounding feigns.
        assert!(found.cg_iterations <= 2 * found.iterations, "{name}: {found:?}");
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
