//! Drives with features that are known: true pixels, with noise, and none at all for a while.

use crate::worlds::*;
use crate::{distance_m, policy};
use halfslam::geometry::se3;
use halfslam::odometry::{Estimate, Odometry, OdometryOptions, TrackingState};
use halfslam::sensors::{Depth, Rig};

/// A drive of some frames round the circle, with true pixels.
fn drive(name: &str, noise_px: f64, frames: i64, blind: Vec<std::ops::Range<i64>>, wheels: bool) -> Vec<Estimate> {
    let mut options = OdometryOptions::default();
    // These features err each on its own, and the covariance is to say just that.
    options.calibration.common_sigma_px = 0.0;
    options.calibration.disparity_sigma_px = 0.1;
    drive_with(&options, name, noise_px, frames, blind, wheels)
}

/// The same with other options.
fn drive_with(
    options: &OdometryOptions,
    name: &str,
    noise_px: f64,
    frames: i64,
    blind: Vec<std::ops::Range<i64>>,
    wheels: bool,
) -> Vec<Estimate> {
    let rig = stereo_rig();
    let tracker = TrueTracker::new(&rig, &options.frontend, noise_px, blind);
    let mut odometry = Odometry::with_tracker(options, &rig, &policy(name), Box::new(tracker)).unwrap();
    (0..frames)
        .map(|index| {
            let stamp_nanos = index * FRAME_NANOS;
            if wheels {
                odometry.add_wheel(&wheels_on_circle(stamp_nanos));
            }
            odometry.track(&empty_frame(stamp_nanos))
        })
        .collect()
}

#[test]
fn true_pixels_give_true_poses() {
    for estimate in drive("double", 0.0, 200, vec![], false) {
        assert_eq!(estimate.state, TrackingState::Tracking);
        let error = se3::log(&(circle(estimate.stamp_nanos).inverse() * estimate.t_odom_base));
        // How far the robot came is told by depths that count as 20% uncertain, so where the cost is nearly zero it hardly
        // changes along the path, and solves stop early: this is 0.08% of the path.
        assert!(error.norm() < 5e-3, "{error:?}");
    }
}

#[test]
fn drift_stays_below_a_percent_under_every_policy_that_is_not_naive() {
    let end_error = |name: &str, marginalize: bool| {
        let mut options = OdometryOptions::default();
        options.window.marginalize = marginalize;
        // 9 m of path, once round, at 0.3 px of noise.
        let estimates = drive_with(&options, name, 0.3, 314, vec![], false);
        let last = estimates.last().unwrap();
        assert!(last.t_odom_base.to_homogeneous().iter().all(|value| value.is_finite()));
        distance_m(&last.t_odom_base, &circle(last.stamp_nanos))
    };
    for marginalize in [false, true] {
        for name in ["double", "single", "mixed"] {
            let error_m = end_error(name, marginalize);
            assert!(error_m < 0.01 * 9.42, "{name}, marginalize {marginalize}: {error_m} m");
        }
        // Naive half is kept to show why it does not do; it must get through all the same.
        assert!(end_error("half", marginalize).is_finite());
    }
}

#[test]
fn keyframes_link_up_and_their_covariance_is_of_the_size_of_their_error() {
    let estimates = drive("double", 0.3, 314, vec![], false);
    let keyframes: Vec<_> = estimates.iter().filter_map(|estimate| estimate.keyframe.clone()).collect();
    assert!(keyframes.len() > 10 && keyframes.len() < 250, "{} keyframes", keyframes.len());
    assert!(keyframes[0].t_previous_base.is_none());
    let mut sum = 0.0;
    for (index, pair) in keyframes.windows(2).enumerate() {
        assert_eq!(pair[1].id.0, index as u64 + 1);
        let truth = circle(pair[0].frame.stamp_nanos).inverse() * circle(pair[1].frame.stamp_nanos);
        let error = se3::log(&(truth.inverse() * pair[1].t_previous_base.unwrap()));
        sum += (error.transpose() * pair[1].covariance.cholesky().unwrap().solve(&error))[0];
    }
    // The noise is 0.3 px where 1 px is assumed at first, so that the first ones are told too uncertain.
    let mean = sum / 6.0 / (keyframes.len() - 1) as f64;
    assert!(mean > 1.0 / 4.0 && mean < 2.0, "mean normalized squared error {mean}");
    // The pose's own covariance only grows.
    let traces: Vec<f64> = keyframes
        .iter()
        .zip(estimates.iter().filter(|e| e.keyframe.is_some()))
        .map(|(_, e)| e.covariance.trace())
        .collect();
    assert!(traces.last().unwrap() > &traces[1]);
}

#[test]
fn no_number_of_features_makes_up_for_what_they_err_in_common() {
    let sigma_m = |common_sigma_px: f64| {
        let mut options = OdometryOptions::default();
        options.calibration.common_sigma_px = common_sigma_px;
        options.calibration.disparity_sigma_px = 0.0;
        let estimates = drive_with(&options, "mixed", 0.3, 40, vec![], false);
        estimates[39].covariance.fixed_view::<3, 3>(0, 0).trace().sqrt()
    };
    // Some 100 to 200 features of 1 px each, with 0.2 px in common: 5 to 9 times the variance.
    let ratio = sigma_m(0.2) / sigma_m(0.0);
    assert!(ratio > 1.8 && ratio < 3.2, "{ratio}");
}

