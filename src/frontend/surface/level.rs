//! Surfaces at one size of the image.

use crate::geometry::PinholeCamera;
use crate::sensors::DepthImage;
use image::GrayImage;
use nalgebra::{Point3, Vector2, Vector3};
use std::ops::RangeInclusive;

/// Depths of neighbours that differ by more than this share of them are an edge, not a surface.
const MAX_DEPTH_STEP: f64 = 0.1;

/// Points of a level that are compared with another's surfaces, at most.
const MAX_POINTS: usize = 5_000;

/// A grid of cells, each with a depth and a brightness.
#[derive(Debug, Clone)]
pub(super) struct Level {
    /// The camera as if cells were its pixels.
    pub camera: PinholeCamera,
    /// Median of the depths (m).
    pub typical_depth_m: Option<f64>,
    /// Depth (m) in a cell, row by row.
    depth_m: Vec<Option<f64>>,
    /// Brightness (grey levels) of a cell.
    gray: Vec<f64>,
    /// Unit normal of the surface in a cell, where its neighbours show one.
    normals: Vec<Option<Vector3<f64>>>,
}

impl Level {
    /// Cells of `side` x `side` pixels: the mean brightness, and the median depth where a quarter of them or more have one.
    pub(super) fn new(
        gray: &GrayImage,
        depth: &DepthImage,
        camera: &PinholeCamera,
        range_m: &RangeInclusive<f64>,
        side: u32,
    ) -> Self {
        let (camera, side) = (shrunk(camera, side), side as usize);
        let (mut depths, mut grays) = (Vec::new(), Vec::new());
        let mut valid = Vec::new();
        for (row, column) in (0..camera.height).flat_map(|row| (0..camera.width).map(move |column| (row, column))) {
            let mut brightness = 0;
            valid.clear();
            for y in row as usize * side..(row as usize + 1) * side {
                let first = y * gray.width() as usize + column as usize * side;
                let pixels = first..first + side;
                brightness += gray.as_raw()[pixels.clone()].iter().map(|&level| u32::from(level)).sum::<u32>();
                let depths = depth.as_raw()[pixels].iter().map(|&z| f64::from(z));
                valid.extend(depths.filter(|z| range_m.contains(z)));
            }
            grays.push(f64::from(brightness) / (side * side) as f64);
            depths.push((4 * valid.len() >= side * side).then(|| median(&mut valid)).flatten());
        }
        Self::of_cells(camera, depths, grays)
    }

    /// The same with cells of four.
    pub(super) fn halved(&self) -> Self {
        let camera = shrunk(&self.camera, 2);
        let (mut depths, mut grays) = (Vec::new(), Vec::new());
        for row in 0..camera.height as usize {
            for column in 0..camera.width as usize {
                let first = 2 * (row * self.width() + column);
                let cells = [first, first + 1, first + self.width(), first + self.width() + 1];
                grays.push(cells.iter().map(|&cell| self.gray[cell]).sum::<f64>() / 4.0);
                let mut valid: Vec<f64> = cells.iter().filter_map(|&cell| self.depth_m[cell]).collect();
                depths.push(median(&mut valid));
            }
        }
        Self::of_cells(camera, depths, grays)
    }

    fn of_cells(camera: PinholeCamera, depth_m: Vec<Option<f64>>, gray: Vec<f64>) -> Self {
        let typical_depth_m = median(&mut depth_m.iter().flatten().copied().collect::<Vec<f64>>());
        let mut level = Self { camera, typical_depth_m, normals: Vec::new(), depth_m, gray };
        level.normals = (0..level.depth_m.len()).map(|cell| level.normal_at(cell)).collect();
        level
    }

    /// Cells in a row.
    pub(super) fn width(&self) -> usize {
        self.camera.width as usize
    }

    /// The normal of the plane through the neighbours of a cell.
    fn normal_at(&self, cell: usize) -> Option<Vector3<f64>> {
        let (width, depth_m) = (self.width(), self.depth_m[cell]?);
        let (row, column) = (cell / width, cell % width);
        if row == 0 || column == 0 || row + 1 >= self.camera.height as usize || column + 1 >= width {
            return None;
        }
        let across = |before: usize, after: usize| {
            let between = self.point(after)? - self.point(before)?;
            (between.z.abs() <= MAX_DEPTH_STEP * depth_m).then_some(between)
        };
        across(cell - 1, cell + 1)?.cross(&across(cell - width, cell + width)?).try_normalize(0.0)
    }

