//! The residual of a measured relative pose, in space and in the plane, with its Jacobians.
//!
//! With `E = measured⁻¹ · (t_a⁻¹ · t_b)` the residual is `[t; 2 q_vec]` of `E` in space, `w ≥ 0`, and
//! `[t; 2 sin(θ/2)]` in the plane, which is the same. Perturbations act on the right of `t_a` and `t_b`.

use super::rigid::{Mat3, Rigid, RigidPlanar, Vec3, times_skew, transpose};
use super::{Se2, Se3, se2};
use crate::precision::Scalar;
use nalgebra::UnitQuaternion;

/// A group of rigid transforms with `D` degrees of freedom, as relative poses and their residuals need it.
pub trait RigidGroup<const D: usize>: Copy + std::fmt::Debug + PartialEq + Send + Sync + 'static {
    /// Its elements in precision `S`.
    type In<S: Scalar>: Copy + std::fmt::Debug + PartialEq + Send + Sync;

    /// The neutral element.
    fn identity() -> Self;
    /// `self · other`.
    fn product(&self, other: &Self) -> Self;
    /// The transform back.
    fn inverse(&self) -> Self;
    /// Neither infinite nor NaN in any part.
    fn is_finite(&self) -> bool;

    /// Visits all numbers that it consists of.
    fn for_each_number(&self, visit: impl FnMut(f64));

    /// The transform of space; one of the plane moves the plane `z = 0`.
    fn to_space(&self) -> Se3;
    /// The transform back; in the plane, what is left of it there.
    fn from_space(t: &Se3) -> Self;

    /// The position in space (m).
    fn position(pose: &Self::In<f64>) -> Vec3<f64>;
    /// The rotation matrix in space, row by row.
    fn rotation_matrix(pose: &Self::In<f64>) -> Mat3<f64>;
    /// The same position with another rotation; in the plane, one about z.
    fn with_rotation(pose: &Self::In<f64>, rotation: &UnitQuaternion<f64>) -> Self::In<f64>;
    /// The same position with the rotation of another.
    fn with_rotation_of(pose: &Self::In<f64>, other: &Self::In<f64>) -> Self::In<f64>;

    /// The transform rounded to precision `S`.
    fn rounded<S: Scalar>(&self) -> Self::In<S>;
    /// The transform back in double precision.
    fn widened<S: Scalar>(pose: &Self::In<S>) -> Self;
    /// The same transform in another precision.
    fn cast<S: Scalar, T: Scalar>(pose: &Self::In<S>) -> Self::In<T>;
    /// `a⁻¹ · b`.
    fn relative<S: Scalar>(a: &Self::In<S>, b: &Self::In<S>) -> Self::In<S>;
    /// `pose · exp(tangent)`.
    fn retract<S: Scalar>(pose: &Self::In<S>, tangent: &[S; D]) -> Self::In<S>;

    /// The residual of a measured relative pose.
    fn residual<S: Scalar>(measured: &Self::In<S>, relative: &Self::In<S>) -> [S; D];
    /// The residual's Jacobians by the perturbations of `a` and of `b`, row by row.
    fn jacobians<S: Scalar>(measured: &Self::In<S>, relative: &Self::In<S>) -> ([[S; D]; D], [[S; D]; D]);
}

/// The quaternion of `E` with `w ≥ 0`.
fn error_quaternion<S: Scalar>(measured: &Rigid<S>, relative: &Rigid<S>) -> [S; 4] {
    let turn = |rotation| Rigid { rotation, translation: [S::ZERO; 3] };
    let q = turn(measured.rotation).relative(&turn(relative.rotation)).rotation;
    if q[3] < S::ZERO { q.map(|value| -value) } else { q }
}

impl RigidGroup<6> for Se3 {
    type In<S: Scalar> = Rigid<S>;

    fn identity() -> Self {
        Self::identity()
    }
    fn product(&self, other: &Self) -> Self {
        self * other
    }
    fn inverse(&self) -> Self {
        self.inverse()
    }
    fn is_finite(&self) -> bool {
        self.rotation.coords.iter().chain(self.translation.vector.iter()).all(|value| value.is_finite())
    }

