//! Corners, spread evenly over the image.

use super::corner_response::{Corner, CornerResponse};
use super::mask::Mask;
use image::GrayImage;
use nalgebra::Vector2;
use std::ops::Range;

/// Most corners of one cell of the grid.
const CORNERS_PER_CELL: usize = 3;

/// Finds Shi-Tomasi corners on a grid: each cell gives its best before any cell gives its second, and the image is
/// looked at only in cells that are asked for one.
///
/// # Source
/// Shi and Tomasi, *Good features to track* (1994).
#[derive(Debug, Default)]
pub struct CornerDetector {
    response: CornerResponse,
    mask: Option<Mask>,
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

    /// Columns and rows of a cell, as far as they are not in the border.
    fn cell(&self, index: usize, image: &GrayImage, border_px: usize) -> (Range<usize>, Range<usize>) {
        let span = |number: usize, size: u32| {
            // Whole pixels whose `index` is this cell.
            let edge = |number: usize| (number as f64 * self.cell_px).ceil() as usize;
            edge(number).max(border_px)..edge(number + 1).min((size as usize).saturating_sub(border_px))
        };
        (span(index % self.columns, image.width()), span(index / self.columns, image.height()))
    }
}

impl CornerDetector {
    /// A detector that seeks nothing where a mask hides the image.
    pub(super) fn masked(mask: Option<Mask>) -> Self {
        Self { response: CornerResponse::default(), mask }
    }

    /// New corners (px), at most `feature_count` together with those `taken`, none within half a cell of another.
    ///
    /// - `min_gradient`: square root of the least eigenvalue of the mean gradient product (grey levels per px).
    /// - `border_px`: nothing is sought nearer to the edge.
    pub fn detect(
        &mut self,
        image: &GrayImage,
        taken: &[Vector2<f64>],
        feature_count: usize,
        min_gradient: f64,
        border_px: usize,
    ) -> Vec<Vector2<f64>> {
        let missing = feature_count.saturating_sub(taken.len());
        let grid = Grid::new(image, feature_count);
        let mut occupants: Vec<Vec<Vector2<f64>>> = vec![Vec::new(); grid.columns * grid.rows];
        for px in taken {
            occupants[grid.index(px)].push(*px);
        }
        let mut cells: Vec<Option<Vec<Corner>>> = vec![None; occupants.len()];
        let mut chosen = Vec::new();
        for round in 1..=CORNERS_PER_CELL {
            if chosen.len() >= missing {
                break;
            }
            let mut of_round = Vec::new();
            for index in 0..cells.len() {
                if occupants[index].len() >= round {
                    continue;
                }
                let corners = cells[index].get_or_insert_with(|| {
                    let (columns, rows) = grid.cell(index, image, border_px);
                    let threshold = (min_gradient * min_gradient) as f32;
                    let mut corners = self.response.corners(image, columns, rows, threshold);
                    corners.sort_by(|a, b| b.response.total_cmp(&a.response).then((a.y, a.x).cmp(&(b.y, b.x))));
                    corners
                });
                let free = corners.iter().find(|corner| {
                    let px = Vector2::new(corner.x as f64, corner.y as f64);
                    self.mask.as_ref().is_none_or(|mask| mask.is_free(&px))
                        && is_free(&px, &occupants, &grid, index, 0.5 * grid.cell_px)
                });
                if let Some(&Corner { response, x, y }) = free {
                    let px = Vector2::new(x as f64, y as f64);
                    occupants[index].push(px);
                    of_round.push((response, px));
                }
            }
            of_round.sort_by(|a, b| b.0.total_cmp(&a.0));
            chosen.extend(of_round.into_iter().map(|(_, px)| px));
        }
        chosen.truncate(missing);
        chosen
    }
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
        let found = CornerDetector::default().detect(&squares(), &[], 100, 6.0, 8);
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
        let first = detector.detect(&squares(), &[], 60, 6.0, 8);
        let second = detector.detect(&squares(), &first, 90, 6.0, 8);
        assert!(first.len() + second.len() <= 90);
        for px in &second {
            assert!(first.iter().all(|other| (other - px).norm() > 5.0));
        }
        assert!(detector.detect(&GrayImage::new(320, 240), &[], 60, 6.0, 8).is_empty());
        assert!(detector.detect(&GrayImage::new(3, 3), &[], 60, 6.0, 8).is_empty());
    }

    #[test]
    fn nothing_is_sought_where_the_robot_is() {
        let robot = GrayImage::from_fn(320, 240, |x, _| image::Luma([if x < 160 { 0 } else { 255 }]));
        let mut detector = CornerDetector::masked(Some(Mask::of(&robot, 8)));
        let found = detector.detect(&squares(), &[], 100, 6.0, 8);
        assert!(!found.is_empty() && found.iter().all(|px| px.x >= 168.0), "{found:?}");
    }

    #[test]
    fn the_threshold_is_in_grey_levels_per_pixel() {
        // A corner of two ramps, 10 grey levels per px each: its smaller eigenvalue is of a gradient below 10.
        let image = GrayImage::from_fn(64, 64, |x, y| {
            image::Luma([(10 * x.abs_diff(32).min(8).min(y.abs_diff(32).min(8))) as u8])
        });
        let mut detector = CornerDetector::default();
        assert!(!detector.detect(&image, &[], 50, 4.0, 8).is_empty());
        assert!(detector.detect(&image, &[], 50, 12.0, 8).is_empty());
    }
}
