//! A pose graph or a reconstruction before and after its optimization, as a picture.

use halfslam::bundle::{PointBundle, PointCamera};
use halfslam::io::g2o::Graph;
use nalgebra::Vector3;
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

/// Positions of nodes or cameras (m), pairs of them that are joined by a line, and positions of points.
pub struct Drawing {
    positions: Vec<Vector3<f64>>,
    pairs: Vec<(usize, usize)>,
    points: Vec<Vector3<f64>>,
}

impl Drawing {
    /// Nodes and edges.
    pub fn of_graph(graph: &Graph) -> Self {
        match graph {
            Graph::Space(graph) => Self {
                positions: graph.nodes.iter().map(|node| node.translation.vector).collect(),
                pairs: graph.edges.iter().map(|edge| (edge.from, edge.to)).collect(),
                points: Vec::new(),
            },
            Graph::Plane(graph) => Self {
                positions: graph.nodes.iter().map(|n| Vector3::new(n.translation.x, n.translation.y, 0.0)).collect(),
                pairs: graph.edges.iter().map(|edge| (edge.from, edge.to)).collect(),
                points: Vec::new(),
            },
        }
    }

    /// Cameras in their order, and points; without the farthest twentieth of them along each axis, which would make the
    /// rest a dot.
    pub fn of_bundle<C: PointCamera<R, D>, const R: usize, const D: usize>(bundle: &PointBundle<C, R>) -> Self {
        let mut points: Vec<Vector3<f64>> = bundle.points.iter().map(|point| point.coords).collect();
        for axis in 0..3 {
            points.sort_by(|a, b| a[axis].total_cmp(&b[axis]));
            let cut = points.len() / 40;
            points = points[cut..points.len() - cut].to_vec();
        }
        Self {
            positions: bundle.cameras.iter().map(|camera| camera.pose().translation.vector).collect(),
            pairs: (1..bundle.cameras.len()).map(|index| (index - 1, index)).collect(),
            points,
        }
    }

    /// The two axes along which the graph extends the most, in their order.
    fn widest_axes(&self) -> (usize, usize) {
        let extent = |axis: usize| {
            let values = self.positions.iter().chain(&self.points).map(|p| p[axis]);
            values.clone().fold(f64::MIN, f64::max) - values.fold(f64::MAX, f64::min)
        };
        let thinnest = (0..3).rev().min_by(|a, b| extent(*a).total_cmp(&extent(*b))).unwrap_or(2);
        match thinnest {
            0 => (1, 2),
            1 => (0, 2),
            _ => (0, 1),
        }
    }
}

/// Draws both side by side, seen along the axis in which the optimized graph is thinnest; edges between consecutive
/// nodes are dark, others light.
///
/// # Errors
/// If the file cannot be written.
pub fn draw(path: &Path, before: &Drawing, after: &Drawing, title: &str) -> Result<(), Box<dyn Error>> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let axes = after.widest_axes();
    let root = SVGBackend::new(path, (1400, 720)).into_drawing_area();
    root.fill(&WHITE).map_err(|error| failed(&error))?;
    let root = root.titled(title, ("sans-serif", 22)).map_err(|error| failed(&error))?;
    let halves = root.split_evenly((1, 2));
    for ((area, drawing), caption) in halves.iter().zip([before, after]).zip(["before", "after"]) {
        draw_one(area, drawing, axes, caption).map_err(|error| failed(&error))?;
    }
    root.present().map_err(|error| failed(&error))?;
    Ok(())
}

fn draw_one(
    area: &DrawingArea<SVGBackend, plotters::coord::Shift>,
    drawing: &Drawing,
    (horizontal, vertical): (usize, usize),
    caption: &str,
) -> Result<(), Box<dyn Error>> {
    let points: Vec<(f64, f64)> = drawing.positions.iter().map(|p| (p[horizontal], p[vertical])).collect();
    let seen: Vec<(f64, f64)> = drawing.points.iter().map(|p| (p[horizontal], p[vertical])).collect();
    let middle_and_reach = |value: fn(&(f64, f64)) -> f64| {
        let low = points.iter().chain(&seen).map(value).fold(f64::MAX, f64::min);
        let high = points.iter().chain(&seen).map(value).fold(f64::MIN, f64::max);
        if low <= high { (0.5 * (low + high), 0.5 * (high - low)) } else { (0.0, 0.0) }
    };
    let ((x, reach_x), (y, reach_y)) = (middle_and_reach(|p| p.0), middle_and_reach(|p| p.1));
    // One scale for both axes, or angles would lie.
    let reach = 1.05 * reach_x.max(reach_y).max(1e-3);
    let names = ["x (m)", "y (m)", "z (m)"];
    let mut chart = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(48)
        .build_cartesian_2d(x - reach..x + reach, y - reach..y + reach)?;
    chart.configure_mesh().light_line_style(WHITE).x_desc(names[horizontal]).y_desc(names[vertical]).draw()?;
    chart.draw_series(seen.iter().map(|&point| Pixel::new(point, RGBColor(170, 170, 170))))?;
    let consecutive = |&&(a, b): &&(usize, usize)| a.abs_diff(b) == 1;
    let line = |&(a, b): &(usize, usize)| Some(vec![*points.get(a)?, *points.get(b)?]);
    let loops = drawing.pairs.iter().filter(|pair| !consecutive(pair)).filter_map(line);
    chart.draw_series(loops.map(|line| PathElement::new(line, RGBColor(240, 170, 120).stroke_width(1))))?;
    let chain = drawing.pairs.iter().filter(consecutive).filter_map(line);
    chart.draw_series(chain.map(|line| PathElement::new(line, RGBColor(30, 80, 160).stroke_width(1))))?;
    Ok(())
}
