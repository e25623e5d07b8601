//! Which entries of a symmetric matrix are not zero.

use super::PlotError;
use super::chart::to_error;
use plotters::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;

/// The pattern of a square matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct SparsityPicture {
    /// What it is.
    pub caption: String,
    /// Rows and columns.
    pub size: usize,
    /// Blocks that are not zero: first row, first column, rows, columns.
    pub blocks: BTreeSet<[usize; 4]>,
    /// Rows and columns at which parts begin (poses, landmarks): drawn as fine lines.
    pub borders: Vec<usize>,
}

impl SparsityPicture {
    /// Entries in the blocks.
    pub fn entry_count(&self) -> usize {
        self.blocks.iter().map(|[_, _, rows, columns]| rows * columns).sum()
    }
}

/// Draws patterns side by side (SVG).
///
/// # Errors
/// [`PlotError`] names the file.
pub fn draw_sparsity(path: &Path, pictures: &[SparsityPicture]) -> Result<(), PlotError> {
    let canvas = SVGBackend::new(path, (560 * pictures.len() as u32, 620)).into_drawing_area();
    let draw = || -> Result<(), Box<dyn std::error::Error>> {
        canvas.fill(&WHITE)?;
        for (area, picture) in canvas.split_evenly((1, pictures.len())).iter().zip(pictures) {
            let size = picture.size as f64;
            let mut chart = ChartBuilder::on(area)
                .caption(&picture.caption, ("sans-serif", 17))
                .margin(12)
                .x_label_area_size(36)
                .y_label_area_size(48)
                .build_cartesian_2d(0.0..size, size..0.0)?;
            let number = |value: &f64| format!("{value:.0}");
            chart
                .configure_mesh()
                .disable_mesh()
                .x_label_formatter(&number)
                .y_label_formatter(&number)
                .x_desc("column")
                .y_desc("row")
                .draw()?;
            for &border in &picture.borders {
                let at = border as f64;
                let grey = RGBColor(190, 190, 190).stroke_width(1);
                chart.draw_series([
                    PathElement::new([(0.0, at), (size, at)], grey),
                    PathElement::new([(at, 0.0), (at, size)], grey),
                ])?;
            }
            chart.draw_series(picture.blocks.iter().map(|&[row, column, rows, columns]| {
                let corners = [(column as f64, row as f64), ((column + columns) as f64, (row + rows) as f64)];
                Rectangle::new(corners, super::palette::policy_color("mixed").filled())
            }))?;
        }
        canvas.present()?;
        Ok(())
    };
    draw().map_err(|error| to_error(path, error.as_ref()))
}
