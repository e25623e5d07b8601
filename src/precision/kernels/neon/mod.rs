//! aarch64 with NEON: 4 lanes of `f32` and 2 of `f64` to a register; half precision is converted as it is loaded, or
//! computed where the CPU has FEAT_FP16.

mod double;
// With its features named, some of what a function calls is safe in it.
#[allow(unused_unsafe)]
mod half;
mod single;

use super::dispatch::{Unit, Work};
use super::rounded::Rounded;
use double::{Double4, Double8};
use single::{Single4, Single8};

/// The unit without arithmetic in half precision.
pub(super) struct Neon;

/// The unit with it.
pub(super) struct NeonFp16;

impl Unit for Neon {
    type Single8 = Single8;
    type Single4 = Single4;
    type Double8 = Double8;
    type Double4 = Double4;
    type Half8 = Rounded<Single8>;
    type Half4 = Rounded<Single4>;

    unsafe fn run<W: Work>(work: W) -> W::Output {
        #[target_feature(enable = "neon")]
        unsafe fn run<W: Work>(work: W) -> W::Output {
            // SAFETY: the caller's promise.
            unsafe { work.run() }
        }
        // SAFETY: the caller's promise.
        unsafe { run(work) }
    }
}

impl Unit for NeonFp16 {
    type Single8 = Single8;
    type Single4 = Single4;
    type Double8 = Double8;
    type Double4 = Double4;
    type Half8 = half::Half8;
    type Half4 = half::Half4;

    unsafe fn run<W: Work>(work: W) -> W::Output {
        #[target_feature(enable = "neon,fp16")]
        unsafe fn run<W: Work>(work: W) -> W::Output {
            // SAFETY: the caller's promise.
            unsafe { work.run() }
        }
        // SAFETY: the caller's promise.
        unsafe { run(work) }
    }
}
