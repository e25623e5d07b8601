//! Whether wheels and gyroscope are believed, given what the images say.

use super::covariance::sqrt_information;
use super::motion::{Motion, MotionModel};
use crate::geometry::{Se3, se3};

/// Wheels that disagree with the images by more than this squared (99.9% of χ² with 6 degrees of freedom) have slipped.
const SLIP_GATE: f64 = 22.5;

/// The motion from one time to another by wheels and gyroscope, where the images say that it was `t_before_base`. `None` where
/// images that see depth contradict it: it slipped. A single camera has its scale from the wheels, which only count less then.
pub(super) fn believed(
    model: &MotionModel,
    from_nanos: i64,
    to_nanos: i64,
    t_before_base: &Se3,
    sees_depth: bool,
) -> Option<Motion> {
    let squared = |motion: &Motion| {
        let deviation = se3::log(&(motion.t_before_base.inverse() * t_before_base));
        sqrt_information(&motion.covariance).map_or(f64::INFINITY, |root| (root * deviation).norm_squared())
    };
    if sees_depth {
        return model.measured(from_nanos, to_nanos, |motion| squared(motion) <= SLIP_GATE);
    }
    // A single camera has its scale from the wheels: where they contradict it they count less, but never nothing, else a
    // scale that went astray would stay so.
    let motion = model.measured(from_nanos, to_nanos, |motion| squared(motion).is_finite())?;
    let excess = (squared(&motion) / SLIP_GATE).max(1.0);
    Some(Motion { covariance: motion.covariance * excess, ..motion })
}

#[cfg(test)]
mod tests {
    use super::super::motion::MotionOptions;
    use super::*;
    use crate::sensors::WheelSample;
    use nalgebra::Matrix6;

    #[test]
    fn wheels_that_slip_are_left_by_cameras_that_see_depth_and_count_less_for_one_that_does_not() {
        let mut model = MotionModel::new(&MotionOptions::default());
        for index in 0..=10 {
            let t_wheel_base = Se3::translation(0.1 * index as f64, 0.0, 0.0);
            model.add_wheel(&WheelSample { stamp_nanos: index * 100, t_wheel_base, covariance: Matrix6::zeros() });
        }
        let seen = |x: f64, sees_depth| believed(&model, 0, 1000, &Se3::translation(x, 0.0, 0.0), sees_depth);
        let variance = |motion: Option<Motion>| motion.unwrap().covariance[(0, 0)];
        assert!(seen(0.5, true).is_none());
        assert_eq!(variance(seen(0.99, true)), variance(seen(0.99, false)));
        assert!(variance(seen(0.5, false)) > 2.0 * variance(seen(0.99, false)));
    }
}
