//! How much of a corner each pixel of a piece of an image is.

use image::GrayImage;
use std::ops::Range;

/// A local maximum of the response.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Corner {
    /// Smaller eigenvalue of the mean gradient product over 3 x 3 pixels (squared grey levels per px).
    pub response: f32,
    pub x: usize,
    pub y: usize,
}

/// Pixels round a piece that its corners depend on: one for the neighbours of a maximum, one for the mean, one for the
/// gradient.
const MARGIN: usize = 3;

/// Computes the response of pieces; holds its buffers.
#[derive(Debug, Default)]
pub(super) struct CornerResponse {
    /// Products of gradients `[xx, xy, yy]`, then their sums down three rows.
    products: [Vec<f32>; 3],
    sums: [Vec<f32>; 3],
    response: Vec<f32>,
}

impl CornerResponse {
    /// The local maxima over a threshold in some columns and rows of an image; none nearer than 3 pixels to its edge.
    pub(super) fn corners(
        &mut self,
        image: &GrayImage,
        columns: Range<usize>,
        rows: Range<usize>,
        threshold: f32,
    ) -> Vec<Corner> {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let columns = columns.start.max(MARGIN)..columns.end.min(width.saturating_sub(MARGIN));
        let rows = rows.start.max(MARGIN)..rows.end.min(height.saturating_sub(MARGIN));
        if columns.is_empty() || rows.is_empty() {
            return Vec::new();
        }
        self.multiply_gradients(image.as_raw(), width, &columns, &rows);
        // Gradients are there for 2 pixels round the piece, the response for 1.
        let stride = columns.len() + 4;
        let response_stride = columns.len() + 2;
        self.response.clear();
        self.response.resize(response_stride * (rows.len() + 2), 0.0);
        for (row, response) in self.response.chunks_exact_mut(response_stride).enumerate() {
            for (sums, products) in self.sums.iter_mut().zip(&self.products) {
                let [a, b, c] = [0, 1, 2].map(|k| &products[(row + k) * stride..][..stride]);
                sums.clear();
                sums.extend(a.iter().zip(b).zip(c).map(|((a, b), c)| a + b + c));
            }
            let [xx, xy, yy] = &self.sums;
            smaller_eigenvalues(xx, xy, yy, response);
        }
        maxima(&self.response, response_stride, threshold)
            .map(|(x, y, response)| Corner { response, x: x + columns.start - 1, y: y + rows.start - 1 })
            .collect()
    }

    /// Products of Sobel's gradients (grey levels per px) for the piece and 2 pixels round it.
    fn multiply_gradients(&mut self, pixels: &[u8], width: usize, columns: &Range<usize>, rows: &Range<usize>) {
        let length = columns.len() + 6;
        let stride = length - 2;
        let size = stride * (rows.len() + 4);
        self.products.iter_mut().for_each(|products| products.resize(size, 0.0));
        let [xx, xy, yy] = &mut self.products;
        let (mut smooth, mut slope) = (vec![0f32; length], vec![0f32; length]);
        let products = xx.chunks_exact_mut(stride).zip(xy.chunks_exact_mut(stride)).zip(yy.chunks_exact_mut(stride));
        for (y, ((xx, xy), yy)) in (rows.start - 2..rows.end + 2).zip(products) {
            let line = |y: usize| &pixels[y * width + columns.start - MARGIN..][..length];
            let (above, here, below) = (line(y - 1), line(y), line(y + 1));
            for k in 0..length {
                let (a, b, c) = (i16::from(above[k]), i16::from(here[k]), i16::from(below[k]));
                (smooth[k], slope[k]) = (f32::from(a + 2 * b + c) * 0.125, f32::from(c - a) * 0.125);
            }
            // Slices of one length, so that the loop needs no checks and vectorizes.
            let (behind, ahead) = (&smooth[..stride], &smooth[2..][..stride]);
            let (left, middle, right) = (&slope[..stride], &slope[1..][..stride], &slope[2..][..stride]);
            let (xx, xy, yy) = (&mut xx[..stride], &mut xy[..stride], &mut yy[..stride]);
            for k in 0..stride {
                let (by_x, by_y) = (ahead[k] - behind[k], left[k] + 2.0 * middle[k] + right[k]);
                (xx[k], xy[k], yy[k]) = (by_x * by_x, by_x * by_y, by_y * by_y);
            }
        }
    }
}

