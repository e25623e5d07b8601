//! Smooth outlines: pixels where surfaces meet are the mean of several samples.

use super::projection::Projected;
use super::shading::{Filter, Shader};
use crate::simulation::texture::Texel;

/// Where in a pixel samples are taken (a rotated grid).
const SAMPLES: [[f32; 2]; 4] = [[-0.375, -0.125], [0.125, -0.375], [0.375, 0.125], [-0.125, 0.375]];
/// Outlines are this much larger (px) when samples are looked up, so that no gap opens between neighbours.
const TOLERANCE_PX: f64 = 0.01;

/// The surfaces in the 3 x 3 pixels around one, each once; none if there is one only.
fn candidates(ids: &[u32], width: usize, height: usize, x: usize, y: usize, found: &mut [u32; 9]) -> usize {
    let mut count = 0;
    for row in y.saturating_sub(1)..(y + 2).min(height) {
        for &id in &ids[row * width + x.saturating_sub(1)..row * width + (x + 2).min(width)] {
            if !found[..count].contains(&id) {
                found[count] = id;
                count += 1;
            }
        }
    }
    count
}

/// Whether a pixel and one of its four neighbours belong to different surfaces.
fn is_edge(ids: &[u32], width: usize, height: usize, x: usize, y: usize) -> bool {
    let index = y * width + x;
    let id = ids[index];
    (x > 0 && ids[index - 1] != id)
        || (x + 1 < width && ids[index + 1] != id)
        || (y > 0 && ids[index - width] != id)
        || (y + 1 < height && ids[index + width] != id)
}

/// Draws the edge pixels of an image again.
///
/// - `ids`: for each pixel the index of its surface in `shaders` and `projected`.
pub fn smooth<T: Texel>(
    ids: &[u32],
    width: usize,
    height: usize,
    projected: &[Projected],
    shaders: &[Option<Shader<'_, T>>],
    pixels: &mut [T],
) {
    let mut found = [0; 9];
    for y in 0..height {
        let row = &ids[y * width..(y + 1) * width];
        let below = &ids[(y + 1).min(height - 1) * width..][..width];
        let above = &ids[y.saturating_sub(1) * width..][..width];
        let mut x = 0;
        while x < width {
            // Most of a row has no edge: skip it in blocks.
            let end = (x + 16).min(width);
            let block = x..end;
            let first = row[x];
            let same = |ids: &[u32]| ids[block.clone()].iter().all(|&id| id == first);
            if same(row)
                && same(above)
                && same(below)
                && (x == 0 || row[x - 1] == first)
                && (end == width || row[end] == first)
            {
                x = end;
                continue;
            }
            for x in x..end {
                if is_edge(ids, width, height, x, y) {
                    let count = candidates(ids, width, height, x, y, &mut found);
                    let own = found[..count].iter().position(|&id| id == row[x]).unwrap_or(0);
                    pixels[y * width + x] = mean(&found[..count], own, x, y, projected, shaders);
                }
            }
            x = end;
        }
    }
}

fn mean<T: Texel>(
    candidates: &[u32],
    own: usize,
    x: usize,
    y: usize,
    projected: &[Projected],
    shaders: &[Option<Shader<'_, T>>],
) -> T {
    let mut sum = T::Sum::default();
    let mut filters: [Option<Filter>; 9] = [None; 9];
    for [dx, dy] in SAMPLES {
        let (sample_x, sample_y) = (x as f32 + dx, y as f32 + dy);
        let (px, py) = (f64::from(sample_x), f64::from(sample_y));
        let (mut nearest, mut seen) = (f64::NEG_INFINITY, own);
        for (index, &id) in candidates.iter().enumerate() {
            let Some(surface) = projected.get(id as usize) else { continue };
            let inverse_depth = surface.inverse_depth.at(px, py);
            if inverse_depth > nearest && surface.contains(px, py, TOLERANCE_PX) {
                (nearest, seen) = (inverse_depth, index);
            }
        }
        if let Some(Some(shader)) = shaders.get(candidates[seen] as usize) {
            let filter = filters[seen].get_or_insert_with(|| shader.edge_filter(x, y));
            sum = sum + shader.sample(filter, sample_x, sample_y);
        }
    }
    T::from_sum(sum, 5)
}
