//! Depth images of a camera of their own, moved to the pixels of the colour camera beside it.

use super::calibration::check_pinhole;
use super::{DepthImage, SensorError};
use crate::geometry::{PinholeCamera, Se3};
use image::Luma;
use nalgebra::{Point3, Vector2};

/// Points nearer than this (m) are in no camera's view.
const NEAREST_M: f32 = 0.01;

/// Moves depth images from the camera that took them to the pixels of another.
#[derive(Debug, Clone)]
pub struct Registration {
    camera: PinholeCamera,
    depth_camera: PinholeCamera,
    t_camera_depth: Se3,
}

impl Registration {
    /// - `camera`: whose pixels are wanted.
    /// - `depth_camera`: that of the depth images, undistorted.
    /// - `t_camera_depth`: the depth camera's optical frame into the other one's.
    ///
    /// # Errors
    /// [`SensorError::Calibration`] if the numbers make no camera.
    pub fn new(
        camera: &PinholeCamera,
        depth_camera: &PinholeCamera,
        t_camera_depth: &Se3,
    ) -> Result<Self, SensorError> {
        check_pinhole(camera)?;
        check_pinhole(depth_camera)?;
        Ok(Self { camera: *camera, depth_camera: *depth_camera, t_camera_depth: *t_camera_depth })
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
            let corner = |shift: f64| self.seen(f64::from(x) + shift, f64::from(y) + shift, f64::from(*depth_m));
            let (Some((first, _)), Some((last, _)), Some((_, z_m))) = (corner(-0.5), corner(0.5), corner(0.0)) else {
                continue;
            };
            self.paint(&mut registered, &first, &last, z_m);
        }
        registered
    }

    /// Where the camera sees the point behind a place of the depth image (px), and how deep (m).
    fn seen(&self, x: f64, y: f64, depth_m: f64) -> Option<(Vector2<f64>, f32)> {
        let p_depth = self.depth_camera.ray(&Vector2::new(x, y)) * depth_m;
        let p_camera = self.t_camera_depth * Point3::from(p_depth);
        (p_camera.z as f32 >= NEAREST_M).then(|| (self.camera.project(&p_camera), p_camera.z as f32))
    }

    /// Fills the pixels whose centres lie between two corners (the second not included), so that patches side by side
    /// neither overlap nor leave a gap.
    fn paint(&self, registered: &mut DepthImage, first: &Vector2<f64>, last: &Vector2<f64>, z_m: f32) {
        let range = |from: f64, to: f64, size: u32| {
            let bound = |v: f64| v.ceil().clamp(0.0, f64::from(size)) as u32;
            bound(from)..bound(to)
        };
        for y in range(first.y, last.y, self.camera.height) {
            for x in range(first.x, last.x, self.camera.width) {
                let Luma([nearest_m]) = registered.get_pixel_mut(x, y);
                if *nearest_m == 0.0 || z_m < *nearest_m {
                    *nearest_m = z_m;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn numbers_that_make_no_camera_are_refused() {
        let broken = PinholeCamera { fx: 0.0, ..DEPTH };
        assert!(Registration::new(&COLOR, &broken, &Se3::identity()).unwrap_err().to_string().contains("fx"));
    }
}
