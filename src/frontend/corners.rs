//! Corners, spread evenly over the image.

use super::image::mat_from_gray;
use super::{FrontendError, stage};
use image::GrayImage;
use nalgebra::Vector2;
use opencv::core::{BORDER_REFLECT_101, Mat};
use opencv::prelude::MatTraitConstManual;

/// Side of the blocks over which gradient products are averaged (px).
const BLOCK_PX: i32 = 3;

/// Most corners of one cell of the grid.
const CORNERS_PER_CELL: usize = 3;

/// Finds Shi-Tomasi corners on a grid: each cell gives its best before any cell gives its second.
///
/// # Source
/// Shi and Tomasi, *Good features to track* (1994).
#[derive(Debug)]
pub struct CornerDetector {
    response: Mat,
}

impl Default for CornerDetector {
    fn default() -> Self {
        Self { response: Mat::default() }
    }
}

/// A grid whose cells are as many as the features wanted.
struct Grid {
    cell_px: f64,
    columns: usize,
    rows: usize,
}

impl Grid {
    fn new(image: &GrayImage, feature_count: usize) -> Self {
        let (width, height) = (f64::from(image.width()), f64::from(image.height()));
        let cell_px = (width * height / feature_count.max(1) as f64).sqrt().max(8.0);
        Self { cell_px, columns: (width / cell_px).ceil() as usize, rows: (height / cell_px).ceil() as usize }
    }

    fn index(&self, px: &Vector2<f64>) -> usize {
        let column = ((px.x / self.cell_px).max(0.0) as usize).min(self.columns.saturating_sub(1));
        let row = ((px.y / self.cell_px).max(0.0) as usize).min(self.rows.saturating_sub(1));
        row * self.columns + column
    }
}

impl CornerDetector {
    /// New corners (px), at most `feature_count` together with those `taken`, none within half a cell of another.
    ///
    /// - `min_gradient`: square root of the least eigenvalue of the mean gradient product (grey levels per px).
    /// - `border_px`: nothing is sought nearer to the edge.
    ///
    /// # Errors
    /// [`FrontendError::OpenCv`].
    pub fn detect(
        &mut self,
        image: &GrayImage,
        taken: &[Vector2<f64>],
        feature_count: usize,
        min_gradient: f64,
        border_px: usize,
    ) -> Result<Vec<Vector2<f64>>, FrontendError> {
        let missing = feature_count.saturating_sub(taken.len());
        let (width, height) = (image.width() as usize, image.height() as usize);
        if missing == 0 || width <= 2 * border_px || height <= 2 * border_px {
            return Ok(Vec::new());
        }
        let mat = mat_from_gray(image)?;
        opencv::imgproc::corner_min_eigen_val(&mat, &mut self.response, BLOCK_PX, 3, BORDER_REFLECT_101)
            .map_err(stage("corner response"))?;
        let response = self.response.data_typed::<f32>().map_err(stage("corner response"))?;

        // OpenCV divides an 8-bit image's Sobel gradients by 4 * block * 255 before it multiplies and sums them over
        // the block (without a mean); a Sobel of 3 x 3 is 8 times the gradient per pixel.
        let scale = 8.0 / (4.0 * f64::from(BLOCK_PX) * 255.0);
        let threshold = ((min_gradient * scale).powi(2) * f64::from(BLOCK_PX * BLOCK_PX)) as f32;
        let grid = Grid::new(image, feature_count);
        let candidates = candidates(response, width, height, border_px, threshold, &grid);
        Ok(choose(candidates, taken, &grid, missing))
    }
}

/// Local maxima of the response over the threshold, per cell.
fn candidates(
    response: &[f32],
    width: usize,
    height: usize,
    border_px: usize,
    threshold: f32,
    grid: &Grid,
) -> Vec<Vec<(f32, usize, usize)>> {
    let mut cells = vec![Vec::new(); grid.columns * grid.rows];
    let border = border_px.max(1);
    for y in border..height.saturating_sub(border) {
        let (above, row, below) =
            (&response[(y - 1) * width..], &response[y * width..(y + 1) * width], &response[(y + 1) * width..]);
        for x in border..width.saturating_sub(border) {
            let value = row[x];
            if value > threshold
                && value > row[x - 1]
                && value >= row[x + 1]
                && above[x - 1..=x + 1].iter().all(|&other| value > other)
                && below[x - 1..=x + 1].iter().all(|&other| value >= other)
            {
                cells[grid.index(&Vector2::new(x as f64, y as f64))].push((value, x, y));
            }
        }
    }
    cells
}