    fn for_each_number(&self, visit: impl FnMut(f64)) {
        self.rotation.coords.iter().chain(self.translation.vector.iter()).copied().for_each(visit);
    }

    fn to_space(&self) -> Se3 {
        *self
    }
    fn from_space(t: &Se3) -> Self {
        *t
    }

    fn position(pose: &Rigid<f64>) -> Vec3<f64> {
        pose.translation
    }
    fn rotation_matrix(pose: &Rigid<f64>) -> Mat3<f64> {
        pose.rotation_matrix()
    }
    fn with_rotation(pose: &Rigid<f64>, rotation: &UnitQuaternion<f64>) -> Rigid<f64> {
        Rigid { rotation: rotation.coords.into(), translation: pose.translation }
    }
    fn with_rotation_of(pose: &Rigid<f64>, other: &Rigid<f64>) -> Rigid<f64> {
        Rigid { rotation: other.rotation, ..*pose }
    }

    fn rounded<S: Scalar>(&self) -> Rigid<S> {
        Rigid::from_se3(self)
    }
    fn widened<S: Scalar>(pose: &Rigid<S>) -> Self {
        pose.to_se3()
    }
    fn cast<S: Scalar, T: Scalar>(pose: &Rigid<S>) -> Rigid<T> {
        pose.cast()
    }
    fn relative<S: Scalar>(a: &Rigid<S>, b: &Rigid<S>) -> Rigid<S> {
        a.relative(b)
    }
    fn retract<S: Scalar>(pose: &Rigid<S>, tangent: &[S; 6]) -> Rigid<S> {
        pose.retract(tangent)
    }

    fn residual<S: Scalar>(measured: &Rigid<S>, relative: &Rigid<S>) -> [S; 6] {
        let t = measured.relative(relative).translation;
        let q = error_quaternion(measured, relative);
        [t[0], t[1], t[2], q[0] + q[0], q[1] + q[1], q[2] + q[2]]
    }

    /// With `E = (R_E, t_E)`, `[v, w]` its quaternion, `(R_m, t_m)` the measurement and `t` the relative translation:
    ///
    /// ```text
    ///        by ρ_a    by φ_a                by ρ_b   by φ_b
    /// t      −R_mᵀ     R_mᵀ [t]×             R_E      0
    /// 2 v    0         −(w − [v]×) R_mᵀ      0        w + [v]×
    /// ```
    #[inline(always)]
    fn jacobians<S: Scalar>(measured: &Rigid<S>, relative: &Rigid<S>) -> ([[S; 6]; 6], [[S; 6]; 6]) {
        let [vx, vy, vz, w] = error_quaternion(measured, relative);
        let turn_back = transpose(&measured.rotation_matrix());
        let lever = times_skew(&turn_back, &relative.translation);
        let error_rotation = Rigid { rotation: [vx, vy, vz, w], translation: [S::ZERO; 3] }.rotation_matrix();
        let by_b: Mat3<S> = [[w, -vz, vy], [vz, w, -vx], [-vy, vx, w]];
        let mut by_a = [[S::ZERO; 3]; 3];
        for i in 0..3 {
            for j in 0..3 {
                // (w − [v]×) is the transpose of (w + [v]×).
                by_a[i][j] =
                    -(by_b[0][i] * turn_back[0][j] + by_b[1][i] * turn_back[1][j] + by_b[2][i] * turn_back[2][j]);
            }
        }
        let (mut a, mut b) = ([[S::ZERO; 6]; 6], [[S::ZERO; 6]; 6]);
        for i in 0..3 {
            for j in 0..3 {
                a[i][j] = -turn_back[i][j];
                a[i][3 + j] = lever[i][j];
                a[3 + i][3 + j] = by_a[i][j];
                b[i][j] = error_rotation[i][j];
                b[3 + i][3 + j] = by_b[i][j];
            }
        }
        (a, b)
    }
}