/// The smaller eigenvalue of the mean over three columns and three rows of gradient products, summed down the rows.
fn smaller_eigenvalues(xx: &[f32], xy: &[f32], yy: &[f32], response: &mut [f32]) {
    let count = response.len();
    let parts = |sums| -> [&[f32]; 3] { [0, 1, 2].map(|k| part(sums, k, count)) };
    let ([a0, a1, a2], [b0, b1, b2], [c0, c1, c2]) = (parts(xx), parts(xy), parts(yy));
    for (k, response) in response.iter_mut().enumerate() {
        let (a, b, c) = (a0[k] + a1[k] + a2[k], b0[k] + b1[k] + b2[k], c0[k] + c1[k] + c2[k]);
        *response = (a + c - ((a - c) * (a - c) + 4.0 * b * b).sqrt()) * (0.5 / 9.0);
    }
}

fn part(sums: &[f32], start: usize, count: usize) -> &[f32] {
    &sums[start..start + count]
}

/// Local maxima over a threshold, but for the outermost pixels: column, row, value. Of equal neighbours the first one.
fn maxima(response: &[f32], stride: usize, threshold: f32) -> impl Iterator<Item = (usize, usize, f32)> {
    let rows = response.len() / stride;
    (1..rows - 1).flat_map(move |y| {
        let [above, row, below] = [y - 1, y, y + 1].map(|y| &response[y * stride..][..stride]);
        (1..stride - 1).filter_map(move |x| {
            let value = row[x];
            let is_peak = value > threshold
                && value > row[x - 1]
                && value >= row[x + 1]
                && above[x - 1..=x + 1].iter().all(|&other| value > other)
                && below[x - 1..=x + 1].iter().all(|&other| value >= other);
            is_peak.then_some((x, y, value))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bumps() -> GrayImage {
        GrayImage::from_fn(64, 48, |x, y| {
            image::Luma([(120.0 + 60.0 * (0.7 * f64::from(x)).sin() * (0.5 * f64::from(y)).cos()) as u8])
        })
    }

    /// The definition, pixel by pixel.
    fn response_at(image: &GrayImage, x: usize, y: usize) -> f32 {
        let pixel = |x: usize, y: usize| f32::from(image.get_pixel(x as u32, y as u32)[0]);
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (v, u) in (y - 1..=y + 1).flat_map(|v| (x - 1..=x + 1).map(move |u| (v, u))) {
            let across = |v: usize| pixel(u + 1, v) - pixel(u - 1, v);
            let down = |u: usize| pixel(u, v + 1) - pixel(u, v - 1);
            let gx = (across(v - 1) + 2.0 * across(v) + across(v + 1)) / 8.0;
            let gy = (down(u - 1) + 2.0 * down(u) + down(u + 1)) / 8.0;
            (xx, xy, yy) = (xx + gx * gx / 9.0, xy + gx * gy / 9.0, yy + gy * gy / 9.0);
        }
        0.5 * (xx + yy - ((xx - yy) * (xx - yy) + 4.0 * xy * xy).sqrt())
    }

    #[test]
    fn corners_are_the_maxima_of_the_definition_in_any_piece() {
        let image = bumps();
        let mut response = CornerResponse::default();
        let whole = response.corners(&image, 0..64, 0..48, 4.0);
        assert!(whole.len() > 20);
        for corner in &whole {
            assert!((corner.response - response_at(&image, corner.x, corner.y)).abs() < 1e-2 * corner.response);
            for (x, y) in [(corner.x - 1, corner.y), (corner.x + 1, corner.y + 1), (corner.x, corner.y - 1)] {
                assert!(response_at(&image, x.max(2), y.max(2)) <= corner.response * 1.001);
            }
        }
        let piece = response.corners(&image, 20..41, 10..30, 4.0);
        let inside = |corner: &&Corner| (20..41).contains(&corner.x) && (10..30).contains(&corner.y);
        assert_eq!(piece, whole.iter().filter(inside).copied().collect::<Vec<_>>());
    }

    #[test]
    fn images_smaller_than_a_patch_have_none() {
        let mut response = CornerResponse::default();
        for (width, height) in [(0, 0), (1, 1), (6, 40), (40, 6)] {
            assert!(response.corners(&GrayImage::new(width, height), 0..100, 0..100, 1.0).is_empty());
        }
    }
}
