//! Camera models that see points.

use crate::geometry::rigid::{Rigid, Vec3};
use crate::geometry::{PinholeCamera, Se3};
use crate::precision::Scalar;

/// A camera with a pose and `D - 6` unknowns of its lens, that measures `R` numbers of a point.
///
/// The methods over `S` are hot: branch-free and `#[inline(always)]`.
pub trait PointCamera<const R: usize, const D: usize>: Clone {
    /// What its pixels depend on besides the pose, in precision `S`.
    type Lens<S: Scalar>: Copy;

    /// Camera coordinates into world coordinates.
    fn pose(&self) -> &Se3;
    /// The lens, each number rounded once.
    fn lens<S: Scalar>(&self) -> Self::Lens<S>;
    /// Whether a point in its own coordinates is one that it can see.
    fn is_in_front(p_camera: &Vec3<f64>) -> bool;
    /// What it measures of a point in its own coordinates (m).
    fn project<S: Scalar>(lens: &Self::Lens<S>, p_camera: &Vec3<S>) -> [S; R];
    /// The same with its derivatives by the point, and by the lens in places 6 to `D` of `by_camera`.
    fn differentiate<S: Scalar>(
        lens: &Self::Lens<S>,
        p_camera: &Vec3<S>,
        by_point: &mut [[S; 3]; R],
        by_camera: &mut [[S; D]; R],
    ) -> [S; R];
    /// The camera with another pose, and its lens moved by places 6 to `D` of a step.
    fn moved(&self, pose: Se3, step: &[f64; D]) -> Self;
    /// Neither infinite nor NaN in any part.
    fn is_finite(&self) -> bool;
}

/// A camera of the "Bundle Adjustment in the Large" files: it looks down its negative z axis, and its pixels are
/// `f (1 + k₁ ρ² + k₂ ρ⁴) p` with `p = -[x, y] / z`, `ρ = ‖p‖`, relative to the image centre, y up.
///
/// # Source
/// Agarwal, Snavely, Seitz, Szeliski, *Bundle Adjustment in the Large* (2010).
#[derive(Debug, Clone, PartialEq)]
pub struct BalCamera {
    /// Camera coordinates into world coordinates.
    pub t_world_camera: Se3,
    /// `f` (px).
    pub focal_px: f64,
    /// `k₁` and `k₂`.
    pub distortion: [f64; 2],
}

impl PointCamera<2, 9> for BalCamera {
    type Lens<S: Scalar> = [S; 3];

    fn pose(&self) -> &Se3 {
        &self.t_world_camera
    }

    fn lens<S: Scalar>(&self) -> [S; 3] {
        [self.focal_px, self.distortion[0], self.distortion[1]].map(S::from_f64)
    }

    fn is_in_front(p_camera: &Vec3<f64>) -> bool {
        p_camera[2] < 0.0
    }

    #[inline(always)]
    fn project<S: Scalar>(&[f, k1, k2]: &[S; 3], p_camera: &Vec3<S>) -> [S; 2] {
        let minus_one_over_z = -(S::ONE / p_camera[2]);
        let (x, y) = (p_camera[0] * minus_one_over_z, p_camera[1] * minus_one_over_z);
        let squared = x * x + y * y;
        let scale = f * (S::ONE + squared * (k1 + k2 * squared));
        [scale * x, scale * y]
    }

