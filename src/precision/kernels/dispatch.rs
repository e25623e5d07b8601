//! From the types of a call to the lanes of a vector unit.

use super::lanes::{Lanes, Load};
use super::product::Product;
use super::triangular::Solve;
use super::{BlockFactor, BlockRows, SLACK};
use crate::precision::Scalar;
use crate::precision::cpu::VectorUnit;
use half::{bf16, f16};
use std::any::TypeId;
use std::marker::PhantomData;

/// Something to compute with a vector unit's features.
pub(super) trait Work {
    type Output;
    /// Computes it; has to be inlined, so that it is compiled with the caller's features.
    ///
    /// # Safety
    /// The features must be there.
    unsafe fn run(self) -> Self::Output;
}

/// A vector unit: its lanes for rows of six and of three, and how to compile something for it.
pub(super) trait Unit {
    type Single8: Load<f16> + Load<bf16> + Load<f32> + Lanes<Number = f32>;
    type Single4: Load<f16> + Load<bf16> + Load<f32> + Lanes<Number = f32>;
    type Double8: Load<f16> + Load<bf16> + Load<f32> + Load<f64> + Lanes<Number = f64>;
    type Double4: Load<f16> + Load<bf16> + Load<f32> + Load<f64> + Lanes<Number = f64>;
    type Half8: Load<f16> + Lanes<Number = f16>;
    type Half4: Load<f16> + Lanes<Number = f16>;

    /// Runs it, compiled with the features of this unit.
    ///
    /// # Safety
    /// This CPU must have the unit, and the work's own conditions must hold.
    unsafe fn run<W: Work>(work: W) -> W::Output;
}

/// The value of an expression that names the type of a unit, if this CPU has it.
macro_rules! with_unit {
    ($unit:expr, $U:ident => $value:expr) => {
        match $unit {
            #[cfg(target_arch = "x86_64")]
            VectorUnit::Avx2 if $unit.is_available() => {
                type $U = super::avx2::Avx2;
                Some($value)
            }
            #[cfg(target_arch = "x86_64")]
            VectorUnit::Avx512 if $unit.is_available() => {
                type $U = super::avx512::Avx512;
                Some($value)
            }
            #[cfg(target_arch = "x86_64")]
            VectorUnit::Avx512Fp16 if $unit.is_available() => {
                type $U = super::avx512::Avx512Fp16;
                Some($value)
            }
            #[cfg(target_arch = "aarch64")]
            VectorUnit::Neon if $unit.is_available() => {
                type $U = super::neon::Neon;
                Some($value)
            }
            #[cfg(target_arch = "aarch64")]
            VectorUnit::NeonFp16 if $unit.is_available() => {
                type $U = super::neon::NeonFp16;
                Some($value)
            }
            _ => None,
        }
    };
}
pub(super) use with_unit;

/// The slice itself if its elements are of type `B`.
#[inline(always)]
pub(crate) fn cast<A: 'static, B: 'static>(values: &[A]) -> Option<&[B]> {
    // SAFETY: it is the same type.
    (TypeId::of::<A>() == TypeId::of::<B>())
        .then(|| unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), values.len()) })
}

/// The slice itself, to be changed, if its elements are of type `B`.
#[inline(always)]
pub(super) fn cast_mut<A: 'static, B: 'static>(values: &mut [A]) -> Option<&mut [B]> {
    // SAFETY: it is the same type.
    (TypeId::of::<A>() == TypeId::of::<B>())
        .then(|| unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), values.len()) })
}

/// Returns the value of an expression for the first of some storage types that the values are of.
macro_rules! for_storage {
    ($values:expr, [$($storage:ty),+], $stored:ident => $body:expr) => {
        {
            $(if let Some($stored) = cast::<_, $storage>($values) {
                return $body;
            })+
        }
    };
}

/// `x ← (L Lᵀ)⁻¹ x` if the unit is available and has a kernel for these types; `false` if not.
pub(super) fn solve<C: Scalar, V: Scalar, const B: usize>(
    unit: VectorUnit,
    factor: &BlockFactor<C, B>,
    x: &mut [V],
) -> bool {
    // SAFETY: the unit is available.
    with_unit!(unit, U => unsafe { solve_over_lanes::<U, C, V, B>(factor, x) }).unwrap_or(false)
}

