//! Texture samples for the pixels of one surface in one row, filtered for how small the texture is seen.

use super::projection::Projected;
use crate::simulation::texture::{Mipmap, Texel};
use std::cell::Cell;

/// Filter settings are kept over so many pixels of a row, ...
pub const CHUNK: usize = 16;
/// ... and over so many rows.
const FILTER_ROWS: usize = 2;

/// How a texture is filtered around a pixel.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    level: usize,
    /// Weight of the next coarser level, eighths.
    coarser: u32,
    /// Samples along the longer axis of a pixel's footprint: 1, 2 or 4, as a power of two.
    taps_shift: u32,
    /// Step between them (finest texels).
    step: [f32; 2],
}

/// A surface in texel units, ready to be sampled.
pub struct Shader<'a, T> {
    texture: &'a Mipmap<T>,
    surface: &'a Projected,
    scale: [f32; 2],
    /// For each [`CHUNK`] of columns the last filter, and its rows.
    filters: Vec<Cell<Option<(usize, Filter)>>>,
}

impl<'a, T: Texel> Shader<'a, T> {
    /// For a projected surface of this size (m), in an image of this width (px).
    pub fn new(texture: &'a Mipmap<T>, surface: &'a Projected, size: [f64; 2], width: usize) -> Self {
        let (columns, rows) = texture.level(0).size();
        let scale = [columns as f64 / size[0], rows as f64 / size[1]].map(|s| s as f32);
        Self { texture, surface, scale, filters: vec![Cell::new(None); width.div_ceil(CHUNK)] }
    }

    /// The filter at a pixel: that of the middle of some pixels around it, unless the surface is too oblique for that.
    pub fn filter(&self, x: usize, y: usize) -> Filter {
        let (column, row) = (x / CHUNK, y / FILTER_ROWS);
        if let Some((_, filter)) = self.filters[column].get().filter(|(filter_row, _)| *filter_row == row) {
            return filter;
        }
        let middle = |index: usize, count: usize| (index * count) as f64 + 0.5 * (count as f64 - 1.0);
        let (middle_x, middle_y) = (middle(column, CHUNK), middle(row, FILTER_ROWS));
        let inverse_depth = &self.surface.inverse_depth;
        let ratio = inverse_depth.at(middle_x, middle_y) / inverse_depth.at(x as f64, y as f64);
        if !(0.7..1.4).contains(&ratio) {
            return self.filter_at(x as f64, y as f64);
        }
        let filter = self.filter_at(middle_x, middle_y);
        self.filters[column].set(Some((row, filter)));
        filter
    }

    /// The filter at a pixel, from the derivatives of the texture coordinates there.
    fn filter_at(&self, x: f64, y: f64) -> Filter {
        let p = self.surface;
        let depth = 1.0 / p.inverse_depth.at(x, y);
        let (u, v) = (p.right.at(x, y) * depth, p.down.at(x, y) * depth);
        let [su, sv] = self.scale.map(f64::from);
        let derivative = |part: fn(&super::projection::Linear) -> f64| {
            let w = part(&p.inverse_depth);
            [((part(&p.right) - u * w) * depth * su) as f32, ((part(&p.down) - v * w) * depth * sv) as f32]
        };
        let (along_x, along_y) = (derivative(|f| f.a), derivative(|f| f.b));
        let square = |d: [f32; 2]| d[0] * d[0] + d[1] * d[1];
        let (mut long, mut step, mut short) = (square(along_x), along_x, square(along_y));
        if short > long {
            (long, step, short) = (short, along_y, long);
        }
        // Squares of lengths: a ratio of 2 is 4 here, and half a logarithm is a logarithm.
        let ratio = long / short.max(1e-12);
        let taps_shift = if long < 1.5 || ratio < 2.2 {
            0
        } else if ratio < 9.0 {
            1
        } else {
            2
        };
        let taps = (1u32 << taps_shift) as f32;
        // In eighths of a level.
        let eighths = (4.0 * log2(long / (taps * taps)) + 0.5).max(0.0) as usize;
        let (level, coarser) = (eighths / 8, (eighths % 8) as u32);
        let coarsest = self.texture.coarsest();
        let (level, coarser) = if level >= coarsest { (coarsest, 0) } else { (level, coarser) };
        Filter { level, coarser, taps_shift, step: step.map(|s| s / taps) }
    }

