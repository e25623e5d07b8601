//! Depth of single features from a rectified pair.

use image::GrayImage;

/// Columns of the compared patches: what one SIMD instruction sums.
const PATCH_WIDTH: usize = 16;
/// Rows of the compared patches.
const PATCH_HEIGHT: usize = 9;
/// Mean difference of the patches, out of 255, above which they show different things.
const MAX_MEAN_DIFFERENCE: u32 = 25;
/// The best match elsewhere on the row has to be worse by this factor.
const UNIQUENESS: f64 = 1.15;
/// Left to right and back has to end within this many pixels of the start.
const MAX_ROUND_TRIP_PX: usize = 1;
/// Mean squared slope along the row, in grey levels per pixel, that localizes a patch to a fraction of a pixel.
const MIN_SLOPE_SQUARED: f32 = 4.0;

/// The disparity (px, to a fraction) of the left pixel nearest to `(x, y)`, at most `max_disparity`; `None` where the
/// patch leaves the image, has no texture along the row, or has no single clear counterpart.
pub(crate) fn disparity(left: &GrayImage, right: &GrayImage, x: f64, y: f64, max_disparity: usize) -> Option<f64> {
    let (width, height) = (left.width() as usize, left.height() as usize);
    let (column, row) = (x.round() as usize, y.round() as usize);
    let inside = column >= PATCH_WIDTH / 2
        && column + PATCH_WIDTH / 2 < width
        && row >= PATCH_HEIGHT / 2
        && row + PATCH_HEIGHT / 2 < height;
    if !inside {
        return None;
    }
    let reach = max_disparity.min(column - PATCH_WIDTH / 2);
    let (best, cost) = search(left, right, column, row, (0..=reach).map(|d| column - d))?;
    if cost > MAX_MEAN_DIFFERENCE * (PATCH_WIDTH * PATCH_HEIGHT) as u32 {
        return None;
    }
    let furthest = (best + max_disparity).min(width - 1 - PATCH_WIDTH / 2);
    let (back, _) = search(right, left, best, row, best..=furthest)?;
    if back.abs_diff(column) > MAX_ROUND_TRIP_PX {
        return None;
    }
    let shift = refine(left, right, column, best, row)?;
    // The keypoint lies beside the pixel that was matched; its own disparity is the same.
    Some((column as f64 - best as f64 - shift).max(0.0))
}

/// The column of `other` whose patch is most like the one of `image` at `(column, row)`, with its sum of absolute
/// differences; `None` if another column, not next to it, is about as good.
fn search(
    image: &GrayImage,
    other: &GrayImage,
    column: usize,
    row: usize,
    columns: impl Iterator<Item = usize>,
) -> Option<(usize, u32)> {
    let costs: Vec<(usize, u32)> = columns.map(|c| (c, difference(image, other, column, c, row))).collect();
    let &(best, cost) = costs.iter().min_by_key(|(_, cost)| *cost)?;
    let elsewhere = costs.iter().filter(|(c, _)| c.abs_diff(best) > 2).map(|(_, cost)| *cost).min();
    let unique = elsewhere.is_none_or(|next| f64::from(next) > UNIQUENESS * f64::from(cost));
    unique.then_some((best, cost))
}

fn difference(image: &GrayImage, other: &GrayImage, column: usize, other_column: usize, row: usize) -> u32 {
    let (a, b) = (image.as_raw(), other.as_raw());
    let width = image.width() as usize;
    (row - PATCH_HEIGHT / 2..=row + PATCH_HEIGHT / 2)
        .map(|r| {
            let start = r * width - PATCH_WIDTH / 2;
            let a = &a[start + column..start + column + PATCH_WIDTH];
            let b = &b[start + other_column..start + other_column + PATCH_WIDTH];
            a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>()
        })
        .sum()
}

