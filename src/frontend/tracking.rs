//! Following features from frame to frame.

use super::image::{Pyramid, check};
use super::mask::Mask;
use super::recognition::Appearance;
use super::stereo_matching::StereoMatcher;
use super::surface::{self, SurfaceAlignment, SurfaceImage};
use super::tracker::{Tracker, measuring_baseline_m};
use super::{CornerDetector, FrontendError, FrontendOptions, PosePrior, stage};
use crate::precision::Policy;
use crate::sensors::{Depth, DepthImage, Frame, Images, Rig};
use image::GrayImage;
use nalgebra::Vector2;
use opencv::core::{Point2f, Size, TermCriteria, TermCriteria_COUNT, TermCriteria_EPS, Vector};
use opencv::video::OPTFLOW_USE_INITIAL_FLOW;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// A frame with what has been computed from it.
#[derive(Debug)]
struct Seen {
    frame: Arc<Frame>,
    pyramid: Pyramid,
    /// Corners (px) and their looks, once they were asked for.
    appearance: Option<(Vec<Vector2<f64>>, Appearance)>,
}

/// Corners by whose looks older features are found again, as a multiple of the features that are followed: most of
/// those must be among them.
const CORNERS_PER_FEATURE: usize = 4;

/// Gradient of corners that serve where there are few of the weakest that are sought at first, as a share of theirs.
const WEAKER: f64 = 0.4;

/// Follows features by pyramidal Lucas-Kanade, forward and back, and matches them along rows or looks their depth up.
#[derive(Debug)]
pub struct ImageTracker {
    options: FrontendOptions,
    rig: Rig,
    corners: CornerDetector,
    anchor: Option<Seen>,
    current: Option<Seen>,
    /// Of the frames that were aligned last, the last one first.
    surfaces: Vec<(Arc<Frame>, Arc<SurfaceImage>)>,
}

impl ImageTracker {
    /// A tracker of a rig's images.
    ///
    /// # Errors
    /// [`FrontendError::Mask`] if there is a mask and it does not serve.
    pub fn new(options: &FrontendOptions, rig: &Rig) -> Result<Self, FrontendError> {
        // One thread: the order of sums must not depend on the machine, and the caller decides about parallel work.
        if let Err(error) = opencv::core::set_num_threads(1) {
            tracing::warn!("OpenCV keeps its own number of threads: {error}");
        }
        let mask = Mask::read(&options.mask, &rig.camera, options.patch_size_px / 2)?;
        let corners = CornerDetector::masked(mask);
        Ok(Self { options: options.clone(), rig: *rig, corners, anchor: None, current: None, surfaces: Vec::new() })
    }

    fn patch_px(&self) -> i32 {
        self.options.patch_size_px as i32 | 1
    }

    fn seen(&self, frame: &Arc<Frame>) -> Result<Seen, FrontendError> {
        let pyramid = Pyramid::new(frame.reference(), self.patch_px(), self.options.pyramid_levels as i32)?;
        Ok(Seen { frame: frame.clone(), pyramid, appearance: None })
    }

    /// What a depth camera's frame shows of surfaces; the last two are kept, since keyframes are asked for again.
    fn surfaces(&mut self, frame: &Arc<Frame>) -> Option<Arc<SurfaceImage>> {
        let Images::Rgbd { gray, depth } = &frame.images else { return None };
        let known = self.surfaces.iter().position(|(seen, _)| Arc::ptr_eq(seen, frame));
        let surfaces = match known {
            Some(index) => self.surfaces.remove(index).1,
            None => Arc::new(SurfaceImage::new(gray, depth, &self.rig.camera, &self.range_m())),
        };
        self.surfaces.truncate(1);
        self.surfaces.insert(0, (frame.clone(), surfaces.clone()));
        Some(surfaces)
    }

    /// Depths (m) of a depth image that are used.
    fn range_m(&self) -> RangeInclusive<f64> {
        self.options.min_depth_m.min(self.options.max_depth_m)..=self.options.max_depth_m
    }

    /// One direction of optical flow, from first guesses.
    fn flow(
        &self,
        from: &Seen,
        to: &Seen,
        px_from: &[Point2f],
        guess: &[Point2f],
        levels: i32,
    ) -> Result<Flow, FrontendError> {
        let from_points = Vector::<Point2f>::from_slice(px_from);
        let mut points = Vector::<Point2f>::from_slice(guess);
        let (mut found, mut error) = (Vector::<u8>::new(), Vector::<f32>::new());
        let criteria = TermCriteria { typ: TermCriteria_COUNT | TermCriteria_EPS, max_count: 30, epsilon: 0.01 };
        opencv::video::calc_optical_flow_pyr_lk(
            &from.pyramid.levels,
            &to.pyramid.levels,
            &from_points,
            &mut points,
            &mut found,
            &mut error,
            Size::new(self.patch_px(), self.patch_px()),
            levels.min(from.pyramid.max_level).min(to.pyramid.max_level),
            criteria,
            OPTFLOW_USE_INITIAL_FLOW,
            1e-4,
        )
        .map_err(stage("optical flow"))?;
        Ok(points.iter().zip(found.iter()).map(|(point, found)| (found != 0).then_some(point)).collect())
    }

