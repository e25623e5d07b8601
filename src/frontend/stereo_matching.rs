//! Matching features of a rectified pair along their row.

use image::GrayImage;
use nalgebra::Vector2;

/// Half the side of the compared patches (px), so they have 11 x 11 pixels.
const HALF: i32 = 5;
const SIDE: usize = 2 * HALF as usize + 1;
const AREA: usize = SIDE * SIDE;

/// Times that the images are halved for the search.
const COARSE_LEVELS: usize = 2;

/// Columns to each side that are searched when the disparity is expected (px).
const EXPECTED_RANGE_PX: i32 = 3;

/// An image at its size, half and a quarter of it.
#[derive(Debug, Clone)]
pub struct StereoPyramid {
    levels: Vec<GrayImage>,
}

impl StereoPyramid {
    /// Halves an image by averaging 2 x 2 pixels.
    pub fn new(image: &GrayImage) -> Self {
        let mut levels = vec![image.clone()];
        for level in 0..COARSE_LEVELS {
            let next = halved(&levels[level]);
            levels.push(next);
        }
        Self { levels }
    }
}

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

/// A patch with its mean taken off and its norm made one, so that sums of products are correlations.
struct Patch {
    values: [f32; AREA],
    norm: f32,
}

impl Patch {
    /// The pixels round a whole pixel; `None` at the edge.
    fn at(image: &GrayImage, x: i32, y: i32) -> Option<Self> {
        let (width, height) = (image.width() as i32, image.height() as i32);
        if x < HALF || y < HALF || x + HALF >= width || y + HALF >= height {
            return None;
        }
        let (source, stride) = (image.as_raw(), width as usize);
        let mut values = [0f32; AREA];
        for (row, out) in values.chunks_exact_mut(SIDE).enumerate() {
            let start = (y - HALF) as usize + row;
            let line = &source[start * stride + (x - HALF) as usize..][..SIDE];
            for (value, &pixel) in out.iter_mut().zip(line) {
                *value = f32::from(pixel);
            }
        }
        Some(Self::normalized(values))
    }

    /// The same between pixels, by bilinear interpolation; `None` at the edge.
    fn between(image: &GrayImage, px: &Vector2<f64>) -> Option<Self> {
        let (x, y) = (px.x.floor(), px.y.floor());
        let half = f64::from(HALF);
        let inside = x >= half
            && y >= half
            && x + half + 2.0 <= f64::from(image.width())
            && y + half + 2.0 <= f64::from(image.height());
        if !inside {
            return None;
        }
        let (fx, fy) = ((px.x - x) as f32, (px.y - y) as f32);
        let (source, stride) = (image.as_raw(), image.width() as usize);
        let (left, top) = (x as usize - HALF as usize, y as usize - HALF as usize);
        let mut values = [0f32; AREA];
        for (row, out) in values.chunks_exact_mut(SIDE).enumerate() {
            let upper = source.get((top + row) * stride + left..)?.get(..=SIDE)?;
            let lower = source.get((top + row + 1) * stride + left..)?.get(..=SIDE)?;
            for (column, value) in out.iter_mut().enumerate() {
                let mix = |line: &[u8]| (1.0 - fx) * f32::from(line[column]) + fx * f32::from(line[column + 1]);
                *value = (1.0 - fy) * mix(upper) + fy * mix(lower);
            }
        }
        Some(Self::normalized(values))
    }

    fn normalized(mut values: [f32; AREA]) -> Self {
        let mean = values.iter().sum::<f32>() / AREA as f32;
        values.iter_mut().for_each(|value| *value -= mean);
        // One grey level of contrast is noise; the floor keeps flat patches from correlating.
        let norm = values.iter().map(|value| value * value).sum::<f32>().sqrt().max((AREA as f32).sqrt());
        values.iter_mut().for_each(|value| *value /= norm);
        Self { values, norm }
    }

    fn correlation(&self, other: &Self) -> f32 {
        self.values.iter().zip(&other.values).map(|(a, b)| a * b).sum()
    }
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
    /// The column in the right image (px) of a feature of the left one, to a fraction of a pixel.
    ///
    /// - `expected_x`: where it should be within some pixels; without it the whole range of disparities is searched,
    ///   coarse to fine, and the match must be found from the right image too.
    ///
    /// `None` if no column is similar enough, another one is as similar, or the patch reaches over the edge.
    pub fn column(
        &self,
        left: &StereoPyramid,
        right: &StereoPyramid,
        px: &Vector2<f64>,
        expected_x: Option<f64>,
    ) -> Option<f64> {
        let disparity = match expected_x {
            // Also keeps what is no number, or far outside, from the arithmetic of pixels.
            Some(x) if !(-2.0..=self.max_disparity_px + 2.0).contains(&(px.x - x)) => return None,
            Some(x) => (px.x - x).round() as i32,
            None => self.coarse_disparity(left, right, px)?,
        };
        let range = if expected_x.is_some() { EXPECTED_RANGE_PX } else { 2 };
        let disparity = best_near(&left.levels[0], &right.levels[0], px, disparity, range)?;
        let (x, correlation) = refined(&left.levels[0], &right.levels[0], px, px.x - f64::from(disparity))?;
        let plausible = px.x - x > -1.0 && px.x - x <= self.max_disparity_px + 1.0;
        (f64::from(correlation) >= self.min_correlation && plausible).then_some(x)
    }

