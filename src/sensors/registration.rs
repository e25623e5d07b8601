//! Depth images of a camera of their own, moved to the pixels of the colour camera beside it.

use super::calibration::check_pinhole;
use super::{DepthImage, SensorError};
use crate::geometry::{PinholeCamera, Se3};
use image::Luma;
use nalgebra::{Point3, Vector2, Vector3};
use std::ops::Range;

/// Points nearer than this (m) are in no camera's view.
const NEAREST_M: f32 = 0.01;
/// The two cameras stand beside each other. A surface that is less than this share as far from the one as from the
/// other is seen by it from another place, where pixels of the depth image would be large patches: nothing is known there.
/// With it no patch is more than a few times as large as a pixel of the depth image is in the other camera.
const NEAREST_SHARE: f64 = 0.5;
/// A depth camera sees a few metres far: one that is further away (m) shares no view with the other. Millimetres that
/// were taken for metres give that.
const FARTHEST_APART_M: f64 = 5.0;

/// Corners of a pixel, from its centre: opposite ones first (px).
const CORNERS: [[f64; 2]; 4] = [[-0.5, -0.5], [0.5, 0.5], [-0.5, 0.5], [0.5, -0.5]];
/// Sine of the roll up to which the box round two opposite corners of a pixel is nearly the pixel.
const ROLLED: f64 = 0.1;

/// Moves depth images from the camera that took them to the pixels of another.
#[derive(Debug, Clone)]
pub struct Registration {
    camera: PinholeCamera,
    depth_camera: PinholeCamera,
    t_camera_depth: Se3,
    /// Whether one camera is rolled against the other, by more than `ROLLED`.
    is_rolled: bool,
}

impl Registration {
    /// - `camera`: whose pixels are wanted.
    /// - `depth_camera`: that of the depth images, undistorted.
    /// - `t_camera_depth`: the depth camera's optical frame into the other one's.
    ///
    /// # Errors
    /// [`SensorError::Calibration`] if the numbers make no camera, or the two cameras are more than 5 m apart.
    pub fn new(
        camera: &PinholeCamera,
        depth_camera: &PinholeCamera,
        t_camera_depth: &Se3,
    ) -> Result<Self, SensorError> {
        check_pinhole(camera)?;
        check_pinhole(depth_camera)?;
        let apart_m = t_camera_depth.translation.vector.norm();
        if !apart_m.is_finite() || apart_m > FARTHEST_APART_M {
            return Err(SensorError::Calibration(format!(
                "the depth camera is {apart_m} m away from the other; expected at most {FARTHEST_APART_M} m"
            )));
        }
        // What the depth camera's right adds to the other's down.
        let is_rolled = (t_camera_depth.rotation * Vector3::x()).y.abs() > ROLLED;
        Ok(Self { camera: *camera, depth_camera: *depth_camera, t_camera_depth: *t_camera_depth, is_rolled })
    }

    /// Size of the depth images that are taken: width and height (px).
    pub fn depth_size(&self) -> (u32, u32) {
        (self.depth_camera.width, self.depth_camera.height)
    }

    /// The depth (m) at each pixel of the camera: of all surfaces there the nearest; 0 where none is.
    ///
    /// A pixel of the depth image is a patch that faces its camera, so that pixels of a finer camera leave no holes.
    pub fn register(&self, depth: &DepthImage) -> DepthImage {
        let mut registered = DepthImage::new(self.camera.width, self.camera.height);
        for (x, y, Luma([depth_m])) in depth.enumerate_pixels() {
            if *depth_m < NEAREST_M {
                continue;
            }
            let at =
                |[right, down]: [f64; 2]| self.seen(f64::from(x) + right, f64::from(y) + down, f64::from(*depth_m));
            let (Some((least, most)), Some((_, z_m))) = (self.bounds(at), at([0.0, 0.0])) else { continue };
            self.paint(&mut registered, &least, &most, z_m);
        }
        registered
    }

