//! A keyframe's features as they are kept in memory: compact, and laid out for matching.

use super::descriptor::{Descriptor, words_from_bytes};
use super::feature::DescribedKeyframe;
use crate::geometry::{PinholeCamera, Se3};
use nalgebra::{Point3, Vector2};

/// A keyframe's features as they are kept in memory, about 60 bytes each. Vectors have one entry per feature.
#[derive(Debug, Clone)]
pub struct View {
    /// The (left) camera.
    pub camera: PinholeCamera,
    /// Optical frame into the base frame.
    pub t_base_camera: Se3,
    /// Where in the image (px).
    pub px: Vec<Vector2<f32>>,
    /// In the camera frame (m), where the depth is known.
    pub p_camera: Vec<Option<Point3<f32>>>,
    /// What they look like.
    pub descriptors: Vec<Descriptor>,
    /// Red, green, blue.
    pub colors: Vec<[u8; 3]>,
}

impl View {
    /// The features of a keyframe. Those whose numbers are not finite, or whose point is not before the camera, lose
    /// their point; those whose pixel is not finite are left out.
    pub fn new(keyframe: &DescribedKeyframe) -> Self {
        let usable = keyframe.features.iter().filter(|feature| feature.px.iter().all(|v| v.is_finite()));
        let mut view = Self {
            camera: keyframe.camera,
            t_base_camera: keyframe.t_base_camera,
            px: Vec::with_capacity(keyframe.features.len()),
            p_camera: Vec::with_capacity(keyframe.features.len()),
            descriptors: Vec::with_capacity(keyframe.features.len()),
            colors: Vec::with_capacity(keyframe.features.len()),
        };
        for feature in usable {
            let seen = |p: &Point3<f64>| p.iter().all(|v| v.is_finite()) && p.z > 0.0;
            view.px.push(feature.px.cast());
            view.p_camera.push(feature.p_camera.filter(seen).map(|p| p.cast()));
            view.descriptors.push(words_from_bytes(&feature.descriptor));
            view.colors.push(feature.color);
        }
        view
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
