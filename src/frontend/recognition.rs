//! Finding features again by what they look like, however far they have moved.

use super::image::mat_from_gray;
use super::{FrontendError, stage};
use image::GrayImage;
use nalgebra::Vector2;
use opencv::core::{DMatch, KeyPoint, Mat, NORM_HAMMING, Vector, no_array};
use opencv::features2d::{BFMatcher, ORB, ORB_ScoreType};
use opencv::prelude::*;

/// Side of the patch that is described (px), and so the border without features.
const PATCH_PX: i32 = 31;

/// A match counts if its distance is below this share of the second nearest's.
///
/// # Source
/// Lowe, *Distinctive image features from scale-invariant keypoints* (2004), 7.1.
const RATIO: f32 = 0.8;

/// Corners of an image with what they look like: binary descriptors that are not turned with the image, since the
/// cameras of robots and heads roll little between two looks at a place, and upright ones tell more apart.
#[derive(Debug)]
pub(super) struct Appearance {
    /// Which of the corners is described in each row.
    indices: Vec<usize>,
    descriptors: Mat,
}

impl Appearance {
    /// Describes corners (px); those too near to the edge are left out.
    pub(super) fn new(image: &GrayImage, px: &[Vector2<f64>]) -> Result<Self, FrontendError> {
        let stage = stage("description of corners");
        let mut keypoints = Vector::<KeyPoint>::new();
        for (index, px) in px.iter().enumerate() {
            let (x, y) = (px.x as f32, px.y as f32);
            keypoints.push(KeyPoint::new_coords(x, y, PATCH_PX as f32, 0.0, 1.0, 0, index as i32).map_err(&stage)?);
        }
        let mut descriptors = Mat::default();
        if image.width() as i32 > 2 * PATCH_PX && image.height() as i32 > 2 * PATCH_PX && !keypoints.is_empty() {
            let count = keypoints.len() as i32;
            let mut orb =
                ORB::create(count, 1.2, 1, PATCH_PX, 0, 2, ORB_ScoreType::FAST_SCORE, PATCH_PX, 20).map_err(&stage)?;
            orb.compute(&mat_from_gray(image)?, &mut keypoints, &mut descriptors).map_err(&stage)?;
        }
        let rows = if descriptors.empty() { 0 } else { keypoints.len() };
        let indices = keypoints.iter().take(rows).map(|keypoint| keypoint.class_id() as usize).collect();
        Ok(Self { indices, descriptors })
    }

    /// Which of the corners here looks like which one there: pairs of indices, each index at most once on either side.
    pub(super) fn matches(&self, other: &Self) -> Result<Vec<(usize, usize)>, FrontendError> {
        let stage = stage("matching of descriptors");
        if self.indices.is_empty() || other.indices.len() < 2 {
            return Ok(Vec::new());
        }
        let matcher = BFMatcher::new(NORM_HAMMING, false).map_err(&stage)?;
        let mut nearest = Vector::<Vector<DMatch>>::new();
        matcher
            .knn_train_match(&self.descriptors, &other.descriptors, &mut nearest, 2, &no_array(), false)
            .map_err(&stage)?;
        let mut best: Vec<DMatch> = nearest
            .iter()
            .filter_map(|pair| {
                let (first, second) = (pair.get(0).ok()?, pair.get(1).ok()?);
                (first.distance < RATIO * second.distance).then_some(first)
            })
            .collect();
        best.sort_by(|a, b| a.train_idx.cmp(&b.train_idx).then(a.distance.total_cmp(&b.distance)));
        best.dedup_by_key(|pair| pair.train_idx);
        Ok(best
            .iter()
            .map(|pair| (self.indices[pair.query_idx as usize], other.indices[pair.train_idx as usize]))
            .collect())
    }
}