    /// The upper left and lower right corner (px) of the box round a patch, from where its own corners are seen.
    fn bounds(
        &self,
        seen_at: impl Fn([f64; 2]) -> Option<(Vector2<f64>, f32)>,
    ) -> Option<(Vector2<f64>, Vector2<f64>)> {
        // Opposite corners do where both cameras stand upright.
        let corners = if self.is_rolled { &CORNERS[..] } else { &CORNERS[..2] };
        let mut bounds: Option<(Vector2<f64>, Vector2<f64>)> = None;
        for corner in corners {
            let (px, _) = seen_at(*corner)?;
            bounds = Some(bounds.map_or((px, px), |(least, most)| (least.inf(&px), most.sup(&px))));
        }
        bounds
    }

    /// Where the camera sees the point behind a place of the depth image (px), and how deep (m); `None` if it is behind
    /// the camera or much nearer than to the depth camera.
    fn seen(&self, x: f64, y: f64, depth_m: f64) -> Option<(Vector2<f64>, f32)> {
        let p_depth = self.depth_camera.ray(&Vector2::new(x, y)) * depth_m;
        let p_camera = self.t_camera_depth * Point3::from(p_depth);
        let nearest_m = f64::from(NEAREST_M).max(NEAREST_SHARE * depth_m);
        (p_camera.z >= nearest_m).then(|| (self.camera.project(&p_camera), p_camera.z as f32))
    }

    /// Fills the pixels whose centres lie between two corners (the second not included), so that patches side by side
    /// neither overlap nor leave a gap.
    fn paint(&self, registered: &mut DepthImage, least: &Vector2<f64>, most: &Vector2<f64>, z_m: f32) {
        let [columns, rows] = self.pixels_between(least, most);
        for y in rows {
            for x in columns.clone() {
                let Luma([nearest_m]) = registered.get_pixel_mut(x, y);
                if *nearest_m == 0.0 || z_m < *nearest_m {
                    *nearest_m = z_m;
                }
            }
        }
    }

