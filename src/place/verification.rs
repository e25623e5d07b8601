//! Whether two keyframes show the same place, and where one stands to the other.

use super::guided::match_by_projection;
use super::matching::{Match, mutual_matches};
use super::ransac::{consensus, inliers_of};
use super::refinement::{Refined, refine};
use super::reprojection::{Correspondence, TwoViews};
use super::view::View;
use crate::geometry::Se3;
use crate::geometry::se3::carried;
use nalgebra::{Matrix6, Vector2};

crate::options! {
    /// When two keyframes show the same place.
    pub struct VerificationOptions {
        /// Descriptors of a match differ by at most this.
        max_distance_bits: usize = 70usize, "bits", 1..=256, live;
        /// The nearest descriptor is nearer than this times the second nearest.
        match_ratio: f64 = 0.85, "", 0.1..=1.0, live;
        /// Matches by appearance without which nothing more is tried.
        min_matches: usize = 20usize, "matches", 4..=1000, live;
        /// Places of the image that agree with the relative pose.
        min_inliers: usize = 40usize, "places", 6..=1000, live;
        /// Fraction of the matches by appearance that agrees with the relative pose.
        min_inlier_ratio: f64 = 0.3, "", 0.0..=1.0, live;
        /// Fraction of both images, cut into 8 by 6 cells, in which a place agrees.
        min_cover: f64 = 0.25, "", 0.0..=1.0, live;
        /// Fraction of the points that should be visible which is found again.
        min_found_ratio: f64 = 0.1, "", 0.0..=1.0, live;
        /// Standard deviation of a feature's place in the image.
        pixel_sigma_px: f64 = 1.5, "px", 0.1..=20.0, live;
        /// Standard deviation of the inverse of a feature's depth.
        inverse_depth_sigma: f64 = 0.01, "1/m", 0.0..=1.0, live;
        /// Most three-point samples drawn.
        max_samples: usize = 200usize, "samples", 10..=100000, live;
        /// A relative pose less certain than this in any direction is of no use.
        max_sigma_m: f64 = 0.03, "m", 0.001..=10.0, live;
    }
}

/// A correct pose brings the rest of the matches within this radius (px) of where they are expected.
const SEARCH_RADIUS_PX: f64 = 10.0;
/// Features fixed to a grid of this size (px) count as one place, so that one corner on several levels counts once.
const PLACE_PX: f32 = 5.0;
/// Cells per row and column in which the cover is counted.
const COVER_CELLS: (usize, usize) = (8, 6);
/// What no number of features gets below (calibration, rectification): standard deviations (m, rad).
const SIGMA_FLOOR: (f64, f64) = (0.001, 0.0003);

/// The relative pose of two keyframes that show the same place.
#[derive(Debug, Clone, PartialEq)]
pub struct RelativePose {
    /// Base coordinates of the second keyframe into those of the first.
    pub t_from_to: Se3,
    /// Covariance of a perturbation `[ρ; φ]` of it on the right (m, rad).
    pub covariance: Matrix6<f64>,
    /// Places of the image that agree with it.
    pub inlier_count: usize,
    /// Fraction of the matches by appearance that agrees.
    pub inlier_ratio: f64,
    /// Fraction of the images in which places agree, the smaller of both.
    pub cover: f64,
    /// Fraction of the points that should be visible which was found again.
    pub found_ratio: f64,
}

/// Why two keyframes were not found to show the same place.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// Too few features look alike.
    #[error("{0} matches")]
    Matches(usize),
    /// Too few agree with any relative pose.
    #[error("{0} inliers")]
    Inliers(usize),
    /// Too small a part of the matches agrees.
    #[error("inlier ratio {0:.2}")]
    Ratio(f64),
    /// They lie in too small a part of the image.
    #[error("cover {0:.2}")]
    Cover(f64),
    /// Too few of the points that should be seen are.
    #[error("found ratio {0:.2}")]
    Found(f64),
    /// They do not determine the pose.
    #[error("pose uncertain by {0:.3} m")]
    Uncertain(f64),
}

