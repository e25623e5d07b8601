//! A keyframe's features as they are kept in memory: compact, and laid out for matching.

use super::descriptor::{Descriptor, words_from_bytes};
use super::feature::DescribedKeyframe;
use crate::geometry::{PinholeCamera, Se3};
use nalgebra::{Point3, Vector2};

/// A keyframe's features as they are kept in memory, 47 bytes each. Vectors have one entry per feature.
#[derive(Debug, Clone)]
pub struct View {
    /// The (left) camera.
    pub camera: PinholeCamera,
    /// Optical frame into the base frame.
    pub t_base_camera: Se3,
    /// Where in the image (px).
    pub px: Vec<Vector2<f32>>,
    /// Depth along the optical axis (m); NaN where it is not known.
    pub depths_m: Vec<f32>,
    /// What they look like.
    pub descriptors: Vec<Descriptor>,
    /// Red, green, blue.
    pub colors: Vec<[u8; 3]>,
}

impl View {
    /// The features of a keyframe. Those whose numbers are not finite, or whose point is not before the camera, lose
    /// their point, which else is taken to lie on its pixel's ray; those whose pixel is not finite are left out.
    pub fn new(keyframe: &DescribedKeyframe) -> Self {
        let usable = keyframe.features.iter().filter(|feature| feature.px.iter().all(|v| v.is_finite()));
        let mut view = Self {
            camera: keyframe.camera,
            t_base_camera: keyframe.t_base_camera,
            px: Vec::with_capacity(keyframe.features.len()),
            depths_m: Vec::with_capacity(keyframe.features.len()),
            descriptors: Vec::with_capacity(keyframe.features.len()),
            colors: Vec::with_capacity(keyframe.features.len()),
        };
        for feature in usable {
            let seen = |p: &Point3<f64>| p.iter().all(|v| v.is_finite()) && p.z > 0.0;
            view.px.push(feature.px.cast());
            view.depths_m.push(feature.p_camera.filter(seen).map_or(f32::NAN, |p| p.z as f32));
            view.descriptors.push(words_from_bytes(&feature.descriptor));
            view.colors.push(feature.color);
        }
        view
    }

    /// A feature in the camera frame (m); `None` if its depth is not known.
    pub fn p_camera(&self, index: usize) -> Option<Point3<f64>> {
        let depth_m = f64::from(self.depths_m[index]);
        (!depth_m.is_nan()).then(|| Point3::from(self.camera.ray(&self.px[index].cast()) * depth_m))
    }

    /// Number of features.
    pub fn len(&self) -> usize {
        self.px.len()
    }

    /// Whether there is no feature.
    pub fn is_empty(&self) -> bool {
        self.px.is_empty()
    }
}
