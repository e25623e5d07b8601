//! Rotations as a gyroscope tells them, and its bias as the images tell it.

use super::MotionOptions;
use crate::sensors::ImuSample;
use nalgebra::{UnitQuaternion, Vector3};
use std::collections::VecDeque;

/// Samples farther apart (ns) leave a gap that nobody fills; half a frame's time or so may be missing at the end.
const MAX_GAP_NANOS: i64 = 50_000_000;

/// What is kept of the time before the last keyframe (ns), for what is told of a stretch of time by more than the gyroscope.
const KEPT_NANOS: i64 = 2_000_000_000;

/// Most samples kept: a minute at 1000 Hz.
const MAX_SAMPLES: usize = 60_000;

/// Random walk of the bias (rad/s/√s), from temperature.
const BIAS_WALK: f64 = 1e-4;

/// Standard deviation of a rotation between two frames as the images tell it (rad): a pixel or so.
const SEEN_SIGMA_RAD: f64 = 0.002;

/// Squared deviations beyond this are no measurement of the bias: 99.9% of χ² with 3 degrees of freedom.
const GATE: f64 = 16.3;

/// A rotation of the base from one time to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Turn {
    /// Base axes then into those before.
    pub rotation: UnitQuaternion<f64>,
    /// Standard deviation about each axis (rad).
    pub sigma_rad: f64,
}

/// A gyroscope with its bias, which a Kalman filter follows.
#[derive(Debug)]
pub(super) struct Gyroscope {
    noise: f64,
    share: f64,
    samples: VecDeque<ImuSample>,
    bias: Vector3<f64>,
    /// Of each axis (rad²/s²).
    bias_variance: f64,
}

impl Gyroscope {
    pub(super) fn new(options: &MotionOptions) -> Self {
        Self {
            noise: options.gyro_noise,
            share: options.gyro_rotation_share,
            samples: VecDeque::new(),
            bias: Vector3::zeros(),
            bias_variance: options.gyro_bias_sigma * options.gyro_bias_sigma,
        }
    }

    /// Takes a sample that is newer than the last one.
    pub(super) fn add(&mut self, sample: &ImuSample) {
        if !sample.angular_velocity.iter().all(|value| value.is_finite()) {
            tracing::warn!("angular velocity at {} ns is not finite; ignored", sample.stamp_nanos);
        } else if self.samples.back().is_some_and(|last| sample.stamp_nanos <= last.stamp_nanos) {
            tracing::debug!("inertial sample at {} ns is not newer than the last; ignored", sample.stamp_nanos);
        } else {
            self.samples.push_back(sample.clone());
            if self.samples.len() > MAX_SAMPLES {
                self.samples.pop_front();
            }
        }
    }

    /// Forgets samples before a time, but for those of the seconds before.
    pub(super) fn forget_before(&mut self, stamp_nanos: i64) {
        let oldest_nanos = stamp_nanos.saturating_sub(KEPT_NANOS);
        while self.samples.get(1).is_some_and(|second| second.stamp_nanos <= oldest_nanos) {
            self.samples.pop_front();
        }
    }

    /// The rotation from one time to another; `None` if the samples do not reach over it without a gap.
    pub(super) fn turn(&self, from_nanos: i64, to_nanos: i64) -> Option<Turn> {
        let rotation = self.integrate(from_nanos, to_nanos)?;
        let elapsed_secs = (to_nanos - from_nanos) as f64 * 1e-9;
        let noise = self.noise * self.noise * elapsed_secs;
        let bias = self.bias_variance * elapsed_secs * elapsed_secs;
        let sigma_rad = (noise + bias + (self.share * rotation.angle()).powi(2)).sqrt();
        Some(Turn { rotation, sigma_rad })
    }

    /// Angular velocity, bias taken off, is taken to change evenly from sample to sample, and to stay before the first
    /// and after the last one.
    fn integrate(&self, from_nanos: i64, to_nanos: i64) -> Option<UnitQuaternion<f64>> {
        let first = self.samples.partition_point(|sample| sample.stamp_nanos <= from_nanos).saturating_sub(1);
        let (mut rotation, mut now) = (UnitQuaternion::identity(), from_nanos);
        let mut last = self.samples.get(first)?;
        if to_nanos <= from_nanos || last.stamp_nanos - from_nanos > MAX_GAP_NANOS {
            return None;
        }
        for next in self.samples.range(first + 1..) {
            let end = next.stamp_nanos.min(to_nanos);
            if next.stamp_nanos - last.stamp_nanos > MAX_GAP_NANOS {
                return None;
            }
            if end > now {
                let span = (next.stamp_nanos - last.stamp_nanos) as f64;
                let middle = ((now + (end - now) / 2 - last.stamp_nanos) as f64 / span).clamp(0.0, 1.0);
                let rate = last.angular_velocity.lerp(&next.angular_velocity, middle) - self.bias;
                rotation *= UnitQuaternion::from_scaled_axis(rate * ((end - now) as f64 * 1e-9));
                now = end;
            }
            last = next;
            if now == to_nanos {
                return Some(rotation);
            }
        }
        if to_nanos - now > MAX_GAP_NANOS {
            return None;
        }
        let rate = last.angular_velocity - self.bias;
        Some(rotation * UnitQuaternion::from_scaled_axis(rate * ((to_nanos - now) as f64 * 1e-9)))
    }

