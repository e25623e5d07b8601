//! Operations on whole vectors.

use super::portable;
use crate::precision::Scalar;
use half::f16;

/// Operations on whole vectors in their own precision.
pub trait VectorKernels: Scalar {
    /// `Σ a_i b_i` in partial sums; of `f16` every product and sum is rounded to half.
    fn dot(a: &[Self], b: &[Self]) -> f64 {
        portable::dot(a, b).to_f64()
    }
    /// `y += α x`.
    fn add_scaled(y: &mut [Self], alpha: Self, x: &[Self]) {
        portable::add_scaled(y, alpha, x);
    }
    /// `p = z + β p`.
    fn scale_and_add(p: &mut [Self], beta: Self, z: &[Self]) {
        portable::scale_and_add(p, beta, z);
    }
}

impl VectorKernels for f64 {
    #[cfg(target_arch = "x86_64")]
    fn dot(a: &[Self], b: &[Self]) -> f64 {
        super::avx2::dot_f64(a, b)
    }
    #[cfg(target_arch = "x86_64")]
    fn add_scaled(y: &mut [Self], alpha: Self, x: &[Self]) {
        super::avx2::add_scaled_f64(y, alpha, x);
    }
}

impl VectorKernels for f32 {
    #[cfg(target_arch = "x86_64")]
    fn dot(a: &[Self], b: &[Self]) -> f64 {
        super::avx2::dot_f32(a, b)
    }
    #[cfg(target_arch = "x86_64")]
    fn add_scaled(y: &mut [Self], alpha: Self, x: &[Self]) {
        super::avx2::add_scaled_f32(y, alpha, x);
    }
    #[cfg(target_arch = "x86_64")]
    fn scale_and_add(p: &mut [Self], beta: Self, z: &[Self]) {
        super::avx2::scale_and_add_f32(p, beta, z);
    }
}

impl VectorKernels for f16 {}