    /// Columns and rows of the camera's image whose centres lie between two corners.
    fn pixels_between(&self, least: &Vector2<f64>, most: &Vector2<f64>) -> [Range<u32>; 2] {
        let range = |from: f64, to: f64, size: u32| {
            let bound = |v: f64| v.ceil().clamp(0.0, f64::from(size)) as u32;
            bound(from)..bound(to)
        };
        [range(least.x, most.x, self.camera.width), range(least.y, most.y, self.camera.height)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;
    use proptest::prelude::*;

    const COLOR: PinholeCamera = PinholeCamera { fx: 60.0, fy: 60.0, cx: 31.5, cy: 23.5, width: 64, height: 48 };
    const DEPTH: PinholeCamera = PinholeCamera { fx: 40.0, fy: 40.0, cx: 32.5, cy: 22.5, width: 64, height: 48 };

    fn wall(depth_m: f32) -> DepthImage {
        DepthImage::from_pixel(DEPTH.width, DEPTH.height, Luma([depth_m]))
    }

    #[test]
    fn a_wall_stays_whole_in_a_finer_camera() {
        let t_camera_depth = Se3::translation(-0.025, 0.0, 0.1);
        let registration = Registration::new(&COLOR, &DEPTH, &t_camera_depth).unwrap();
        let registered = registration.register(&wall(2.0));
        assert!(registered.pixels().all(|Luma([z])| (z - 2.1).abs() < 1e-6), "no hole, all at one depth");
    }

    #[test]
    fn the_same_camera_changes_nothing() {
        let depth = DepthImage::from_fn(64, 48, |x, y| Luma([if (x + y) % 7 == 0 { 0.0 } else { 1.0 + x as f32 }]));
        let registration = Registration::new(&DEPTH, &DEPTH, &Se3::identity()).unwrap();
        let registered = registration.register(&depth);
        for (before, after) in depth.pixels().zip(registered.pixels()) {
            assert!((before.0[0] - after.0[0]).abs() <= 1e-5 * before.0[0]);
        }
    }

    #[test]
    fn a_rolled_camera_sees_the_same_scene() {
        // Depth grows to the right of the depth camera: whichever way that is in the other one, the wall there is whole.
        let depth = DepthImage::from_fn(64, 48, |x, _| Luma([2.0 + 0.01 * x as f32]));
        for degrees in [0.0f64, 45.0, 90.0, 180.0, 270.0] {
            let roll = Se3::rotation(Vector3::new(0.0, 0.0, degrees.to_radians()));
            let registration = Registration::new(&COLOR, &DEPTH, &roll).unwrap();
            let registered = registration.register(&depth);
            for (right, down) in [(0, 0), (10, 0), (-9, 3), (4, 12), (-3, -11)] {
                let (x, y) = ((31 + right) as u32, (23 + down) as u32);
                let ray = COLOR.ray(&Vector2::new(f64::from(x), f64::from(y)));
                let px = DEPTH.project(&Point3::from(roll.rotation.inverse() * ray));
                let expected = 2.0 + 0.01 * px.x as f32;
                let Luma([found]) = registered.get_pixel(x, y);
                assert!((found - expected).abs() < 0.021, "{degrees} degrees at {x}, {y}: {found} for {expected}");
            }
        }
    }

    #[test]
    fn what_is_nearer_hides_what_is_behind() {
        // A pole before a wall, seen from 20 cm further right: it moves left, farther than the wall does.
        let mut depth = wall(4.0);
        (0..48).for_each(|y| (30..34).for_each(|x| depth.put_pixel(x, y, Luma([1.0]))));
        let registration = Registration::new(&DEPTH, &DEPTH, &Se3::translation(-0.2, 0.0, 0.0)).unwrap();
        let registered = registration.register(&depth);
        let row: Vec<f32> = (0..64).map(|x| registered.get_pixel(x, 20).0[0]).collect();
        let pole: Vec<usize> = (0..64).filter(|&x| row[x] == 1.0).collect();
        assert_eq!(pole, [22, 23, 24, 25], "by 40 px · 0.2 m / 1 m");
        assert!(row[28..32].iter().all(|z| *z == 0.0), "behind where the pole stood nobody has looked");
    }

    #[test]
    fn a_camera_in_front_of_the_surface_gets_no_giant_patches() {
        // From 1 cm before the wall each of its pixels would be 150 px wide, in an image of 64.
        let seen_from = |ahead_m: f64| {
            let registration = Registration::new(&COLOR, &DEPTH, &Se3::translation(0.0, 0.0, -ahead_m)).unwrap();
            let registered = registration.register(&wall(1.0));
            registered.pixels().filter(|Luma([z])| *z > 0.0).count()
        };
        assert_eq!([seen_from(0.99), seen_from(0.9), seen_from(0.51)], [0; 3]);
        assert_eq!(seen_from(0.3), 64 * 48, "enlarged by less than two it is whole");
    }

    proptest! {
        /// However wrong the pose, the work stays that of a few pixels for each pixel of the depth image.
        #[test]
        fn patches_are_small_whatever_the_pose(
            rotation in prop::array::uniform3(-3.0f64..3.0),
            translation in prop::array::uniform3(-2.8f64..2.8),
            depth_m in 0.02f64..20.0,
        ) {
            let [a, b, c] = rotation;
            let [x, y, z] = translation;
            let pose = Se3::translation(x, y, z) * Se3::rotation(Vector3::new(a, b, c));
            let registration = Registration::new(&COLOR, &DEPTH, &pose).unwrap();
            for (x, y) in (0..64).flat_map(|x| (0..48).map(move |y| (f64::from(x), f64::from(y)))) {
                let at = |[right, down]: [f64; 2]| registration.seen(x + right, y + down, depth_m);
                let Some((least, most)) = registration.bounds(at) else { continue };
                let [columns, rows] = registration.pixels_between(&least, &most);
                prop_assert!(columns.len() * rows.len() <= 100, "{columns:?} x {rows:?}");
            }
        }
    }

    #[test]
    fn numbers_that_make_no_cameras_are_refused() {
        let broken = PinholeCamera { fx: 0.0, ..DEPTH };
        assert!(Registration::new(&COLOR, &broken, &Se3::identity()).unwrap_err().to_string().contains("fx"));
        let millimetres = Se3::translation(-25.0, 0.0, 1.0);
        assert!(Registration::new(&COLOR, &DEPTH, &millimetres).unwrap_err().to_string().contains("25.0"));
    }
}
