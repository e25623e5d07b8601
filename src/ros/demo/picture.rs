//! The trajectories from above.

use super::Report;
use crate::geometry::{Se3, Trajectory, align_se3};
use nalgebra::Point3;
use plotters::prelude::*;
use std::path::Path;

const SIZE_PX: (u32, u32) = (900, 900);
const MARGIN_M: f64 = 0.5;

/// Draws odometry, corrected path and, where known, the truth, aligned with it.
///
/// # Errors
/// What the drawing library says.
pub fn draw(path: &Path, report: &Report) -> Result<(), String> {
    let truth = report.truth.as_ref();
    let lines = [
        ("truth", truth.map(|truth| points(truth, &Se3::identity())), RGBColor(120, 120, 120)),
        ("odometry", Some(aligned(&report.heard.odometry, truth)), RGBColor(220, 120, 30)),
        ("corrected", Some(aligned(&report.heard.corrected, truth)), RGBColor(20, 90, 200)),
    ];
    let (x, y) = square_around(lines.iter().filter_map(|(_, points, _)| points.as_ref()).flatten());
    let area = SVGBackend::new(path, SIZE_PX).into_drawing_area();
    let draw = || -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption("Trajectory from above (m)", ("sans-serif", 22))
            .margin(15)
            .x_label_area_size(35)
            .y_label_area_size(45)
            .build_cartesian_2d(x.clone(), y.clone())?;
        chart.configure_mesh().light_line_style(WHITE).draw()?;
        for (name, points, color) in &lines {
            if let Some(points) = points {
                let line = LineSeries::new(points.iter().copied(), color.stroke_width(2));
                let color = *color;
                chart
                    .draw_series(line)?
                    .label(*name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], color.stroke_width(3)));
            }
        }
        chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
        area.present()
    };
    draw().map_err(|error| error.to_string())
}

fn points(trajectory: &Trajectory, t_world_odom: &Se3) -> Vec<(f64, f64)> {
    let point = |t: &Se3| (t_world_odom * t).translation.vector;
    trajectory.poses().iter().map(|pose| point(&pose.t_world_body)).map(|p| (p.x, p.y)).collect()
}

fn aligned(estimate: &Trajectory, truth: Option<&Trajectory>) -> Vec<(f64, f64)> {
    let position = |t: Se3| Point3::from(t.translation.vector);
    let pairs = estimate
        .poses()
        .iter()
        .filter_map(|pose| Some((position(pose.t_world_body), position(truth?.at(pose.stamp_nanos)?))));
    let (estimated, true_points): (Vec<_>, Vec<_>) = pairs.unzip();
    points(estimate, &align_se3(&estimated, &true_points).unwrap_or_default())
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