    /// The disparity (px of the full image) to about two pixels, by search in the smallest image and then the middle.
    fn coarse_disparity(&self, left: &StereoPyramid, right: &StereoPyramid, px: &Vector2<f64>) -> Option<i32> {
        let scale = f64::from(1 << COARSE_LEVELS);
        // A pixel of an image halved by averaging is centred between four: x' = (x + 0.5) / scale - 0.5.
        let small = px.map(|value| (value + 0.5) / scale - 0.5);
        let (x, y) = (small.x.round() as i32, small.y.round() as i32);
        let limit = (self.max_disparity_px / scale).ceil() as i32;
        let (left_small, right_small) = (&left.levels[COARSE_LEVELS], &right.levels[COARSE_LEVELS]);
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
            disparity = best_near(&left.levels[level], &right.levels[level], &px_level, 2 * disparity, 2)?;
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
    let scores: Vec<f32> = range
        .clone()
        .map(|disparity| Patch::at(to, x + sign * disparity, y).map_or(-1.0, |patch| template.correlation(&patch)))
        .collect();
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

/// Aligns the right patch with the left one along the row; gives the column (px) and the correlation there.
///
/// # Source
/// Inverse compositional alignment, Baker and Matthews, *Lucas-Kanade 20 years on* (2004), with one parameter.
fn refined(left: &GrayImage, right: &GrayImage, px: &Vector2<f64>, start_x: f64) -> Option<(f64, f32)> {
    let template = Patch::between(left, px)?;
    let gradient = column_gradient(left, px)?;
    // Patches are compared at unit norm, so the gradient is brought to the template's norm as well.
    let gradient = gradient.map(|value| value / template.norm);
    let curvature: f32 = gradient.iter().map(|value| value * value).sum();
    if curvature < 1e-6 {
        return None;
    }
    let mut x = start_x;
    for _ in 0..10 {
        let patch = Patch::between(right, &Vector2::new(x, px.y))?;
        let slope: f32 = (0..AREA).map(|index| gradient[index] * (template.values[index] - patch.values[index])).sum();
        let step = f64::from(slope / curvature).clamp(-1.0, 1.0);
        x += step;
        if (x - start_x).abs() > 2.0 {
            return None;
        }
        if step.abs() < 0.005 {
            break;
        }
    }
    let patch = Patch::between(right, &Vector2::new(x, px.y))?;
    Some((x, template.correlation(&patch)))
}

/// Derivative along the row of the left patch, mean taken off (grey levels per px).
fn column_gradient(image: &GrayImage, px: &Vector2<f64>) -> Option<[f32; AREA]> {
    let ahead = Patch::between(image, &Vector2::new(px.x + 0.5, px.y))?;
    let behind = Patch::between(image, &Vector2::new(px.x - 0.5, px.y))?;
    let mut gradient = [0f32; AREA];
    for (index, value) in gradient.iter_mut().enumerate() {
        *value = ahead.values[index] * ahead.norm - behind.values[index] * behind.norm;
    }
    Some(gradient)
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
        let left = StereoPyramid::new(&image(0.0, 1.0));
        for shift in [0.0, 0.4, 7.3, 22.75, 41.5] {
            let right = StereoPyramid::new(&image(shift, 0.8));
            let px = Vector2::new(140.3, 80.6);
            let x = matcher.column(&left, &right, &px, None).unwrap();
            assert!((px.x - shift - x).abs() < 0.05, "shift {shift}: found {}", px.x - x);
            let expected = matcher.column(&left, &right, &px, Some(px.x - shift + 2.0)).unwrap();
            assert!((expected - x).abs() < 0.02);
        }
    }

    #[test]
    fn flat_images_and_edges_match_nothing() {
        let matcher = StereoMatcher { max_disparity_px: 60.0, min_correlation: 0.8 };
        let flat = StereoPyramid::new(&GrayImage::from_pixel(240, 160, image::Luma([90])));
        assert_eq!(matcher.column(&flat, &flat, &Vector2::new(120.0, 80.0), None), None);
        let textured = StereoPyramid::new(&image(0.0, 1.0));
        for px in [Vector2::new(0.0, 0.0), Vector2::new(239.0, 159.0), Vector2::new(-50.0, 1e6)] {
            assert_eq!(matcher.column(&textured, &textured, &px, None), None);
            assert_eq!(matcher.column(&textured, &textured, &px, Some(1e9)), None);
        }
        let tiny = StereoPyramid::new(&GrayImage::new(1, 1));
        assert_eq!(matcher.column(&tiny, &tiny, &Vector2::new(0.0, 0.0), None), None);
    }
}