    /// Learns the bias from a rotation that the images told.
    pub(super) fn learn(&mut self, seen: &UnitQuaternion<f64>, from_nanos: i64, to_nanos: i64) {
        let Some(turn) = self.turn(from_nanos, to_nanos) else { return };
        let elapsed_secs = (to_nanos - from_nanos) as f64 * 1e-9;
        self.bias_variance += BIAS_WALK * BIAS_WALK * elapsed_secs;
        // Turning too far by the bias times the time is what the images tell.
        let deviation = (seen.inverse() * turn.rotation).scaled_axis() / elapsed_secs;
        let variance = (turn.sigma_rad.powi(2) + SEEN_SIGMA_RAD * SEEN_SIGMA_RAD) / (elapsed_secs * elapsed_secs);
        if deviation.norm_squared() > GATE * variance {
            return;
        }
        let gain = self.bias_variance / variance;
        self.bias += deviation * gain;
        self.bias_variance *= 1.0 - gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns about z at 0.5 rad/s, then faster and faster, with a bias about y.
    fn gyroscope(bias: f64) -> Gyroscope {
        let mut gyroscope = Gyroscope::new(&MotionOptions::default());
        for index in 0..=400 {
            let rate = 0.5 + 0.25 * f64::from((index - 200).max(0)) * 0.005;
            gyroscope.add(&ImuSample {
                stamp_nanos: i64::from(index) * 5_000_000,
                angular_velocity: Vector3::new(0.0, bias, rate),
                linear_acceleration: Vector3::zeros(),
            });
        }
        gyroscope
    }

    #[test]
    fn rates_are_summed_up_between_samples_too() {
        let gyroscope = gyroscope(0.0);
        let angle = |from: i64, to: i64| gyroscope.turn(from, to).map(|turn| turn.rotation.scaled_axis().z);
        assert!((angle(2_500_000, 902_300_000).unwrap() - 0.5 * 0.8998).abs() < 1e-9);
        // ∫ 0.5 + 0.25 (t - 1) over the second second.
        assert!((angle(1_000_000_000, 2_000_000_000).unwrap() - 0.625).abs() < 1e-6);
        assert!((angle(1_000_000_000, 2_020_000_000).unwrap() - 0.625 - 0.75 * 0.02).abs() < 1e-6);
        assert!(angle(1_000_000_000, 2_100_000_000).is_none() && angle(-60_000_000, 100_000_000).is_none());
        assert!(Gyroscope::new(&MotionOptions::default()).turn(0, 50_000_000).is_none());
    }

    #[test]
    fn a_gap_is_not_bridged() {
        let mut gyroscope = gyroscope(0.0);
        let late = ImuSample { stamp_nanos: 2_200_000_000, ..gyroscope.samples[400].clone() };
        gyroscope.add(&late);
        assert!(gyroscope.turn(1_900_000_000, 2_200_000_000).is_none());
    }

    #[test]
    fn the_bias_is_learned_and_then_better_known() {
        let mut gyroscope = gyroscope(0.01);
        let before = gyroscope.turn(0, 1_000_000_000).unwrap().sigma_rad;
        for index in 0..19 {
            let (from, to) = (index * 50_000_000, (index + 1) * 50_000_000);
            gyroscope.learn(&UnitQuaternion::from_scaled_axis(Vector3::new(0.0, 0.0, 0.025)), from, to);
        }
        assert!((gyroscope.bias - Vector3::new(0.0, 0.01, 0.0)).norm() < 0.006, "{:?}", gyroscope.bias);
        assert!(gyroscope.turn(0, 1_000_000_000).unwrap().sigma_rad < before);
        // A rotation that contradicts it (a pose that was wrong) teaches nothing.
        let bias = gyroscope.bias;
        gyroscope.learn(&UnitQuaternion::from_scaled_axis(Vector3::new(0.3, 0.0, 0.0)), 0, 50_000_000);
        assert_eq!(gyroscope.bias, bias);
    }
}
