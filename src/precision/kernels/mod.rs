//! The hot loops: the same functions in portable Rust and for the CPU's vector units, chosen at run time.

mod factor;
pub mod portable;

pub use factor::{FactorRows, backward, forward};

use super::Scalar;
use half::f16;

/// Operations on whole vectors in their own precision.
pub trait VectorKernels: Scalar {
    /// `Σ a_i b_i` in eight partial sums; of `f16` every product and sum is rounded to half.
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

impl VectorKernels for f64 {}
impl VectorKernels for f32 {}
impl VectorKernels for f16 {}