/// Finds the relative pose of two keyframes.
#[derive(Debug, Clone)]
pub struct Verifier {
    options: VerificationOptions,
}

impl Verifier {
    /// A verifier with these options.
    pub fn new(options: &VerificationOptions) -> Self {
        Self { options: options.clone() }
    }

    /// Finds where `b` stands to `a`: matches by appearance, the pose most of them agree with, more matches near where
    /// that pose expects them, refinement, checks. At least one of them needs points.
    ///
    /// # Errors
    /// [`Rejection`] says which check failed.
    pub fn verify(&self, a: &View, b: &View) -> Result<RelativePose, Rejection> {
        let options = &self.options;
        let views = TwoViews {
            camera_a: a.camera,
            camera_b: b.camera,
            pixel_sigma: options.pixel_sigma_px,
            inverse_depth_sigma: options.inverse_depth_sigma,
        };
        let matches = mutual_matches(a, b, options.max_distance_bits as u32, options.match_ratio);
        if matches.len() < options.min_matches {
            return Err(Rejection::Matches(matches.len()));
        }
        let pairs = correspondences(a, b, &matches);
        let first = consensus(&views, &pairs, options.max_samples).ok_or(Rejection::Inliers(0))?;
        let inlier_ratio = first.inliers.len() as f64 / matches.len() as f64;
        // Guided search multiplies the inliers of a true pose, but not those of a chance agreement.
        if first.inliers.len() < options.min_inliers.div_ceil(2) {
            return Err(Rejection::Inliers(first.inliers.len()));
        }
        if inlier_ratio < options.min_inlier_ratio {
            return Err(Rejection::Ratio(inlier_ratio));
        }
        let found = self.widen(&views, a, b, &first.t_b_a).ok_or(Rejection::Inliers(0))?;
        self.judge(a, b, found, inlier_ratio)
    }

    /// Finds all pairs that agree with a pose near this one, and that pose.
    fn widen(&self, views: &TwoViews, a: &View, b: &View, start: &Se3) -> Option<Found> {
        let mut t_b_a = *start;
        let mut found = None;
        for radius_px in [SEARCH_RADIUS_PX, 0.6 * SEARCH_RADIUS_PX] {
            let (matches, found_ratio) = self.guided_matches(a, b, &t_b_a, radius_px);
            let pairs = correspondences(a, b, &matches);
            let inliers = inliers_of(views, &t_b_a, &pairs);
            let refined = refine(views, &t_b_a, &pairs, &inliers)?;
            let inliers = inliers_of(views, &refined.t_b_a, &pairs);
            t_b_a = refined.t_b_a;
            let inlier_fraction = inliers.len() as f64 / matches.len().max(1) as f64;
            let inliers = inliers.into_iter().map(|index| matches[index]).collect();
            found = Some(Found { refined, inliers, found_ratio: found_ratio * inlier_fraction });
        }
        found
    }

    /// Matches by projection both ways, and the fraction of visible points that have one.
    fn guided_matches(&self, a: &View, b: &View, t_b_a: &Se3, radius_px: f64) -> (Vec<Match>, f64) {
        let max_distance = self.options.max_distance_bits as u32;
        let forward = match_by_projection(a, b, t_b_a, radius_px, max_distance);
        let backward = match_by_projection(b, a, &t_b_a.inverse(), radius_px, max_distance);
        let visible_count = forward.visible_count + backward.visible_count;
        let found_ratio = (forward.matches.len() + backward.matches.len()) as f64 / visible_count.max(1) as f64;
        let (mut used_a, mut used_b) = (vec![false; a.len()], vec![false; b.len()]);
        let mut matches = Vec::with_capacity(forward.matches.len());
        let turned = backward.matches.iter().map(|pair| Match { a: pair.b, b: pair.a });
        for pair in forward.matches.iter().copied().chain(turned) {
            if !used_a[pair.a] && !used_b[pair.b] {
                (used_a[pair.a], used_b[pair.b]) = (true, true);
                matches.push(pair);
            }
        }
        (matches, found_ratio)
    }

