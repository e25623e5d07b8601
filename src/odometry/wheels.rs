//! The robot's motion as its wheels tell it.

use super::covariance::diagonal;
use super::motion::{Motion, MotionOptions};
use crate::geometry::se3;
use crate::sensors::WheelSample;
use std::collections::VecDeque;

/// What wheels never tell better than this, for their resolution and the time stamps (m, rad).
const WHEEL_FLOOR: (f64, f64) = (0.002, 0.002);

/// Wheel odometry that is older than this when it is asked for is not carried on (ns).
const MAX_WHEEL_AGE_NANOS: i64 = 300_000_000;

/// Most samples kept: ten minutes at 100 Hz. A robot that has seen nothing for longer has lost its way.
const MAX_SAMPLES: usize = 60_000;

/// Samples of wheel odometry, and what they tell.
#[derive(Debug)]
pub(super) struct Wheels {
    options: MotionOptions,
    samples: VecDeque<WheelSample>,
}

impl Wheels {
    pub(super) fn new(options: &MotionOptions) -> Self {
        Self { options: options.clone(), samples: VecDeque::new() }
    }

    /// Takes a sample that is newer than the last one.
    pub(super) fn add(&mut self, sample: &WheelSample) {
        if !sample.is_plausible() {
            let WheelSample { stamp_nanos, t_wheel_base, .. } = sample;
            tracing::warn!(
                "wheel odometry at {stamp_nanos} ns ignored: expected a pose in metres, found {t_wheel_base:?}"
            );
        } else if self.samples.back().is_some_and(|last| sample.stamp_nanos <= last.stamp_nanos) {
            tracing::debug!("wheel odometry at {} ns is not newer than the last; ignored", sample.stamp_nanos);
        } else {
            self.samples.push_back(sample.clone());
            if self.samples.len() > MAX_SAMPLES {
                self.samples.pop_front();
            }
        }
    }

    /// Forgets samples before a time, but for the last one of them.
    pub(super) fn forget_before(&mut self, stamp_nanos: i64) {
        while self.samples.get(1).is_some_and(|second| second.stamp_nanos <= stamp_nanos) {
            self.samples.pop_front();
        }
    }

    /// The motion from one time to another; `None` if the samples do not reach over the whole interval.
    pub(super) fn motion(&self, from_nanos: i64, to_nanos: i64) -> Option<Motion> {
        let (from, to) = (self.pose(from_nanos)?, self.pose(to_nanos)?);
        let (mut distance_m, mut rotation_rad) = (0.0, 0.0);
        let mut last = from.t_wheel_base;
        let passed = self.samples.iter().filter(|sample| (from_nanos..to_nanos).contains(&sample.stamp_nanos));
        for pose in passed.map(|sample| sample.t_wheel_base).chain([to.t_wheel_base]) {
            let step = last.inverse() * pose;
            distance_m += step.translation.vector.norm();
            rotation_rad += step.rotation.angle();
            last = pose;
        }
        let sigma_m = WHEEL_FLOOR.0 + self.options.wheel_translation_share * distance_m;
        let sigma_rad = WHEEL_FLOOR.1
            + self.options.wheel_rotation_share * rotation_rad
            + self.options.wheel_rotation_per_metre * distance_m;
        // What the odometry states counts where it is more; the trace does not depend on the frame it is stated in.
        let stated = |first: usize| {
            let growth = |index: usize| to.covariance[(index, index)] - from.covariance[(index, index)];
            ((growth(first) + growth(first + 1) + growth(first + 2)) / 3.0).max(0.0).sqrt()
        };
        let (stated_m, stated_rad) = (stated(0).min(10.0 * sigma_m), stated(3).min(10.0 * sigma_rad));
        Some(Motion {
            t_before_base: from.t_wheel_base.inverse() * to.t_wheel_base,
            covariance: diagonal(sigma_m.max(stated_m), sigma_rad.max(stated_rad)),
            turn_measured: false,
        })
    }

    /// Their pose at a time, interpolated; carried on a little beyond the last sample.
    fn pose(&self, stamp_nanos: i64) -> Option<WheelSample> {
        let after = self.samples.partition_point(|sample| sample.stamp_nanos < stamp_nanos);
        let (first, second) = match self.samples.get(after) {
            Some(sample) if sample.stamp_nanos == stamp_nanos => return Some(sample.clone()),
            Some(next) => (self.samples.get(after.checked_sub(1)?)?, next),
            None => {
                let count = self.samples.len();
                let (first, second) = (self.samples.get(count.checked_sub(2)?)?, self.samples.back()?);
                if stamp_nanos - second.stamp_nanos > MAX_WHEEL_AGE_NANOS {
                    return None;
                }
                (first, second)
            }
        };
        let fraction = (stamp_nanos - first.stamp_nanos) as f64 / (second.stamp_nanos - first.stamp_nanos) as f64;
        let step = se3::log(&(first.t_wheel_base.inverse() * second.t_wheel_base));
        Some(WheelSample {
            stamp_nanos,
            t_wheel_base: first.t_wheel_base * se3::exp(&(step * fraction)),
            covariance: first.covariance + (second.covariance - first.covariance) * fraction.clamp(0.0, 1.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Se3;
    use nalgebra::Matrix6;

    fn sample(stamp_nanos: i64, x: f64) -> WheelSample {
        WheelSample { stamp_nanos, t_wheel_base: Se3::translation(x, 0.0, 0.0), covariance: Matrix6::zeros() }
    }

    #[test]
    fn poses_are_interpolated_and_carried_on_for_a_moment_only() {
        let mut wheels = Wheels::new(&MotionOptions::default());
        for index in 0..10 {
            wheels.add(&sample(index * 100_000_000, index as f64 * 0.1));
        }
        let motion = wheels.motion(150_000_000, 450_000_000).unwrap();
        assert!((motion.t_before_base.translation.x - 0.3).abs() < 1e-9);
        let sigma_m = motion.covariance[(0, 0)].sqrt();
        assert!((sigma_m - (0.002 + 0.05 * 0.3)).abs() < 1e-9);
        assert!((wheels.motion(800_000_000, 1_000_000_000).unwrap().t_before_base.translation.x - 0.2).abs() < 1e-9);
        assert!(wheels.motion(800_000_000, 1_300_000_000).is_none());
        assert!(wheels.motion(-1, 100_000_000).is_none());
        wheels.forget_before(450_000_000);
        assert!(wheels.motion(450_000_000, 600_000_000).is_some() && wheels.motion(350_000_000, 600_000_000).is_none());
    }

    #[test]
    fn stale_and_broken_samples_change_nothing() {
        let mut wheels = Wheels::new(&MotionOptions::default());
        wheels.add(&sample(0, 0.0));
        wheels.add(&sample(100, 1.0));
        wheels.add(&sample(100, 5.0));
        wheels.add(&sample(50, 5.0));
        wheels.add(&sample(200, f64::NAN));
        assert_eq!(wheels.samples.len(), 2);
    }
}
