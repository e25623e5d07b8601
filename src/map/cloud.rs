//! The coloured points of the map.

use super::keyframes::MapKeyframe;
use super::types::MapPoint;
use crate::geometry::Se3;
use nalgebra::{Point3, Vector3};
use std::collections::HashMap;

/// Points that fell into one cube.
#[derive(Debug, Clone, Copy)]
struct Cube {
    /// Sum of the points' offsets from the cube's corner: no precision is lost far from the origin.
    offset: Vector3<f64>,
    color: [u32; 3],
    count: u32,
}

/// The points of all keyframes: per cube of `voxel_m` the mean of those in it, ordered by cube; every point, in the
/// order of the keyframes, if `voxel_m` is 0. Points further than `max_depth_m` from their camera are left out.
pub(super) fn cloud(keyframes: &[MapKeyframe], nodes: &[Se3], voxel_m: f64, max_depth_m: f64) -> Vec<MapPoint> {
    let points = keyframes.iter().zip(nodes).flat_map(|(keyframe, t_map_base)| {
        let view = &keyframe.view;
        let t_map_camera = t_map_base * view.t_base_camera;
        view.colors.iter().enumerate().filter_map(move |(index, color)| {
            let p_camera = view.p_camera(index).filter(|p| p.z <= max_depth_m)?;
            Some((t_map_camera * p_camera, *color))
        })
    });
    if voxel_m <= 0.0 {
        return points.map(|(p, color)| MapPoint { p_map: p.cast(), color }).collect();
    }
    let mut cubes: HashMap<[i64; 3], Cube> = HashMap::new();
    for (p, color) in points {
        let key: [i64; 3] = std::array::from_fn(|axis| (p[axis] / voxel_m).floor() as i64);
        let corner = corner(&key, voxel_m);
        let cube = cubes.entry(key).or_insert(Cube { offset: Vector3::zeros(), color: [0; 3], count: 0 });
        cube.offset += p - corner;
        (0..3).for_each(|channel| cube.color[channel] += u32::from(color[channel]));
        cube.count += 1;
    }
    // A hash map has no order of its own that could be relied on.
    let mut cubes: Vec<([i64; 3], Cube)> = cubes.into_iter().collect();
    cubes.sort_unstable_by_key(|(key, _)| *key);
    let mean = |(key, cube): &([i64; 3], Cube)| MapPoint {
        p_map: (corner(key, voxel_m) + cube.offset / f64::from(cube.count)).cast(),
        color: cube.color.map(|sum| ((sum + cube.count / 2) / cube.count) as u8),
    };
    cubes.iter().map(mean).collect()
}

fn corner(key: &[i64; 3], voxel_m: f64) -> Point3<f64> {
    Point3::new(key[0] as f64 * voxel_m, key[1] as f64 * voxel_m, key[2] as f64 * voxel_m)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::PinholeCamera;
    use crate::odometry::KeyframeId;
    use crate::place::View;

    fn keyframe(points: &[[f32; 3]]) -> MapKeyframe {
        let camera = PinholeCamera { fx: 4.0, fy: 4.0, cx: 1.5, cy: 1.5, width: 4, height: 4 };
        let view = View {
            camera,
            t_base_camera: Se3::identity(),
            px: points.iter().map(|p| camera.project(&Point3::from(*p).cast()).cast()).collect(),
            depths_m: points.iter().map(|p| p[2]).collect(),
            descriptors: vec![[0; 4]; points.len()],
            colors: (0..points.len()).map(|index| [10 * index as u8, 0, 255]).collect(),
        };
        MapKeyframe {
            id: KeyframeId(0),
            stamp_nanos: 0,
            newest: (KeyframeId(0), 0),
            run: 0,
            t_odom_base: Se3::identity(),
            view,
        }
    }

    #[test]
    fn one_point_per_cube_is_the_mean() {
        let keyframes = [keyframe(&[[0.1, 0.1, 1.1], [0.3, 0.1, 1.1], [-0.1, 0.1, 1.1], [0.0, 0.0, 50.0]])];
        let nodes = [Se3::translation(100.0, 0.0, 0.0)];
        let points = cloud(&keyframes, &nodes, 0.5, 10.0);
        assert_eq!(points.len(), 2, "two in one cube, one in the next, one too far");
        assert!((points[0].p_map - Point3::new(99.9, 0.1, 1.1)).norm() < 1e-4);
        assert!((points[1].p_map - Point3::new(100.2, 0.1, 1.1)).norm() < 1e-4);
        assert_eq!(points[1].color, [5, 0, 255]);
        assert_eq!(cloud(&keyframes, &nodes, 0.0, 100.0).len(), 4);
    }
}
