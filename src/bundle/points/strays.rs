//! Points that an adjustment has moved behind cameras that see them.

use super::{PointBundle, PointCamera, PointObservation};
use crate::geometry::Se3;
use nalgebra::Point3;

/// The points that were in front of a camera that sees them and are behind it now, as a bundle of their own: where they
/// stood before that camera, the cameras held fixed. Also their indices; `None` if there are none.
///
/// A step that overshoots carries a point through infinity to the other side, where projection has a minimum too, but no
/// scene has a point; and no small step leads back.
pub(super) fn strays<C: PointCamera<R, D>, const R: usize, const D: usize>(
    bundle: &PointBundle<C, R>,
    cameras_before: &[C],
    points_before: &[Point3<f64>],
) -> Option<(PointBundle<C, R>, Vec<usize>)> {
    let mut place = vec![None; bundle.points.len()];
    let (mut points, mut indices) = (Vec::new(), Vec::new());
    for seen in &bundle.observations {
        let pose = bundle.cameras[seen.camera].pose();
        let p_before = in_camera(cameras_before[seen.camera].pose(), &points_before[seen.point]);
        let is_behind = !C::is_in_front(&in_camera(pose, &bundle.points[seen.point]).into());
        if is_behind && place[seen.point].is_none() && C::is_in_front(&p_before.into()) {
            place[seen.point] = Some(points.len());
            points.push(pose * p_before);
            indices.push(seen.point);
        }
    }
    let of_strays = |seen: &PointObservation<R>| Some(PointObservation { point: place[seen.point]?, ..*seen });
    let observations = bundle.observations.iter().filter_map(of_strays).collect();
    let (cameras, fixed) = (bundle.cameras.clone(), vec![true; bundle.cameras.len()]);
    (!indices.is_empty()).then_some((PointBundle { cameras, fixed, points, observations }, indices))
}

fn in_camera(t_world_camera: &Se3, p_world: &Point3<f64>) -> Point3<f64> {
    t_world_camera.inverse_transform_point(p_world)
}
