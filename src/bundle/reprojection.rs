//! The reprojection residual of an inverse depth landmark, with its Jacobian.
//!
//! The landmark lies at `ray / ρ` in its host's camera. In the camera that sees it now it is, up to the factor `1/ρ`
//! that projection does not see, `P = R ray + ρ t` with `(R, t)` host into target coordinates: no division by `ρ`, so
//! points at infinity are nothing special.

use crate::geometry::PinholeCamera;
use crate::geometry::rigid::{Mat3, Rigid, Vec3, cross, dot, multiply, transpose};
use crate::precision::Scalar;

/// The least depth over the depth in the host, `P_z`, with which is projected. What lies nearer or behind the camera
/// is projected as if it lay there: far off, but finite and continuous.
const MIN_DEPTH_RATIO: f64 = 1e-3;

/// A rectified (virtual) stereo camera in precision `S`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StereoCamera<S> {
    /// Focal lengths (px).
    pub focal: [S; 2],
    /// Focal length along x times baseline (px m).
    pub focal_baseline: S,
}

/// Where the host of landmarks is seen from, ready for many of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placement<S> {
    /// Rotation of host coordinates into those of the camera that sees it.
    pub rotation: Mat3<S>,
    /// Position of the host there (m).
    pub translation: Vec3<S>,
}

impl<S: Scalar> Placement<S> {
    /// From host coordinates into those of the camera that sees it.
    #[inline(always)]
    pub fn new(t_target_host: &Rigid<S>) -> Self {
        Self { rotation: t_target_host.rotation_matrix(), translation: t_target_host.translation }
    }

    /// `P = R ray + ρ t`.
    #[inline(always)]
    fn scaled_point(&self, ray: &Vec3<S>, inverse_depth: S) -> Vec3<S> {
        let turned = multiply(&self.rotation, ray);
        [0, 1, 2].map(|i| turned[i] + inverse_depth * self.translation[i])
    }

    /// Whether a landmark lies in front of the camera, as far as [`StereoCamera::project`] is concerned.
    pub fn is_in_front(&self, ray: &Vec3<S>, inverse_depth: S) -> bool {
        self.scaled_point(ray, inverse_depth)[2].to_f64() > MIN_DEPTH_RATIO
    }
}

impl<S: Scalar> StereoCamera<S> {
    /// The camera, each number rounded once.
    pub fn new(camera: &PinholeCamera, baseline_m: f64) -> Self {
        Self { focal: [camera.fx, camera.fy].map(S::from_f64), focal_baseline: S::from_f64(camera.fx * baseline_m) }
    }

    /// The pixel `[u, v, u_right]` of a landmark relative to the principal point (px).
    ///
    /// - `ray`: its direction `(x, y, 1)` in the host.
    /// - `inverse_depth`: `ρ` (1/m).
    #[inline(always)]
    pub fn project(&self, host: &Placement<S>, ray: &Vec3<S>, inverse_depth: S) -> [S; 3] {
        let p = host.scaled_point(ray, inverse_depth);
        let one_over_z = S::ONE / p[2].max(S::from_f64(MIN_DEPTH_RATIO));
        let u = self.focal[0] * p[0] * one_over_z;
        let v = self.focal[1] * p[1] * one_over_z;
        [u, v, u - self.focal_baseline * inverse_depth * one_over_z]
    }

    /// [`Self::project`] and its Jacobian by the perturbation of the target (6) and by `ρ` (1).
    ///
    /// `∂P/∂[ρ_t; φ_t] = [−ρ, [P]×]`, `∂P/∂ρ = t`. That by the perturbation of the host is the one by the target's times
    /// [`by_host`]: only their relative pose counts.
    #[inline(always)]
    pub fn jacobian(&self, host: &Placement<S>, ray: &Vec3<S>, inverse_depth: S) -> ([S; 3], [[S; 7]; 3]) {
        let p = host.scaled_point(ray, inverse_depth);
        let least = S::from_f64(MIN_DEPTH_RATIO);
        let one_over_z = S::ONE / p[2].max(least);
        let by_depth = if p[2] > least { one_over_z } else { S::ZERO };
        let (a, b) = (self.focal[0] * one_over_z, self.focal[1] * one_over_z);
        let right_shift = self.focal_baseline * one_over_z;
        let (u, v) = (a * p[0], b * p[1]);
        let px = [u, v, u - right_shift * inverse_depth];
        let by_point = [
            [a, S::ZERO, -(u * by_depth)],
            [S::ZERO, b, -(v * by_depth)],
            [a, S::ZERO, (right_shift * inverse_depth - u) * by_depth],
        ];
        let t = &host.translation;
        let row = |g: &Vec3<S>| {
            let turned = cross(g, &p);
            let moved = [0, 1, 2].map(|k| -(inverse_depth * g[k]));
            [moved[0], moved[1], moved[2], turned[0], turned[1], turned[2], dot(g, t)]
        };
        let mut rows = [row(&by_point[0]), row(&by_point[1]), row(&by_point[2])];
        rows[2][6] -= right_shift;
        (px, rows)
    }
}

/// The derivative of the target's perturbation by the host's that has the same effect: `−Ad(T)`, `T` host into target
/// coordinates, `Ad(T) = [R, [t]× R; 0, R]`.
pub fn by_host(t_target_host: &Rigid<f64>) -> [[f64; 6]; 6] {
    let rotation = t_target_host.rotation_matrix();
    let [x, y, z] = t_target_host.translation;
    let lever = [[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]].map(|row| multiply(&transpose(&rotation), &row));
    let mut negative_adjoint = [[0.0; 6]; 6];
    for i in 0..3 {
        for k in 0..3 {
            negative_adjoint[i][k] = -rotation[i][k];
            negative_adjoint[i][3 + k] = -lever[i][k];
            negative_adjoint[3 + i][3 + k] = -rotation[i][k];
        }
    }
    negative_adjoint
}
