//! How well a relative pose explains a pair of matched features.
//!
//! A feature is a measurement `m = (u, v, ρ)`: its place in the image (px) and the inverse of its depth (1/m), with
//! variances `σ², σ², σ_ρ²`. A pose `t_b_a` predicts `h(m_a)`, the feature of the second image from that of the first.
//! Both are noisy, so the residual `r = m_b − h(m_a)` has the covariance `Σ + G Σ Gᵀ` with `G = ∂h/∂m_a`: what remains
//! of a joint adjustment of both views and all points once the points are eliminated. Each pair tells what it can once,
//! whichever view knows its depth: where only the second does, the roles are swapped; where only one does, `ρ` of the
//! other has no row.
//!
//! # Source
//! Hartley and Zisserman, *Multiple View Geometry* (2004), 4.2.6: first order (Sampson) errors.

use crate::geometry::{PinholeCamera, Se3, se3::adjoint, se3::skew};
use nalgebra::{Matrix3, Matrix3x6, Point3, Vector2, Vector3};

/// Nearest depth (m) that is computed with.
const MIN_DEPTH_M: f64 = 1e-3;

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
    /// Standard deviation `σ` of a feature's place in the image (px).
    pub pixel_sigma: f64,
    /// Standard deviation `σ_ρ` of the inverse of a feature's depth (1/m).
    pub inverse_depth_sigma: f64,
}

/// A relative pose, laid out for many pairs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Motion {
    forward: Transform,
    backward: Transform,
}

#[derive(Debug, Clone, Copy)]
struct Transform {
    t: Se3,
    rotation: Matrix3<f64>,
}

impl Motion {
    /// First camera's coordinates into the second's.
    pub(crate) fn new(t_b_a: &Se3) -> Self {
        let transform = |t: Se3| Transform { t, rotation: *t.rotation.to_rotation_matrix().matrix() };
        Self { forward: transform(*t_b_a), backward: transform(t_b_a.inverse()) }
    }
}

/// A residual with its information; without a second depth the third row is empty.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Residual {
    /// Seen minus predicted (px, px, 1/m).
    pub e: Vector3<f64>,
    /// Inverse of its covariance.
    pub information: Matrix3<f64>,
    /// Number of its rows, 2 or 3.
    pub row_count: usize,
    /// `∂p/∂` prediction and the point that was moved, for the Jacobian.
    prediction: Matrix3<f64>,
    p_from: Point3<f64>,
    swapped: bool,
}

impl Residual {
    /// Squared Mahalanobis length.
    pub(crate) fn chi2(&self) -> f64 {
        self.e.dot(&(self.information * self.e))
    }

    /// Whether it is as short as 95% of correct ones.
    pub(crate) fn is_inlier(&self) -> bool {
        self.chi2() < if self.row_count == 3 { 7.81 } else { 5.99 }
    }

    /// `∂(predicted)/∂[ρ; φ]` of a perturbation of `t_b_a` on the right.
    pub(crate) fn jacobian(&self, motion: &Motion) -> Matrix3x6<f64> {
        let by_point = self.prediction * if self.swapped { motion.backward.rotation } else { motion.forward.rotation };
        let mut jacobian = Matrix3x6::zeros();
        jacobian.fixed_view_mut::<3, 3>(0, 0).copy_from(&by_point);
        jacobian.fixed_view_mut::<3, 3>(0, 3).copy_from(&(-by_point * skew(&self.p_from.coords)));
        // The inverse of t · exp(δ) is t⁻¹ · exp(−Ad(t) δ).
        if self.swapped { -jacobian * adjoint(&motion.forward.t) } else { jacobian }
    }
}

impl TwoViews {
    /// The residual of a pair; `None` if neither feature has a depth, or its point lies behind the other camera.
    pub(crate) fn residual(&self, motion: &Motion, pair: &Correspondence) -> Option<Residual> {
        let rho = |p: Option<Point3<f64>>| p.map(|p| 1.0 / p.z);
        match (pair.p_a, pair.p_b) {
            (Some(p_a), p_b) => {
                self.one_way(&motion.forward, &p_a, (&pair.px_b, rho(p_b)), [&self.camera_a, &self.camera_b])
            }
            (None, Some(p_b)) => self
                .one_way(&motion.backward, &p_b, (&pair.px_a, None), [&self.camera_b, &self.camera_a])
                .map(|residual| Residual { swapped: true, ..residual }),
            (None, None) => None,
        }
    }

