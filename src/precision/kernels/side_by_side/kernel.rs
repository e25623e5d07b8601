//! Running a kernel on the vector unit of this CPU.

use super::Unit;
#[cfg(target_arch = "x86_64")]
use super::x86;
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
