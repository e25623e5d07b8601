//! Robots that stay on a flat floor: their height, roll and pitch are held near those at the start.

use super::localization::Expected;
use super::uncertainty::Uncertainty;
use super::window::{Window, WindowKeyframe};
use crate::bundle::SquareRootPrior;
use crate::geometry::Se3;
use crate::geometry::se3::{adjoint, exp, skew};
use nalgebra::{DMatrix, DVector, Matrix2x6, Matrix3x6, Vector2, Vector3};

crate::options! {
    /// What a flat floor tells of the robot.
    pub struct PlanarOptions {
        /// Whether the robot stays on a flat floor.
        enabled: bool = false, "", .., live;
        /// Standard deviation of its height, from unevenness.
        height_sigma_m: f64 = 0.01, "m", 0.0001..=10.0, live;
        /// Standard deviation of its roll and pitch, from unevenness and suspension.
        tilt_sigma_rad: f64 = 0.005, "rad", 0.0001..=1.0, live;
    }
}

/// Height and tilt of the base in standard deviations, and how they change with a perturbation of the base.
struct Floor {
    residual: Vector3<f64>,
    by_base: Matrix3x6<f64>,
}

impl Floor {
    /// `[z/σ; (R ẑ)_x/σ; (R ẑ)_y/σ]`: the base's origin above the plane that it started on, and where its z axis leans.
    fn at(t_odom_base: &Se3, options: &PlanarOptions) -> Self {
        let rotation = *t_odom_base.rotation.to_rotation_matrix().matrix();
        let height = 1.0 / options.height_sigma_m;
        let (lean, lean_by_base) = lean(t_odom_base, &Vector3::z(), options.tilt_sigma_rad);
        let residual = Vector3::new(t_odom_base.translation.z * height, lean.x, lean.y);
        let mut by_base = Matrix3x6::zeros();
        by_base.fixed_view_mut::<1, 3>(0, 0).copy_from(&(rotation.row(2) * height));
        by_base.fixed_view_mut::<2, 6>(1, 0).copy_from(&lean_by_base);
        Self { residual, by_base }
    }
}

/// Where a direction of the base that should point up leans, `(R u)_xy/σ`, and how that changes with a perturbation of the base.
pub(super) fn lean(t_odom_base: &Se3, up_base: &Vector3<f64>, sigma_rad: f64) -> (Vector2<f64>, Matrix2x6<f64>) {
    let rotation = *t_odom_base.rotation.to_rotation_matrix().matrix();
    let mut by_base = Matrix2x6::zeros();
    let turned = -rotation * skew(up_base) / sigma_rad;
    by_base.fixed_view_mut::<2, 3>(0, 3).copy_from(&turned.fixed_rows::<2>(0));
    ((rotation * up_base).xy() / sigma_rad, by_base)
}

/// The priors that the floor is on the poses of a window from the `fixed_count`-th on, one for each, in its bundle, whose
/// poses are relative to its first.
pub(super) fn priors(window: &Window, fixed_count: usize, options: &PlanarOptions) -> Vec<SquareRootPrior> {
    let Some(first) = window.keyframes.front().filter(|_| options.enabled) else { return Vec::new() };
    let (t_first_odom, t_camera_base) = (first.t_odom_camera.inverse(), window.t_base_camera.inverse());
    let prior = |(index, keyframe): (usize, &WindowKeyframe)| {
        let floor = Floor::at(&(keyframe.t_odom_camera * t_camera_base), options);
        let by_camera = floor.by_base * adjoint(&window.t_base_camera);
        SquareRootPrior {
            keyframes: vec![index],
            t_world_camera: vec![t_first_odom * keyframe.t_odom_camera],
            sqrt_information: DMatrix::from_iterator(3, 6, by_camera.iter().copied()),
            residual: DVector::from_iterator(3, floor.residual.iter().copied()),
        }
    };
    window.keyframes.iter().enumerate().skip(fixed_count).map(prior).collect()
}

