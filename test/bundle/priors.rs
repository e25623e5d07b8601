//! What keyframes that have left a window told of the others.

use crate::SMALL;
use crate::windows::{WindowShape, window};
use halfslam::bundle::{Bundle, BundleOptions};
use halfslam::precision::Policy;

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
