//! Images of a texture at several scales, and filtered samples of them.

use super::material::Color;
use std::ops::Add;

/// A pixel that textures can hold, with fixed-point sums of weighted samples.
pub trait Texel: Copy + Default + Send + Sync + 'static {
    /// A sum of weighted samples: 8 fractional bits, room for weights that sum up to 32.
    type Sum: Copy + Default + Add<Output = Self::Sum>;
    /// From a color, each part 0 to 1 (clamped).
    fn from_color(color: Color) -> Self;
    /// The mean of four.
    fn mean(four: [Self; 4]) -> Self;
    /// Between four neighbours (upper left, upper right, lower left, lower right) at fractions of 256 to the right and
    /// down, times a weight.
    fn between(four: [Self; 4], right: u32, down: u32, weight: u32) -> Self::Sum;
    /// The mean of samples whose weights sum up to `2^shift`.
    fn from_sum(sum: Self::Sum, shift: u32) -> Self;
    /// Brightness, 0 to 255.
    fn gray(self) -> u8;
}

impl Texel for u8 {
    type Sum = u32;
    fn from_color([r, g, b]: Color) -> Self {
        (255.0 * (0.299 * r + 0.587 * g + 0.114 * b)).round() as u8
    }
    fn mean(four: [Self; 4]) -> Self {
        ((four.iter().map(|&t| u32::from(t)).sum::<u32>() + 2) >> 2) as u8
    }
    #[inline(always)]
    fn between(four: [Self; 4], right: u32, down: u32, weight: u32) -> u32 {
        // Upper and lower neighbour in one word.
        let [a, b, c, d] = four.map(u32::from);
        let both = (a | c << 16) * (256 - right) + (b | d << 16) * right;
        (((both & 0xffff) * (256 - down) + (both >> 16) * down) >> 8) * weight
    }
    #[inline(always)]
    fn from_sum(sum: u32, shift: u32) -> Self {
        ((sum + (128 << shift)) >> (8 + shift)).min(255) as u8
    }
    fn gray(self) -> u8 {
        self
    }
}

/// Red, green and blue in one word: `0x00BBGGRR`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rgb(pub u32);

/// Three lanes of 21 bits, so that all colors are weighted by one multiplication.
fn lanes(t: u32) -> u64 {
    let t = u64::from(t);
    (t & 0xff) | ((t & 0xff00) << 13) | ((t & 0xff_0000) << 26)
}
const LOW_BYTES: u64 = 0xff | (0xff << 21) | (0xff << 42);
const ONES: u64 = 1 | (1 << 21) | (1 << 42);

impl Rgb {
    /// Red, green, blue.
    pub fn parts(self) -> [u8; 3] {
        [self.0 as u8, (self.0 >> 8) as u8, (self.0 >> 16) as u8]
    }
    /// From red, green, blue.
    pub fn from_parts([r, g, b]: [u8; 3]) -> Self {
        Self(u32::from(r) | (u32::from(g) << 8) | (u32::from(b) << 16))
    }
}

impl Texel for Rgb {
    type Sum = u64;
    fn from_color(color: Color) -> Self {
        Self::from_parts(color.map(|c| (255.0 * c).round() as u8))
    }
    fn mean(four: [Self; 4]) -> Self {
        let sum = four.iter().map(|t| lanes(t.0)).sum::<u64>() + 2 * ONES;
        Self::pack((sum >> 2) & LOW_BYTES)
    }
    #[inline(always)]
    fn between(four: [Self; 4], right: u32, down: u32, weight: u32) -> u64 {
        let [a, b, c, d] = four.map(|t| lanes(t.0));
        let (right, down) = (u64::from(right), u64::from(down));
        let top = ((a * (256 - right) + b * right) >> 8) & LOW_BYTES;
        let bottom = ((c * (256 - right) + d * right) >> 8) & LOW_BYTES;
        (top * (256 - down) + bottom * down) * u64::from(weight)
    }
    #[inline(always)]
    fn from_sum(sum: u64, shift: u32) -> Self {
        Self::pack((sum >> (8 + shift)) & LOW_BYTES)
    }
    fn gray(self) -> u8 {
        let [r, g, b] = self.parts().map(u32::from);
        ((77 * r + 150 * g + 29 * b + 128) >> 8) as u8
    }
}

impl Rgb {
    fn pack(lanes: u64) -> Self {
        Self((lanes & 0xff) as u32 | ((lanes >> 13) & 0xff00) as u32 | ((lanes >> 26) & 0xff_0000) as u32)
    }
}

/// A texture at one scale. One more column and row than it says repeat the last, so that every texel has neighbours.
#[derive(Debug, Clone)]
pub struct Level<T> {
    width: usize,
    height: usize,
    texels: Vec<T>,
}

