//! x86-64 with AVX-512: 8 lanes of `f64`, 16 of `f32` in operations on whole vectors; half precision is converted as it
//! is loaded, or computed where the CPU has AVX512-FP16.

mod double;
mod half;

use super::avx2::{Double4, Single4, Single8};
use super::dispatch::{Unit, Work};
use super::rounded::Rounded;
use double::Double8;

/// A unit by its features and its lanes of halves.
///
/// Its lanes of singles are those of AVX2. Sixteen were tried, two rows of a block of six to a register and a row of a
/// Jacobian in one, and were slower: what the wider registers save, arranging and adding up their lanes takes.
macro_rules! unit {
    ($(#[$comment:meta])* $name:ident, $features:literal, $half8:ty, $half4:ty) => {
        $(#[$comment])*
        pub(super) struct $name;

        impl Unit for $name {
            type Single8 = Single8;
            type Single4 = Single4;
            type Double8 = Double8;
            type Double4 = Double4;
            type Half8 = $half8;
            type Half4 = $half4;

            unsafe fn run<W: Work>(work: W) -> W::Output {
                #[target_feature(enable = $features)]
                unsafe fn run<W: Work>(work: W) -> W::Output {
                    // SAFETY: the caller's promise.
                    unsafe { work.run() }
                }
                // SAFETY: the caller's promise.
                unsafe { run(work) }
            }
        }
    };
}

unit!(
    /// The unit without arithmetic in half precision.
    Avx512, "avx2,fma,f16c,avx512f,avx512vl,avx512dq,avx512bw", Rounded<Single8>, Rounded<Single4>
);

unit!(
    /// The unit with it.
    Avx512Fp16, "avx2,fma,f16c,avx512f,avx512vl,avx512dq,avx512bw,avx512fp16", half::Half8, half::Half4
);
