//! Operations on whole vectors.

use super::available;
use crate::precision::kernels::portable;
use std::arch::x86_64::*;

pub(in crate::precision::kernels) fn dot_f32(a: &[f32], b: &[f32]) -> f64 {
    if !available() {
        return f64::from(portable::dot(a, b));
    }
    // SAFETY: the features are there.
    f64::from(unsafe { dot_f32_avx2(a, b) })
}

pub(in crate::precision::kernels) fn add_scaled_f32(y: &mut [f32], alpha: f32, x: &[f32]) {
    if !available() {
        return portable::add_scaled(y, alpha, x);
    }
    // SAFETY: the features are there.
    unsafe { add_scaled_f32_avx2(y, alpha, x) }
}

pub(in crate::precision::kernels) fn scale_and_add_f32(p: &mut [f32], beta: f32, z: &[f32]) {
    if !available() {
        return portable::scale_and_add(p, beta, z);
    }
    // SAFETY: the features are there.
    unsafe { scale_and_add_f32_avx2(p, beta, z) }
}

pub(in crate::precision::kernels) fn dot_f64(a: &[f64], b: &[f64]) -> f64 {
    if !available() {
        return portable::dot(a, b);
    }
    // SAFETY: the features are there.
    unsafe { dot_f64_avx2(a, b) }
}

pub(in crate::precision::kernels) fn add_scaled_f64(y: &mut [f64], alpha: f64, x: &[f64]) {
    if !available() {
        return portable::add_scaled(y, alpha, x);
    }
    // SAFETY: the features are there.
    unsafe { add_scaled_f64_avx2(y, alpha, x) }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn dot_f32_avx2(a: &[f32], b: &[f32]) -> f32 {
    // Four chains of sums hide the latency of one.
    let mut sums = [_mm256_setzero_ps(); 4];
    let (a_chunks, b_chunks) = (a.chunks_exact(32), b.chunks_exact(32));
    let rest = portable::dot(a_chunks.remainder(), b_chunks.remainder());
    for (x, y) in a_chunks.zip(b_chunks) {
        for (k, sum) in sums.iter_mut().enumerate() {
            // SAFETY: both chunks have 32 elements.
            let (x, y) = unsafe { (_mm256_loadu_ps(x.as_ptr().add(8 * k)), _mm256_loadu_ps(y.as_ptr().add(8 * k))) };
            *sum = _mm256_fmadd_ps(x, y, *sum);
        }
    }
    let sum = _mm256_add_ps(_mm256_add_ps(sums[0], sums[2]), _mm256_add_ps(sums[1], sums[3]));
    _mm256_cvtss_f32(super::lanes::sum_everywhere(sum)) + rest
}

// What the compiler makes of the portable loops with these features is as good as intrinsics.

#[target_feature(enable = "avx2,fma,f16c")]
fn add_scaled_f32_avx2(y: &mut [f32], alpha: f32, x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = alpha.mul_add(*x, *y);
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn scale_and_add_f32_avx2(p: &mut [f32], beta: f32, z: &[f32]) {
    for (p, z) in p.iter_mut().zip(z) {
        *p = beta.mul_add(*p, *z);
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn dot_f64_avx2(a: &[f64], b: &[f64]) -> f64 {
    portable::dot(a, b)
}

#[target_feature(enable = "avx2,fma,f16c")]
fn add_scaled_f64_avx2(y: &mut [f64], alpha: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = alpha.mul_add(*x, *y);
    }
}
