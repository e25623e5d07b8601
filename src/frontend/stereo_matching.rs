//! Matching features of a rectified pair along their row.

use super::stereo_patch::{Patch, correlations_along_row, refined};
use image::GrayImage;
use nalgebra::Vector2;

/// Times that the images are halved for the search.
const COARSE_LEVELS: usize = 2;

/// Columns to each side that are searched when the disparity is expected (px).
const EXPECTED_RANGE_PX: i32 = 3;

/// An image at half its size and at a quarter.
struct Halves([GrayImage; COARSE_LEVELS]);

impl Halves {
    fn of(image: &GrayImage) -> Self {
        let half = halved(image);
        let quarter = halved(&half);
        Self([half, quarter])
    }
}

/// An image at half its size, by averaging 2 x 2 pixels.
fn halved(image: &GrayImage) -> GrayImage {
    let (width, height) = (image.width() as usize / 2, image.height() as usize / 2);
    let (source, stride) = (image.as_raw(), image.width() as usize);
    let mut pixels = vec![0u8; width * height];
    for (y, row) in pixels.chunks_exact_mut(width.max(1)).enumerate() {
        let (top, bottom) = (&source[2 * y * stride..][..2 * width], &source[(2 * y + 1) * stride..][..2 * width]);
        for ((out, a), b) in row.iter_mut().zip(top.chunks_exact(2)).zip(bottom.chunks_exact(2)) {
            *out = ((u16::from(a[0]) + u16::from(a[1]) + u16::from(b[0]) + u16::from(b[1]) + 2) / 4) as u8;
        }
    }
    GrayImage::from_raw(width as u32, height as u32, pixels).unwrap_or_default()
}

/// Matches features of the left image in the right one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StereoMatcher {
    /// Largest disparity (px).
    pub max_disparity_px: f64,
    /// Least correlation of the two patches.
    pub min_correlation: f64,
}

impl StereoMatcher {
    /// The columns in the right image (px) of features of the left one, to a fraction of a pixel.
    ///
    /// - `expected_x`: where each should be within some pixels; without it the whole range of disparities is searched,
    ///   coarse to fine, and the match must be found from the right image too.
    ///
    /// `None` if no column is similar enough, another one is as similar, or the patch reaches over the edge.
    pub fn columns(
        &self,
        left: &GrayImage,
        right: &GrayImage,
        px: &[Vector2<f64>],
        expected_x: &[Option<f64>],
    ) -> Vec<Option<f64>> {
        let mut halves = None;
        let mut column = |(px, expected): (&Vector2<f64>, &Option<f64>)| match expected {
            // Also keeps what is no number, or far outside, from the arithmetic of pixels.
            Some(x) if !(-2.0..=self.max_disparity_px + 2.0).contains(&(px.x - x)) => None,
            Some(x) => self.column(left, right, px, (px.x - x).round() as i32, EXPECTED_RANGE_PX),
            None => {
                let (left_halves, right_halves) = halves.get_or_insert_with(|| (Halves::of(left), Halves::of(right)));
                let disparity = self.coarse_disparity(left_halves, right_halves, px)?;
                self.column(left, right, px, disparity, 2)
            }
        };
        px.iter().zip(expected_x).map(&mut column).collect()
    }

    /// The column near an expected disparity.
    fn column(
        &self,
        left: &GrayImage,
        right: &GrayImage,
        px: &Vector2<f64>,
        disparity: i32,
        range: i32,
    ) -> Option<f64> {
        let disparity = best_near(left, right, px, disparity, range)?;
        let (x, correlation) = refined(left, right, px, px.x - f64::from(disparity))?;
        let plausible = px.x - x > -1.0 && px.x - x <= self.max_disparity_px + 1.0;
        (f64::from(correlation) >= self.min_correlation && plausible).then_some(x)
    }

    /// The disparity (px of the full image) to about two pixels, by search in the smallest image and then the middle.
    fn coarse_disparity(&self, left: &Halves, right: &Halves, px: &Vector2<f64>) -> Option<i32> {
        let scale = f64::from(1 << COARSE_LEVELS);
        // A pixel of an image halved by averaging is centred between four: x' = (x + 0.5) / scale - 0.5.
        let small = px.map(|value| (value + 0.5) / scale - 0.5);
        let (x, y) = (small.x.round() as i32, small.y.round() as i32);
        let limit = (self.max_disparity_px / scale).ceil() as i32;
        let (left_small, right_small) = (&left.0[COARSE_LEVELS - 1], &right.0[COARSE_LEVELS - 1]);
        let (mut disparity, best, second) = search(left_small, right_small, x, y, 0..=limit, -1)?;
        if f64::from(best) < self.min_correlation - 0.2 || second > 0.95 * best {
            return None;
        }
        let (back, _, _) = search(right_small, left_small, x - disparity, y, 0..=limit, 1)?;
        if (back - disparity).abs() > 1 {
            return None;
        }
        for level in (1..COARSE_LEVELS).rev() {
            let scale = f64::from(1 << level);
            let px_level = px.map(|value| (value + 0.5) / scale - 0.5);
            disparity = best_near(&left.0[level - 1], &right.0[level - 1], &px_level, 2 * disparity, 2)?;
        }
        Some(2 * disparity)
    }
}