    fn one_way(
        &self,
        motion: &Transform,
        p_from: &Point3<f64>,
        (px_to, rho_to): (&Vector2<f64>, Option<f64>),
        [camera_from, camera_to]: [&PinholeCamera; 2],
    ) -> Option<Residual> {
        let p = motion.t * p_from;
        if p.z < MIN_DEPTH_M {
            return None;
        }
        let rho = 1.0 / p.z;
        let (x, y) = (camera_to.fx * rho, camera_to.fy * rho);
        let known = f64::from(u8::from(rho_to.is_some()));
        let prediction = Matrix3::new(x, 0.0, -x * p.x * rho, 0.0, y, -y * p.y * rho, 0.0, 0.0, -known * rho * rho);
        let px = camera_to.project(&p);
        let e = Vector3::new(px_to.x - px.x, px_to.y - px.y, rho_to.map_or(0.0, |seen| seen - rho));
        // ∂p_from/∂(u, v, ρ), scaled by the standard deviations.
        let z = p_from.z;
        let (du, dv, drho) = (
            self.pixel_sigma * z / camera_from.fx,
            self.pixel_sigma * z / camera_from.fy,
            self.inverse_depth_sigma * z,
        );
        let spread = Matrix3::new(du, 0.0, -drho * p_from.x, 0.0, dv, -drho * p_from.y, 0.0, 0.0, -drho * z);
        let carried = prediction * motion.rotation * spread;
        let mut covariance = carried * carried.transpose();
        covariance[(0, 0)] += self.pixel_sigma * self.pixel_sigma;
        covariance[(1, 1)] += self.pixel_sigma * self.pixel_sigma;
        // An empty row has a residual and derivatives of zero; any variance will do.
        covariance[(2, 2)] += if rho_to.is_some() { self.inverse_depth_sigma * self.inverse_depth_sigma } else { 1.0 };
        let information = covariance.try_inverse()?;
        let row_count = if rho_to.is_some() { 3 } else { 2 };
        Some(Residual { e, information, row_count, prediction, p_from: *p_from, swapped: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3::exp;
    use nalgebra::Vector6;

    fn views() -> TwoViews {
        let camera = PinholeCamera { fx: 400.0, fy: 410.0, cx: 320.0, cy: 240.0, width: 640, height: 480 };
        let camera_b = PinholeCamera { fx: 300.0, fy: 290.0, ..camera };
        TwoViews { camera_a: camera, camera_b, pixel_sigma: 1.0, inverse_depth_sigma: 0.01 }
    }

    fn pair(views: &TwoViews, t_b_a: &Se3, p_a: Point3<f64>) -> Correspondence {
        let p_b = t_b_a * p_a;
        let (px_a, px_b) = (views.camera_a.project(&p_a), views.camera_b.project(&p_b));
        Correspondence { px_a, px_b, p_a: Some(p_a), p_b: Some(p_b) }
    }

    #[test]
    fn jacobians_equal_finite_differences() {
        let views = views();
        let t_b_a = exp(&Vector6::new(0.3, -0.2, 0.4, 0.1, -0.2, 0.15));
        let both = pair(&views, &t_b_a, Point3::new(0.5, -0.4, 3.0));
        let motion = Motion::new(&t_b_a);
        for pair in [both, Correspondence { p_a: None, ..both }, Correspondence { p_b: None, ..both }] {
            let residual = views.residual(&motion, &pair).expect("in front");
            assert!(residual.chi2() < 1e-12);
            let jacobian = residual.jacobian(&motion);
            for k in 0..6 {
                let mut step = Vector6::zeros();
                step[k] = 1e-6;
                let e = views.residual(&Motion::new(&(t_b_a * exp(&step))), &pair).expect("in front").e;
                assert!(((residual.e - e) / 1e-6 - jacobian.column(k)).norm() < 1e-2, "{k}: {pair:?}");
            }
        }
    }

    #[test]
    fn the_information_is_that_of_noisy_features() {
        use rand::{RngExt, SeedableRng};
        let views = views();
        let t_b_a = exp(&Vector6::new(0.3, -0.2, 0.4, 0.1, -0.2, 0.15));
        let clean = pair(&views, &t_b_a, Point3::new(0.5, -0.4, 3.0));
        let motion = Motion::new(&t_b_a);
        let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(5);
        // Uniform with a variance of one.
        let mut noise = || random.random_range(-1.0..1.0) * 3f64.sqrt();
        let mut noisy = |camera: &PinholeCamera, px: Vector2<f64>, p: Option<Point3<f64>>| {
            let px = px + Vector2::new(noise(), noise()) * views.pixel_sigma;
            let rho = p.map(|p| 1.0 / p.z + noise() * views.inverse_depth_sigma);
            (px, rho.map(|rho| Point3::from(camera.ray(&px) / rho)))
        };
        let (count, mut sum) = (4000, [0.0; 2]);
        for _ in 0..count {
            let (px_a, p_a) = noisy(&views.camera_a, clean.px_a, clean.p_a);
            let (px_b, p_b) = noisy(&views.camera_b, clean.px_b, clean.p_b);
            let both = Correspondence { px_a, px_b, p_a, p_b };
            for (sum, pair) in sum.iter_mut().zip([both, Correspondence { p_a: None, ..both }]) {
                let residual = views.residual(&motion, &pair).expect("in front");
                *sum += residual.chi2() / residual.row_count as f64 / f64::from(count);
            }
        }
        assert!(sum.iter().all(|mean| (mean - 1.0).abs() < 0.05), "{sum:?}");
    }
}