    /// The point (m) that a cell shows, in the camera.
    fn point(&self, cell: usize) -> Option<Point3<f64>> {
        let px = Vector2::new((cell % self.width()) as f64, (cell / self.width()) as f64);
        Some(Point3::from(self.camera.ray(&px) * self.depth_m[cell]?))
    }

    /// Points (m) in the camera, with their brightness: of all cells, or of some evenly spread where there are many.
    pub(super) fn points(&self) -> impl Iterator<Item = (Point3<f64>, f64)> {
        let stride = self.depth_m.len().div_ceil(MAX_POINTS).max(1);
        // Shifted from row to row, so that every column has its share.
        let chosen = (0..self.depth_m.len()).filter(move |cell| (cell + cell / self.width()).is_multiple_of(stride));
        chosen.filter_map(|cell| Some((self.point(cell)?, self.gray[cell])))
    }

    /// The point (m) and the normal of the cell nearest to a place in the image (cells); the normal where there is one.
    pub(super) fn surface(&self, px: &Vector2<f64>) -> Option<(Point3<f64>, Option<Vector3<f64>>)> {
        let cell = px.y.round() as usize * self.width() + px.x.round() as usize;
        Some((self.point(cell)?, self.normals[cell]))
    }

    /// By how many cells the image has to be moved to look most like another one of its size, where they overlap by half.
    /// `None` if no part of them has any pattern.
    pub(super) fn shift_to(&self, other: &Self) -> Option<Vector2<f64>> {
        let [across, down] = [self.camera.width as isize, self.camera.height as isize];
        let shifts = (-down / 2..=down / 2).flat_map(|y| (-across / 2..=across / 2).map(move |x| (x, y)));
        let halves = shifts.filter(|(x, y)| 2 * (across - x.abs()) * (down - y.abs()) >= across * down);
        let likeness = |&(x, y): &(isize, isize)| {
            let row = |row: isize| {
                let columns = x.max(0)..across + x.min(0);
                columns.map(move |column| ((row - y) * across + column - x, row * across + column))
            };
            let cells = (y.max(0)..down + y.min(0)).flat_map(row);
            correlation(cells.map(|(here, there)| (self.gray[here as usize], other.gray[there as usize])))
        };
        let best = halves.filter_map(|shift| Some((likeness(&shift)?, shift))).max_by(|a, b| a.0.total_cmp(&b.0));
        best.map(|(_, (x, y))| Vector2::new(x as f64, y as f64))
    }

    /// Brightness at a place at least a cell from the border, with its gradient for each cell; between cells linearly.
    pub(super) fn brightness(&self, px: &Vector2<f64>) -> (f64, Vector2<f64>) {
        let (column, row) = (px.x.floor() as usize, px.y.floor() as usize);
        let (x, y) = (px.x - column as f64, px.y - row as f64);
        let cell = row * self.width() + column;
        let (above, below) = ([self.gray[cell], self.gray[cell + 1]], [cell + self.width(), cell + self.width() + 1]);
        let below = below.map(|cell| self.gray[cell]);
        let (upper, lower) = (above[0] + x * (above[1] - above[0]), below[0] + x * (below[1] - below[0]));
        let along = (1.0 - y) * (above[1] - above[0]) + y * (below[1] - below[0]);
        (upper + y * (lower - upper), Vector2::new(along, lower - upper))
    }
}

/// The camera whose pixels are blocks of `side` x `side`.
fn shrunk(camera: &PinholeCamera, side: u32) -> PinholeCamera {
    let (scale, middle) = (f64::from(side), 0.5 * f64::from(side - 1));
    PinholeCamera {
        fx: camera.fx / scale,
        fy: camera.fy / scale,
        cx: (camera.cx - middle) / scale,
        cy: (camera.cy - middle) / scale,
        width: camera.width / side,
        height: camera.height / side,
    }
}

/// Pearson's coefficient; `None` if one of the two does not vary.
fn correlation(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut count, mut sums, mut squares) = (0.0, [0.0; 2], [0.0; 3]);
    for (a, b) in pairs {
        count += 1.0;
        sums = [sums[0] + a, sums[1] + b];
        squares = [squares[0] + a * a, squares[1] + b * b, squares[2] + a * b];
    }
    let variances = [0, 1].map(|k| squares[k] - sums[k] * sums[k] / count);
    let varies = variances.iter().all(|variance| *variance > 1e-6 * count);
    varies.then(|| (squares[2] - sums[0] * sums[1] / count) / (variances[0] * variances[1]).sqrt())
}

/// The (lower) median; sorts.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len().checked_sub(1)? / 2;
    Some(*values.select_nth_unstable_by(middle, f64::total_cmp).1)
}