#[test]
fn a_robot_on_a_floor_stays_on_it() {
    let farthest = |planar: bool| {
        let mut options = OdometryOptions::default();
        options.planar.enabled = planar;
        let estimates = drive_with(&options, "mixed", 0.3, 314, vec![], false);
        let last = estimates.last().unwrap();
        assert!(distance_m(&last.t_odom_base, &circle(last.stamp_nanos)) < 0.1, "planar {planar}");
        let height_sigma_m = last.covariance[(2, 2)].sqrt();
        let off = |estimate: &Estimate| estimate.t_odom_base.translation.z.abs();
        (estimates.iter().map(off).fold(0.0, f64::max), height_sigma_m)
    };
    let ((free_m, free_sigma_m), (held_m, held_sigma_m)) = (farthest(false), farthest(true));
    assert!(held_m < free_m && held_m < 0.01, "{held_m} m with the floor, {free_m} m without");
    assert!(held_sigma_m < 0.012 && held_sigma_m < free_sigma_m, "{held_sigma_m} m, {free_sigma_m} m");
}

#[test]
fn a_calibration_that_errs_is_in_the_covariance() {
    // The cameras are 0.6% closer than they are said to be: two standard deviations. Half round the circle, 3 m away.
    let (options, true_rig) = (OdometryOptions::default(), stereo_rig());
    let said = Rig { depth: Depth::Stereo { baseline_m: 0.12 * 1.006 }, ..true_rig };
    let tracker = TrueTracker::new(&true_rig, &options.frontend, 0.0, vec![]);
    let mut odometry = Odometry::with_tracker(&options, &said, &policy("mixed"), Box::new(tracker)).unwrap();
    let estimates: Vec<Estimate> = (0..157).map(|index| odometry.track(&empty_frame(index * FRAME_NANOS))).collect();
    let last = estimates.last().unwrap();
    let error = se3::log(&(circle(last.stamp_nanos).inverse() * last.t_odom_base));
    let squared = error.dot(&last.covariance.cholesky().unwrap().solve(&error));
    assert!(error.fixed_rows::<3>(0).norm() > 0.01, "{error}");
    // 99% of χ² with 6 degrees of freedom.
    assert!(squared < 16.8, "{squared}");
}

#[test]
fn a_right_camera_that_is_turned_a_little_is_found_out() {
    // Half a pixel is 7% of the disparity of what is 4 m away, so that ways would be as much too long.
    let rig = stereo_rig();
    let way = |column_error_px: f64, sigma_px: f64| {
        let mut options = OdometryOptions::default();
        options.calibration.disparity_sigma_px = sigma_px;
        let tracker = TrueTracker::new(&rig, &options.frontend, 0.3, vec![]).with_column_error(column_error_px);
        let mut odometry = Odometry::with_tracker(&options, &rig, &policy("mixed"), Box::new(tracker)).unwrap();
        let estimates: Vec<Estimate> =
            (0..630).map(|index| odometry.track(&empty_frame(index * FRAME_NANOS))).collect();
        let step = |pair: &[Estimate]| distance_m(&pair[0].t_odom_base, &pair[1].t_odom_base);
        // Of the second round.
        estimates[314..].windows(2).map(step).sum::<f64>() / (0.6 * 0.05 * 315.0)
    };
    let (good, believed, doubted) = (way(0.0, 0.3), way(0.5, 0.0), way(0.5, 0.3));
    assert!((good - 1.0).abs() < 0.005, "{good} with a good calibration");
    assert!(believed > 1.05 && doubted < 1.03, "{believed} with a wrong one that is believed, {doubted} if it is not");
}

#[test]
fn a_frame_that_shows_nothing_costs_nothing() {
    let blink = 60 * FRAME_NANOS..61 * FRAME_NANOS;
    let estimates = drive("mixed", 0.0, 120, vec![blink], false);
    assert_eq!(estimates[60].state, TrackingState::Lost);
    assert!(distance_m(&estimates[60].t_odom_base, &circle(60 * FRAME_NANOS)) < 0.01);
    for estimate in &estimates[61..] {
        assert_eq!(estimate.state, TrackingState::Tracking);
        assert!(distance_m(&estimate.t_odom_base, &circle(estimate.stamp_nanos)) < 5e-3);
    }
}

#[test]
fn a_blind_stretch_is_carried_by_wheels_and_the_covariance_says_so() {
    // Three seconds: 1.8 m of path, after which nothing of what was seen is in view.
    let blind = 60 * FRAME_NANOS..120 * FRAME_NANOS;
    for wheels in [true, false] {
        let estimates = drive("mixed", 0.2, 200, vec![blind.clone()], wheels);
        let sigma_m = |index: usize| estimates[index].covariance.fixed_view::<3, 3>(0, 0).trace().sqrt();
        for (index, estimate) in estimates.iter().enumerate() {
            // The first frame that sees again starts anew from where it was carried to.
            let lost = blind.contains(&(estimate.stamp_nanos - FRAME_NANOS)) || estimate.stamp_nanos == blind.start;
            assert_eq!(estimate.state == TrackingState::Lost, lost, "frame {index}");
            let error_m = distance_m(&estimate.t_odom_base, &circle(estimate.stamp_nanos));
            assert!(error_m < if wheels { 0.1 } else { 3.0 }, "frame {index}: {error_m} m");
            assert!(error_m < 3.0 * sigma_m(index) + 1e-3, "frame {index}: {error_m} m, sigma {} m", sigma_m(index));
        }
        assert!(sigma_m(119) > sigma_m(80) && sigma_m(80) > 2.0 * sigma_m(59));
        assert!(sigma_m(199) >= 0.9 * sigma_m(119));
        let again = estimates[121].keyframe.as_ref().expect("a keyframe to start again from");
        assert!(again.covariance.trace() > estimates[59].covariance.trace());
    }
}