/// How far right of `right_column` (px, a fraction) the left patch fits best: Lucas-Kanade along the row, with the
/// difference of mean brightness taken out. `None` without texture or when it wanders off.
fn refine(left: &GrayImage, right: &GrayImage, left_column: usize, right_column: usize, row: usize) -> Option<f64> {
    const HALF: usize = 5;
    const COUNT: f32 = ((2 * HALF + 1) * (2 * HALF - 1)) as f32;
    let width = left.width() as usize;
    if left_column < HALF || right_column < HALF + 3 || left_column + HALF >= width || right_column + HALF + 3 >= width
    {
        return None;
    }
    let (left, right) = (left.as_raw(), right.as_raw());
    let mut shift = 0.0f32;
    for _ in 0..4 {
        let whole = shift.floor();
        let fraction = shift - whole;
        let start = (right_column as isize + whole as isize - HALF as isize) as usize;
        let (mut sum_e, mut sum_g, mut sum_ge, mut sum_gg) = (0.0f32, 0.0f32, 0.0f32, 0.0f32);
        for r in row - (HALF - 1)..=row + (HALF - 1) {
            let l = &left[r * width + left_column - HALF..][..2 * HALF + 1];
            let window = &right[r * width + start - 1..][..2 * HALF + 4];
            for (i, &l) in l.iter().enumerate() {
                let at = |k: usize| f32::from(window[i + k]);
                let value = at(1) * (1.0 - fraction) + at(2) * fraction;
                let slope = 0.5 * ((at(2) - at(0)) * (1.0 - fraction) + (at(3) - at(1)) * fraction);
                let e = f32::from(l) - value;
                sum_e += e;
                sum_g += slope;
                sum_ge += slope * e;
                sum_gg += slope * slope;
            }
        }
        let curvature = sum_gg - sum_g * sum_g / COUNT;
        if curvature < MIN_SLOPE_SQUARED * COUNT {
            return None;
        }
        let step = (sum_ge - sum_g * sum_e / COUNT) / curvature;
        shift += step;
        if shift.abs() > 1.5 {
            return None;
        }
        if step.abs() < 0.01 {
            break;
        }
    }
    Some(f64::from(shift))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Luma;

    /// A smooth pattern without period, so that shifts by a fraction are exact.
    fn texture(x: f64, y: f64) -> u8 {
        (127.0
            + 50.0 * (0.7 * x + 0.3 * y).sin()
            + 40.0 * (0.31 * x - 0.5 * y).sin()
            + 30.0 * (0.113 * x * (1.0 + 0.01 * y)).cos()) as u8
    }

    #[test]
    fn finds_a_fractional_shift() {
        let shift = 17.4;
        let left = GrayImage::from_fn(160, 60, |x, y| Luma([texture(f64::from(x), f64::from(y))]));
        let right = GrayImage::from_fn(160, 60, |x, y| Luma([texture(f64::from(x) + shift, f64::from(y))]));
        for (x, y) in [(60.0, 30.0), (90.3, 20.0), (120.0, 40.4)] {
            let found = disparity(&left, &right, x, y, 40).expect("textured");
            assert!((found - shift).abs() < 0.1, "{found}");
        }
    }

    #[test]
    fn says_nothing_without_texture_or_counterpart() {
        let flat = GrayImage::from_pixel(160, 60, Luma([100]));
        let left = GrayImage::from_fn(160, 60, |x, y| Luma([texture(f64::from(x), f64::from(y))]));
        assert_eq!(disparity(&flat, &flat, 80.0, 30.0, 40), None);
        assert_eq!(disparity(&left, &flat, 80.0, 30.0, 40), None);
        assert_eq!(disparity(&left, &left, 2.0, 30.0, 40), None, "at the border");
        let stripes = GrayImage::from_fn(160, 60, |x, _| Luma([if x % 8 < 4 { 50 } else { 200 }]));
        assert_eq!(disparity(&stripes, &stripes, 80.0, 30.0, 40), None, "a repeating pattern");
    }
}
