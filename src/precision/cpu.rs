//! What the CPU can do, probed once.

use std::sync::OnceLock;

/// A vector unit that the kernels are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VectorUnit {
    /// None in particular: portable Rust.
    Portable,
    /// x86-64 with AVX2, FMA and F16C: 8 lanes of `f32`; half precision is storage only.
    Avx2,
    /// x86-64 with AVX-512 (F, VL, DQ, BW): 16 lanes of `f32`; half precision is storage only.
    Avx512,
    /// The same with AVX512-FP16: half precision is computed, too.
    Avx512Fp16,
    /// aarch64: 4 lanes of `f32` to a register; half precision is storage only.
    Neon,
    /// The same with FEAT_FP16: half precision is computed, too.
    NeonFp16,
}

/// The environment variable that chooses a lesser unit than the CPU's best, by [`VectorUnit::name`].
pub const UNIT_VARIABLE: &str = "HALFSLAM_VECTOR_UNIT";

impl VectorUnit {
    /// All of them, the best of each kind of CPU last.
    pub const ALL: [Self; 6] = [Self::Portable, Self::Avx2, Self::Avx512, Self::Avx512Fp16, Self::Neon, Self::NeonFp16];

    /// Its name: `portable`, `avx2`, `avx512`, `avx512fp16`, `neon` or `neonfp16`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Avx512Fp16 => "avx512fp16",
            Self::Neon => "neon",
            Self::NeonFp16 => "neonfp16",
        }
    }

    /// Whether this CPU has it. The standard library keeps the answers: this is a load and a mask.
    #[inline]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Fp16 => Self::Avx512.is_available() && is_x86_feature_detected!("avx512fp16"),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[cfg(target_arch = "aarch64")]
            Self::NeonFp16 => Self::Neon.is_available() && std::arch::is_aarch64_feature_detected!("fp16"),
            _ => false,
        }
    }

    /// Those that this CPU has, the best last.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|unit| unit.is_available())
    }

    /// The unit that a value of [`UNIT_VARIABLE`] asks for; the best one, and a warning, if this CPU has none of that
    /// name.
    fn asked_for(name: Option<&str>) -> Self {
        let best = Self::available().last().unwrap_or(Self::Portable);
        let Some(name) = name else {
            return best;
        };
        Self::available().find(|unit| unit.name() == name).unwrap_or_else(|| {
            let names: Vec<_> = Self::available().map(Self::name).collect();
            tracing::warn!("{UNIT_VARIABLE} is '{name}', but this CPU has {}; using {}", names.join(", "), best.name());
            best
        })
    }
}

/// The best vector unit of this CPU, or the lesser one that [`UNIT_VARIABLE`] names; decided once.
#[inline]
pub fn vector_unit() -> VectorUnit {
    static UNIT: OnceLock<VectorUnit> = OnceLock::new();
    *UNIT.get_or_init(|| VectorUnit::asked_for(std::env::var(UNIT_VARIABLE).ok().as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesser_unit_can_be_asked_for() {
        assert_eq!(VectorUnit::asked_for(Some("portable")), VectorUnit::Portable);
        for unit in VectorUnit::available() {
            assert_eq!(VectorUnit::asked_for(Some(unit.name())), unit);
        }
        let best = VectorUnit::asked_for(None);
        assert_eq!(VectorUnit::asked_for(Some("abacus")), best);
        assert!(best.is_available());
    }
}
