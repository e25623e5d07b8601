//! Finds and describes what can be recognized in a keyframe.

use super::PlaceOptions;
use super::feature::{DescribedKeyframe, Feature};
use super::point_depth::point_at;
use super::spread::{Corner, spread_evenly};
use crate::odometry::Keyframe;
use crate::sensors::Frame;
use image::GrayImage;
use nalgebra::Vector2;
use opencv::core::{KeyPoint, Mat, Ptr, Vector, no_array};
use opencv::features2d::{ORB, ORB_ScoreType};
use opencv::prelude::*;

/// Corners sought per feature that is kept: the choice among them makes the cover even.
const OVERSAMPLING: usize = 4;
/// Scale between levels of the image pyramid, and their number: sizes up to 1.2⁷ = 3.6 apart are recognized.
const SCALE_FACTOR: f32 = 1.2;
const LEVEL_COUNT: i32 = 8;
/// Size (px) of the patch that is described, and so the width of the border without features.
const PATCH_SIZE: i32 = 31;

/// Finds and describes what can be recognized in a keyframe.
#[derive(Debug)]
pub struct Describer {
    options: PlaceOptions,
    orb: Option<Ptr<ORB>>,
}

impl Describer {
    /// A describer with these options.
    pub fn new(options: &PlaceOptions) -> Self {
        Self { options: options.clone(), orb: None }
    }

    /// Changes the options from now on.
    pub fn set_options(&mut self, options: &PlaceOptions) {
        *self = Self::new(options);
    }

    /// Describes a keyframe: ORB features spread over the image, with the point behind each where stereo or depth
    /// tells, and its colour (grey where the frame has none). An image in which nothing can be described (empty, or
    /// smaller than a patch) gives no features.
    pub fn describe(&mut self, keyframe: &Keyframe) -> DescribedKeyframe {
        let features = self.features(keyframe).unwrap_or_else(|error| {
            tracing::error!(keyframe = keyframe.id.0, %error, "image cannot be described; keyframe has no features");
            Vec::new()
        });
        DescribedKeyframe::new(keyframe, features)
    }

    fn features(&mut self, keyframe: &Keyframe) -> opencv::Result<Vec<Feature>> {
        let frame = &keyframe.frame;
        let image = frame.reference();
        if image.width() <= 2 * PATCH_SIZE as u32 || image.height() <= 2 * PATCH_SIZE as u32 {
            return Ok(Vec::new());
        }
        let (keypoints, descriptors) = self.described_keypoints(image)?;
        keypoints
            .iter()
            .enumerate()
            .map(|(row, keypoint)| {
                let px = Vector2::new(f64::from(keypoint.pt().x), f64::from(keypoint.pt().y));
                let bytes = descriptors.at_row::<u8>(row as i32)?;
                Ok(Feature {
                    px,
                    descriptor: std::array::from_fn(|byte| bytes[byte]),
                    p_camera: point_at(keyframe, &px, self.options.stereo_min_depth_m),
                    color: color_at(frame, &px),
                })
            })
            .collect()
    }

    fn described_keypoints(&mut self, image: &GrayImage) -> opencv::Result<(Vector<KeyPoint>, Mat)> {
        let count = self.options.feature_count;
        let orb = match &mut self.orb {
            Some(orb) => orb,
            none => none.insert(ORB::create(
                (count * OVERSAMPLING) as i32,
                SCALE_FACTOR,
                LEVEL_COUNT,
                PATCH_SIZE,
                0,
                2,
                ORB_ScoreType::FAST_SCORE,
                PATCH_SIZE,
                self.options.corner_threshold as i32,
            )?),
        };
        let image_mat = Mat::new_rows_cols_with_data(image.height() as i32, image.width() as i32, image.as_raw())?;
        let mut found = Vector::<KeyPoint>::new();
        orb.detect(&image_mat, &mut found, &no_array())?;
        let corners: Vec<Corner> = found
            .iter()
            .map(|k| Corner { x: k.pt().x, y: k.pt().y, response: k.response(), octave: k.octave() })
            .collect();
        let mut kept = Vector::<KeyPoint>::with_capacity(count);
        for index in spread_evenly(&corners, image.width(), image.height(), count) {
            kept.push(found.get(index)?);
        }
        let mut descriptors = Mat::default();
        orb.compute(&image_mat, &mut kept, &mut descriptors)?;
        Ok((kept, descriptors))
    }
}

fn color_at(frame: &Frame, px: &Vector2<f64>) -> [u8; 3] {
    let (column, row) = (px.x.round() as u32, px.y.round() as u32);
    let colored = frame.color.as_ref().and_then(|image| image.get_pixel_checked(column, row)).map(|pixel| pixel.0);
    colored.unwrap_or_else(|| frame.reference().get_pixel_checked(column, row).map_or([0; 3], |pixel| [pixel.0[0]; 3]))
}
