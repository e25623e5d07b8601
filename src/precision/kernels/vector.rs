//! Operations on whole vectors.

use super::dispatch::{Unit, Work, with_unit};
use super::{halves, portable};
use crate::precision::cpu::{VectorUnit, vector_unit};
use crate::precision::{Precision, Scalar};

/// Operations on whole vectors in their own precision.
pub trait VectorKernels: Scalar {
    /// `Σ a_i b_i` in partial sums; of `f16` every product and sum is rounded to half.
    fn dot(a: &[Self], b: &[Self]) -> f64 {
        Self::dot_with(vector_unit(), a, b)
    }
    /// `y += α x`.
    fn add_scaled(y: &mut [Self], alpha: Self, x: &[Self]) {
        Self::add_scaled_with(vector_unit(), y, alpha, x);
    }
    /// `p = z + β p`.
    fn scale_and_add(p: &mut [Self], beta: Self, z: &[Self]) {
        Self::scale_and_add_with(vector_unit(), p, beta, z);
    }
    /// [`Self::dot`] on a vector unit of choice; in portable Rust if this CPU does not have it.
    fn dot_with(unit: VectorUnit, a: &[Self], b: &[Self]) -> f64 {
        halves::dot(unit, a, b).unwrap_or_else(|| run(unit, Dot { a, b })).to_f64()
    }
    /// [`Self::add_scaled`] on a vector unit of choice.
    fn add_scaled_with(unit: VectorUnit, y: &mut [Self], alpha: Self, x: &[Self]) {
        if !halves::add_scaled(unit, y, alpha, x) {
            run(unit, AddScaled { y, alpha, x });
        }
    }
    /// [`Self::scale_and_add`] on a vector unit of choice.
    fn scale_and_add_with(unit: VectorUnit, p: &mut [Self], beta: Self, z: &[Self]) {
        if !halves::scale_and_add(unit, p, beta, z) {
            run(unit, ScaleAndAdd { p, beta, z });
        }
    }
}

impl<V: Scalar> VectorKernels for V {}

/// Runs work that is portable Rust, compiled with the features of a unit; without them if this CPU does not have it.
/// What the compiler makes of these loops is as good as intrinsics.
fn run<W: Work>(unit: VectorUnit, work: W) -> W::Output {
    let mut work = Some(work);
    // SAFETY: the unit is available.
    let done = with_unit!(unit, U => work.take().map(|work| unsafe { U::run(work) })).flatten();
    // SAFETY: no features are needed.
    done.or_else(|| work.map(|work| unsafe { work.run() })).expect("run once")
}

struct Dot<'a, V> {
    a: &'a [V],
    b: &'a [V],
}

impl<V: Scalar> Work for Dot<'_, V> {
    type Output = V;
    #[inline(always)]
    unsafe fn run(self) -> V {
        if V::PRECISION == Precision::F16 {
            return portable::dot(self.a, self.b);
        }
        // Enough partial sums for two registers of the widest unit: one would wait for itself.
        portable::dot_in::<V, 32>(self.a, self.b)
    }
}

struct AddScaled<'a, V> {
    y: &'a mut [V],
    alpha: V,
    x: &'a [V],
}

impl<V: Scalar> Work for AddScaled<'_, V> {
    type Output = ();
    #[inline(always)]
    unsafe fn run(self) {
        portable::add_scaled(self.y, self.alpha, self.x);
    }
}

struct ScaleAndAdd<'a, V> {
    p: &'a mut [V],
    beta: V,
    z: &'a [V],
}

impl<V: Scalar> Work for ScaleAndAdd<'_, V> {
    type Output = ();
    #[inline(always)]
    unsafe fn run(self) {
        portable::scale_and_add(self.p, self.beta, self.z);
    }
}
