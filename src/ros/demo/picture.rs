//! The trajectories from above, and their errors over time.

use super::Report;
use crate::evaluation::AbsoluteError;
use crate::geometry::Trajectory;
use crate::plot::{CORRECTED, ODOMETRY, TRUTH};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::path::Path;

const SIZE_PX: (u32, u32) = (900, 1150);
const TRAJECTORY_PX: u32 = 900;
const MARGIN_M: f64 = 0.5;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;
type Line<'a> = (&'a str, Vec<(f64, f64)>, RGBColor);

/// Draws odometry and corrected path and, where it is known, the truth, with which they are aligned then.
///
/// # Errors
/// What the drawing library says.
pub fn draw(path: &Path, report: &Report) -> Result<(), String> {
    let (odometry, corrected) = (report.odometry_error(), report.corrected_error());
    let area = SVGBackend::new(path, SIZE_PX).into_drawing_area();
    let draw = || -> Drawn {
        area.fill(&WHITE)?;
        let (above, below) = area.split_vertically(TRAJECTORY_PX);
        let mut lines = Vec::new();
        lines.extend(report.truth.as_ref().map(|truth| ("truth", seen_from_above(truth), TRUTH)));
        for (name, heard, error, color) in [
            ("odometry", &report.heard.odometry, &odometry, ODOMETRY),
            ("corrected", &report.heard.corrected, &corrected, CORRECTED),
        ] {
            let trajectory = error.as_ref().map_or(heard, |error| &error.aligned_estimate);
            lines.push((name, seen_from_above(trajectory), color));
        }
        let (x, y) = square_around(lines.iter().flat_map(|(_, points, _)| points));
        draw_lines(&above, "Trajectory from above (m)", x, y, &lines)?;

        let errors = [("odometry", odometry, ODOMETRY), ("corrected", corrected, CORRECTED)];
        let lines: Vec<Line> = errors
            .iter()
            .filter_map(|(name, error, color)| Some((*name, over_time(error.as_ref()?), *color)))
            .collect();
        let last = lines
            .iter()
            .flat_map(|line| &line.1)
            .fold((1.0, 0.01), |high: (f64, f64), point| (high.0.max(point.0), high.1.max(point.1)));
        if !lines.is_empty() {
            draw_lines(&below, "Distance from the truth (m) over time (s)", 0.0..last.0, 0.0..last.1 * 1.1, &lines)?;
        }
        area.present()
    };
    draw().map_err(|error| error.to_string())
}

fn draw_lines(area: &Area, caption: &str, x: std::ops::Range<f64>, y: std::ops::Range<f64>, lines: &[Line]) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 22))
        .margin(15)
        .x_label_area_size(35)
        .y_label_area_size(55)
        .build_cartesian_2d(x, y)?;
    chart.configure_mesh().light_line_style(WHITE).draw()?;
    for (name, points, color) in lines {
        let color = *color;
        chart
            .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)))?
            .label(*name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(3)));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).draw()
}

fn seen_from_above(trajectory: &Trajectory) -> Vec<(f64, f64)> {
    trajectory.poses().iter().map(|pose| pose.t_world_body.translation.vector).map(|p| (p.x, p.y)).collect()
}

fn over_time(error: &AbsoluteError) -> Vec<(f64, f64)> {
    let first = error.errors.first().map_or(0, |(stamp_nanos, _)| *stamp_nanos);
    error.errors.iter().map(|(stamp_nanos, distance_m)| ((stamp_nanos - first) as f64 * 1e-9, *distance_m)).collect()
}

/// Ranges of equal length that hold all points.
fn square_around<'a>(points: impl Iterator<Item = &'a (f64, f64)>) -> (std::ops::Range<f64>, std::ops::Range<f64>) {
    let mut low = (f64::INFINITY, f64::INFINITY);
    let mut high = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    for (x, y) in points {
        low = (low.0.min(*x), low.1.min(*y));
        high = (high.0.max(*x), high.1.max(*y));
    }
    if low.0 > high.0 {
        return (-1.0..1.0, -1.0..1.0);
    }
    let half = (high.0 - low.0).max(high.1 - low.1) / 2.0 + MARGIN_M;
    let middle = ((low.0 + high.0) / 2.0, (low.1 + high.1) / 2.0);
    (middle.0 - half..middle.0 + half, middle.1 - half..middle.1 + half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_holds_all_points_with_equal_scales() {
        let (x, y) = square_around([(0.0, 0.0), (4.0, 1.0)].iter());
        assert_eq!((x, y), (-0.5..4.5, -2.0..3.0));
    }
}