    /// Colors the pixels of one row from `start` on, at most [`CHUNK`].
    pub fn chunk(&self, y: usize, start: usize, out: &mut [T]) {
        let row = y as f64;
        let filter = self.filter(start, y);
        let begin =
            |f: &super::projection::Linear, scale: f32| (f.at(start as f64, row) as f32 * scale, f.a as f32 * scale);
        let p = self.surface;
        let (w, dw) = begin(&p.inverse_depth, 1.0);
        let (u, du) = begin(&p.right, self.scale[0]);
        let (v, dv) = begin(&p.down, self.scale[1]);
        let (mut us, mut vs) = ([0.0f32; CHUNK], [0.0f32; CHUNK]);
        for i in 0..CHUNK {
            let x = i as f32;
            let depth = 1.0 / (w + dw * x);
            us[i] = (u + du * x) * depth;
            vs[i] = (v + dv * x) * depth;
        }
        let mut sums = [T::Sum::default(); CHUNK];
        let sums = &mut sums[..out.len()];
        self.add(&filter, &us, &vs, sums);
        for (sum, out) in sums.iter().zip(out) {
            *out = T::from_sum(*sum, 3 + filter.taps_shift);
        }
    }

    /// The filter of a pixel that several surfaces share: one sample of one scale, since the pixel gets several.
    pub fn edge_filter(&self, x: usize, y: usize) -> Filter {
        let filter = self.filter(x, y);
        Filter { level: filter.level + usize::from(filter.coarser >= 4), coarser: 0, taps_shift: 0, ..filter }
    }

    /// The color at any point of the image.
    pub fn sample(&self, filter: &Filter, x: f32, y: f32) -> T::Sum {
        let p = self.surface;
        let (x, y) = (f64::from(x), f64::from(y));
        let depth = 1.0 / p.inverse_depth.at(x, y);
        let [u, v] = [p.right.at(x, y) * depth, p.down.at(x, y) * depth];
        let mut sum = [T::Sum::default()];
        self.add(filter, &[u as f32 * self.scale[0]], &[v as f32 * self.scale[1]], &mut sum);
        sum[0]
    }

    /// Adds filtered samples at finest texels `us`, `vs` (edges at whole numbers) to as many sums.
    #[inline(always)]
    fn add<const N: usize>(&self, filter: &Filter, us: &[f32; N], vs: &[f32; N], sums: &mut [T::Sum]) {
        let shrink = 1.0 / (1u32 << filter.level) as f32;
        let fine = self.texture.level(filter.level);
        let coarse = self.texture.level(filter.level + 1);
        let taps = 1u32 << filter.taps_shift;
        for tap in 0..taps {
            let along = tap as f32 - 0.5 * (taps as f32 - 1.0);
            let shift = filter.step.map(|step| along * step);
            fine.add_samples(us, vs, shift, shrink, 8 - filter.coarser, sums);
            if filter.coarser > 0 {
                coarse.add_samples(us, vs, shift, 0.5 * shrink, filter.coarser, sums);
            }
        }
    }
}

/// The logarithm to base 2 of a positive number, to 0.01.
fn log2(x: f32) -> f32 {
    let bits = x.max(1e-12).to_bits();
    let mantissa = f32::from_bits((bits & 0x7f_ffff) | 1f32.to_bits()) - 1.0;
    (bits >> 23) as f32 - 127.0 + mantissa * (1.34 - 0.34 * mantissa)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_logarithm_is_near_enough() {
        for x in (0..200).map(|i| 1e-3 * 1.1f32.powi(i)) {
            assert!((super::log2(x) - x.log2()).abs() < 0.01, "{x}");
        }
    }
}