/// `[cos(θ/2), sin(θ/2)]` of a rotation of the plane, the cosine not negative.
fn half_turn<S: Scalar>(rotation: &[S; 2]) -> [S; 2] {
    let [c, s] = *rotation;
    let half = S::from_f64(0.5);
    let cosine = ((S::ONE + c) * half).max(S::ZERO).sqrt();
    // Both quotients are exact identities; each is taken where its divisor is not small.
    if c > S::ZERO {
        [cosine, s * half / cosine]
    } else {
        let sine = ((S::ONE - c) * half).max(S::ZERO).sqrt();
        [s.abs() * half / sine, if s < S::ZERO { -sine } else { sine }]
    }
}

impl RigidGroup<3> for Se2 {
    type In<S: Scalar> = RigidPlanar<S>;

    fn identity() -> Self {
        Self::identity()
    }
    fn product(&self, other: &Self) -> Self {
        self * other
    }
    fn inverse(&self) -> Self {
        self.inverse()
    }
    fn is_finite(&self) -> bool {
        self.rotation.re.is_finite()
            && self.rotation.im.is_finite()
            && self.translation.vector.iter().all(|v| v.is_finite())
    }

    fn for_each_number(&self, visit: impl FnMut(f64)) {
        [self.rotation.re, self.rotation.im, self.translation.x, self.translation.y].into_iter().for_each(visit);
    }

    fn to_space(&self) -> Se3 {
        se2::lift(self)
    }
    fn from_space(t: &Se3) -> Self {
        se2::flatten(t)
    }

    fn position(pose: &RigidPlanar<f64>) -> Vec3<f64> {
        let [x, y] = pose.translation;
        [x, y, 0.0]
    }
    fn rotation_matrix(pose: &RigidPlanar<f64>) -> Mat3<f64> {
        let [c, s] = pose.rotation;
        [[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]
    }
    fn with_rotation(pose: &RigidPlanar<f64>, rotation: &UnitQuaternion<f64>) -> RigidPlanar<f64> {
        let (z, w) = (rotation.k, rotation.w);
        RigidPlanar { rotation: [w * w - z * z, 2.0 * w * z], translation: pose.translation }
    }
    fn with_rotation_of(pose: &RigidPlanar<f64>, other: &RigidPlanar<f64>) -> RigidPlanar<f64> {
        RigidPlanar { rotation: other.rotation, ..*pose }
    }

    fn rounded<S: Scalar>(&self) -> RigidPlanar<S> {
        RigidPlanar::from_se2(self)
    }
    fn widened<S: Scalar>(pose: &RigidPlanar<S>) -> Self {
        pose.to_se2()
    }
    fn cast<S: Scalar, T: Scalar>(pose: &RigidPlanar<S>) -> RigidPlanar<T> {
        pose.cast()
    }
    fn relative<S: Scalar>(a: &RigidPlanar<S>, b: &RigidPlanar<S>) -> RigidPlanar<S> {
        a.relative(b)
    }
    fn retract<S: Scalar>(pose: &RigidPlanar<S>, tangent: &[S; 3]) -> RigidPlanar<S> {
        pose.retract(tangent)
    }

    fn residual<S: Scalar>(measured: &RigidPlanar<S>, relative: &RigidPlanar<S>) -> [S; 3] {
        let error = measured.relative(relative);
        let sine = half_turn(&error.rotation)[1];
        [error.translation[0], error.translation[1], sine + sine]
    }

    #[inline(always)]
    fn jacobians<S: Scalar>(measured: &RigidPlanar<S>, relative: &RigidPlanar<S>) -> ([[S; 3]; 3], [[S; 3]; 3]) {
        let error = measured.relative(relative).rotation;
        let half_cosine = half_turn(&error)[0];
        let [c, s] = measured.rotation;
        let [x, y] = relative.translation;
        // A turn of `a` by δ moves the relative translation by −δ (−y, x).
        let a = [[-c, -s, c * y - s * x], [s, -c, -(s * y + c * x)], [S::ZERO, S::ZERO, -half_cosine]];
        let b = [[error[0], -error[1], S::ZERO], [error[1], error[0], S::ZERO], [S::ZERO, S::ZERO, half_cosine]];
        (a, b)
    }
}
