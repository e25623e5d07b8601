//! A route as a smooth curve in the plane: straight lanes joined by arcs, then smoothed.

use super::spline::Spline;
use crate::simulation::flat::{Lanes, TURN_RADIUS_M, along, arc, distance};

/// Distance of the curve's control points (m).
const STEP_M: f64 = 0.12;

/// A curve in the plane; its parameter is its length (m), but for the smoothing of turns.
#[derive(Debug, Clone)]
pub struct Path {
    x: Spline,
    y: Spline,
}

/// The curve at one place.
#[derive(Debug, Clone, Copy)]
pub struct PathPoint {
    /// Position (m).
    pub position: [f64; 2],
    /// First derivative by the parameter.
    pub first: [f64; 2],
    /// Second derivative (1/m).
    pub second: [f64; 2],
}

impl PathPoint {
    /// Change of direction along the curve (rad/m), positive to the left.
    pub fn curvature(&self) -> f64 {
        let [dx, dy] = self.first;
        (dx * self.second[1] - dy * self.second[0]) / (dx * dx + dy * dy).powf(1.5)
    }
}

impl Path {
    /// The curve along the nodes of a route.
    pub fn new(lanes: &Lanes, route: &[usize]) -> Self {
        let corners = corners(route.iter().map(|&node| lanes.nodes[node]));
        let mut polyline: Vec<[f64; 2]> = Vec::new();
        for (index, &corner) in corners.iter().enumerate() {
            if index == 0 || index + 1 == corners.len() {
                polyline.push(corner);
                continue;
            }
            let (before, after) = (corners[index - 1], corners[index + 1]);
            let shortest = distance(before, corner).min(distance(corner, after));
            polyline.extend(arc(before, corner, after, TURN_RADIUS_M.min(0.5 * shortest), 24));
        }
        let controls = resample(&polyline);
        Self {
            x: Spline::new(controls.iter().map(|p| p[0]).collect(), STEP_M),
            y: Spline::new(controls.iter().map(|p| p[1]).collect(), STEP_M),
        }
    }

    /// Where it ends (m).
    pub fn length(&self) -> f64 {
        self.x.end()
    }

    /// The curve at a length (m).
    pub fn at(&self, length: f64) -> PathPoint {
        let (x, y) = (self.x.at(length), self.y.at(length));
        PathPoint { position: [x[0], y[0]], first: [x[1], y[1]], second: [x[2], y[2]] }
    }
}

/// The points where the direction changes, and both ends.
fn corners(points: impl Iterator<Item = [f64; 2]>) -> Vec<[f64; 2]> {
    let mut corners: Vec<[f64; 2]> = Vec::new();
    for point in points {
        if let [.., a, b] = corners[..] {
            let (u, v) = ([b[0] - a[0], b[1] - a[1]], [point[0] - b[0], point[1] - b[1]]);
            if (u[0] * v[1] - u[1] * v[0]).abs() < 1e-6 {
                corners.pop();
            }
        }
        corners.push(point);
    }
    corners
}

/// Points [`STEP_M`] apart along a polyline. One point before its beginning keeps the curve's direction at the start.
fn resample(polyline: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let Some((&first, rest)) = polyline.split_first() else { return Vec::new() };
    let mut points = vec![along(first, rest.first().copied().unwrap_or(first), -STEP_M), first];
    let (mut from, mut to_next) = (first, STEP_M);
    for &to in rest {
        let mut remaining = distance(from, to);
        while remaining >= to_next {
            from = along(from, to, to_next);
            points.push(from);
            remaining -= to_next;
            to_next = STEP_M;
        }
        to_next -= remaining;
        from = to;
    }
    points
}
