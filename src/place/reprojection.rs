//! How well a relative pose explains a pair of matched features: reprojection both ways, with the depth's own
//! uncertainty.
//!
//! A point known from the first camera, `p_a`, is seen by the second at `π(t_b_a p_a)`. Its depth is uncertain: an
//! error of its inverse depth moves the pixel along a line, so that the covariance of the pixel residual `e` is
//! `σ² I + v vᵀ` with `v = ∂π/∂p · R · p_a z_a · σ_ρ`. The same holds from the second to the first.

use crate::geometry::{PinholeCamera, Se3, se3::skew};
use nalgebra::{Matrix2, Matrix2x3, Matrix2x6, Matrix3, Point3, Vector2};

/// Two matched features.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Correspondence {
    /// In the first image (px).
    pub px_a: Vector2<f64>,
    /// In the second image (px).
    pub px_b: Vector2<f64>,
    /// In the first camera's frame (m), if known.
    pub p_a: Option<Point3<f64>>,
    /// In the second camera's frame (m), if known.
    pub p_b: Option<Point3<f64>>,
}

/// The two cameras and how well they measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TwoViews {
    /// The first camera.
    pub camera_a: PinholeCamera,
    /// The second camera.
    pub camera_b: PinholeCamera,
    /// Standard deviation of a feature's place in the image (px).
    pub pixel_sigma: f64,
    /// Standard deviation of the inverse of a feature's depth (1/m).
    pub inverse_depth_sigma: f64,
}

/// A pixel residual with its information and its Jacobian by a perturbation `[ρ; φ]` of `t_b_a` on the right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PixelResidual {
    /// Seen minus predicted (px).
    pub e: Vector2<f64>,
    /// Inverse covariance (1/px²).
    pub information: Matrix2<f64>,
    /// `∂(predicted)/∂[ρ; φ]`.
    pub jacobian: Matrix2x6<f64>,
}

impl PixelResidual {
    /// Squared Mahalanobis length.
    pub(crate) fn chi2(&self) -> f64 {
        self.e.dot(&(self.information * self.e))
    }
}

impl TwoViews {
    /// The residual of a point of the first camera seen by the second; `None` if it has none or lies behind.
    pub(crate) fn forward(&self, t_b_a: &Se3, pair: &Correspondence) -> Option<PixelResidual> {
        let p_a = pair.p_a?;
        let (e, information, projection) = self.residual(t_b_a, &p_a, &pair.px_b, &self.camera_b)?;
        let rotation = t_b_a.rotation.to_rotation_matrix();
        let mut jacobian = Matrix2x6::zeros();
        jacobian.fixed_view_mut::<2, 3>(0, 0).copy_from(&(projection * rotation.matrix()));
        jacobian.fixed_view_mut::<2, 3>(0, 3).copy_from(&(-projection * rotation.matrix() * skew(&p_a.coords)));
        Some(PixelResidual { e, information, jacobian })
    }

    /// The residual of a point of the second camera seen by the first; `t_a_b` is the inverse of `t_b_a`.
    pub(crate) fn backward(&self, t_a_b: &Se3, pair: &Correspondence) -> Option<PixelResidual> {
        let p_b = pair.p_b?;
        let (e, information, projection) = self.residual(t_a_b, &p_b, &pair.px_a, &self.camera_a)?;
        let mut jacobian = Matrix2x6::zeros();
        jacobian.fixed_view_mut::<2, 3>(0, 0).copy_from(&(-projection * Matrix3::identity()));
        jacobian.fixed_view_mut::<2, 3>(0, 3).copy_from(&(projection * skew(&(t_a_b * p_b).coords)));
        Some(PixelResidual { e, information, jacobian })
    }

    /// The larger of the two squared Mahalanobis lengths (2 degrees of freedom each); `None` if neither feature has a
    /// point, or one lies behind the other camera.
    pub(crate) fn worst_chi2(&self, t_b_a: &Se3, t_a_b: &Se3, pair: &Correspondence) -> Option<f64> {
        let chi2 =
            |t: &Se3, p: &Point3<f64>, px, camera| self.residual(t, p, px, camera).map(|r| r.0.dot(&(r.1 * r.0)));
        let forward = pair.p_a.map(|p| chi2(t_b_a, &p, &pair.px_b, &self.camera_b).unwrap_or(f64::INFINITY));
        let backward = pair.p_b.map(|p| chi2(t_a_b, &p, &pair.px_a, &self.camera_a).unwrap_or(f64::INFINITY));
        match (forward, backward) {
            (Some(f), Some(b)) => Some(f.max(b)),
            (one, other) => one.or(other),
        }
        .filter(|chi2| chi2.is_finite())
    }

    fn residual(
        &self,
        t_to_from: &Se3,
        p_from: &Point3<f64>,
        px_to: &Vector2<f64>,
        camera: &PinholeCamera,
    ) -> Option<(Vector2<f64>, Matrix2<f64>, Matrix2x3<f64>)> {
        let p = t_to_from * p_from;
        if p.z < 1e-3 {
            return None;
        }
        let (x, y) = (camera.fx / p.z, camera.fy / p.z);
        let projection = Matrix2x3::new(x, 0.0, -x * p.x / p.z, 0.0, y, -y * p.y / p.z);
        let e = px_to - camera.project(&p);
        let along = t_to_from.rotation * p_from.coords * (p_from.z * self.inverse_depth_sigma);
        let v = projection * along;
        let variance = self.pixel_sigma * self.pixel_sigma;
        // Sherman-Morrison inverse of σ² I + v vᵀ.
        let information = (Matrix2::identity() - v * v.transpose() / (variance + v.norm_squared())) / variance;
        Some((e, information, projection))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3::exp;
    use nalgebra::Vector6;

    #[test]
    fn jacobians_equal_finite_differences() {
        let camera = PinholeCamera { fx: 400.0, fy: 410.0, cx: 320.0, cy: 240.0, width: 640, height: 480 };
        let views = TwoViews { camera_a: camera, camera_b: camera, pixel_sigma: 1.0, inverse_depth_sigma: 0.01 };
        let t_b_a = exp(&Vector6::new(0.3, -0.2, 0.4, 0.1, -0.2, 0.15));
        let p_a = Point3::new(0.5, -0.4, 3.0);
        let pair = Correspondence {
            px_a: camera.project(&p_a),
            px_b: camera.project(&(t_b_a * p_a)),
            p_a: Some(p_a),
            p_b: Some(t_b_a * p_a),
        };
        let forward = views.forward(&t_b_a, &pair).expect("in front");
        let backward = views.backward(&t_b_a.inverse(), &pair).expect("in front");
        assert!(forward.chi2() < 1e-12 && backward.chi2() < 1e-12);
        for k in 0..6 {
            let mut step = Vector6::zeros();
            step[k] = 1e-6;
            let moved = t_b_a * exp(&step);
            let e = views.forward(&moved, &pair).expect("in front").e;
            assert!(((forward.e - e) / 1e-6 - forward.jacobian.column(k)).norm() < 1e-2, "forward {k}");
            let e = views.backward(&moved.inverse(), &pair).expect("in front").e;
            assert!(((backward.e - e) / 1e-6 - backward.jacobian.column(k)).norm() < 1e-2, "backward {k}");
        }
    }
}
