//! The point behind a feature, from whatever the rig has.

use super::stereo_depth::disparity;
use crate::geometry::PinholeCamera;
use crate::odometry::Keyframe;
use crate::sensors::{Depth, DepthImage, Images};
use nalgebra::{Point3, Vector2};

/// Depths around a pixel that differ by more than this fraction belong to an edge: which side the feature is on is
/// unknown.
const MAX_DEPTH_STEP: f32 = 0.08;
/// Below this disparity (px) the distance is beyond what a pair can tell.
const MIN_DISPARITY_PX: f64 = 0.5;
/// Corners this close (px) are of one thing, as different detectors find it.
const SAME_THING_PX: f64 = 3.0;

/// The point of the (left) camera's frame (m) seen at `px`, if the images tell its depth, or the motion of a single camera
/// has told that of what is seen there.
pub(crate) fn point_at(keyframe: &Keyframe, px: &Vector2<f64>, stereo_min_depth_m: f64) -> Option<Point3<f64>> {
    let rig = &keyframe.rig;
    let depth_m = match (&keyframe.frame.images, rig.depth) {
        (Images::Stereo { left, right }, Depth::Stereo { baseline_m }) if left.dimensions() == right.dimensions() => {
            // A fifth of the width bounds the time: objects that near are seen by few features only.
            let reach = (rig.camera.fx * baseline_m / stereo_min_depth_m).min(f64::from(left.width()) / 5.0);
            let disparity_px = disparity(left, right, px.x, px.y, reach.max(1.0) as usize)?;
            (disparity_px >= MIN_DISPARITY_PX).then(|| rig.camera.fx * baseline_m / disparity_px)?
        }
        (Images::Rgbd { depth, .. }, _) => depth_at(depth, px)?,
        (Images::Mono { .. }, _) => told_at(&keyframe.depths, px)?,
        _ => return None,
    };
    Some(on_ray(&rig.camera, px, depth_m))
}

/// The depth (m) that was told nearest to a pixel, if that is near enough to be of the same thing.
fn told_at(depths: &[(Vector2<f64>, f64)], px: &Vector2<f64>) -> Option<f64> {
    let distance_px = |(told, _): &&(Vector2<f64>, f64)| (told - px).norm();
    let nearest = depths.iter().min_by(|a, b| distance_px(a).total_cmp(&distance_px(b)))?;
    (distance_px(&nearest) <= SAME_THING_PX).then_some(nearest.1)
}

fn on_ray(camera: &PinholeCamera, px: &Vector2<f64>, depth_m: f64) -> Point3<f64> {
    Point3::from(camera.ray(px) * depth_m)
}

fn depth_at(depth: &DepthImage, px: &Vector2<f64>) -> Option<f64> {
    let (column, row) = (px.x.round() as u32, px.y.round() as u32);
    if column == 0 || row == 0 || column + 1 >= depth.width() || row + 1 >= depth.height() {
        return None;
    }
    let (mut low, mut high, mut sum, mut count) = (f32::INFINITY, 0.0f32, 0.0f32, 0u8);
    for (c, r) in (row - 1..=row + 1).flat_map(|r| (column - 1..=column + 1).map(move |c| (c, r))) {
        let z = depth.get_pixel(c, r).0[0];
        if z.is_finite() && z > 0.0 {
            (low, high, sum, count) = (low.min(z), high.max(z), sum + z, count + 1);
        }
    }
    (count >= 5 && high - low < MAX_DEPTH_STEP * low).then(|| f64::from(sum / f32::from(count)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    #[test]
    fn depth_at_an_edge_or_hole_is_unknown() {
        let depth = DepthImage::from_fn(40, 30, |x, y| {
            Luma([if y < 10 {
                0.0
            } else if x < 20 {
                2.0
            } else {
                3.0
            }])
        });
        assert_eq!(depth_at(&depth, &Vector2::new(10.2, 20.0)), Some(2.0));
        assert_eq!(depth_at(&depth, &Vector2::new(19.8, 20.0)), None);
        assert_eq!(depth_at(&depth, &Vector2::new(10.0, 5.0)), None);
        assert_eq!(depth_at(&depth, &Vector2::new(0.0, 20.0)), None);
    }
}