    #[inline(always)]
    fn differentiate<S: Scalar>(
        &[f, k1, k2]: &[S; 3],
        p_camera: &Vec3<S>,
        by_point: &mut [[S; 3]; 2],
        by_camera: &mut [[S; 9]; 2],
    ) -> [S; 2] {
        let minus_one_over_z = -(S::ONE / p_camera[2]);
        let (x, y) = (p_camera[0] * minus_one_over_z, p_camera[1] * minus_one_over_z);
        let squared = x * x + y * y;
        let radial = S::ONE + squared * (k1 + k2 * squared);
        // Half the derivative of the radial factor by ρ², times two for each coordinate.
        let slope = k1 + (k2 + k2) * squared;
        let twice = f * (slope + slope);
        let (xx, xy, yy) = (f * radial + twice * x * x, twice * x * y, f * radial + twice * y * y);
        by_point[0] = [xx * minus_one_over_z, xy * minus_one_over_z, (xx * x + xy * y) * minus_one_over_z];
        by_point[1] = [xy * minus_one_over_z, yy * minus_one_over_z, (xy * x + yy * y) * minus_one_over_z];
        for (row, p) in by_camera.iter_mut().zip([x, y]) {
            row[6] = radial * p;
            row[7] = f * squared * p;
            row[8] = f * squared * squared * p;
        }
        [f * radial * x, f * radial * y]
    }

    fn moved(&self, pose: Se3, step: &[f64; 9]) -> Self {
        Self {
            t_world_camera: pose,
            focal_px: self.focal_px + step[6],
            distortion: [self.distortion[0] + step[7], self.distortion[1] + step[8]],
        }
    }

    fn is_finite(&self) -> bool {
        Rigid::<f64>::from_se3(&self.t_world_camera).is_finite()
            && [self.focal_px, self.distortion[0], self.distortion[1]].iter().all(|value| value.is_finite())
    }
}

/// A rectified stereo camera without distortion, its lens known: it measures `[u, v, u_right]`.
#[derive(Debug, Clone, PartialEq)]
pub struct RectifiedStereo {
    /// The left camera.
    pub camera: PinholeCamera,
    /// Distance of the right camera along x (m).
    pub baseline_m: f64,
    /// Left camera coordinates into world coordinates.
    pub t_world_camera: Se3,
}

impl PointCamera<3, 6> for RectifiedStereo {
    type Lens<S: Scalar> = [S; 5];

    fn pose(&self) -> &Se3 {
        &self.t_world_camera
    }

    fn lens<S: Scalar>(&self) -> [S; 5] {
        let PinholeCamera { fx, fy, cx, cy, .. } = self.camera;
        [fx, fy, cx, cy, fx * self.baseline_m].map(S::from_f64)
    }

    fn is_in_front(p_camera: &Vec3<f64>) -> bool {
        p_camera[2] > 0.0
    }

    #[inline(always)]
    fn project<S: Scalar>(&[fx, fy, cx, cy, fb]: &[S; 5], p_camera: &Vec3<S>) -> [S; 3] {
        let one_over_z = S::ONE / p_camera[2];
        let u = fx * p_camera[0] * one_over_z + cx;
        [u, fy * p_camera[1] * one_over_z + cy, u - fb * one_over_z]
    }

    #[inline(always)]
    fn differentiate<S: Scalar>(
        &[fx, fy, cx, cy, fb]: &[S; 5],
        p_camera: &Vec3<S>,
        by_point: &mut [[S; 3]; 3],
        _: &mut [[S; 6]; 3],
    ) -> [S; 3] {
        let one_over_z = S::ONE / p_camera[2];
        let (x, y) = (fx * p_camera[0] * one_over_z, fy * p_camera[1] * one_over_z);
        let shift = fb * one_over_z;
        by_point[0] = [fx * one_over_z, S::ZERO, -(x * one_over_z)];
        by_point[1] = [S::ZERO, fy * one_over_z, -(y * one_over_z)];
        by_point[2] = [fx * one_over_z, S::ZERO, (shift - x) * one_over_z];
        [x + cx, y + cy, x + cx - shift]
    }

    fn moved(&self, pose: Se3, _: &[f64; 6]) -> Self {
        Self { t_world_camera: pose, ..self.clone() }
    }

    fn is_finite(&self) -> bool {
        let PinholeCamera { fx, fy, cx, cy, .. } = self.camera;
        Rigid::<f64>::from_se3(&self.t_world_camera).is_finite()
            && [fx, fy, cx, cy, self.baseline_m].iter().all(|value| value.is_finite())
    }
}
