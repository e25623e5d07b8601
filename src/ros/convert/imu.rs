//! Samples of an inertial unit.

use super::pose::nanos_from_time_msg;
use crate::geometry::Se3;
use crate::ros::BadMessage;
use crate::sensors::ImuSample;
use nalgebra::Vector3;
use r2r::geometry_msgs::msg::Vector3 as Vector3Msg;
use r2r::sensor_msgs::msg::Imu;

/// A sample in the base's axes from its message; `t_base_imu` maps the unit's coordinates into the base's.
///
/// # Errors
/// [`BadMessage`] if a number is not finite, or the unit says that it measures no angular velocity.
pub fn imu_sample_from_msg(imu: &Imu, t_base_imu: &Se3) -> Result<ImuSample, BadMessage> {
    // The first element of an unknown quantity's covariance is -1, as sensor_msgs/Imu says.
    if imu.angular_velocity_covariance.first() == Some(&-1.0) {
        return Err(BadMessage::new("imu without angular velocity (its covariance starts with -1)"));
    }
    let vector = |v: &Vector3Msg| Vector3::new(v.x, v.y, v.z);
    let sample = ImuSample {
        stamp_nanos: nanos_from_time_msg(&imu.header.stamp),
        angular_velocity: vector(&imu.angular_velocity),
        linear_acceleration: vector(&imu.linear_acceleration),
    };
    if !sample.angular_velocity.iter().chain(&sample.linear_acceleration).all(|value| value.is_finite()) {
        return Err(BadMessage::new("imu with a number that is not finite"));
    }
    Ok(sample.turned(&t_base_imu.rotation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::UnitQuaternion;
    use std::f64::consts::FRAC_PI_2;

    fn message() -> Imu {
        Imu {
            angular_velocity: Vector3Msg { x: 1.0, y: 0.0, z: 0.5 },
            angular_velocity_covariance: vec![0.0; 9],
            ..Imu::default()
        }
    }

    #[test]
    fn rates_are_turned_into_the_bases_axes() {
        // The unit's x points to the robot's left.
        let rotation = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), FRAC_PI_2);
        let t_base_imu = Se3::from_parts(Vector3::new(0.1, 0.2, 0.3).into(), rotation);
        let sample = imu_sample_from_msg(&message(), &t_base_imu).unwrap();
        assert!((sample.angular_velocity - Vector3::new(0.0, 1.0, 0.5)).norm() < 1e-12);
    }

    #[test]
    fn what_says_nothing_is_refused() {
        let mut silent = message();
        silent.angular_velocity_covariance[0] = -1.0;
        let mut broken = message();
        broken.linear_acceleration.y = f64::NAN;
        for (message, word) in [(silent, "without angular velocity"), (broken, "not finite")] {
            let error = imu_sample_from_msg(&message, &Se3::identity()).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
