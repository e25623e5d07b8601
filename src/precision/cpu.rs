//! What the CPU can do, probed once.

/// The vector unit that the kernels use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorUnit {
    /// None in particular: portable Rust.
    Portable,
    /// x86-64 with AVX2, FMA and F16C: 8 lanes of `f32`; half precision is storage only.
    Avx2,
}

/// The best vector unit of this CPU.
#[inline]
pub fn vector_unit() -> VectorUnit {
    #[cfg(target_arch = "x86_64")]
    {
        // The standard library keeps the answers: this is one load and a mask.
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c") {
            return VectorUnit::Avx2;
        }
    }
    VectorUnit::Portable
}