/// A pose of the camera that is expected, brought towards the floor by as much as it is less certain than that.
pub(super) fn onto_floor(expected: Expected, t_base_camera: &Se3, options: &PlanarOptions) -> Expected {
    let Some(information) = expected.covariance.cholesky().filter(|_| options.enabled) else { return expected };
    let floor = Floor::at(&(expected.t_odom_camera * t_base_camera.inverse()), options);
    let by_camera = floor.by_base * adjoint(t_base_camera);
    let Some(both) = (information.inverse() + by_camera.transpose() * by_camera).cholesky() else { return expected };
    let step = -both.solve(&(by_camera.transpose() * floor.residual));
    Expected { t_odom_camera: expected.t_odom_camera * exp(&step), covariance: both.inverse(), ..expected }
}

/// The uncertainty of a base on the floor: in height and tilt it is none greater than the floor's.
pub(super) fn bounded(uncertainty: Uncertainty, t_odom_base: &Se3, options: &PlanarOptions) -> Uncertainty {
    if !options.enabled {
        return uncertainty;
    }
    let floor = Floor::at(t_odom_base, options);
    floor.by_base.row_iter().fold(uncertainty, |bounded, row| bounded.bounded_along(&row.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Matrix6, Vector6};

    fn options() -> PlanarOptions {
        PlanarOptions { enabled: true, ..PlanarOptions::default() }
    }

    #[test]
    fn the_derivative_is_that_of_finite_differences() {
        let t_odom_base = exp(&Vector6::new(1.0, 2.0, 0.03, 0.02, -0.01, 0.7));
        let floor = Floor::at(&t_odom_base, &options());
        for column in 0..6 {
            let mut step = Vector6::zeros();
            step[column] = 1e-6;
            let moved = Floor::at(&(t_odom_base * exp(&step)), &options());
            let difference = (moved.residual - floor.residual) / 1e-6;
            assert!((difference - floor.by_base.column(column)).norm() < 1e-3, "column {column}");
        }
    }

    #[test]
    fn an_uncertain_pose_comes_down_to_the_floor_and_turns_upright() {
        let t_base_camera = Se3::translation(0.1, 0.0, 0.4);
        let off = exp(&Vector6::new(1.0, 2.0, 0.05, 0.03, -0.02, 0.7));
        let at = |sigma: f64| Expected {
            t_odom_camera: off * t_base_camera,
            covariance: Matrix6::identity() * (sigma * sigma),
            turn_is_sure: false,
        };
        let height = |expected: &Expected| (expected.t_odom_camera * t_base_camera.inverse()).translation.z;
        let brought = onto_floor(at(1.0), &t_base_camera, &options());
        assert!(height(&brought).abs() < 5e-3, "{}", height(&brought));
        let upright = (brought.t_odom_camera.rotation * Vector3::z()).z;
        assert!(1.0 - upright < 1e-5, "{upright}");
        // Where it is on the floor is not changed, and a pose that is certain stays.
        assert!((brought.t_odom_camera.translation.x - at(1.0).t_odom_camera.translation.x).abs() < 0.03);
        let certain = onto_floor(at(1e-5), &t_base_camera, &options());
        assert!(height(&at(1e-5)).abs() > 0.02 && (height(&certain) - height(&at(1e-5))).abs() < 1e-4);
        let disabled = onto_floor(at(1.0), &t_base_camera, &PlanarOptions::default());
        assert_eq!(disabled.t_odom_camera, at(1.0).t_odom_camera);
    }

    #[test]
    fn the_floor_bounds_height_and_tilt_alone() {
        let turned = exp(&Vector6::new(3.0, -1.0, 0.0, 0.0, 0.0, 2.0));
        let bounded = bounded(Uncertainty::random(Matrix6::identity()), &turned, &options()).covariance();
        let sigmas = bounded.diagonal().map(f64::sqrt);
        let expected = Vector6::new(1.0, 1.0, 0.01, 0.005, 0.005, 1.0);
        assert!((sigmas - expected).norm() < 1e-6, "{sigmas}");
    }
}
