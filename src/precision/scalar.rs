//! The scalar types that a computation can run in.

use super::Precision;
use half::{bf16, f16};
use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A floating-point type: `f64`, `f32`, [`half::f16`] or [`half::bf16`].
///
/// Operators of `f16` round every single product, sum and quotient to 11 significant bits, so code that is generic over
/// this trait computes in the precision that its type says, on every CPU.
pub trait Scalar:
    Copy
    + Default
    + Debug
    + PartialEq
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + Sum
    + 'static
{
    /// The type in which long sums of this type are kept: `f32` for all narrower than `f64`, `f64` for `f64`.
    type Accumulator: Scalar;
    /// This type's name in a policy.
    const PRECISION: Precision;
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// The distance from 1 to the next larger number; the unit roundoff is half of it.
    const EPSILON: f64;
    /// The largest finite number.
    const MAX: f64;
    /// The smallest positive normal number.
    const MIN_POSITIVE: f64;

    /// The nearest number of this type; infinite beyond [`Self::MAX`].
    fn from_f64(value: f64) -> Self;
    /// The nearest number of this type; infinite beyond [`Self::MAX`].
    fn from_f32(value: f32) -> Self;
    /// The same number in double precision.
    fn to_f64(self) -> f64;
    /// The nearest number in single precision.
    fn to_f32(self) -> f32;
    /// The nearest number of another type, rounded once.
    fn cast<T: Scalar>(self) -> T;
    /// The square root, rounded; NaN of a negative number.
    fn sqrt(self) -> Self;
    /// The sine of an angle (rad), rounded.
    fn sin(self) -> Self;
    /// The cosine of an angle (rad), rounded.
    fn cos(self) -> Self;
    /// The angle of the point `(x, self)`, in (-π, π] (rad), rounded.
    fn atan2(self, x: Self) -> Self;
    /// The absolute value.
    fn abs(self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// `self * a + b`: fused where the CPU does that for nothing in this type, else rounded twice (always twice in
    /// `f16`, so that naive half precision means the same on every CPU).
    fn multiply_add(self, a: Self, b: Self) -> Self;
    /// `self * a + b`: rounded once if `fused`, which is for code compiled for a vector unit that does so in one
    /// instruction; twice in sixteen bits.
    fn mul_add_if(self, fused: bool, a: Self, b: Self) -> Self;
    /// The larger of two numbers.
    fn max(self, other: Self) -> Self {
        if self < other { other } else { self }
    }
    /// The smaller of two numbers.
    fn min(self, other: Self) -> Self {
        if other < self { other } else { self }
    }
}

macro_rules! native_scalar {
    ($type:ident, $precision:ident, $accumulator:ident, $cast:ident) => {
        impl Scalar for $type {
            type Accumulator = $accumulator;
            const PRECISION: Precision = Precision::$precision;
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const EPSILON: f64 = $type::EPSILON as f64;
            const MAX: f64 = $type::MAX as f64;
            const MIN_POSITIVE: f64 = $type::MIN_POSITIVE as f64;

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $type
            }
            #[inline(always)]
            fn from_f32(value: f32) -> Self {
                value as $type
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn to_f32(self) -> f32 {
                self as f32
            }
            #[inline(always)]
            fn cast<T: Scalar>(self) -> T {
                T::$cast(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
            #[inline(always)]
            fn sin(self) -> Self {
                self.sin()
            }
            #[inline(always)]
            fn cos(self) -> Self {
                self.cos()
            }
            #[inline(always)]
            fn atan2(self, x: Self) -> Self {
                self.atan2(x)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                self.is_finite()
            }
            #[inline(always)]
            fn multiply_add(self, a: Self, b: Self) -> Self {
                // Without the instruction `mul_add` is a library call.
                if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
                    self.mul_add(a, b)
                } else {
                    self * a + b
                }
            }
            #[inline(always)]
            fn mul_add_if(self, fused: bool, a: Self, b: Self) -> Self {
                if fused { self.mul_add(a, b) } else { self * a + b }
            }
        }
    };
}

native_scalar!(f64, F64, f64, from_f64);
native_scalar!(f32, F32, f32, from_f32);

/// A type of sixteen bits, whose operations are those of single precision, rounded.
macro_rules! sixteen_bit_scalar {
    ($type:ident, $precision:ident) => {
        impl Scalar for $type {
            type Accumulator = f32;
            const PRECISION: Precision = Precision::$precision;
            const ZERO: Self = $type::ZERO;
            const ONE: Self = $type::ONE;
            const EPSILON: f64 = $type::EPSILON.to_f64_const();
            const MAX: f64 = $type::MAX.to_f64_const();
            const MIN_POSITIVE: f64 = $type::MIN_POSITIVE.to_f64_const();

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                // Through single rounded to odd: two roundings to nearest would differ from one at ties.
                let single = value as f32;
                if single as f64 == value || value.is_nan() {
                    return $type::from_f32(single);
                }
                let beyond = (single as f64).abs() > value.abs();
                $type::from_f32(f32::from_bits((single.to_bits() - u32::from(beyond)) | 1))
            }
            #[inline(always)]
            fn from_f32(value: f32) -> Self {
                $type::from_f32(value)
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                $type::to_f64(self)
            }
            #[inline(always)]
            fn to_f32(self) -> f32 {
                $type::to_f32(self)
            }
            #[inline(always)]
            fn cast<T: Scalar>(self) -> T {
                T::from_f32($type::to_f32(self))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $type::from_f32($type::to_f32(self).sqrt())
            }
            #[inline(always)]
            fn sin(self) -> Self {
                $type::from_f32($type::to_f32(self).sin())
            }
            #[inline(always)]
            fn cos(self) -> Self {
                $type::from_f32($type::to_f32(self).cos())
            }
            #[inline(always)]
            fn atan2(self, x: Self) -> Self {
                $type::from_f32($type::to_f32(self).atan2($type::to_f32(x)))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $type::from_bits(self.to_bits() & 0x7fff)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $type::is_finite(self)
            }
            #[inline(always)]
            fn multiply_add(self, a: Self, b: Self) -> Self {
                self * a + b
            }
            #[inline(always)]
            fn mul_add_if(self, _: bool, a: Self, b: Self) -> Self {
                self * a + b
            }
        }
    };
}

sixteen_bit_scalar!(f16, F16);
sixteen_bit_scalar!(bf16, BF16);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_rounds_product_and_sum_apart() {
        // (1 + 2⁻¹⁰)² = 1 + 2⁻⁹ + 2⁻²⁰: the last bit is lost in the product, so it cannot survive the sum.
        let a = f16::from_f64(1.0 + 1.0 / 1024.0);
        let result = a.multiply_add(a, -f16::from_f64(1.0 + 2.0 / 1024.0));
        assert_eq!(result, f16::ZERO);
        let fused = a.to_f64() * a.to_f64() - (1.0 + 2.0 / 1024.0);
        assert!(fused > 0.0);
    }

    #[test]
    fn a_cast_rounds_once() {
        // Rounding 1 + 2⁻¹¹ + 2⁻⁴⁰ to single first would make it a tie, and lose it.
        let value = 1.0 + 2f64.powi(-11) + 2f64.powi(-40);
        assert_eq!(value.cast::<f16>().to_f64(), 1.0 + 2f64.powi(-10));
        assert_eq!(65_520.0f64.cast::<f16>(), f16::INFINITY);
        assert_eq!(65_519.0f64.cast::<f16>().to_f64(), f16::MAX.to_f64());
        let value = 1.0 + 2f64.powi(-8) + 2f64.powi(-40);
        assert_eq!(value.cast::<bf16>().to_f64(), 1.0 + 2f64.powi(-7));
        assert_eq!(1e300.cast::<bf16>(), bf16::INFINITY);
        assert_eq!((-1e-300).cast::<bf16>().to_f64(), 0.0);
    }
}
