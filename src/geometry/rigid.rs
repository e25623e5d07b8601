//! Rigid transforms in any precision: what residuals and updates compute with.
//!
//! [`Se3`] and [`Se2`] are double precision; here the same groups are written over [`Scalar`], so that a policy that
//! says half precision gets it in every product and sum.

use super::{Se2, Se3};
use crate::precision::Scalar;
use nalgebra::{Isometry2, Isometry3, Quaternion, Translation2, Translation3, Unit, UnitComplex, UnitQuaternion};

/// A vector of three numbers.
pub type Vec3<S> = [S; 3];
/// A 3×3 matrix, row by row.
pub type Mat3<S> = [[S; 3]; 3];

/// A rigid transform of space in precision `S`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rigid<S> {
    /// Unit quaternion `[x, y, z, w]`.
    pub rotation: [S; 4],
    /// Translation (m).
    pub translation: Vec3<S>,
}

/// A rigid transform of the plane in precision `S`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RigidPlanar<S> {
    /// `[cos θ, sin θ]`.
    pub rotation: [S; 2],
    /// Translation (m).
    pub translation: [S; 2],
}

#[inline(always)]
pub(crate) fn dot<S: Scalar>(a: &Vec3<S>, b: &Vec3<S>) -> S {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[inline(always)]
pub(crate) fn cross<S: Scalar>(a: &Vec3<S>, b: &Vec3<S>) -> Vec3<S> {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

#[inline(always)]
pub(crate) fn multiply<S: Scalar>(m: &Mat3<S>, v: &Vec3<S>) -> Vec3<S> {
    [dot(&m[0], v), dot(&m[1], v), dot(&m[2], v)]
}

#[inline(always)]
pub(crate) fn transpose<S: Scalar>(m: &Mat3<S>) -> Mat3<S> {
    [[m[0][0], m[1][0], m[2][0]], [m[0][1], m[1][1], m[2][1]], [m[0][2], m[1][2], m[2][2]]]
}

/// The matrix `m · [v]×`: row `i` is `row_i × v`.
pub(crate) fn times_skew<S: Scalar>(m: &Mat3<S>, v: &Vec3<S>) -> Mat3<S> {
    [cross(&m[0], v), cross(&m[1], v), cross(&m[2], v)]
}

/// The Hamilton product of two quaternions `[x, y, z, w]`.
fn quaternion_product<S: Scalar>(a: &[S; 4], b: &[S; 4]) -> [S; 4] {
    let (va, vb) = ([a[0], a[1], a[2]], [b[0], b[1], b[2]]);
    let c = cross(&va, &vb);
    [
        a[3] * vb[0] + b[3] * va[0] + c[0],
        a[3] * vb[1] + b[3] * va[1] + c[1],
        a[3] * vb[2] + b[3] * va[2] + c[2],
        a[3] * b[3] - dot(&va, &vb),
    ]
}

fn conjugate<S: Scalar>(q: &[S; 4]) -> [S; 4] {
    [-q[0], -q[1], -q[2], q[3]]
}

/// `q v q⁻¹ = v + 2 (w u + q_vec × u)` with `u = q_vec × v`.
fn rotate<S: Scalar>(q: &[S; 4], v: &Vec3<S>) -> Vec3<S> {
    let q_vec = [q[0], q[1], q[2]];
    let u = cross(&q_vec, v);
    let w = cross(&q_vec, &u);
    let twice = |i: usize| {
        let sum = q[3] * u[i] + w[i];
        sum + sum
    };
    [v[0] + twice(0), v[1] + twice(1), v[2] + twice(2)]
}

impl<S: Scalar> Rigid<S> {
    /// The transform, each number rounded once.
    pub fn from_se3(t: &Se3) -> Self {
        let q = t.rotation.coords;
        let p = t.translation.vector;
        Self { rotation: [q.x, q.y, q.z, q.w].map(S::from_f64), translation: [p.x, p.y, p.z].map(S::from_f64) }
    }

    /// The transform in double precision, its quaternion normalized there.
    pub fn to_se3(&self) -> Se3 {
        let [x, y, z, w] = self.rotation.map(S::to_f64);
        let [tx, ty, tz] = self.translation.map(S::to_f64);
        Isometry3::from_parts(
            Translation3::new(tx, ty, tz),
            UnitQuaternion::from_quaternion(Quaternion::new(w, x, y, z)),
        )
    }

    /// Neither infinite nor NaN in any part.
    pub fn is_finite(&self) -> bool {
        self.rotation.iter().chain(&self.translation).all(|value| value.is_finite())
    }

    /// The same transform in another precision.
    pub fn cast<T: Scalar>(&self) -> Rigid<T> {
        Rigid { rotation: self.rotation.map(S::cast), translation: self.translation.map(S::cast) }
    }

    /// `self · other`.
    pub fn compose(&self, other: &Self) -> Self {
        let turned = rotate(&self.rotation, &other.translation);
        Self {
            rotation: quaternion_product(&self.rotation, &other.rotation),
            translation: add(&self.translation, &turned),
        }
    }

    /// `self⁻¹ · other`; positions are subtracted before anything is rotated, so that what is lost does not depend on
    /// how far from the origin the two are.
    pub fn relative(&self, other: &Self) -> Self {
        let back = conjugate(&self.rotation);
        Self {
            rotation: quaternion_product(&back, &other.rotation),
            translation: rotate(&back, &subtract(&other.translation, &self.translation)),
        }
    }

    /// The image of a point.
    pub fn transform(&self, point: &Vec3<S>) -> Vec3<S> {
        add(&self.translation, &rotate(&self.rotation, point))
    }

    /// The rotation as a matrix.
    #[inline(always)]
    pub fn rotation_matrix(&self) -> Mat3<S> {
        let [x, y, z, w] = self.rotation;
        let two = S::ONE + S::ONE;
        let (xx, yy, zz) = (x * x, y * y, z * z);
        let (xy, xz, yz, wx, wy, wz) = (x * y, x * z, y * z, w * x, w * y, w * z);
        [
            [S::ONE - two * (yy + zz), two * (xy - wz), two * (xz + wy)],
            [two * (xy + wz), S::ONE - two * (xx + zz), two * (yz - wx)],
            [two * (xz - wy), two * (yz + wx), S::ONE - two * (xx + yy)],
        ]
    }

    /// `self · exp([ρ; φ])`, with the quaternion normalized in this precision.
    pub fn retract(&self, tangent: &[S; 6]) -> Self {
        let rho = [tangent[0], tangent[1], tangent[2]];
        let phi = [tangent[3], tangent[4], tangent[5]];
        let angle_squared = dot(&phi, &phi);
        let half = S::from_f64(0.5);
        // sin(θ/2)/θ, (1 − cos θ)/θ² and (θ − sin θ)/θ³, by their series where the quotients lose their digits.
        let (sine, cosine, b, c) = if angle_squared < S::from_f64(S::EPSILON.sqrt()) {
            let sine = half - angle_squared / S::from_f64(48.0);
            let b = half - angle_squared / S::from_f64(24.0);
            (sine, S::ONE - angle_squared / S::from_f64(8.0), b, S::from_f64(1.0 / 6.0))
        } else {
            let angle = angle_squared.sqrt();
            let half_sine = (angle * half).sin();
            let b = (half_sine + half_sine) * half_sine / angle_squared;
            (half_sine / angle, (angle * half).cos(), b, (S::ONE - angle.sin() / angle) / angle_squared)
        };
        let turn = [sine * phi[0], sine * phi[1], sine * phi[2], cosine];
        let u = cross(&phi, &rho);
        let w = cross(&phi, &u);
        let step = [0, 1, 2].map(|i| rho[i] + b * u[i] + c * w[i]);
        let moved = self.compose(&Self { rotation: turn, translation: step });
        let [x, y, z, w] = moved.rotation;
        let norm = (x * x + y * y + z * z + w * w).sqrt();
        Self { rotation: moved.rotation.map(|value| value / norm), translation: moved.translation }
    }
}

impl<S: Scalar> RigidPlanar<S> {
    /// The transform, each number rounded once.
    pub fn from_se2(t: &Se2) -> Self {
        Self {
            rotation: [t.rotation.re, t.rotation.im].map(S::from_f64),
            translation: [t.translation.x, t.translation.y].map(S::from_f64),
        }
    }

    /// The transform in double precision, its rotation normalized there.
    pub fn to_se2(&self) -> Se2 {
        let [cosine, sine] = self.rotation.map(S::to_f64);
        let [x, y] = self.translation.map(S::to_f64);
        let rotation: UnitComplex<f64> = Unit::new_normalize(nalgebra::Complex::new(cosine, sine));
        Isometry2::from_parts(Translation2::new(x, y), rotation)
    }

    /// The same transform in another precision.
    pub fn cast<T: Scalar>(&self) -> RigidPlanar<T> {
        RigidPlanar { rotation: self.rotation.map(S::cast), translation: self.translation.map(S::cast) }
    }

    /// `self⁻¹ · other`.
    pub fn relative(&self, other: &Self) -> Self {
        let [c, s] = self.rotation;
        let [oc, os] = other.rotation;
        let (x, y) = (other.translation[0] - self.translation[0], other.translation[1] - self.translation[1]);
        Self { rotation: [c * oc + s * os, c * os - s * oc], translation: [c * x + s * y, c * y - s * x] }
    }

    /// `self · exp([x, y, θ])`, with the rotation normalized in this precision.
    pub fn retract(&self, tangent: &[S; 3]) -> Self {
        let [x, y, angle] = *tangent;
        // The whole angle's sine and cosine follow from those of its half, without the loss of digits of `1 - cos`.
        let half = angle * S::from_f64(0.5);
        let (half_sine, half_cosine) = (half.sin(), half.cos());
        let versine = (half_sine + half_sine) * half_sine;
        let turn_s = (half_sine + half_sine) * half_cosine;
        let (a, b) = if angle * angle < S::from_f64(S::EPSILON) {
            (S::ONE - angle * angle / S::from_f64(6.0), angle * S::from_f64(0.5))
        } else {
            (turn_s / angle, versine / angle)
        };
        let (dx, dy) = (a * x - b * y, b * x + a * y);
        let [c, s] = self.rotation;
        let turn_c = S::ONE - versine;
        let rotation = [c * turn_c - s * turn_s, s * turn_c + c * turn_s];
        let norm = (rotation[0] * rotation[0] + rotation[1] * rotation[1]).sqrt();
        Self {
            rotation: rotation.map(|value| value / norm),
            translation: [self.translation[0] + c * dx - s * dy, self.translation[1] + s * dx + c * dy],
        }
    }
}

fn add<S: Scalar>(a: &Vec3<S>, b: &Vec3<S>) -> Vec3<S> {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

fn subtract<S: Scalar>(a: &Vec3<S>, b: &Vec3<S>) -> Vec3<S> {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{se2, se3};
    use half::f16;
    use nalgebra::{Matrix4, Vector3, Vector6};
    use proptest::prelude::*;

    fn near(a: &Se3, b: &Se3) -> f64 {
        let difference: Matrix4<f64> = a.to_homogeneous() - b.to_homogeneous();
        difference.amax()
    }

    fn against_double<S: Scalar>(v: &[f64; 6], w: &[f64; 6], tolerance: f64) {
        let (a, b) = (se3::exp(&Vector6::from(*v)), se3::exp(&Vector6::from(*w)));
        let (ra, rb) = (Rigid::<S>::from_se3(&a), Rigid::<S>::from_se3(&b));
        assert!(near(&ra.compose(&rb).to_se3(), &(a * b)) < tolerance);
        assert!(near(&ra.relative(&rb).to_se3(), &(a.inverse() * b)) < tolerance);
        assert!(near(&ra.retract(&w.map(S::from_f64)).to_se3(), &(a * b)) < tolerance);
        let small = w.map(|value| value * 1e-4);
        let moved = a * se3::exp(&Vector6::from(small));
        assert!(near(&ra.retract(&small.map(S::from_f64)).to_se3(), &moved) < tolerance);
        let point = [0.3, -0.7, 0.5];
        let image = a * nalgebra::Point3::from(point);
        let found = ra.transform(&point.map(S::from_f64)).map(S::to_f64);
        let turned = multiply(&ra.rotation_matrix(), &point.map(S::from_f64)).map(S::to_f64);
        for i in 0..3 {
            assert!((found[i] - image[i]).abs() < tolerance);
            assert!((turned[i] + a.translation.vector[i] - image[i]).abs() < tolerance);
        }
    }

    proptest! {
        #[test]
        fn space_agrees_with_double_in_every_precision(
            v in prop::array::uniform6(-1.5f64..1.5),
            w in prop::array::uniform6(-1.5f64..1.5),
        ) {
            against_double::<f64>(&v, &w, 1e-11);
            against_double::<f32>(&v, &w, 5e-6);
            against_double::<f16>(&v, &w, 0.05);
        }

        #[test]
        fn the_plane_agrees_with_double(
            v in prop::array::uniform3(-1.5f64..1.5),
            w in prop::array::uniform3(-1.5f64..1.5),
        ) {
            let (a, b) = (se2::exp(&Vector3::from(v)), se2::exp(&Vector3::from(w)));
            let (ra, rb) = (RigidPlanar::<f64>::from_se2(&a), RigidPlanar::<f64>::from_se2(&b));
            let gap = |found: &RigidPlanar<f64>, truth: Se2| (found.to_se2().to_homogeneous() - truth.to_homogeneous()).amax();
            prop_assert!(gap(&ra.relative(&rb), a.inverse() * b) < 1e-12);
            prop_assert!(gap(&ra.retract(&w), a * b) < 1e-12);
            let single = RigidPlanar::<f32>::from_se2(&a).retract(&w.map(|x| x as f32)).cast::<f64>();
            prop_assert!(gap(&single, a * b) < 1e-5);
        }
    }
}