/// The best of the cells, in rounds, each cell giving one in a round; strongest first.
fn choose(
    mut cells: Vec<Vec<(f32, usize, usize)>>,
    taken: &[Vector2<f64>],
    grid: &Grid,
    missing: usize,
) -> Vec<Vector2<f64>> {
    let mut occupants: Vec<Vec<Vector2<f64>>> = vec![Vec::new(); cells.len()];
    for px in taken {
        occupants[grid.index(px)].push(*px);
    }
    for cell in &mut cells {
        cell.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.2, a.1).cmp(&(b.2, b.1))));
    }
    let mut chosen = Vec::new();
    for round in 1..=CORNERS_PER_CELL {
        let mut of_round = Vec::new();
        for index in 0..cells.len() {
            if occupants[index].len() >= round {
                continue;
            }
            let free = cells[index].iter().find(|(_, x, y)| {
                is_free(&Vector2::new(*x as f64, *y as f64), &occupants, grid, index, 0.5 * grid.cell_px)
            });
            if let Some(&(value, x, y)) = free {
                let px = Vector2::new(x as f64, y as f64);
                occupants[index].push(px);
                of_round.push((value, px));
            }
        }
        of_round.sort_by(|a, b| b.0.total_cmp(&a.0));
        chosen.extend(of_round.into_iter().map(|(_, px)| px));
        if chosen.len() >= missing {
            break;
        }
    }
    chosen.truncate(missing);
    chosen
}

/// Whether no occupant of the cell or its neighbours is within a distance of a pixel.
fn is_free(px: &Vector2<f64>, occupants: &[Vec<Vector2<f64>>], grid: &Grid, index: usize, distance_px: f64) -> bool {
    let (row, column) = (index / grid.columns, index % grid.columns);
    (row.saturating_sub(1)..=(row + 1).min(grid.rows - 1)).all(|row| {
        (column.saturating_sub(1)..=(column + 1).min(grid.columns - 1))
            .all(|column| occupants[row * grid.columns + column].iter().all(|other| (other - px).norm() >= distance_px))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bright squares of 10 px on black, every 40 px.
    fn squares() -> GrayImage {
        GrayImage::from_fn(320, 240, |x, y| image::Luma([if x % 40 < 10 && y % 40 < 10 { 200 } else { 20 }]))
    }

    #[test]
    fn corners_lie_at_the_corners_of_squares() {
        let found = CornerDetector::default().detect(&squares(), &[], 100, 6.0, 8).unwrap();
        assert!(found.len() > 40, "{} corners", found.len());
        for px in &found {
            let offset = |value: f64| {
                (value % 40.0 - 0.0).abs().min((value % 40.0 - 9.0).abs()).min((value % 40.0 - 40.0).abs())
            };
            assert!(offset(px.x) <= 1.5 && offset(px.y) <= 1.5, "{px:?}");
        }
    }

    #[test]
    fn taken_places_are_left_alone_and_nothing_is_found_in_the_dark() {
        let mut detector = CornerDetector::default();
        let first = detector.detect(&squares(), &[], 60, 6.0, 8).unwrap();
        let second = detector.detect(&squares(), &first, 90, 6.0, 8).unwrap();
        assert!(first.len() + second.len() <= 90);
        for px in &second {
            assert!(first.iter().all(|other| (other - px).norm() > 5.0));
        }
        assert!(detector.detect(&GrayImage::new(320, 240), &[], 60, 6.0, 8).unwrap().is_empty());
        assert!(detector.detect(&GrayImage::new(3, 3), &[], 60, 6.0, 8).unwrap().is_empty());
    }

    #[test]
    fn the_threshold_is_in_grey_levels_per_pixel() {
        // A corner of two ramps, 10 grey levels per px each: its smaller eigenvalue is of a gradient below 10.
        let image = GrayImage::from_fn(64, 64, |x, y| {
            image::Luma([(10 * x.abs_diff(32).min(8).min(y.abs_diff(32).min(8))) as u8])
        });
        let mut detector = CornerDetector::default();
        assert!(!detector.detect(&image, &[], 50, 4.0, 8).unwrap().is_empty());
        assert!(detector.detect(&image, &[], 50, 12.0, 8).unwrap().is_empty());
    }
}
