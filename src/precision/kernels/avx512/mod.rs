//! x86-64 with AVX-512: 16 lanes of `f32`, 8 of `f64`; half precision is converted as it is loaded, or computed where
//! the CPU has AVX512-FP16.

mod double;
mod factor;
mod half;
mod jacobian;
mod single;

use super::avx2::{Double4, Single4, Single8};
use super::dispatch::{Unit, Work};
use super::rounded::Rounded;
use super::{BlockFactor, BlockRows};
use crate::precision::Scalar;
use double::Double8;

/// A unit by its features and its lanes of halves. Its lanes of singles are those of AVX2, for what the kernels of
/// sixteen lanes do not do.
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

            unsafe fn solve<C: Scalar, V: Scalar, const B: usize>(factor: &BlockFactor<C, B>, x: &mut [V]) -> bool {
                // SAFETY: the caller's promise.
                unsafe { factor::solve::<Self, C, V, B>(factor, x) }
            }

            unsafe fn normal_product<P: Scalar, V: Scalar>(
                blocks: &BlockRows<P>,
                p: &[V],
                z: &mut [V],
            ) -> Option<f64> {
                // SAFETY: the caller's promise.
                unsafe { jacobian::normal_product::<Self, P, V>(blocks, p, z) }
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
