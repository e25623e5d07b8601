//! Compiling portable loops for the vector unit of this CPU.

use crate::precision::cpu::{VectorUnit, vector_unit};

/// A hot loop in portable Rust over [`Lanes`](super::Lanes), which the compiler vectorizes for each vector unit.
///
/// `run` has to be `#[inline(always)]`, and so has everything hot that it calls: only what is inlined is compiled for
/// the vector unit.
pub trait Kernel {
    /// What it returns.
    type Output;
    /// The loop.
    fn run(self) -> Self::Output;
}

/// Runs a kernel in the version for this CPU's vector unit.
#[inline]
pub fn vectorized<K: Kernel>(kernel: K) -> K::Output {
    match vector_unit() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the unit is this CPU's.
        VectorUnit::Avx512 | VectorUnit::Avx512Fp16 => unsafe { with_avx512(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the unit is this CPU's.
        VectorUnit::Avx2 => unsafe { with_avx2(kernel) },
        _ => kernel.run(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn with_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
