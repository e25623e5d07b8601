//! Textures of surfaces, made when first seen: pattern times light.

use crate::simulation::flat::{Light, Surface};
use crate::simulation::texture::{Mipmap, Texel, texel_count};

/// Light is computed on a grid of this many texels and interpolated between.
const LIGHT_STEP: usize = 16;

/// Makes the texture of a surface.
pub fn bake<T: Texel>(surface: &Surface, light: &Light) -> Mipmap<T> {
    let [width, height] = surface.size;
    let columns = texel_count(width, surface.texel_m);
    let rows = texel_count(height, surface.texel_m);
    let (dx, dy) = (width / columns as f64, height / rows as f64);
    let whole = [surface.offset[0] + width, surface.offset[1] + height].map(|s| s as f32);
    let pattern = surface.material.pattern(surface.seed, whole);
    let stride = columns / LIGHT_STEP + 1;
    let step = LIGHT_STEP as f64;
    let grid: Vec<f32> = (0..=rows / LIGHT_STEP)
        .flat_map(|row| (0..stride).map(move |column| (column, row)))
        .map(|(column, row)| {
            light.at(surface, &surface.point(column as f64 * step * dx, row as f64 * step * dy)) as f32
        })
        .collect();
    let offset = surface.offset.map(|o| o as f32);
    let (dx, dy) = (dx as f32, dy as f32);
    Mipmap::new(columns, rows, |column, row| {
        let cell = row / LIGHT_STEP * stride + column / LIGHT_STEP;
        let fraction = |index: usize| ((index % LIGHT_STEP) as f32 + 0.5) / LIGHT_STEP as f32;
        let (s, t) = (fraction(column), fraction(row));
        let top = grid[cell] * (1.0 - s) + grid[cell + 1] * s;
        let bottom = grid[cell + stride] * (1.0 - s) + grid[cell + stride + 1] * s;
        let light = top * (1.0 - t) + bottom * t;
        let color = pattern(offset[0] + (column as f32 + 0.5) * dx, offset[1] + (row as f32 + 0.5) * dy);
        T::from_color(color.map(|c| (c * light).clamp(0.0, 1.0)))
    })
}
