//! Where the camera sees the robot itself: nothing there belongs to the world.

use super::FrontendError;
use crate::geometry::PinholeCamera;
use image::GrayImage;
use nalgebra::Vector2;
use std::path::Path;

/// Grey levels below this hide.
const WHITE: u8 = 128;

/// The pixels whose patch shows nothing of the robot.
#[derive(Debug)]
pub(super) struct Mask {
    width: usize,
    free: Vec<bool>,
}

impl Mask {
    /// Reads an image, black where the robot is seen, of the size of the (rectified) camera's; `None` for no path.
    ///
    /// - `margin_px`: patches reach this far from their centre, so that pixels nearer to the robot are hidden too.
    ///
    /// # Errors
    /// [`FrontendError::Mask`] if there is no such image.
    pub(super) fn read(path: &str, camera: &PinholeCamera, margin_px: usize) -> Result<Option<Self>, FrontendError> {
        if path.is_empty() {
            return Ok(None);
        }
        let (width, height) = (camera.width, camera.height);
        let failed = |found: String| FrontendError::Mask { path: path.into(), width, height, found };
        let image = image::open(Path::new(path)).map_err(|error| failed(error.to_string()))?.into_luma8();
        if image.dimensions() != (width, height) {
            return Err(failed(format!("{} x {} px", image.width(), image.height())));
        }
        Ok(Some(Self::of(&image, margin_px)))
    }

    pub(super) fn of(image: &GrayImage, margin_px: usize) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let mut free: Vec<bool> = image.as_raw().iter().map(|&pixel| pixel >= WHITE).collect();
        // A square is free if its rows are, one after the other.
        for row in free.chunks_exact_mut(width.max(1)) {
            narrow(row, margin_px);
        }
        let mut column = vec![true; height];
        for x in 0..width {
            for (y, value) in column.iter_mut().enumerate() {
                *value = free[y * width + x];
            }
            narrow(&mut column, margin_px);
            for (y, value) in column.iter().enumerate() {
                free[y * width + x] = *value;
            }
        }
        Self { width, free }
    }

    /// Whether the patch round a pixel shows the world alone.
    pub(super) fn is_free(&self, px: &Vector2<f64>) -> bool {
        let (x, y) = (px.x.round().max(0.0) as usize, px.y.round().max(0.0) as usize);
        x < self.width && self.free.get(y * self.width + x).is_some_and(|free| *free)
    }
}

/// Clears what is nearer than `margin` to what is not set.
fn narrow(line: &mut [bool], margin: usize) {
    let mut since = usize::MAX;
    let before: Vec<usize> = (line.iter())
        .map(|&free| {
            since = if free { since.saturating_add(1) } else { 0 };
            since
        })
        .collect();
    since = usize::MAX;
    for (free, before) in line.iter_mut().zip(before).rev() {
        since = if *free { since.saturating_add(1) } else { 0 };
        *free = since.min(before) > margin;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: PinholeCamera = PinholeCamera { fx: 50.0, fy: 50.0, cx: 32.0, cy: 24.0, width: 64, height: 48 };

    #[test]
    fn the_robot_and_what_is_near_it_are_hidden() {
        let robot = GrayImage::from_fn(64, 48, |x, y| image::Luma([if x >= 40 && y >= 30 { 0 } else { 255 }]));
        let mask = Mask::of(&robot, 5);
        let free = |x: f64, y: f64| mask.is_free(&Vector2::new(x, y));
        assert!(!free(50.0, 40.0) && !free(35.0, 40.0) && !free(35.0, 25.0) && !free(50.0, 25.4));
        assert!(free(34.0, 40.0) && free(50.0, 24.0) && free(34.4, 24.0) && free(0.0, 0.0) && free(63.0, 0.0));
        assert!(!free(64.0, 0.0) && !free(f64::NAN, 60.0));
        assert!(Mask::of(&GrayImage::new(0, 0), 5).free.is_empty());
    }

    #[test]
    fn a_mask_that_does_not_serve_is_refused_by_name() {
        assert!(Mask::read("", &CAMERA, 8).unwrap().is_none());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mask.png");
        let read = || Mask::read(path.to_str().unwrap(), &CAMERA, 8);
        assert!(read().unwrap_err().to_string().contains("mask.png"));
        GrayImage::new(32, 24).save(&path).unwrap();
        let error = read().unwrap_err().to_string();
        assert!(error.contains("64 x 48") && error.contains("32 x 24"), "{error}");
        GrayImage::from_pixel(64, 48, image::Luma([255])).save(&path).unwrap();
        assert!(read().unwrap().unwrap().is_free(&Vector2::new(3.0, 3.0)));
    }
}