impl<T: Texel> Level<T> {
    fn new(width: usize, height: usize, mut texel: impl FnMut(usize, usize) -> T) -> Self {
        let mut texels = Vec::with_capacity((width + 1) * (height + 1));
        for row in 0..height {
            for column in 0..width {
                texels.push(texel(column, row));
            }
            texels.push(texels[texels.len() - 1]);
        }
        texels.extend_from_within(texels.len() - (width + 1)..);
        Self { width, height, texels }
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// Adds weighted samples to as many sums: at `(u + shift[0]) * shrink`, where whole numbers are the edges of
    /// texels, clamped to the texture.
    #[inline(always)]
    pub fn add_samples<const N: usize>(
        &self,
        us: &[f32; N],
        vs: &[f32; N],
        shift: [f32; 2],
        shrink: f32,
        weight: u32,
        sums: &mut [T::Sum],
    ) {
        let fixed =
            |x: f32, shift: f32, size: usize| fixed_point(((x + shift) * shrink - 0.5).clamp(0.0, (size - 1) as f32));
        let columns = us.map(|u| fixed(u, shift[0], self.width));
        let rows = vs.map(|v| fixed(v, shift[1], self.height));
        let stride = self.width + 1;
        for ((sum, u), v) in sums.iter_mut().zip(columns).zip(rows) {
            let index = (v >> 8) as usize * stride + (u >> 8) as usize;
            let near = &self.texels[index..index + stride + 2];
            *sum = *sum + T::between([near[0], near[1], near[stride], near[stride + 1]], u & 255, v & 255, weight);
        }
    }
}

/// A number from 0 to 2^15 in units of 1/256: the low bits of a sum that has no room for a fraction.
#[inline(always)]
fn fixed_point(x: f32) -> u32 {
    const NO_FRACTION: f32 = (1 << 23) as f32;
    (x * 256.0 + NO_FRACTION).to_bits() & 0x7f_ffff
}

/// A texture at several scales, each half the one before.
#[derive(Debug, Clone)]
pub struct Mipmap<T> {
    levels: Vec<Level<T>>,
}

/// Sizes are multiples of this, so that all scales fit each other exactly.
const MULTIPLE: usize = 32;

/// The number of texels across `length` (m) for texels of about `texel` (m).
pub fn texel_count(length: f64, texel: f64) -> usize {
    ((length / texel / MULTIPLE as f64).round() as usize).max(1) * MULTIPLE
}

impl<T: Texel> Mipmap<T> {
    /// Fills the finest scale (multiples of 32 texels) from `texel(column, row)` and makes the others.
    pub fn new(width: usize, height: usize, texel: impl FnMut(usize, usize) -> T) -> Self {
        let mut levels = vec![Level::new(width, height, texel)];
        while let Some(fine) = levels.last().filter(|last| last.width % 2 == 0 && last.height % 2 == 0) {
            let stride = fine.width + 1;
            let coarse = Level::new(fine.width / 2, fine.height / 2, |column, row| {
                let index = 2 * row * stride + 2 * column;
                let texels = &fine.texels;
                T::mean([texels[index], texels[index + 1], texels[index + stride], texels[index + stride + 1]])
            });
            levels.push(coarse);
        }
        Self { levels }
    }

    /// The scale `level`, 0 the finest; the coarsest if there is none so coarse.
    #[inline(always)]
    pub fn level(&self, level: usize) -> &Level<T> {
        &self.levels[level.min(self.levels.len() - 1)]
    }

    /// Index of the coarsest scale.
    #[inline(always)]
    pub fn coarsest(&self) -> usize {
        self.levels.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One sample at texel coordinates (texel centres at whole numbers).
    fn sample<T: Texel>(level: &Level<T>, u: f32, v: f32, weight: u32) -> T::Sum {
        let mut sum = [T::Sum::default()];
        level.add_samples(&[u + 0.5], &[v + 0.5], [0.0; 2], 1.0, weight, &mut sum);
        sum[0]
    }

    #[test]
    fn samples_interpolate_and_coarse_scales_keep_the_mean() {
        let texture = Mipmap::<u8>::new(64, 32, |column, row| (2 * column + row) as u8);
        assert_eq!(u8::from_sum(sample(texture.level(0), 10.5, 4.0, 1), 0), 25);
        // Texel (4, 2) of the first coarser scale is the mean of columns 8..=9 and rows 4..=5.
        assert!((i32::from(u8::from_sum(sample(texture.level(1), 4.0, 2.0, 1), 0)) - 22).abs() <= 1);
        assert_eq!(u8::from_sum(sample(texture.level(0), -9.0, 500.0, 1), 0), 31);
        assert_eq!(u8::from_sum(sample(texture.level(0), 900.0, 500.0, 1), 0), 2 * 63 + 31);
    }

    #[test]
    fn colors_keep_their_lanes() {
        let texture = Mipmap::<Rgb>::new(32, 32, |_, _| Rgb::from_parts([255, 3, 128]));
        let sum: u64 = (0..4).map(|i| sample(texture.level(0), 3.3 + i as f32, 7.7, 8)).sum();
        assert_eq!(Rgb::from_sum(sum, 5).parts(), [255, 3, 128]);
        assert_eq!(Rgb::from_sum(sample(texture.level(5), 0.0, 0.0, 8), 3).parts(), [255, 3, 128]);
    }
}
