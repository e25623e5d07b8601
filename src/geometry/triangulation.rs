//! Triangulation: the point that several rays see.

use super::Se3;
use nalgebra::{Matrix3, Point3, Vector3};

/// A ray to a point, from a camera whose pose is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    /// Camera coordinates into world coordinates.
    pub t_world_camera: Se3,
    /// Direction in the camera frame, of any length but zero.
    pub ray_camera: Vector3<f64>,
}

/// The point (world, m) with the least sum of squared distances to all rays. `None` if fewer than two rays differ in
/// direction by at least `min_parallax_rad`, or the point lies behind one of the cameras.
pub fn triangulate(sights: &[Sight], min_parallax_rad: f64) -> Option<Point3<f64>> {
    let directions: Vec<Vector3<f64>> =
        sights.iter().filter_map(|s| (s.t_world_camera.rotation * s.ray_camera).try_normalize(1e-12)).collect();
    if directions.len() != sights.len() || widest_angle_rad(&directions) < min_parallax_rad {
        return None;
    }
    // Each ray asks for (1 − d dᵀ)(p − c) = 0, whose squared norm is the squared distance to the ray.
    let mut matrix = Matrix3::zeros();
    let mut right = Vector3::zeros();
    for (sight, direction) in sights.iter().zip(&directions) {
        let projector = Matrix3::identity() - direction * direction.transpose();
        matrix += projector;
        right += projector * sight.t_world_camera.translation.vector;
    }
    let p_world = Point3::from(matrix.cholesky()?.solve(&right));
    let in_front = sights
        .iter()
        .zip(&directions)
        .all(|(s, direction)| direction.dot(&(p_world.coords - s.t_world_camera.translation.vector)) > 0.0);
    (in_front && p_world.iter().all(|value| value.is_finite())).then_some(p_world)
}

/// The largest angle between the first direction and the others (rad).
fn widest_angle_rad(directions: &[Vector3<f64>]) -> f64 {
    let Some(first) = directions.first() else { return 0.0 };
    directions.iter().map(|d| first.cross(d).norm().atan2(first.dot(d))).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3;
    use nalgebra::Vector6;
    use proptest::prelude::*;

    fn sight(t_world_camera: Se3, p_world: &Point3<f64>) -> Sight {
        Sight { t_world_camera, ray_camera: (t_world_camera.inverse() * p_world).coords }
    }

    proptest! {
        #[test]
        fn rays_through_a_point_meet_there(
            p in prop::array::uniform3(-1.0f64..1.0),
            v in prop::array::uniform6(-0.3f64..0.3),
        ) {
            let p_world = Point3::new(p[0], p[1], 4.0 + p[2]);
            let side = Se3::translation(0.5, 0.0, 0.0) * se3::exp(&Vector6::from(v));
            let sights = [sight(Se3::identity(), &p_world), sight(side, &p_world)];
            prop_assert!((triangulate(&sights, 0.0).unwrap() - p_world).norm() < 1e-9);
        }
    }

    #[test]
    fn little_parallax_and_points_behind_are_refused() {
        let p_world = Point3::new(0.0, 0.0, 5.0);
        let near = Se3::translation(0.01, 0.0, 0.0);
        let sights = [sight(Se3::identity(), &p_world), sight(near, &p_world)];
        assert!(triangulate(&sights, 0.01).is_none());
        assert!(triangulate(&sights[..1], 0.0).is_none());
        let diverging = [
            Sight { t_world_camera: Se3::identity(), ray_camera: Vector3::new(-0.2, 0.0, 1.0) },
            Sight { t_world_camera: Se3::translation(1.0, 0.0, 0.0), ray_camera: Vector3::new(0.2, 0.0, 1.0) },
        ];
        assert!(triangulate(&diverging, 0.0).is_none());
    }
}
