//! Which surface of one frame a point of the other lies on, and what the two say of the motion.

use super::level::{Level, median};
use crate::geometry::Se3;
use crate::solver::Loss;
use nalgebra::{Matrix6, RowVector6, Vector3};

/// Points this many cells away from where a surface would be are not of that surface.
const REACH_CELLS: f64 = 12.0;

/// Residuals beyond so many standard deviations count linearly, and beyond the second number not at all.
const HUBER_SIGMAS: f64 = 2.0;
const MAX_SIGMAS: f64 = 6.0;

/// Residuals are as large as a median absolute deviation of theirs says, times this (normal distribution), but never taken for
/// smaller than that: a share of the depth's standard deviation, and grey levels.
const SIGMA_PER_MEDIAN: f64 = 1.4826;
const LEAST_DEPTH_SCALE: f64 = 0.25;
const LEAST_GRAY_SCALE: f64 = 2.0;

/// A point shows the same as a surface within so many standard deviations.
const ALIKE_SIGMAS: f64 = 3.0;

/// A residual and its derivative by the motion `[ρ; φ]` in the later camera's own frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub residual: f64,
    pub by_motion: RowVector6<f64>,
}

impl Row {
    fn scaled(&self, factor: f64) -> Self {
        Self { residual: self.residual * factor, by_motion: self.by_motion * factor }
    }
}

/// The later frame's points on the earlier one's surfaces, at some motion.
#[derive(Debug, Clone)]
pub(super) struct Pairs {
    /// Of distances to surfaces and differences of brightness, in standard deviations and weighted by how far off they are.
    pub rows: Vec<Row>,
    /// Points that there are, those of them that fall into the earlier image, and those of these that lie on its surfaces.
    pub point_count: usize,
    pub seen_count: usize,
    pub agreeing_count: usize,
    /// Points that show the same as the surface that they lie on, by what depth and brightness are, not by how far off others are.
    pub alike_count: usize,
    /// How large the distances are, in standard deviations of the depth.
    pub depth_scale: f64,
}

impl Pairs {
    /// Puts the points of `later` onto the surfaces of `earlier`; `t_earlier_later` maps between their cameras. Depths have a
    /// standard deviation of `depth_sigma_m` at 1 m that grows with their square.
    pub(super) fn new(earlier: &Level, later: &Level, t_earlier_later: &Se3, depth_sigma_m: f64) -> Self {
        let (mut distances, mut differences, mut both) = (Vec::new(), Vec::new(), Vec::new());
        let (mut point_count, mut seen_count) = (0, 0);
        let to_later = t_earlier_later.rotation.inverse();
        for (p, gray) in later.points() {
            point_count += 1;
            let q = t_earlier_later * p;
            let px = earlier.camera.project(&q);
            if q.z <= 0.0 || !earlier.camera.contains(&px, 1.0) {
                continue;
            }
            seen_count += 1;
            let Some((surface, normal)) = earlier.surface(&px) else { continue };
            let cell_m = q.z / earlier.camera.fx;
            let offset = q - surface;
            if offset.norm() > REACH_CELLS * cell_m {
                continue;
            }
            // A direction d of the earlier camera, seen from the later one, and how p moves along it: d·(ρ + φ × p).
            let by_motion = |direction: &Vector3<f64>| {
                let direction = to_later * direction;
                let turned = p.coords.cross(&direction);
                RowVector6::new(direction.x, direction.y, direction.z, turned.x, turned.y, turned.z)
            };
            let (brightness, gradient) = earlier.brightness(&px);
            if let Some(normal) = normal {
                let row = Row { residual: normal.dot(&offset), by_motion: by_motion(&normal) };
                distances.push(row.scaled(1.0 / (depth_sigma_m * q.z * q.z)));
                both.extend(distances.last().map(|row| (row.residual, brightness - gray)));
            }
            let camera = &earlier.camera;
            let (along_x, along_y) = (gradient.x * camera.fx / q.z, gradient.y * camera.fy / q.z);
            let along = Vector3::new(along_x, along_y, -(along_x * q.x + along_y * q.y) / q.z);
            differences.push(Row { residual: brightness - gray, by_motion: by_motion(&along) });
        }
        let depth_scale = scale(&distances).max(LEAST_DEPTH_SCALE);
        let mut rows = weighted(&distances, depth_scale);
        let agreeing_count = rows.len();
        // What the exposure has changed since is no motion.
        let mut shifts: Vec<f64> = differences.iter().map(|row| row.residual).collect();
        let shift = median(&mut shifts).unwrap_or(0.0);
        differences.iter_mut().for_each(|row| row.residual -= shift);
        let is_alike = |(distance, difference): &(f64, f64)| {
            distance.abs() < ALIKE_SIGMAS && (difference - shift).abs() < ALIKE_SIGMAS * LEAST_GRAY_SCALE
        };
        let alike_count = both.into_iter().filter(is_alike).count();
        rows.extend(weighted(&differences, scale(&differences).max(LEAST_GRAY_SCALE)));
        Self { rows, point_count, seen_count, agreeing_count, alike_count, depth_scale }
    }

    /// `JᵀJ` of the rows.
    pub(super) fn information(&self) -> Matrix6<f64> {
        self.rows.iter().fold(Matrix6::zeros(), |sum, row| sum + row.by_motion.transpose() * row.by_motion)
    }
}

/// The standard deviation that residuals seem to have.
fn scale(rows: &[Row]) -> f64 {
    let mut sizes: Vec<f64> = rows.iter().map(|row| row.residual.abs()).collect();
    SIGMA_PER_MEDIAN * median(&mut sizes).unwrap_or(0.0)
}

/// Rows in units of their standard deviation, and so weighted that their squares stand for Huber's loss; without outliers.
fn weighted(rows: &[Row], sigma: f64) -> Vec<Row> {
    let loss = Loss::Huber(HUBER_SIGMAS);
    let in_sigmas = rows.iter().map(|row| row.scaled(1.0 / sigma)).filter(|row| row.residual.abs() < MAX_SIGMAS);
    in_sigmas.map(|row| row.scaled(loss.evaluate(row.residual * row.residual).1.sqrt())).collect()
}
