//! A bundle of points as a least-squares problem.

// Loops over lanes index several arrays at once: in this form the compiler vectorizes them.
#![allow(clippy::needless_range_loop)]

use super::{PointBundle, PointCamera};
use crate::geometry::rigid::{Mat3, Rigid, Vec3, cross, multiply, transpose};
use crate::precision::Scalar;
use crate::precision::kernels::{LANES, Lanes};
use crate::solver::{Layout, Loss, Rows, Separable, Touched};
use crate::sparse::Structure;

/// A bundle of points under adjustment.
pub(super) struct PointProblem<C, const R: usize, const D: usize> {
    pub(super) cameras: Vec<C>,
    poses: Vec<Rigid<f64>>,
    pub(super) points: Vec<Vec3<f64>>,
    layout: Layout,
    /// What each tile measured (px), and one over its standard deviations (1/px).
    measured: Vec<([Lanes<f64>; R], Lanes<f64>)>,
    factors: Structure,
    loss: Loss,
}

/// A camera ready for many points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prepared<S, Lens> {
    rotation_camera_world: Mat3<S>,
    /// In double: it is subtracted from points before anything is rounded.
    position_world: Vec3<f64>,
    lens: Lens,
}

impl<C: PointCamera<R, D>, const R: usize, const D: usize> PointProblem<C, R, D> {
    /// Lays out a sound bundle: cameras, then points. A camera that sees nothing is held fixed.
    pub(super) fn new(bundle: &PointBundle<C, R>, loss: Loss) -> Self {
        let mut fixed = vec![true; bundle.cameras.len()];
        for seen in &bundle.observations {
            fixed[seen.camera] = bundle.fixed[seen.camera];
        }
        let touched: Vec<Touched> = (bundle.observations.iter())
            .map(|seen| Touched { frames: [Some(seen.camera), None], landmark: seen.point })
            .collect();
        let layout = Layout::new(&fixed, bundle.points.len(), &touched);
        let measured = (0..layout.tile_count()).map(|tile| {
            let of =
                |row: usize| layout.observations(tile).map(|index| bundle.observations[index as usize].measured[row]);
            let weights = layout.per_lane(tile, |index| 1.0 / bundle.observations[index].sigma_px);
            (std::array::from_fn(of), weights)
        });
        Self {
            measured: measured.collect(),
            poses: bundle.cameras.iter().map(|camera| Rigid::from_se3(camera.pose())).collect(),
            cameras: bundle.cameras.clone(),
            points: bundle.points.iter().map(|point| [point.x, point.y, point.z]).collect(),
            layout,
            factors: Structure::new(),
            loss,
        }
    }

    /// A point of each lane in the camera's coordinates.
    #[inline(always)]
    fn points_in_camera<S: Scalar>(&self, prepared: &Prepared<S, C::Lens<S>>, tile: usize) -> [Lanes<S>; 3] {
        let points = self.layout.gather(tile, &self.points);
        let mut relative = [[S::ZERO; LANES]; 3];
        for k in 0..3 {
            for lane in 0..LANES {
                relative[k][lane] = S::from_f64(points[k][lane] - prepared.position_world[k]);
            }
        }
        relative
    }
}

impl<C: PointCamera<R, D>, const R: usize, const D: usize> Separable<R, D, 3> for PointProblem<C, R, D> {
    type State = (Vec<C>, Vec<Rigid<f64>>, Vec<Vec3<f64>>);
    type Prepared<S: Scalar> = Prepared<S, C::Lens<S>>;

    fn name(&self) -> &'static str {
        "point_bundle"
    }

    #[inline(always)]
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn prepare<S: Scalar>(&self, group: usize) -> Self::Prepared<S> {
        // Every observation is from a camera.
        let camera = self.layout.groups()[group].frames[0].unwrap_or(0);
        let pose = &self.poses[camera];
        Prepared {
            rotation_camera_world: transpose(&pose.rotation_matrix()).map(|row| row.map(S::from_f64)),
            position_world: pose.translation,
            lens: self.cameras[camera].lens(),
        }
    }

    #[inline(always)]
    fn evaluate<S: Scalar>(&self, prepared: &Self::Prepared<S>, tile: usize, residual: &mut [Lanes<S>; R]) {
        let relative = self.points_in_camera(prepared, tile);
        let (measured, weights) = &self.measured[tile];
        for lane in 0..LANES {
            let p =
                multiply(&prepared.rotation_camera_world, &[relative[0][lane], relative[1][lane], relative[2][lane]]);
            let projected = C::project(&prepared.lens, &p);
            for row in 0..R {
                residual[row][lane] = (projected[row] - S::from_f64(measured[row][lane])) * S::from_f64(weights[lane]);
            }
        }
    }

    #[inline(always)]
    fn differentiate<S: Scalar>(&self, prepared: &Self::Prepared<S>, tile: usize, rows: &mut Rows<S, R, D, 3>) {
        let relative = self.points_in_camera(prepared, tile);
        let (measured, weights) = &self.measured[tile];
        let rotation = &prepared.rotation_camera_world;
        for lane in 0..LANES {
            let p = multiply(rotation, &[relative[0][lane], relative[1][lane], relative[2][lane]]);
            let weight = S::from_f64(weights[lane]);
            let mut by_point = [[S::ZERO; 3]; R];
            let mut by_camera = [[S::ZERO; D]; R];
            let projected = C::differentiate(&prepared.lens, &p, &mut by_point, &mut by_camera);
            for row in 0..R {
                rows.residual[row][lane] = (projected[row] - S::from_f64(measured[row][lane])) * weight;
                // P moves by −ρ + [P]× φ, and by R with the point.
                let g = &by_point[row];
                let turned = cross(g, &p);
                for k in 0..3 {
                    by_camera[row][k] = -g[k];
                    by_camera[row][3 + k] = turned[k];
                    let moved = g[0] * rotation[0][k] + g[1] * rotation[1][k] + g[2] * rotation[2][k];
                    rows.by_landmark[row][k][lane] = moved * weight;
                }
                for d in 0..D {
                    rows.by_frame[row][d][lane] = by_camera[row][d] * weight;
                }
            }
        }
    }

    fn loss(&self) -> Loss {
        self.loss
    }

    fn factors(&self) -> &Structure {
        &self.factors
    }

    fn factor_residuals<S: Scalar>(&self, _: &mut [S]) {}

    fn linearize_factors<S: Scalar>(&self, _: &mut [S]) {}

    fn retract<S: Scalar>(&mut self, step: &[S]) {
        let (of_cameras, of_points) = step.split_at(D * self.layout.free_count());
        for (index, (camera, pose)) in self.cameras.iter_mut().zip(&mut self.poses).enumerate() {
            if let Some(free) = self.layout.free(index) {
                let step: [S; D] = std::array::from_fn(|d| of_cameras[D * free + d]);
                *pose = pose.cast::<S>().retract(&std::array::from_fn(|d| step[d])).cast();
                *camera = camera.moved(pose.to_se3(), &step.map(S::to_f64));
            }
        }
        for (point, step) in self.points.iter_mut().zip(of_points.as_chunks::<3>().0) {
            for (value, step) in point.iter_mut().zip(step) {
                *value = (S::from_f64(*value) + *step).to_f64();
            }
        }
    }

    fn state(&self) -> Self::State {
        (self.cameras.clone(), self.poses.clone(), self.points.clone())
    }

    fn restore(&mut self, (cameras, poses, points): &Self::State) {
        self.cameras.clone_from(cameras);
        self.poses.clone_from(poses);
        self.points.clone_from(points);
    }
}
