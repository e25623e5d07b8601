//! Sixteen numbers side by side, one observation per lane: kernels written once for every vector unit.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod halves;
mod kernel;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use halves::{Halves, Pair};
pub use kernel::{
    HalfKernel, Kernel, computes_in_half, vectorized, vectorized_in_half, vectorized_in_half_with, vectorized_with,
};

pub(crate) use super::dispatch::cast;
use super::dispatch::cast_mut;
use crate::precision::Scalar;
use half::f16;
use half::slice::HalfFloatSliceExt;

/// Numbers in [`Lanes`]: one vector of singles in AVX-512, two in AVX2, four in NEON.
pub const LANES: usize = 16;

/// One number for each of [`LANES`] observations.
pub type Lanes<S> = [S; LANES];

/// What a [`Kernel`] computes with: sixteen lanes at a time in the registers of a vector unit. There is a value of it only
/// where this CPU has the unit.
///
/// Compilers do not reliably keep loops over lanes in vector registers; what is hot goes through these.
pub trait Unit: Copy {
    /// Whether a product and a sum are one instruction, rounded once.
    const FUSED: bool;

    /// `a * b + c`, lane by lane.
    fn mul_add<V: Scalar>(self, a: &Lanes<V>, b: &Lanes<V>, c: &Lanes<V>) -> Lanes<V>;

    /// The same number in every lane.
    fn splat<V: Scalar>(self, value: V) -> Lanes<V>;

    /// Converts lanes; what is stored in half has to be finite.
    fn widened<P: Scalar, V: Scalar>(self, stored: &Lanes<P>) -> Lanes<V>;

    /// Rounds lanes to storage, to nearest.
    fn rounded<S: Scalar, P: Scalar>(self, values: &Lanes<S>) -> Lanes<P>;

    /// The sums of all lanes of each, in whichever order; several of them take little more than one.
    fn sums<V: Scalar, const N: usize>(self, lanes: &[Lanes<V>; N]) -> [V; N];

    /// The sum of all lanes.
    #[inline(always)]
    fn sum<V: Scalar>(self, lanes: &Lanes<V>) -> V {
        self.sums(&[*lanes])[0]
    }
}

/// Portable Rust, which every other unit is held to.
#[derive(Debug, Clone, Copy)]
pub struct Portable;

impl Unit for Portable {
    const FUSED: bool = false;

    #[inline(always)]
    fn mul_add<V: Scalar>(self, a: &Lanes<V>, b: &Lanes<V>, c: &Lanes<V>) -> Lanes<V> {
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }

    #[inline(always)]
    fn splat<V: Scalar>(self, value: V) -> Lanes<V> {
        [value; LANES]
    }

    #[inline(always)]
    fn widened<P: Scalar, V: Scalar>(self, stored: &Lanes<P>) -> Lanes<V> {
        widened(stored)
    }

    #[inline(always)]
    fn rounded<S: Scalar, P: Scalar>(self, values: &Lanes<S>) -> Lanes<P> {
        rounded(values)
    }

    #[inline(always)]
    fn sums<V: Scalar, const N: usize>(self, lanes: &[Lanes<V>; N]) -> [V; N] {
        let mut sums = [V::ZERO; N];
        for (sum, lanes) in sums.iter_mut().zip(lanes) {
            *sum = lane_sum(lanes);
        }
        sums
    }
}

/// The lanes themselves if their type is `B`.
#[inline(always)]
fn same<A: 'static, B: 'static>(lanes: &Lanes<A>) -> Option<&Lanes<B>> {
    cast::<A, B>(lanes).and_then(|lanes| lanes.first_chunk())
}

/// Several of them if their type is `B`.
#[inline(always)]
fn lanes_as<A: 'static, B: 'static, const N: usize>(lanes: &[Lanes<A>; N]) -> Option<&[Lanes<B>; N]> {
    cast::<Lanes<A>, Lanes<B>>(lanes).and_then(|lanes| lanes.first_chunk())
}

/// The number itself if its type is `B`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn one<A: Copy + 'static, B: Copy + 'static>(value: A) -> Option<B> {
    cast::<A, B>(&[value]).and_then(|values| values.first().copied())
}

/// Lanes of a type that is `V`.
#[inline(always)]
fn as_lanes_of<A: Copy + 'static, V: Scalar>(lanes: Lanes<A>) -> Lanes<V> {
    same::<A, V>(&lanes).copied().unwrap_or([V::ZERO; LANES])
}

/// Converts lanes; what is stored in half has to be finite. A loop that vectorizes on every CPU.
#[inline(always)]
pub fn widened<P: Scalar, V: Scalar>(stored: &Lanes<P>) -> Lanes<V> {
    let mut wide = [V::ZERO; LANES];
    if let Some(halves) = cast::<P, f16>(stored) {
        for (wide, half) in wide.iter_mut().zip(halves) {
            *wide = V::from_f32(single_from_half(half.to_bits()));
        }
    } else {
        for (wide, value) in wide.iter_mut().zip(stored) {
            *wide = value.cast();
        }
    }
    wide
}

/// Converts one number of lanes, as [`widened`] does.
#[inline(always)]
pub fn widened_one<P: Scalar, V: Scalar>(stored: P) -> V {
    match cast::<P, f16>(&[stored]) {
        Some(halves) => V::from_f32(single_from_half(halves[0].to_bits())),
        None => stored.cast(),
    }
}

/// The sum of all lanes, by halves.
#[inline(always)]
pub fn lane_sum<S: Scalar>(lanes: &Lanes<S>) -> S {
    let mut sums = *lanes;
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0]
}