    /// Times that the images are halved for features within a standard deviation (px) of where they are expected: twice
    /// that has to lie within a quarter of the patch, from which flow still finds its way.
    fn levels_within(&self, within_px: f64) -> i32 {
        let reach_px = 0.25 * self.options.patch_size_px as f64;
        let levels = (2.0 * within_px / reach_px).log2().ceil();
        // One level more than none, in case that more is expected of the prediction than is true.
        (levels.max(1.0) as i32).min(self.options.pyramid_levels as i32)
    }

    /// Forward from the guess and back to the start.
    fn there_and_back(
        &self,
        px_anchor: &[Point2f],
        guess: &[Point2f],
        levels: i32,
    ) -> Result<Vec<Option<Vector2<f64>>>, FrontendError> {
        let (Some(anchor), Some(current)) = (&self.anchor, &self.current) else {
            return Err(FrontendError::NoFrame);
        };
        let forward = self.flow(anchor, current, px_anchor, guess, levels)?;
        let survivors: Vec<usize> = (0..forward.len()).filter(|&index| forward[index].is_some()).collect();
        let reached: Vec<Point2f> = forward.iter().flatten().copied().collect();
        let starts: Vec<Point2f> = survivors.iter().map(|&index| px_anchor[index]).collect();
        let mut result = vec![None; px_anchor.len()];
        if reached.is_empty() {
            return Ok(result);
        }
        // Back from a place that is right, the start is near: a feature that slipped off is farther.
        let back = self.flow(current, anchor, &reached, &starts, 1)?;
        for ((&index, point), back) in survivors.iter().zip(&reached).zip(&back) {
            let px = Vector2::new(f64::from(point.x), f64::from(point.y));
            let returned = back.is_some_and(|back| {
                f64::from(back.x - px_anchor[index].x).hypot(f64::from(back.y - px_anchor[index].y))
                    <= self.options.max_return_px
            });
            if returned && self.rig.camera.contains(&px, 1.0) {
                result[index] = Some(px);
            }
        }
        Ok(result)
    }
}

/// New corners away from those that are taken, until there are `multiple` times the features that are followed: strong ones,
/// and where these make less than half, weaker ones beside them. A bare wall has something to follow all the same, and where
/// there is texture weak corners are not taken for strong ones.
fn corners_of(
    detector: &mut CornerDetector,
    options: &FrontendOptions,
    image: &GrayImage,
    px_taken: &[Vector2<f64>],
    multiple: usize,
) -> Vec<Vector2<f64>> {
    let (count, border_px) = (multiple * options.feature_count, options.patch_size_px / 2 + 1);
    let mut found = detector.detect(image, px_taken, count, options.min_corner_gradient, border_px);
    if 2 * (px_taken.len() + found.len()) < count {
        let taken = [px_taken, &found].concat();
        let weaker = WEAKER * options.min_corner_gradient;
        found.extend(detector.detect(image, &taken, count, weaker, border_px));
    }
    found
}

type Flow = Vec<Option<Point2f>>;

fn point_from_px(px: &Vector2<f64>) -> Point2f {
    Point2f::new(px.x as f32, px.y as f32)
}

impl Tracker for ImageTracker {
    fn take_up(&mut self, frame: &Arc<Frame>) -> Result<(), FrontendError> {
        check(frame, &self.rig)?;
        self.current = Some(self.seen(frame)?);
        Ok(())
    }

    fn follow(
        &mut self,
        px_anchor: &[Vector2<f64>],
        px_predicted: &[Vector2<f64>],
        within_px: f64,
    ) -> Result<Vec<Option<Vector2<f64>>>, FrontendError> {
        if px_anchor.is_empty() {
            return Ok(Vec::new());
        }
        let starts: Vec<Point2f> = px_anchor.iter().map(point_from_px).collect();
        let guess: Vec<Point2f> = px_predicted.iter().map(point_from_px).collect();
        let mut found = self.there_and_back(&starts, &guess, self.levels_within(within_px))?;
        let survivor_count = found.iter().flatten().count();
        // When the prediction was wrong (a bump, a slip), most features are missed: they are sought where they were.
        if 2 * survivor_count < found.len() {
            let lost: Vec<usize> = (0..found.len()).filter(|&index| found[index].is_none()).collect();
            let starts: Vec<Point2f> = lost.iter().map(|&index| starts[index]).collect();
            let again = self.there_and_back(&starts, &starts, self.options.pyramid_levels as i32)?;
            for (&index, px) in lost.iter().zip(again) {
                found[index] = px;
            }
        }
        Ok(found)
    }