/// The disparity of the best correlation in a range, that correlation, and the best one that is not its neighbour.
/// `sign` says where the other image sees the point: -1 to the left, 1 to the right.
fn search(
    from: &GrayImage,
    to: &GrayImage,
    x: i32,
    y: i32,
    range: std::ops::RangeInclusive<i32>,
    sign: i32,
) -> Option<(i32, f32, f32)> {
    let template = Patch::at(from, x, y)?;
    let mut scores = if sign < 0 {
        correlations_along_row(&template, to, x - range.end()..=x - range.start(), y)
    } else {
        correlations_along_row(&template, to, x + range.start()..=x + range.end(), y)
    };
    if sign < 0 {
        scores.reverse();
    }
    let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a)))?;
    let second = scores
        .iter()
        .enumerate()
        .filter(|(index, _)| index.abs_diff(best) > 2)
        .map(|(_, &score)| score)
        .fold(-1.0, f32::max);
    Some((range.start() + best as i32, scores[best], second))
}

/// The disparity of the best correlation within `range` of an expected one.
fn best_near(left: &GrayImage, right: &GrayImage, px: &Vector2<f64>, expected: i32, range: i32) -> Option<i32> {
    let (x, y) = (px.x.round() as i32, px.y.round() as i32);
    let (disparity, score, _) = search(left, right, x, y, expected - range..=expected + range, -1)?;
    (score > 0.0).then_some(disparity)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A smooth random-looking texture as a function of real coordinates.
    fn texture(x: f64, y: f64) -> f64 {
        let wave = |a: f64, b: f64, c: f64| (a * x + b * y + c).sin();
        128.0
            + 30.0 * wave(0.31, 0.17, 0.3)
            + 30.0 * wave(-0.23, 0.41, 1.1)
            + 25.0 * wave(0.11, -0.13, 2.0)
            + 20.0 * wave(0.05, 0.037, 0.0)
    }

    fn image(shift: f64, gain: f64) -> GrayImage {
        GrayImage::from_fn(240, 160, |x, y| {
            image::Luma([(gain * texture(f64::from(x) + shift, f64::from(y))).round().clamp(0.0, 255.0) as u8])
        })
    }

    #[test]
    fn a_shift_is_found_to_a_twentieth_of_a_pixel_at_another_exposure() {
        let matcher = StereoMatcher { max_disparity_px: 60.0, min_correlation: 0.8 };
        let left = image(0.0, 1.0);
        for shift in [0.0, 0.4, 7.3, 22.75, 41.5] {
            let right = image(shift, 0.8);
            let px = Vector2::new(140.3, 80.6);
            let column = |expected| matcher.columns(&left, &right, &[px], &[expected])[0].unwrap();
            let x = column(None);
            assert!((px.x - shift - x).abs() < 0.05, "shift {shift}: found {}", px.x - x);
            let expected = column(Some(px.x - shift + 2.0));
            assert!((expected - x).abs() < 0.02);
        }
    }

    #[test]
    fn flat_images_and_edges_match_nothing() {
        let matcher = StereoMatcher { max_disparity_px: 60.0, min_correlation: 0.8 };
        let nothing = |image: &GrayImage, px: Vector2<f64>, expected: Option<f64>| {
            assert_eq!(matcher.columns(image, image, &[px], &[expected]), [None]);
        };
        nothing(&GrayImage::from_pixel(240, 160, image::Luma([90])), Vector2::new(120.0, 80.0), None);
        let textured = image(0.0, 1.0);
        for px in [Vector2::new(0.0, 0.0), Vector2::new(239.0, 159.0), Vector2::new(-50.0, 1e6)] {
            nothing(&textured, px, None);
            nothing(&textured, px, Some(1e9));
        }
        nothing(&GrayImage::new(1, 1), Vector2::new(0.0, 0.0), None);
    }
}