    fn judge(&self, a: &View, b: &View, found: Found, inlier_ratio: f64) -> Result<RelativePose, Rejection> {
        let options = &self.options;
        let places_a: Vec<&Vector2<f32>> = found.inliers.iter().map(|pair| &a.px[pair.a]).collect();
        let places_b: Vec<&Vector2<f32>> = found.inliers.iter().map(|pair| &b.px[pair.b]).collect();
        let inlier_count = place_count(&places_a).min(place_count(&places_b));
        if inlier_count < options.min_inliers {
            return Err(Rejection::Inliers(inlier_count));
        }
        let cover = cover(a, &places_a).min(self::cover(b, &places_b));
        if cover < options.min_cover {
            return Err(Rejection::Cover(cover));
        }
        if found.found_ratio < options.min_found_ratio {
            return Err(Rejection::Found(found.found_ratio));
        }
        let (t_from_to, covariance) = in_base(a, b, &found.refined);
        let covariance = covariance * (found.inliers.len() as f64 / inlier_count as f64);
        let sigma_m = covariance.fixed_view::<3, 3>(0, 0).symmetric_eigenvalues().max().sqrt();
        if sigma_m.is_nan() || sigma_m > options.max_sigma_m {
            return Err(Rejection::Uncertain(sigma_m));
        }
        Ok(RelativePose { t_from_to, covariance, inlier_count, inlier_ratio, cover, found_ratio: found.found_ratio })
    }
}

struct Found {
    refined: Refined,
    inliers: Vec<Match>,
    found_ratio: f64,
}

fn correspondences(a: &View, b: &View, matches: &[Match]) -> Vec<Correspondence> {
    let pair = |pair: &Match| Correspondence {
        px_a: a.px[pair.a].cast(),
        px_b: b.px[pair.b].cast(),
        p_a: a.p_camera(pair.a),
        p_b: b.p_camera(pair.b),
    };
    matches.iter().map(pair).collect()
}

fn distinct(mut cells: Vec<(usize, usize)>) -> usize {
    cells.sort_unstable();
    cells.dedup();
    cells.len()
}

fn place_count(places: &[&Vector2<f32>]) -> usize {
    distinct(places.iter().map(|px| ((px.x / PLACE_PX) as usize, (px.y / PLACE_PX) as usize)).collect())
}

fn cover(view: &View, places: &[&Vector2<f32>]) -> f64 {
    let cell = |v: f32, size: u32, count: usize| ((v / size as f32 * count as f32) as usize).min(count - 1);
    let (columns, rows) = COVER_CELLS;
    let cells = places.iter().map(|px| (cell(px.x, view.camera.width, columns), cell(px.y, view.camera.height, rows)));
    distinct(cells.collect()) as f64 / (columns * rows) as f64
}

/// The relative pose of the bases, with its covariance, from that of the cameras.
///
/// With `t_b_a · exp(δ)`, the inverse is `t_a_b · exp(-Ad(t_b_a) δ)`; seen from the base another adjoint follows.
fn in_base(a: &View, b: &View, refined: &Refined) -> (Se3, Matrix6<f64>) {
    let t_base_b_a = b.t_base_camera * refined.t_b_a;
    let t_from_to = a.t_base_camera * refined.t_b_a.inverse() * b.t_base_camera.inverse();
    let covariance = carried(&refined.covariance, &t_base_b_a);
    let floor = |k: usize| if k < 3 { SIGMA_FLOOR.0 } else { SIGMA_FLOOR.1 };
    let floor = Matrix6::from_diagonal(&nalgebra::Vector6::from_fn(|k, _| floor(k).powi(2)));
    (t_from_to, covariance + floor)
}
