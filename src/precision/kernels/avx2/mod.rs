//! Kernels for x86-64 with AVX2, FMA and F16C: 8 lanes of `f32`; half precision is converted as it is loaded.

mod factor;
mod jacobian;
mod lanes;
mod vector;

pub(super) use factor::solve;
pub(super) use jacobian::normal_product;
pub(super) use vector::{add_scaled_f32, add_scaled_f64, dot_f32, dot_f64, scale_and_add_f32};

use crate::precision::cpu::{VectorUnit, vector_unit};

fn available() -> bool {
    vector_unit() == VectorUnit::Avx2
}
