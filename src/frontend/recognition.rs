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
/// cameras of robots and heads roll little between two looks at a place, and upright ones tell more apart; and others that
/// are, for those that do roll.
#[derive(Debug)]
pub(super) struct Appearance {
    upright: Described,
    turned: Described,
}

#[derive(Debug)]
struct Described {
    /// Which of the corners is described in each row.
    indices: Vec<usize>,
    descriptors: Mat,
}

impl Appearance {
    /// Describes corners (px); those too near to the edge are left out.
    pub(super) fn new(image: &GrayImage, px: &[Vector2<f64>]) -> Result<Self, FrontendError> {
        let turned: Vec<f32> = px.iter().map(|px| direction_deg(image, px)).collect();
        Ok(Self {
            upright: Described::new(image, px, &vec![0.0; px.len()])?,
            turned: Described::new(image, px, &turned)?,
        })
    }

    /// Which of the corners here looks like which one there: pairs of indices, each index at most once on either side. By
    /// upright looks, or by turned ones if more are alike.
    pub(super) fn matches(&self, other: &Self) -> Result<Vec<(usize, usize)>, FrontendError> {
        let upright = self.upright.matches(&other.upright)?;
        if 2 * upright.len() > self.upright.indices.len() {
            return Ok(upright);
        }
        let turned = self.turned.matches(&other.turned)?;
        Ok(if turned.len() > upright.len() { turned } else { upright })
    }
}

/// Direction (degrees) from a corner to the centroid of the brightness round it, which turns with the image.
///
/// # Source
/// Rublee, Rabaud, Konolige, Bradski, *ORB: an efficient alternative to SIFT or SURF* (2011), 3.2.
fn direction_deg(image: &GrayImage, px: &Vector2<f64>) -> f32 {
    let radius = PATCH_PX / 2;
    let (x, y) = (px.x.round() as i32, px.y.round() as i32);
    if x < radius || y < radius || x + radius >= image.width() as i32 || y + radius >= image.height() as i32 {
        return 0.0;
    }
    let (mut right, mut down) = (0.0f32, 0.0f32);
    for dy in -radius..=radius {
        let reach = f64::from(radius * radius - dy * dy).sqrt() as i32;
        for dx in -reach..=reach {
            let level = f32::from(image.get_pixel((x + dx) as u32, (y + dy) as u32).0[0]);
            right += dx as f32 * level;
            down += dy as f32 * level;
        }
    }
    down.atan2(right).to_degrees().rem_euclid(360.0)
}

impl Described {
    fn new(image: &GrayImage, px: &[Vector2<f64>], directions_deg: &[f32]) -> Result<Self, FrontendError> {
        let stage = stage("description of corners");
        let mut keypoints = Vector::<KeyPoint>::new();
        for (index, (px, direction)) in px.iter().zip(directions_deg).enumerate() {
            let (x, y) = (px.x as f32, px.y as f32);
            let keypoint = KeyPoint::new_coords(x, y, PATCH_PX as f32, *direction, 1.0, 0, index as i32);
            keypoints.push(keypoint.map_err(&stage)?);
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

    fn matches(&self, other: &Self) -> Result<Vec<(usize, usize)>, FrontendError> {
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
