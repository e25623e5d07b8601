//! The picture of a replay: the way from above, the error over time, the time per frame.

use super::{Outcome, ReplayError, Summary};
use crate::evaluation::{self, Alignment};
use crate::geometry::Trajectory;
use crate::map::LoopClosure;
use crate::plot::{CORRECTED, LOOP, ODOMETRY, TRUTH, equal_ranges};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::path::Path;

const SIZE_PX: (u32, u32) = (900, 1300);

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawResult = Result<(), Box<dyn std::error::Error>>;

/// Draws the report as SVG.
///
/// # Errors
/// [`ReplayError::Picture`] names the file.
pub(super) fn draw(path: &Path, outcome: &Outcome, summary: &Summary) -> Result<(), ReplayError> {
    let canvas = SVGBackend::new(path, SIZE_PX).into_drawing_area();
    draw_panels(&canvas, &View::of(outcome), outcome, summary)
        .map_err(|error| ReplayError::Picture { path: path.into(), reason: error.to_string() })
}

fn draw_panels(canvas: &Panel, view: &View, outcome: &Outcome, summary: &Summary) -> DrawResult {
    canvas.fill(&WHITE)?;
    let (above, below) = canvas.split_vertically(800);
    let (errors, times) = below.split_vertically(250);
    draw_trajectories(&above, view, outcome, summary)?;
    draw_errors(&errors, view)?;
    draw_times(&times, outcome)?;
    canvas.present()?;
    Ok(())
}

/// A trajectory as drawn: positions in the frame of the truth, errors over time.
struct Curve {
    label: String,
    color: RGBColor,
    stamps: Vec<i64>,
    positions: Vec<(f64, f64)>,
    errors: Vec<(f64, f64)>,
}

struct View {
    truth: Vec<(f64, f64)>,
    odometry: Curve,
    corrected: Curve,
}

impl View {
    fn of(outcome: &Outcome) -> Self {
        let start = outcome.frames.first().map_or(0, |frame| frame.stamp_nanos);
        let truth = outcome.truth.as_ref();
        let curve = |name: &str, color, estimate: &Trajectory| Curve::of(name, color, estimate, truth, start);
        Self {
            truth: truth.map(positions).unwrap_or_default(),
            odometry: curve("odometry", ODOMETRY, &outcome.odometry),
            corrected: curve("corrected", CORRECTED, &outcome.map.trajectory()),
        }
    }
}

impl Curve {
    fn of(name: &str, color: RGBColor, estimate: &Trajectory, truth: Option<&Trajectory>, start: i64) -> Self {
        let mut curve = Self {
            label: name.into(),
            color,
            stamps: estimate.poses().iter().map(|pose| pose.stamp_nanos).collect(),
            positions: positions(estimate),
            errors: Vec::new(),
        };
        let error = truth.and_then(|truth| evaluation::absolute_error(estimate, truth, Alignment::Se3).ok());
        if let Some(error) = error {
            curve.label = format!("{name} (ATE {:.3} m)", error.translation_m.rmse);
            curve.positions = positions(&error.aligned_estimate);
            curve.errors = error.errors.iter().map(|(stamp, error)| (seconds_since(start, *stamp), *error)).collect();
        }
        curve
    }

    fn position_at(&self, stamp: i64) -> Option<(f64, f64)> {
        self.stamps.binary_search(&stamp).ok().and_then(|index| self.positions.get(index).copied())
    }
}

fn positions(trajectory: &Trajectory) -> Vec<(f64, f64)> {
    trajectory.poses().iter().map(|pose| (pose.t_world_body.translation.x, pose.t_world_body.translation.y)).collect()
}

fn seconds_since(start: i64, stamp: i64) -> f64 {
    (stamp - start) as f64 * 1e-9
}

fn draw_trajectories(panel: &Panel, view: &View, outcome: &Outcome, summary: &Summary) -> DrawResult {
    let points = view.truth.iter().chain(&view.odometry.positions).chain(&view.corrected.positions);
    let (x_range, y_range) = equal_ranges(points, (SIZE_PX.0 - 90, 800 - 100));
    let title = format!(
        "policy {}: {} frames, {:.1} m, {} loops",
        summary.policy, summary.frames, summary.path_length_m, summary.loops
    );
    let mut chart = ChartBuilder::on(panel)
        .caption(title, ("sans-serif", 20))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(x_range, y_range)?;
    chart.configure_mesh().light_line_style(TRANSPARENT).x_desc("x (m)").y_desc("y (m)").draw()?;
    if !view.truth.is_empty() {
        chart
            .draw_series(LineSeries::new(view.truth.iter().copied(), TRUTH.stroke_width(3)))?
            .label("truth")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 20, y)], TRUTH.stroke_width(3)));
    }
    for curve in [&view.odometry, &view.corrected] {
        let style = curve.color.stroke_width(2);
        chart
            .draw_series(LineSeries::new(curve.positions.iter().copied(), style))?
            .label(&curve.label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
    }
    let ends = |closure: &LoopClosure| {
        let at = |node| outcome.map.stamp_nanos(node).and_then(|stamp| view.corrected.position_at(stamp));
        Some(vec![at(closure.from_node)?, at(closure.to_node)?])
    };
    let lines = outcome.map.loops().iter().filter_map(ends).map(|line| PathElement::new(line, LOOP.stroke_width(1)));
    if !outcome.map.loops().is_empty() {
        chart
            .draw_series(lines)?
            .label("loops")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 20, y)], LOOP.stroke_width(1)));
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK.mix(0.3)).draw()?;
    Ok(())
}

fn draw_errors(panel: &Panel, view: &View) -> DrawResult {
    let curves = [&view.odometry, &view.corrected];
    let top = curves.iter().flat_map(|curve| &curve.errors).map(|(_, error)| *error).fold(1e-3, f64::max);
    let end = curves.iter().flat_map(|curve| &curve.errors).map(|(time, _)| *time).fold(1e-3, f64::max);
    let mut chart = ChartBuilder::on(panel)
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..end, 0.0..top * 1.05)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("time (s)")
        .y_desc(if curves[0].errors.is_empty() { "error (m): no truth" } else { "position error (m)" })
        .draw()?;
    for curve in curves {
        chart.draw_series(LineSeries::new(curve.errors.iter().copied(), curve.color.stroke_width(2)))?;
    }
    Ok(())
}

fn draw_times(panel: &Panel, outcome: &Outcome) -> DrawResult {
    let start = outcome.frames.first().map_or(0, |frame| frame.stamp_nanos);
    let times: Vec<(f64, f64)> =
        outcome.frames.iter().map(|frame| (seconds_since(start, frame.stamp_nanos), frame.frame_ms)).collect();
    let top = times.iter().map(|(_, ms)| *ms).fold(1e-3, f64::max);
    let end = times.last().map_or(1e-3, |(time, _)| time.max(1e-3));
    let mut chart = ChartBuilder::on(panel)
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..end, 0.0..top * 1.05)?;
    chart.configure_mesh().light_line_style(TRANSPARENT).x_desc("time (s)").y_desc("odometry per frame (ms)").draw()?;
    chart.draw_series(times.iter().map(|point| Circle::new(*point, 1, BLACK.mix(0.5).filled())))?;
    Ok(())
}