    fn new_features(&mut self, px_taken: &[Vector2<f64>]) -> Result<Vec<Vector2<f64>>, FrontendError> {
        let Some(current) = &self.current else { return Err(FrontendError::NoFrame) };
        Ok(corners_of(&mut self.corners, &self.options, current.frame.reference(), px_taken, 1))
    }

    fn right_columns(&mut self, px: &[Vector2<f64>], expected_x: &[Option<f64>]) -> Vec<Option<f64>> {
        let Some(current) = &self.current else { return vec![None; px.len()] };
        match (&current.frame.images, self.rig.depth) {
            (Images::Stereo { left, right }, Depth::Stereo { baseline_m }) => {
                let widest = 0.5 * f64::from(self.rig.camera.width);
                let nearest = self.rig.camera.fx * baseline_m / self.options.min_depth_m;
                let matcher = StereoMatcher {
                    max_disparity_px: nearest.min(widest),
                    min_correlation: self.options.min_correlation,
                };
                matcher.columns(left, right, px, expected_x)
            }
            (Images::Rgbd { depth, .. }, Depth::Image) => {
                let span = self.rig.camera.fx * measuring_baseline_m(&self.rig, &self.options);
                let range = self.range_m();
                let column = |px: &Vector2<f64>| depth_at(depth, px, &range).map(|depth_m| px.x - span / depth_m);
                px.iter().map(column).collect()
            }
            _ => vec![None; px.len()],
        }
    }

    fn recognize(
        &mut self,
        older: &Frame,
        px_older: &[Vector2<f64>],
    ) -> Result<Vec<Option<Vector2<f64>>>, FrontendError> {
        let Some(current) = &mut self.current else { return Err(FrontendError::NoFrame) };
        let (corners, appearance) = match &current.appearance {
            Some(described) => described,
            None => {
                let image = current.frame.reference();
                let corners = corners_of(&mut self.corners, &self.options, image, &[], CORNERS_PER_FEATURE);
                let appearance = Appearance::new(image, &corners)?;
                current.appearance.insert((corners, appearance))
            }
        };
        let mut found = vec![None; px_older.len()];
        for (old, new) in Appearance::new(older.reference(), px_older)?.matches(appearance)? {
            found[old] = Some(corners[new]);
        }
        Ok(found)
    }

    fn align(&mut self, older: &Arc<Frame>, prior: &PosePrior, policy: &Policy) -> Option<SurfaceAlignment> {
        let current = self.current.as_ref()?.frame.clone();
        let (earlier, later) = (self.surfaces(older)?, self.surfaces(&current)?);
        surface::align(&earlier, &later, prior, self.options.depth_sigma_m, policy)
    }

    fn limit(&mut self, feature_count: usize, pyramid_levels: usize) {
        (self.options.feature_count, self.options.pyramid_levels) = (feature_count, pyramid_levels);
    }

    fn set_anchor(&mut self) {
        if let Some(current) = self.current.take() {
            self.anchor = Some(current);
        }
    }

    fn return_to(&mut self, older: &Arc<Frame>) -> Result<(), FrontendError> {
        self.anchor = Some(self.seen(older)?);
        Ok(())
    }
}

/// Share of the depth by which the pixels round a feature may differ from it. At an edge a feature belongs to the
/// nearer side and its pixel may show the farther one, so no depth is better than a wrong one.
const MAX_DEPTH_STEP: f64 = 0.03;

/// The depth (m) at a feature: the median of the valid of 3 x 3 pixels, if most are valid and agree.
fn depth_at(depth: &DepthImage, px: &Vector2<f64>, range: &RangeInclusive<f64>) -> Option<f64> {
    let (x, y) = (px.x.round(), px.y.round());
    if !(x >= 1.0 && y >= 1.0 && x + 2.0 <= f64::from(depth.width()) && y + 2.0 <= f64::from(depth.height())) {
        return None;
    }
    let mut near: Vec<f64> = (0..9)
        .map(|index| f64::from(depth.get_pixel(x as u32 + index % 3 - 1, y as u32 + index / 3 - 1)[0]))
        .filter(|depth_m| range.contains(depth_m))
        .collect();
    near.sort_by(f64::total_cmp);
    let (first, last) = (*near.first()?, *near.last()?);
    (near.len() >= 6 && last - first <= MAX_DEPTH_STEP * first).then(|| near[near.len() / 2])
}
