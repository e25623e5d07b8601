//! The reprojection residual of an inverse depth landmark, with its Jacobian.
//!
//! The landmark lies at `ray / ρ` in its host's camera. In the camera that sees it now it is, up to the factor `1/ρ`
//! that projection does not see, `P = R ray + ρ t` with `(R, t)` host into target coordinates: no division by `ρ`, so
//! points at infinity are nothing special.

use crate::geometry::PinholeCamera;
use crate::geometry::rigid::{Rigid, Vec3, cross, multiply, times_skew};
use crate::precision::Scalar;

/// The least depth over the depth in the host, `P_z`, with which is projected. What lies nearer or behind the camera
/// is projected as if it lay there: far off, but finite and continuous.
const MIN_DEPTH_RATIO: f64 = 1e-3;

/// A rectified (virtual) stereo camera in precision `S`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StereoCamera<S> {
    /// Focal lengths (px).
    pub focal: [S; 2],
    /// Principal point (px).
    pub centre: [S; 2],
    /// Focal length along x times baseline (px m).
    pub focal_baseline: S,
}

impl<S: Scalar> StereoCamera<S> {
    /// The camera, each number rounded once.
    pub fn new(camera: &PinholeCamera, baseline_m: f64) -> Self {
        Self {
            focal: [camera.fx, camera.fy].map(S::from_f64),
            centre: [camera.cx, camera.cy].map(S::from_f64),
            focal_baseline: S::from_f64(camera.fx * baseline_m),
        }
    }

    /// The pixel `[u, v, u_right]` (px) of a landmark.
    ///
    /// - `t_target_host`: host coordinates into those of the camera that sees it.
    /// - `ray`: its direction `(x, y, 1)` in the host.
    /// - `inverse_depth`: `ρ` (1/m).
    pub fn project(&self, t_target_host: &Rigid<S>, ray: &Vec3<S>, inverse_depth: S) -> [S; 3] {
        let p = scaled_point(t_target_host, ray, inverse_depth);
        let z = p[2].max(S::from_f64(MIN_DEPTH_RATIO));
        let u = self.focal[0] * p[0] / z + self.centre[0];
        let v = self.focal[1] * p[1] / z + self.centre[1];
        [u, v, u - self.focal_baseline * inverse_depth / z]
    }

    /// The Jacobian of [`Self::project`] by the perturbation of the target (6), of the host (6) and by `ρ` (1).
    ///
    /// `∂P/∂[ρ_t; φ_t] = [−ρ, [P]×]`, `∂P/∂[ρ_h; φ_h] = [ρ R, −R [ray]×]`, `∂P/∂ρ = t`.
    pub fn jacobian(&self, t_target_host: &Rigid<S>, ray: &Vec3<S>, inverse_depth: S) -> [[S; 13]; 3] {
        let p = scaled_point(t_target_host, ray, inverse_depth);
        let least = S::from_f64(MIN_DEPTH_RATIO);
        let one_over_z = S::ONE / p[2].max(least);
        let by_depth = if p[2] > least { one_over_z } else { S::ZERO };
        let (a, b) = (self.focal[0] * one_over_z, self.focal[1] * one_over_z);
        let right_shift = self.focal_baseline * one_over_z;
        let by_point = [
            [a, S::ZERO, -(a * p[0] * by_depth)],
            [S::ZERO, b, -(b * p[1] * by_depth)],
            [a, S::ZERO, (right_shift * inverse_depth - a * p[0]) * by_depth],
        ];

        let rotation = t_target_host.rotation_matrix();
        let lever = times_skew(&rotation, ray);
        let mut rows = [[S::ZERO; 13]; 3];
        for (row, g) in rows.iter_mut().zip(&by_point) {
            let turned = cross(g, &p);
            for k in 0..3 {
                row[k] = -(inverse_depth * g[k]);
                row[3 + k] = turned[k];
                let column = |m: &[[S; 3]; 3]| g[0] * m[0][k] + g[1] * m[1][k] + g[2] * m[2][k];
                row[6 + k] = inverse_depth * column(&rotation);
                row[9 + k] = -column(&lever);
            }
            let t = &t_target_host.translation;
            row[12] = g[0] * t[0] + g[1] * t[1] + g[2] * t[2];
        }
        rows[2][12] -= right_shift;
        rows
    }
}

/// `P = R ray + ρ t`.
fn scaled_point<S: Scalar>(t: &Rigid<S>, ray: &Vec3<S>, inverse_depth: S) -> Vec3<S> {
    let turned = multiply(&t.rotation_matrix(), ray);
    [0, 1, 2].map(|i| turned[i] + inverse_depth * t.translation[i])
}

/// Whether a landmark lies in front of the camera, as far as [`StereoCamera::project`] is concerned.
pub(super) fn is_in_front(t_target_host: &Rigid<f64>, ray: &Vec3<f64>, inverse_depth: f64) -> bool {
    scaled_point(t_target_host, ray, inverse_depth)[2] > MIN_DEPTH_RATIO
}
