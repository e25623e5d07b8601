//! x86-64 with AVX2, FMA and F16C: 8 lanes of `f32`, 4 of `f64`; half precision is converted as it is loaded.

mod double;
mod single;

pub(super) use double::{Double4, Double8};
pub(super) use single::{Single4, Single8};

use super::dispatch::{Unit, Work};
use super::rounded::Rounded;

/// The unit.
pub(super) struct Avx2;

impl Unit for Avx2 {
    type Single8 = Single8;
    type Single4 = Single4;
    type Double8 = Double8;
    type Double4 = Double4;
    type Half8 = Rounded<Single8>;
    type Half4 = Rounded<Single4>;

    unsafe fn run<W: Work>(work: W) -> W::Output {
        #[target_feature(enable = "avx2,fma,f16c")]
        unsafe fn run<W: Work>(work: W) -> W::Output {
            // SAFETY: the caller's promise.
            unsafe { work.run() }
        }
        // SAFETY: the caller's promise.
        unsafe { run(work) }
    }
}
