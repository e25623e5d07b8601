//! A surface as a camera sees it: its outline in pixels, and depth and texture coordinates as linear functions.

use crate::geometry::{PinholeCamera, Se3};
use crate::simulation::flat::Surface;
use nalgebra::{Point3, Vector3};

/// Nothing nearer than this is drawn (m).
const NEAR_M: f64 = 0.04;

/// A linear function of pixel coordinates: `a x + b y + c`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linear {
    /// Change per pixel to the right.
    pub a: f64,
    /// Change per pixel down.
    pub b: f64,
    /// Value at pixel (0, 0).
    pub c: f64,
}

impl Linear {
    /// Value at the beginning of a row.
    pub fn row(&self, y: f64) -> f64 {
        self.b * y + self.c
    }
    /// Value at a pixel.
    pub fn at(&self, x: f64, y: f64) -> f64 {
        self.a * x + self.row(y)
    }
    /// The function of a ray `(X, Y, 1)` that is its product with a vector.
    fn of_ray(camera: &PinholeCamera, v: &Vector3<f64>) -> Self {
        let (a, b) = (v.x / camera.fx, v.y / camera.fy);
        Self { a, b, c: v.z - a * camera.cx - b * camera.cy }
    }
}

/// A visible surface, projected.
#[derive(Debug, Clone)]
pub struct Projected {
    /// Index of the surface.
    pub surface: usize,
    /// Inverse depth (1/m).
    pub inverse_depth: Linear,
    /// Distance to the right on the surface, over depth (no unit).
    pub right: Linear,
    /// Distance down on the surface, over depth (no unit).
    pub down: Linear,
    /// The outline in pixels; pixel centres are at whole numbers.
    outline: [[f64; 2]; 5],
    corner_count: usize,
    /// Functions that are positive inside the outline.
    edges: [Linear; 5],
    /// First row and the row after the last.
    pub rows: (usize, usize),
}

impl Projected {
    /// Projects a surface; `None` if it is not seen.
    pub fn new(index: usize, surface: &Surface, camera: &PinholeCamera, t_camera_world: &Se3) -> Option<Self> {
        let origin = t_camera_world * surface.origin;
        let (right, down) = (t_camera_world * surface.right, t_camera_world * surface.down);
        let normal = down.cross(&right);
        let distance = origin.coords.dot(&normal);
        // Seen from its front if the camera is on the side that the normal points to.
        if distance > -1e-4 {
            return None;
        }
        let [w, h] = surface.size;
        let corners = [origin, origin + right * w, origin + right * w + down * h, origin + down * h];
        let mut outline = [[0.0; 2]; 5];
        let mut corner_count = 0;
        for (p, q) in [(0, 1), (1, 2), (2, 3), (3, 0)].map(|(i, j)| (corners[i], corners[j])) {
            let mut add = |p: Point3<f64>| {
                if corner_count < 5 {
                    let px = camera.project(&p);
                    outline[corner_count] = [px.x, px.y];
                    corner_count += 1;
                }
            };
            if p.z >= NEAR_M {
                add(p);
            }
            if (p.z >= NEAR_M) != (q.z >= NEAR_M) {
                add(p + (q - p) * ((NEAR_M - p.z) / (q.z - p.z)));
            }
        }
        let corners = &outline[..corner_count];
        let bound =
            |axis: usize, pick: fn(f64, f64) -> f64, start: f64| corners.iter().map(|c| c[axis]).fold(start, pick);
        let (left, last) = (bound(0, f64::min, f64::INFINITY), bound(0, f64::max, f64::NEG_INFINITY));
        let (top, bottom) = (bound(1, f64::min, f64::INFINITY), bound(1, f64::max, f64::NEG_INFINITY));
        let (width, height) = (f64::from(camera.width), f64::from(camera.height));
        if corner_count < 3 || last < 0.0 || left > width - 1.0 || bottom < 0.0 || top > height - 1.0 {
            return None;
        }
        let rows = (top.ceil().max(0.0) as usize, (bottom.floor().min(height - 1.0) + 1.0).max(0.0) as usize);
        let mut edges = [Linear::default(); 5];
        let mut area = 0.0;
        for i in 0..corner_count {
            let (p, q) = (outline[i], outline[(i + 1) % corner_count]);
            area += p[0] * q[1] - p[1] * q[0];
        }
        for i in 0..corner_count {
            let (p, q) = (outline[i], outline[(i + 1) % corner_count]);
            let sign = area.signum() / (q[0] - p[0]).hypot(q[1] - p[1]).max(1e-12);
            let (a, b) = (-(q[1] - p[1]) * sign, (q[0] - p[0]) * sign);
            edges[i] = Linear { a, b, c: -a * p[0] - b * p[1] };
        }
        let scaled =
            |v: Linear, k: f64, plus: Linear| Linear { a: v.a * k + plus.a, b: v.b * k + plus.b, c: v.c * k + plus.c };
        let inverse_depth = scaled(Linear::of_ray(camera, &normal), 1.0 / distance, Linear::default());
        let along = |axis: &Vector3<f64>| scaled(inverse_depth, -origin.coords.dot(axis), Linear::of_ray(camera, axis));
        let (right, down) = (along(&right), along(&down));
        Some(Self { surface: index, inverse_depth, right, down, outline, corner_count, edges, rows })
    }

    /// The pixels of a row whose centres are inside: the first and the one after the last.
    pub fn span(&self, y: f64, width: usize) -> (usize, usize) {
        let (mut left, mut right) = (f64::INFINITY, f64::NEG_INFINITY);
        for i in 0..self.corner_count {
            let (p, q) = (self.outline[i], self.outline[(i + 1) % self.corner_count]);
            let (low, high) = if p[1] <= q[1] { (p, q) } else { (q, p) };
            if y < low[1] || y > high[1] {
                continue;
            }
            if high[1] - low[1] < 1e-12 {
                left = left.min(p[0].min(q[0]));
                right = right.max(p[0].max(q[0]));
                continue;
            }
            // From the lower end in both directions of drawing, so that neighbours agree on their common edge.
            let x = low[0] + (high[0] - low[0]) * ((y - low[1]) / (high[1] - low[1]));
            left = left.min(x);
            right = right.max(x);
        }
        let clamp = |x: f64| x.ceil().clamp(0.0, width as f64) as usize;
        if left > right { (0, 0) } else { (clamp(left), clamp(right)) }
    }

    /// Whether a point of the image is inside the outline, or at most `tolerance` pixels outside.
    pub fn contains(&self, x: f64, y: f64, tolerance: f64) -> bool {
        self.edges[..self.corner_count].iter().all(|edge| edge.at(x, y) >= -tolerance)
    }
}
