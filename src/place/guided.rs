//! More correspondences, found near where a known relative pose projects the points.

use super::descriptor::hamming;
use super::matching::{Match, same_place};
use super::view::View;
use crate::geometry::Se3;
use nalgebra::Vector2;

/// Features by place in the image, for search within a radius.
struct PixelGrid {
    cell_px: f32,
    columns: usize,
    rows: usize,
    cells: Vec<Vec<usize>>,
}

impl PixelGrid {
    fn new(view: &View, cell_px: f32) -> Self {
        let columns = (view.camera.width as f32 / cell_px).ceil().max(1.0) as usize;
        let rows = (view.camera.height as f32 / cell_px).ceil().max(1.0) as usize;
        let mut grid = Self { cell_px, columns, rows, cells: vec![Vec::new(); columns * rows] };
        for (index, px) in view.px.iter().enumerate() {
            let (column, row) = grid.cell(px);
            grid.cells[row * columns + column].push(index);
        }
        grid
    }

    fn cell(&self, px: &Vector2<f32>) -> (usize, usize) {
        let limit = |v: f32, count: usize| (v / self.cell_px).clamp(0.0, (count - 1) as f32) as usize;
        (limit(px.x, self.columns), limit(px.y, self.rows))
    }

    /// Features in the cell of `px` and those around it: all within `cell_px`, and some beyond.
    fn around(&self, px: &Vector2<f32>) -> impl Iterator<Item = usize> + '_ {
        let (column, row) = self.cell(px);
        let rows = row.saturating_sub(1)..=(row + 1).min(self.rows - 1);
        let columns = column.saturating_sub(1)..=(column + 1).min(self.columns - 1);
        rows.flat_map(move |r| columns.clone().map(move |c| (r, c)))
            .flat_map(|(r, c)| self.cells[r * self.columns + c].iter().copied())
    }
}

/// What a projection of one view's points into the other found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Projected {
    /// Pairs found, ordered by the first index; no index occurs twice.
    pub matches: Vec<Match>,
    /// Points of the first view that the second one's image contains.
    pub visible_count: usize,
}

/// For each point of `a` that projects into the image of `b`, the feature within `radius_px` that looks most like it,
/// if at most `max_distance` bits apart and clearly more alike than another one there.
pub(crate) fn match_by_projection(a: &View, b: &View, t_b_a: &Se3, radius_px: f64, max_distance: u32) -> Projected {
    let grid = PixelGrid::new(b, radius_px as f32);
    let mut found = Projected::default();
    let mut best_for_b: Vec<Option<(u32, usize)>> = vec![None; b.len()];
    for index in 0..a.len() {
        let Some(p_a) = a.p_camera(index) else { continue };
        let p_b = t_b_a * p_a;
        if p_b.z <= 0.0 {
            continue;
        }
        let px = b.camera.project(&p_b);
        if !b.camera.contains(&px, 0.0) {
            continue;
        }
        found.visible_count += 1;
        if let Some((distance, j)) = nearest(a, index, b, &grid, &px.cast(), radius_px as f32)
            && distance <= max_distance
            && best_for_b[j].is_none_or(|(other, _)| distance < other)
        {
            best_for_b[j] = Some((distance, index));
        }
    }
    found.matches =
        best_for_b.iter().enumerate().filter_map(|(j, best)| best.map(|(_, i)| Match { a: i, b: j })).collect();
    found.matches.sort_by_key(|pair| pair.a);
    found
}

/// The most alike feature near `px` and its distance in bits; `None` if another one there is about as alike.
fn nearest(
    a: &View,
    index: usize,
    b: &View,
    grid: &PixelGrid,
    px: &Vector2<f32>,
    radius_px: f32,
) -> Option<(u32, usize)> {
    let near = grid.around(px).filter(|&j| (b.px[j] - px).norm() <= radius_px);
    let mut ranked: Vec<(u32, usize)> = near.map(|j| (hamming(&a.descriptors[index], &b.descriptors[j]), j)).collect();
    ranked.sort_unstable();
    let &(distance, j) = ranked.first()?;
    let rival = ranked.iter().find(|(_, other)| !same_place(&b.px[*other], &b.px[j]));
    rival.is_none_or(|(second, _)| f64::from(distance) < 0.9 * f64::from(*second)).then_some((distance, j))
}
