//! The pinhole camera of a rectified image.

use nalgebra::{Point3, Vector2, Vector3};

/// A pinhole camera without distortion. Optical frame: x right, y down, z forward (REP-103). Pixel centres are at
/// whole numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PinholeCamera {
    /// Focal length along x (px).
    pub fx: f64,
    /// Focal length along y (px).
    pub fy: f64,
    /// Principal point, x (px).
    pub cx: f64,
    /// Principal point, y (px).
    pub cy: f64,
    /// Image width (px).
    pub width: u32,
    /// Image height (px).
    pub height: u32,
}

impl PinholeCamera {
    /// The pixel of a point in the camera frame (m); meaningless unless `z > 0`.
    pub fn project(&self, p_camera: &Point3<f64>) -> Vector2<f64> {
        Vector2::new(self.fx * p_camera.x / p_camera.z + self.cx, self.fy * p_camera.y / p_camera.z + self.cy)
    }

    /// The ray `(x, y, 1)` of a pixel in the camera frame.
    pub fn ray(&self, px: &Vector2<f64>) -> Vector3<f64> {
        Vector3::new((px.x - self.cx) / self.fx, (px.y - self.cy) / self.fy, 1.0)
    }

    /// Whether a pixel lies in the image, at least `border_px` from its edge.
    pub fn contains(&self, px: &Vector2<f64>, border_px: f64) -> bool {
        px.x >= border_px
            && px.y >= border_px
            && px.x <= f64::from(self.width) - 1.0 - border_px
            && px.y <= f64::from(self.height) - 1.0 - border_px
    }
}
