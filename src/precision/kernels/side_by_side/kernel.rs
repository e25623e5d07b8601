//! Running a kernel on the vector unit of this CPU.

#[cfg(target_arch = "x86_64")]
use super::x86;
use super::{Halves, Unit};
use crate::precision::cpu::{VectorUnit, vector_unit};

/// A hot loop over [`Lanes`](super::Lanes), compiled for each vector unit.
///
/// `run` has to be `#[inline(always)]`, and so has everything hot that it calls: only what is inlined is compiled for
/// the vector unit.
pub trait Kernel {
    /// What it returns.
    type Output;
    /// The loop.
    fn run<U: Unit>(self, unit: U) -> Self::Output;
}

/// Runs a kernel in the version for this CPU's vector unit.
#[inline]
pub fn vectorized<K: Kernel>(kernel: K) -> K::Output {
    vectorized_with(vector_unit(), kernel)
}

/// The same on a vector unit of choice; in portable Rust if this CPU does not have it.
#[inline]
pub fn vectorized_with<K: Kernel>(unit: VectorUnit, kernel: K) -> K::Output {
    match unit {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: it is available.
        VectorUnit::Avx512 | VectorUnit::Avx512Fp16 if unit.is_available() => unsafe { x86::with_avx512(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: it is available.
        VectorUnit::Avx2 if unit.is_available() => unsafe { x86::with_avx2(kernel) },
        #[cfg(target_arch = "aarch64")]
        VectorUnit::Neon | VectorUnit::NeonFp16 => kernel.run(super::aarch64::Neon),
        _ => kernel.run(super::Portable),
    }
}

/// A hot loop over [`Lanes`](super::Lanes) that computes in half precision.
pub trait HalfKernel {
    /// What it returns.
    type Output;
    /// The loop; as [`Kernel::run`].
    fn run<U: Halves>(self, unit: U) -> Self::Output;
}

/// Whether this CPU's vector unit computes in half precision.
#[inline]
pub fn computes_in_half() -> bool {
    matches!(vector_unit(), VectorUnit::Avx512Fp16 | VectorUnit::NeonFp16)
}

/// Runs a kernel in the version for this CPU's vector unit; in portable Rust, which takes long, if that does not compute in
/// half precision.
#[inline]
pub fn vectorized_in_half<K: HalfKernel>(kernel: K) -> K::Output {
    vectorized_in_half_with(vector_unit(), kernel)
}

/// The same on a vector unit of choice.
#[inline]
pub fn vectorized_in_half_with<K: HalfKernel>(unit: VectorUnit, kernel: K) -> K::Output {
    match unit {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: it is available.
        VectorUnit::Avx512Fp16 if unit.is_available() => unsafe { x86::with_avx512_fp16(kernel) },
        #[cfg(target_arch = "aarch64")]
        // SAFETY: it is available.
        VectorUnit::NeonFp16 if unit.is_available() => unsafe { super::aarch64::with_neon_fp16(kernel) },
        _ => kernel.run(super::Portable),
    }
}
