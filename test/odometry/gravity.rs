//! Up, as an accelerometer tells it.

use crate::policy;
use crate::worlds::*;
use halfslam::geometry::{Se3, se3};
use halfslam::odometry::{Odometry, OdometryOptions};
use halfslam::sensors::ImuSample;
use nalgebra::{UnitQuaternion, Vector3};

/// What a unit without errors measures on the circle, where the ground leans; at rest before the start.
fn inertial(stamp_nanos: i64, lean: &UnitQuaternion<f64>) -> ImuSample {
    let yaw_rate = if stamp_nanos < 0 { 0.0 } else { 0.6 / 1.5 };
    let base = circle(stamp_nanos.max(0)).rotation;
    let up = base.inverse() * (lean.inverse() * Vector3::z());
    let linear_acceleration = up * 9.81 + Vector3::y() * (0.6 * yaw_rate);
    ImuSample { stamp_nanos, angular_velocity: Vector3::z() * yaw_rate, linear_acceleration }
}

/// The odometry's poses on ground that leans.
fn drive(options: &OdometryOptions, lean: &UnitQuaternion<f64>, frames: i64) -> Vec<Se3> {
    let rig = stereo_rig();
    let tracker = TrueTracker::new(&rig, &options.frontend, 0.3, vec![]);
    let mut odometry = Odometry::with_tracker(options, &rig, &policy("mixed"), Box::new(tracker)).unwrap();
    let mut sample_nanos = -400_000_000;
    (0..frames)
        .map(|index| {
            while sample_nanos <= index * FRAME_NANOS {
                odometry.add_imu(&inertial(sample_nanos, lean));
                sample_nanos += 5_000_000;
            }
            odometry.track(&empty_frame(index * FRAME_NANOS)).t_odom_base
        })
        .collect()
}

#[test]
fn the_odometrys_world_is_upright_from_the_start() {
    let lean = UnitQuaternion::from_scaled_axis(Vector3::new(0.2, -0.1, 0.0));
    let poses = drive(&OdometryOptions::default(), &lean, 314);
    let up = poses[0].rotation * inertial(-1, &lean).linear_acceleration;
    assert!(up.angle(&Vector3::z()) < 1e-3, "{up}");
    for (index, t_odom_base) in poses.iter().enumerate() {
        let stamp_nanos = index as i64 * FRAME_NANOS;
        // What is driven on it is the circle.
        let t_start_base = poses[0].inverse() * t_odom_base;
        let error_m = se3::log(&(circle(stamp_nanos).inverse() * t_start_base)).fixed_rows::<3>(0).norm();
        assert!(error_m < 0.05, "frame {index}: {error_m} m");
    }
}

#[test]
fn a_start_in_motion_is_set_right() {
    // Shaken while it started, it stands 0.1 rad askew at first; a good accelerometer tells it so within seconds.
    let lean = UnitQuaternion::identity();
    let mut options = OdometryOptions::default();
    options.motion.accelerometer_bias_sigma = 0.02;
    let rig = stereo_rig();
    let tracker = TrueTracker::new(&rig, &options.frontend, 0.3, vec![]);
    let mut odometry = Odometry::with_tracker(&options, &rig, &policy("mixed"), Box::new(tracker)).unwrap();
    for index in 0..40 {
        let shaken = inertial(-200_000_000 + index * 5_000_000, &lean);
        let push = Vector3::new(1.0 + 0.5 * (-1f64).powi(index as i32), 0.0, 0.0);
        odometry.add_imu(&ImuSample { linear_acceleration: shaken.linear_acceleration + push, ..shaken });
    }
    let mut sample_nanos = 0;
    let tilts: Vec<(f64, f64)> = (0..160)
        .map(|index| {
            while sample_nanos <= index * FRAME_NANOS {
                odometry.add_imu(&inertial(sample_nanos, &lean));
                sample_nanos += 5_000_000;
            }
            let estimate = odometry.track(&empty_frame(index * FRAME_NANOS));
            let tilt = (estimate.t_odom_base.rotation * Vector3::z()).angle(&Vector3::z());
            (tilt, estimate.covariance[(3, 3)].sqrt())
        })
        .collect();
    assert!(tilts[0].0 > 0.08 && tilts[0].1 > 0.08, "{:?}", tilts[0]);
    let (tilt, sigma_rad) = tilts[159];
    assert!(tilt < 0.01 && sigma_rad < 0.01, "{tilt} rad, {sigma_rad} rad");
}
