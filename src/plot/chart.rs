//! A chart of lines or points over two axes.

use super::PlotError;
use super::ranges::{equal_ranges, range_of};
use plotters::prelude::*;
use std::path::Path;

const SIZE_PX: (u32, u32) = (900, 560);
/// Of a chart whose axes have one scale.
const SQUARE_PX: (u32, u32) = (900, 820);

/// How an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly, from zero if no value is negative.
    FromZero,
    /// By powers of ten; values that are not positive are left out.
    Logarithmic,
    /// Both axes evenly and alike: a map.
    Map,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Joined.
    Line,
    /// Dashed.
    Dashed,
    /// One dot for each point.
    Dots,
}

/// A line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its name in the legend.
    pub label: String,
    /// Its colour.
    pub color: RGBColor,
    /// How it looks.
    pub style: Style,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// Name and unit of the horizontal axis.
    pub x: String,
    /// Name and unit of the vertical axis.
    pub y: String,
    /// How the horizontal axis is divided.
    pub x_scale: Scale,
    /// How the vertical axis is divided.
    pub y_scale: Scale,
    /// What is drawn.
    pub lines: Vec<Line>,
}

impl Chart {
    /// Draws the chart (SVG).
    ///
    /// # Errors
    /// [`PlotError`] names the file.
    pub fn draw(&self, path: &Path) -> Result<(), PlotError> {
        let is_map = self.x_scale == Scale::Map;
        let canvas = SVGBackend::new(path, if is_map { SQUARE_PX } else { SIZE_PX }).into_drawing_area();
        self.draw_on(&canvas, is_map).map_err(|error| to_error(path, error.as_ref()))
    }

    fn draw_on(
        &self,
        canvas: &DrawingArea<SVGBackend, plotters::coord::Shift>,
        is_map: bool,
    ) -> Result<(), Box<dyn std::error::Error>> {
        canvas.fill(&WHITE)?;
        let lines: Vec<Vec<(f64, f64)>> = self.lines.iter().map(|line| self.placed(&line.points)).collect();
        let points = || lines.iter().flatten();
        let (x_range, y_range) = if is_map {
            equal_ranges(points(), (SQUARE_PX.0 - 90, SQUARE_PX.1 - 100))
        } else {
            let from_zero = |scale| scale == Scale::FromZero;
            (
                range_of(points().map(|point| point.0), from_zero(self.x_scale)),
                range_of(points().map(|point| point.1), from_zero(self.y_scale)),
            )
        };
        let mut chart = ChartBuilder::on(canvas)
            .caption(&self.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(74)
            .build_cartesian_2d(x_range, y_range)?;
        let x_label = |value: &f64| label(*value, self.x_scale);
        let y_label = |value: &f64| label(*value, self.y_scale);
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(RGBColor(225, 225, 225))
            .label_style(("sans-serif", 14))
            .axis_desc_style(("sans-serif", 16))
            .x_label_formatter(&x_label)
            .y_label_formatter(&y_label)
            .x_desc(&self.x)
            .y_desc(&self.y)
            .draw()?;
        for (line, points) in self.lines.iter().zip(lines) {
            let style = line.color.stroke_width(2);
            let series = match line.style {
                Style::Line => chart.draw_series(LineSeries::new(points, style))?,
                Style::Dashed => chart.draw_series(DashedLineSeries::new(points, 6, 5, style))?,
                Style::Dots => {
                    let dot = line.color.mix(0.6).filled();
                    chart.draw_series(points.into_iter().map(|point| Circle::new(point, 2, dot)))?
                }
            };
            series
                .label(&line.label)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], style.stroke_width(3)));
        }
        chart
            .configure_series_labels()
            .position(if is_map { SeriesLabelPosition::UpperRight } else { self.free_corner() })
            .label_font(("sans-serif", 15))
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        canvas.present()?;
        Ok(())
    }

    /// Points where they are drawn: logarithms on logarithmic axes.
    fn placed(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let place = |value: f64, scale| if scale == Scale::Logarithmic { value.log10() } else { value };
        let placed = points.iter().map(|&(x, y)| (place(x, self.x_scale), place(y, self.y_scale)));
        placed.filter(|(x, y)| x.is_finite() && y.is_finite()).collect()
    }

    /// Where the legend hides the least: rising lines leave the lower right or the upper left free.
    fn free_corner(&self) -> SeriesLabelPosition {
        let cumulative = self.y.starts_with("share");
        if cumulative { SeriesLabelPosition::LowerRight } else { SeriesLabelPosition::UpperLeft }
    }
}

/// A label of an axis.
pub(super) fn label(value: f64, scale: Scale) -> String {
    if scale == Scale::Logarithmic {
        // Two digits: the places are even in the exponent, so more would only be noise.
        let value = 10f64.powf(value);
        let digits = (1.0 - value.abs().log10().floor()).max(0.0) as usize;
        return if digits > 6 || value >= 1e5 { format!("{value:.1e}") } else { format!("{value:.digits$}") };
    }
    match value.abs() {
        0.0 => "0".into(),
        size if !(1e-3..1e5).contains(&size) => format!("{value:.1e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{}", (value * 100.0).round() / 100.0),
        _ => format!("{}", (value * 1e5).round() / 1e5),
    }
}

/// What went wrong, with the file's name.
pub(super) fn to_error(path: &Path, error: &dyn std::error::Error) -> PlotError {
    PlotError { path: path.into(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_names_its_axes_and_lines_and_leaves_out_what_is_not_finite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chart.svg");
        let line = Line {
            label: "mixed precision".into(),
            color: super::super::policy_color("mixed"),
            style: Style::Line,
            points: vec![(1.0, 0.1), (10.0, 0.0), (100.0, 10.0), (f64::NAN, 1.0)],
        };
        let mut chart = Chart {
            title: "a title".into(),
            x: "keyframes".into(),
            y: "time (ms)".into(),
            x_scale: Scale::FromZero,
            y_scale: Scale::Logarithmic,
            lines: vec![
                line.clone(),
                Line { style: Style::Dots, ..line.clone() },
                Line { style: Style::Dashed, ..line },
            ],
        };
        chart.draw(&path).unwrap();
        let svg = std::fs::read_to_string(&path).unwrap();
        for word in ["a title", "keyframes", "time (ms)", "mixed precision"] {
            assert!(svg.contains(word), "{word}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        chart.lines.clear();
        (chart.x_scale, chart.y_scale) = (Scale::Map, Scale::Map);
        chart.draw(&path).unwrap();
        let missing = folder.path().join("nowhere").join("chart.svg");
        assert!(chart.draw(&missing).unwrap_err().to_string().contains("nowhere"));
    }

    #[test]
    fn labels_are_short() {
        let labels = [0.0, 0.25, 1e-4, 3.0, 1234.4, 1e6].map(|value| label(value, Scale::FromZero));
        assert_eq!(labels, ["0", "0.25", "1.0e-4", "3", "1234", "1.0e6"]);
        assert_eq!(
            [-1.0, 0.1, 2.0, -7.0, 6.0].map(|value| label(value, Scale::Logarithmic)),
            ["0.10", "1.3", "100", "1.0e-7", "1.0e6"]
        );
    }
}
