//! The panel kernels compiled for AVX2 and for AVX-512, and which of them serves a call.

use super::{NotFinite, PanelShape, SmallPivot};
use crate::precision::cpu::VectorUnit;
use crate::precision::kernels::dispatch::{cast, cast_mut};
use crate::precision::{Scalar, f16};
use std::arch::x86_64::*;

/// The kernels of one vector unit.
macro_rules! unit {
    ($unit:ident, $features:literal, $single:ty, $double:ty) => {
        mod $unit {
            use super::*;

            unit!(@numeric $features, factor_single, square_single, $single, f32);
            unit!(@numeric $features, factor_double, square_double, $double, f64);
            unit!(@solves $features, forward_half_single, backward_half_single, $single, f16, f32);
            unit!(@solves $features, forward_single_single, backward_single_single, $single, f32, f32);
            unit!(@solves $features, forward_half_double, backward_half_double, $double, f16, f64);
            unit!(@solves $features, forward_single_double, backward_single_double, $double, f32, f64);
            unit!(@solves $features, forward_double_double, backward_double_double, $double, f64, f64);
        }
    };
    (@numeric $features:literal, $factor:ident, $square:ident, $lanes:ty, $work:ty) => {
        #[target_feature(enable = $features)]
        pub(super) fn $factor(panel: &mut [$work], shape: PanelShape, small: SmallPivot) -> Result<usize, NotFinite> {
            // SAFETY: this function has the features, and its caller checked the lengths.
            unsafe { super::super::factor::factor::<$lanes>(panel, shape, small) }
        }
        #[target_feature(enable = $features)]
        pub(super) fn $square(panel: &[$work], shape: PanelShape, update: &mut [$work]) {
            // SAFETY: as above.
            unsafe { super::super::factor::subtract_square::<$lanes>(panel, shape, update) }
        }
    };
    (@solves $features:literal, $forward:ident, $backward:ident, $lanes:ty, $storage:ty, $vector:ty) => {
        #[target_feature(enable = $features)]
        pub(super) fn $forward(panel: &[$storage], shape: PanelShape, x: &mut [$vector]) {
            // SAFETY: this function has the features, and its caller checked the lengths.
            unsafe { super::super::solve::forward::<$lanes, $storage>(panel, shape, x) }
        }
        #[target_feature(enable = $features)]
        pub(super) fn $backward(panel: &[$storage], shape: PanelShape, x: &mut [$vector]) {
            // SAFETY: as above.
            unsafe { super::super::solve::backward::<$lanes, $storage>(panel, shape, x) }
        }
    };
}

unit!(avx2, "avx2,fma,f16c", __m256, __m256d);
unit!(avx512, "avx2,fma,f16c,avx512f,avx512vl,avx512dq", __m512, __m512d);

/// What the kernel of a unit gives; `None` if this CPU does not have the unit.
macro_rules! call {
    ($unit:expr, $name:ident($($argument:expr),*)) => {
        match $unit {
            // SAFETY: the unit is there.
            VectorUnit::Avx2 if $unit.is_available() => Some(unsafe { avx2::$name($($argument),*) }),
            // SAFETY: as above.
            VectorUnit::Avx512 | VectorUnit::Avx512Fp16 if $unit.is_available() => {
                Some(unsafe { avx512::$name($($argument),*) })
            }
            _ => None,
        }
    };
}

/// [`super::factor`]; `None` if there is no kernel for these types, as of all that follow.
pub(super) fn factor<W: Scalar>(
    unit: VectorUnit,
    panel: &mut [W],
    shape: PanelShape,
    small: SmallPivot,
) -> Option<Result<usize, NotFinite>> {
    if let Some(panel) = cast_mut::<W, f32>(panel) {
        return call!(unit, factor_single(panel, shape, small));
    }
    call!(unit, factor_double(cast_mut::<W, f64>(panel)?, shape, small))
}

/// [`super::subtract_square`].
pub(super) fn subtract_square<W: Scalar>(
    unit: VectorUnit,
    panel: &[W],
    shape: PanelShape,
    update: &mut [W],
) -> Option<()> {
    if let (Some(panel), Some(update)) = (cast::<W, f32>(panel), cast_mut::<W, f32>(update)) {
        return call!(unit, square_single(panel, shape, update));
    }
    call!(unit, square_double(cast::<W, f64>(panel)?, shape, cast_mut::<W, f64>(update)?))
}

macro_rules! dispatch_solve {
    ($name:ident, $half_single:ident, $single_single:ident, $half_double:ident, $single_double:ident, $double_double:ident) => {
        #[doc = concat!("[`super::", stringify!($name), "`].")]
        pub(super) fn $name<C: Scalar, V: Scalar>(
            unit: VectorUnit,
            panel: &[C],
            shape: PanelShape,
            x: &mut [V],
        ) -> Option<()> {
            if let Some(x) = cast_mut::<V, f32>(x) {
                if let Some(panel) = cast::<C, f16>(panel) {
                    return call!(unit, $half_single(panel, shape, x));
                }
                return call!(unit, $single_single(cast::<C, f32>(panel)?, shape, x));
            }
            let x = cast_mut::<V, f64>(x)?;
            if let Some(panel) = cast::<C, f16>(panel) {
                return call!(unit, $half_double(panel, shape, x));
            }
            if let Some(panel) = cast::<C, f32>(panel) {
                return call!(unit, $single_double(panel, shape, x));
            }
            call!(unit, $double_double(cast::<C, f64>(panel)?, shape, x))
        }
    };
}

dispatch_solve!(
    forward,
    forward_half_single,
    forward_single_single,
    forward_half_double,
    forward_single_double,
    forward_double_double
);
dispatch_solve!(
    backward,
    backward_half_single,
    backward_single_single,
    backward_half_double,
    backward_single_double,
    backward_double_double
);

/// Eight at a time, the conversion being the same instruction in both units.
#[target_feature(enable = "avx,f16c")]
fn round_single_to_half(values: &[f32], halves: &mut [f16]) {
    for (values, halves) in values.chunks_exact(8).zip(halves.chunks_exact_mut(8)) {
        // SAFETY: eight elements of each; f16 is 16 bits of plain data.
        unsafe {
            let rounded = _mm256_cvtps_ph::<_MM_FROUND_TO_NEAREST_INT>(_mm256_loadu_ps(values.as_ptr()));
            _mm_storeu_si128(halves.as_mut_ptr().cast(), rounded);
        }
    }
    let whole = values.len().min(halves.len()) / 8 * 8;
    super::portable::round_to_half(&values[whole..], &mut halves[whole..]);
}

/// [`super::round_to_half`].
pub(super) fn round_to_half<W: Scalar>(unit: VectorUnit, values: &[W], halves: &mut [f16]) -> Option<()> {
    let values = cast::<W, f32>(values)?;
    let is_served = matches!(unit, VectorUnit::Avx2 | VectorUnit::Avx512 | VectorUnit::Avx512Fp16);
    // SAFETY: each of these units has the features.
    (is_served && unit.is_available()).then(|| unsafe { round_single_to_half(values, halves) })
}
