//! Patches of an image and how alike they are.

use image::GrayImage;
use nalgebra::Vector2;

/// Half the side of the compared patches (px), so they have 11 x 11 pixels.
pub(super) const HALF: i32 = 5;
pub(super) const SIDE: usize = 2 * HALF as usize + 1;
pub(super) const AREA: usize = SIDE * SIDE;

/// A patch with its mean taken off and its norm made one, so that sums of products are correlations.
pub(super) struct Patch {
    pub values: [f32; AREA],
    pub norm: f32,
}

impl Patch {
    /// The pixels round a whole pixel; `None` at the edge.
    pub(super) fn at(image: &GrayImage, x: i32, y: i32) -> Option<Self> {
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
    pub(super) fn between(image: &GrayImage, px: &Vector2<f64>) -> Option<Self> {
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

    pub(super) fn correlation(&self, other: &Self) -> f32 {
        self.values.iter().zip(&other.values).map(|(a, b)| a * b).sum()
    }
}

/// The correlations of a patch with those round whole pixels `x` (range) of one row; -1 where they reach over the edge.
pub(super) fn correlations_along_row(
    template: &Patch,
    image: &GrayImage,
    x: std::ops::RangeInclusive<i32>,
    y: i32,
) -> Vec<f32> {
    let (width, height) = (image.width() as i32, image.height() as i32);
    let mut scores = vec![-1.0; (x.end() - x.start() + 1).max(0) as usize];
    let (first, last) = ((*x.start()).max(HALF), (*x.end()).min(width - 1 - HALF));
    if first > last || y < HALF || y + HALF >= height {
        return scores;
    }
    // One pixel of the template after the other, for all places at once: long sums that vectorize.
    let (count, left) = ((last - first + 1) as usize, (first - HALF) as usize);
    let (mut products, mut sums, mut squares) = (vec![0f32; count], vec![0f32; count], vec![0f32; count]);
    let mut line = vec![0f32; count + SIDE - 1];
    for (row, weights) in template.values.chunks_exact(SIDE).enumerate() {
        let source = &image.as_raw()[((y - HALF) as usize + row) * width as usize + left..][..line.len()];
        line.iter_mut().zip(source).for_each(|(value, &pixel)| *value = f32::from(pixel));
        for (column, &weight) in weights.iter().enumerate() {
            let pixels = &line[column..][..count];
            let totals = products.iter_mut().zip(&mut sums).zip(&mut squares);
            for (((product, sum), square), &pixel) in totals.zip(pixels) {
                *product += weight * pixel;
                *sum += pixel;
                *square += pixel * pixel;
            }
        }
    }
    // The template's mean is zero, so that of the other patch falls out of the product.
    let place = (first - x.start()) as usize;
    for (score, ((product, sum), square)) in scores[place..].iter_mut().zip(products.iter().zip(&sums).zip(&squares)) {
        let contrast = (square - sum * sum / AREA as f32).max(AREA as f32);
        *score = product / contrast.sqrt();
    }
    scores
}

/// Aligns the right patch with the left one along the row; gives the column (px) and the correlation there.
///
/// # Source
/// Inverse compositional alignment, Baker and Matthews, *Lucas-Kanade 20 years on* (2004), with one parameter.
pub(super) fn refined(left: &GrayImage, right: &GrayImage, px: &Vector2<f64>, start_x: f64) -> Option<(f64, f32)> {
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

    #[test]
    fn a_row_of_correlations_is_that_of_single_patches() {
        let image = GrayImage::from_fn(60, 40, |x, y| image::Luma([((x * x * 7 + y * 31 + x * y) % 251) as u8]));
        let template = Patch::between(&image, &Vector2::new(20.3, 17.6)).unwrap();
        for y in [3, 17, 38] {
            let scores = correlations_along_row(&template, &image, -4..=70, y);
            for (score, x) in scores.iter().zip(-4..) {
                let expected = Patch::at(&image, x, y).map_or(-1.0, |patch| template.correlation(&patch));
                assert!((score - expected).abs() < 1e-4, "{x}, {y}: {score} for {expected}");
            }
        }
        assert!(correlations_along_row(&template, &image, 70..=90, 17).iter().all(|&score| score == -1.0));
    }
}
