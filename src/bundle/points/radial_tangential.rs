//! A camera with the usual distortion, its lens known.

use super::PointCamera;
use crate::geometry::Se3;
use crate::geometry::rigid::{Rigid, Vec3};
use crate::precision::Scalar;

/// A camera whose lens is known: with `p = [x, y] / z` and `ρ = ‖p‖` its pixels are `f d + c`, where
///
/// `d = p (1 + k₁ ρ² + k₂ ρ⁴ + k₃ ρ⁶) + [2 p₁ x y + p₂ (ρ² + 2 x²), p₁ (ρ² + 2 y²) + 2 p₂ x y]` with `x`, `y` those of `p`.
///
/// # Source
/// Brown, *Close-Range Camera Calibration* (1971), with the names of the numbers as OpenCV and libmv have them.
#[derive(Debug, Clone, PartialEq)]
pub struct RadialTangentialCamera {
    /// Camera coordinates into world coordinates.
    pub t_world_camera: Se3,
    /// `f` (px), the same along both axes.
    pub focal_px: f64,
    /// `c` (px).
    pub center_px: [f64; 2],
    /// `k₁`, `k₂` and `k₃`.
    pub radial: [f64; 3],
    /// `p₁` and `p₂`.
    pub tangential: [f64; 2],
}

/// A lens in precision `S`.
#[derive(Debug, Clone, Copy)]
pub struct RadialTangentialLens<S> {
    focal: S,
    center: [S; 2],
    radial: [S; 3],
    tangential: [S; 2],
}

impl<S: Scalar> RadialTangentialLens<S> {
    /// `d` of a `p`, and its derivatives `∂d₀/∂x`, `∂d₀/∂y = ∂d₁/∂x`, `∂d₁/∂y`.
    #[inline(always)]
    fn distort(&self, x: S, y: S) -> ([S; 2], [S; 3]) {
        let ([k1, k2, k3], [p1, p2]) = (self.radial, self.tangential);
        let squared = x * x + y * y;
        let scale = S::ONE + squared * (k1 + squared * (k2 + squared * k3));
        // Twice the derivative of the scale by ρ².
        let (twice_k2, thrice_k3) = (k2 + k2, k3 + k3 + k3);
        let slope = k1 + squared * (twice_k2 + squared * thrice_k3);
        let slope = slope + slope;
        let (x_p1, y_p1, x_p2, y_p2) = (x * p1, y * p1, x * p2, y * p2);
        let twice = |value: S| value + value;
        let distorted = [
            x * scale + twice(x_p1 * y) + p2 * (squared + twice(x * x)),
            y * scale + p1 * (squared + twice(y * y)) + twice(x_p2 * y),
        ];
        let mixed = x * y * slope + twice(x_p1 + y_p2);
        let by_x = scale + x * x * slope + twice(y_p1 + x_p2 + twice(x_p2));
        let by_y = scale + y * y * slope + twice(x_p2 + y_p1 + twice(y_p1));
        (distorted, [by_x, mixed, by_y])
    }

    #[inline(always)]
    fn pixel(&self, distorted: &[S; 2]) -> [S; 2] {
        [self.focal * distorted[0] + self.center[0], self.focal * distorted[1] + self.center[1]]
    }
}

impl PointCamera<2, 6> for RadialTangentialCamera {
    type Lens<S: Scalar> = RadialTangentialLens<S>;

    fn pose(&self) -> &Se3 {
        &self.t_world_camera
    }

    fn lens<S: Scalar>(&self) -> RadialTangentialLens<S> {
        RadialTangentialLens {
            focal: S::from_f64(self.focal_px),
            center: self.center_px.map(S::from_f64),
            radial: self.radial.map(S::from_f64),
            tangential: self.tangential.map(S::from_f64),
        }
    }

    fn is_in_front(p_camera: &Vec3<f64>) -> bool {
        p_camera[2] > 0.0
    }

    #[inline(always)]
    fn project<S: Scalar>(lens: &RadialTangentialLens<S>, p_camera: &Vec3<S>) -> [S; 2] {
        let one_over_z = S::ONE / p_camera[2];
        lens.pixel(&lens.distort(p_camera[0] * one_over_z, p_camera[1] * one_over_z).0)
    }

    #[inline(always)]
    fn differentiate<S: Scalar>(
        lens: &RadialTangentialLens<S>,
        p_camera: &Vec3<S>,
        by_point: &mut [[S; 3]; 2],
        _: &mut [[S; 6]; 2],
    ) -> [S; 2] {
        let one_over_z = S::ONE / p_camera[2];
        let (x, y) = (p_camera[0] * one_over_z, p_camera[1] * one_over_z);
        let (distorted, [xx, xy, yy]) = lens.distort(x, y);
        let scale = lens.focal * one_over_z;
        by_point[0] = [xx * scale, xy * scale, -((xx * x + xy * y) * scale)];
        by_point[1] = [xy * scale, yy * scale, -((xy * x + yy * y) * scale)];
        lens.pixel(&distorted)
    }

    fn moved(&self, pose: Se3, _: &[f64; 6]) -> Self {
        Self { t_world_camera: pose, ..self.clone() }
    }

    fn is_finite(&self) -> bool {
        let lens = [&self.center_px[..], &self.radial, &self.tangential, &[self.focal_px]];
        Rigid::<f64>::from_se3(&self.t_world_camera).is_finite()
            && lens.iter().flat_map(|values| values.iter()).all(|value| value.is_finite())
    }
}