unsafe fn solve_over_lanes<U: Unit, C: Scalar, V: Scalar, const B: usize>(
    factor: &BlockFactor<C, B>,
    x: &mut [V],
) -> bool {
    macro_rules! over {
        ($six:ident, $three:ident, $storages:tt, $x:ident) => {
            // SAFETY: the caller's promise.
            unsafe {
                match B {
                    6 => for_storage!(factor.values(), $storages, c => solve_in::<U, U::$six, C, _, B>(factor, c, $x)),
                    3 => for_storage!(factor.values(), $storages, c => solve_in::<U, U::$three, C, _, B>(factor, c, $x)),
                    _ => {}
                }
            }
        };
    }
    if let Some(x) = cast_mut::<V, f32>(x) {
        over!(Single8, Single4, [f16, bf16, f32], x);
    } else if let Some(x) = cast_mut::<V, f64>(x) {
        over!(Double8, Double4, [f16, bf16, f32, f64], x);
    } else if let Some(x) = cast_mut::<V, f16>(x) {
        over!(Half8, Half4, [f16], x);
    }
    false
}

unsafe fn solve_in<U: Unit, L: Load<D>, C: Scalar, D, const B: usize>(
    factor: &BlockFactor<C, B>,
    values: &[D],
    x: &mut [L::Number],
) -> bool {
    assert!(L::WIDTH == BlockFactor::<C, B>::STRIDE && x.len() >= L::WIDTH * factor.row_count());
    let (starts, positions) = factor.pattern();
    let (values, x) = (values.as_ptr(), x.as_mut_ptr());
    // SAFETY: the features are there by the caller's promise; `BlockFactor` holds a consistent pattern with slack behind
    // its values, and `x` has a row of lanes for each of its rows.
    unsafe { U::run(Solve::<L, D, B> { starts, positions, values, x, lanes: PhantomData }) };
    true
}

/// `z = Jᵀ (J p)` and `‖J p‖²` if the unit is available and has a kernel for these types, and the vectors have slack.
pub(super) fn normal_product<P: Scalar, V: Scalar>(
    unit: VectorUnit,
    blocks: &BlockRows<P>,
    p: &[V],
    z: &mut [V],
) -> Option<f64> {
    let needed = blocks.column_count() + SLACK;
    if p.len() < needed || z.len() < needed {
        return None;
    }
    with_unit!(unit, U => {
        z.fill(V::ZERO);
        // SAFETY: the unit is available.
        unsafe { product_over_lanes::<U, P, V>(blocks, p, z) }
    })
    .flatten()
}

unsafe fn product_over_lanes<U: Unit, P: Scalar, V: Scalar>(
    blocks: &BlockRows<P>,
    p: &[V],
    z: &mut [V],
) -> Option<f64> {
    let entries = blocks.with_slack();
    // SAFETY: the caller's promise.
    unsafe {
        if let (Some(p), Some(z)) = (cast::<V, f32>(p), cast_mut::<V, f32>(z)) {
            for_storage!(entries, [f16, bf16, f32], e => Some(product_in::<U, U::Single8, P, _>(blocks, e, p, z)));
        } else if let (Some(p), Some(z)) = (cast::<V, f64>(p), cast_mut::<V, f64>(z)) {
            for_storage!(entries, [f16, bf16, f32, f64], e => Some(product_in::<U, U::Double8, P, _>(blocks, e, p, z)));
        } else if let (Some(p), Some(z)) = (cast::<V, f16>(p), cast_mut::<V, f16>(z)) {
            for_storage!(entries, [f16], e => Some(product_in::<U, U::Half8, P, _>(blocks, e, p, z)));
        }
    }
    None
}

unsafe fn product_in<U: Unit, L: Load<D>, P: Scalar, D>(
    blocks: &BlockRows<P>,
    entries: &[D],
    p: &[L::Number],
    z: &mut [L::Number],
) -> f64 {
    let (shapes, lanes, entries) = (blocks.shapes(), blocks.lanes(), entries.as_ptr());
    let (p, z) = (p.as_ptr(), z.as_mut_ptr());
    // SAFETY: the features are there by the caller's promise; `BlockRows` holds consistent shapes with slack behind its
    // entries, and both vectors have slack behind their columns.
    unsafe { U::run(Product::<L, D> { shapes, lanes, entries, p, z }) }
}