/// A finite half as a single, without a branch: exponent and fraction move to where a single has them, and the exponent's
/// bias is added. Below half's normal numbers a fraction counts from the smallest of them, which is subtracted. No
/// operand is a subnormal single: those cost a hundred times as much on many CPUs, and small entries are common.
#[inline(always)]
fn single_from_half(bits: u16) -> f32 {
    const BIAS: u32 = (127 - 15) << 23;
    const SMALLEST_NORMAL: u32 = 1 << 23;
    let magnitude = u32::from(bits & 0x7fff) << 13;
    let fraction = f32::from_bits(magnitude + BIAS + SMALLEST_NORMAL) - f32::from_bits(BIAS + SMALLEST_NORMAL);
    let single = if magnitude < SMALLEST_NORMAL { fraction.to_bits() } else { magnitude + BIAS };
    f32::from_bits(single | u32::from(bits & 0x8000) << 16)
}

/// Rounds lanes to storage, to nearest.
#[inline(always)]
pub fn rounded<S: Scalar, P: Scalar>(values: &Lanes<S>) -> Lanes<P> {
    let mut stored = [P::ZERO; LANES];
    if let (Some(halves), Some(singles)) = (cast_mut::<P, f16>(&mut stored), cast::<S, f32>(values)) {
        halves.convert_from_f32_slice(singles);
    } else {
        for (stored, value) in stored.iter_mut().zip(values) {
            *stored = value.cast();
        }
    }
    stored
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precision::bf16;
    use crate::precision::cpu::VectorUnit;
    use proptest::prelude::*;

    #[test]
    fn every_finite_half_survives() {
        for bits in (0..=u16::MAX).step_by(LANES) {
            let halves: Lanes<f16> = std::array::from_fn(|i| f16::from_bits(bits + i as u16));
            if halves.iter().all(|half| half.is_finite()) {
                let wide: Lanes<f32> = widened(&halves);
                for (wide, half) in wide.iter().zip(&halves) {
                    assert_eq!(wide.to_bits(), half.to_f32().to_bits());
                    assert_eq!(*wide, widened_one::<f16, f32>(*half));
                }
                assert_eq!(rounded::<f32, f16>(&wide), halves);
            }
        }
    }

    /// What each operation of a unit makes of the same numbers, stored in `P`, computed in `V`.
    struct Operations<'a, P, V> {
        stored: &'a Lanes<P>,
        factor: V,
    }

    impl<P: Scalar, V: Scalar> Kernel for Operations<'_, P, V> {
        type Output = (Lanes<V>, Lanes<V>, [V; 12]);
        #[inline(always)]
        fn run<U: Unit>(self, unit: U) -> Self::Output {
            let wide: Lanes<V> = unit.widened(self.stored);
            assert_eq!(unit.rounded::<V, P>(&wide), *self.stored);
            let product = unit.mul_add(&wide, &unit.splat(self.factor), &wide);
            // Several at once, and one, each with lanes that tell it from the others.
            let mut several = [[V::ZERO; LANES]; 11];
            for (k, lanes) in several.iter_mut().enumerate() {
                *lanes = product;
                lanes[k] += V::from_f64(k as f64);
            }
            let (mut sums, found) = ([unit.sum(&product); 12], unit.sums(&several));
            sums[..11].copy_from_slice(&found);
            (wide, product, sums)
        }
    }

    fn hold_units_to_the_portable_one<P: Scalar, V: Scalar>(numbers: &[f64], factor: f64) {
        let stored: Lanes<P> = std::array::from_fn(|lane| P::from_f64(numbers[lane]));
        let of = |unit| vectorized_with(unit, Operations { stored: &stored, factor: V::from_f64(factor) });
        let (wide, product, sums) = of(VectorUnit::Portable);
        // A product may cancel what it is added to.
        let sizes: Lanes<f64> = std::array::from_fn(|lane| (1.0 + factor.abs()) * numbers[lane].abs());
        for unit in VectorUnit::available() {
            let found = of(unit);
            assert_eq!(found.0, wide, "{unit:?}: conversions are exact");
            for lane in 0..LANES {
                let difference = (found.1[lane].to_f64() - product[lane].to_f64()).abs();
                assert!(difference <= 2.0 * V::EPSILON * sizes[lane], "{unit:?}: lane {lane} differs by {difference}");
            }
            for (found, sum) in found.2.iter().zip(&sums) {
                let difference = (found.to_f64() - sum.to_f64()).abs();
                assert!(
                    difference <= 16.0 * V::EPSILON * (11.0 + sizes.iter().sum::<f64>()),
                    "{unit:?}: sums differ by {difference}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn every_unit_is_held_to_the_portable_one(
            numbers in prop::collection::vec(-100.0f64..100.0, LANES),
            factor in -10.0f64..10.0,
        ) {
            hold_units_to_the_portable_one::<f16, f32>(&numbers, factor);
            hold_units_to_the_portable_one::<f16, f64>(&numbers, factor);
            hold_units_to_the_portable_one::<bf16, f32>(&numbers, factor);
            hold_units_to_the_portable_one::<f32, f32>(&numbers, factor);
            hold_units_to_the_portable_one::<f32, f64>(&numbers, factor);
            hold_units_to_the_portable_one::<f64, f64>(&numbers, factor);
        }
    }

    #[test]
    fn all_lanes_are_summed() {
        assert_eq!(lane_sum(&std::array::from_fn::<f64, LANES, _>(|i| f64::from(1 << i))), 65535.0);
    }

    #[test]
    fn rounding_is_that_of_the_scalar() {
        let values: Lanes<f32> = std::array::from_fn(|i| 1.0 + i as f32 * 0.000_3);
        for (stored, value) in rounded::<f32, f16>(&values).iter().zip(&values) {
            assert_eq!(*stored, f16::from_f32(*value));
        }
        assert_eq!(rounded::<f64, f64>(&[0.1; LANES]), [0.1; LANES]);
    }
}
