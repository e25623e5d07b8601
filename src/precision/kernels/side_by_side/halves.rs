//! Arithmetic in half precision, two times sixteen lanes at a time.

// Loops over lanes index several arrays at once: in this form the compiler vectorizes them.
#![allow(clippy::needless_range_loop)]

use super::{LANES, Lanes, Portable, Unit};
use half::f16;

/// Halves for two numbers of each of sixteen observations: one register of AVX-512, four of NEON.
pub type Pair = [Lanes<f16>; 2];

/// A unit that computes in half precision.
pub trait Halves: Unit {
    /// `a * b + c`, lane by lane, rounded once.
    fn mul_add_halves(self, a: &Lanes<f16>, b: &Lanes<f16>, c: &Lanes<f16>) -> Lanes<f16>;

    /// The same of pairs.
    fn mul_add_pair(self, a: &Pair, b: &Pair, c: &Pair) -> Pair;

    /// Each half twice in a word, as [`Self::splat_pair`] wants them.
    #[inline(always)]
    fn doubled(self, lanes: &Lanes<f16>) -> Lanes<u32> {
        let mut words = [0; LANES];
        for lane in 0..LANES {
            words[lane] = u32::from(lanes[lane].to_bits()) * 0x1_0001;
        }
        words
    }

    /// Each number in every lane of its own.
    fn splat_pair(self, of: [u32; 2]) -> Pair;

    /// The sum of both, in both.
    fn sum_of_pair(self, pair: &Pair) -> Pair;

    /// The sums over all lanes of both numbers of each pair: of lanes eight apart in half precision, then in single.
    fn sums_of_pairs<const N: usize>(self, pairs: &[Pair; N]) -> [[f32; 2]; N];
}

/// With the roundings of the other units: what they are held to.
impl Halves for Portable {
    #[inline(always)]
    fn mul_add_halves(self, a: &Lanes<f16>, b: &Lanes<f16>, c: &Lanes<f16>) -> Lanes<f16> {
        // The product of two halves is exact in double, and so is nearly every sum with a third.
        std::array::from_fn(|lane| f16::from_f64(a[lane].to_f64() * b[lane].to_f64() + c[lane].to_f64()))
    }

    #[inline(always)]
    fn mul_add_pair(self, a: &Pair, b: &Pair, c: &Pair) -> Pair {
        [0, 1].map(|which| self.mul_add_halves(&a[which], &b[which], &c[which]))
    }

    #[inline(always)]
    fn splat_pair(self, of: [u32; 2]) -> Pair {
        of.map(|word| [f16::from_bits(word as u16); LANES])
    }

    #[inline(always)]
    fn sum_of_pair(self, pair: &Pair) -> Pair {
        [std::array::from_fn(|lane| pair[0][lane] + pair[1][lane]); 2]
    }

    #[inline(always)]
    fn sums_of_pairs<const N: usize>(self, pairs: &[Pair; N]) -> [[f32; 2]; N] {
        let sum =
            |lanes: &Lanes<f16>| (0..LANES / 2).map(|lane| (lanes[lane] + lanes[lane + LANES / 2]).to_f32()).sum();
        pairs.map(|pair| [sum(&pair[0]), sum(&pair[1])])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precision::cpu::VectorUnit;
    use crate::precision::kernels::{HalfKernel, vectorized_in_half_with};
    use proptest::prelude::*;

    /// What each operation makes of the same numbers.
    struct Operations<'a>(&'a [Pair; 3]);

    impl HalfKernel for Operations<'_> {
        type Output = (Lanes<f16>, [Pair; 3], [[f32; 2]; 3]);

        #[inline(always)]
        fn run<U: Halves>(self, unit: U) -> Self::Output {
            let [a, b, c] = self.0;
            let of_pairs = unit.mul_add_pair(a, b, c);
            let words = [unit.doubled(&a[0])[3], unit.doubled(&b[1])[5]];
            assert_eq!(words.map(|word| f16::from_bits(word as u16)), [a[0][3], b[1][5]]);
            let others = [of_pairs, unit.splat_pair(words), unit.sum_of_pair(c)];
            (unit.mul_add_halves(&a[0], &b[0], &c[1]), others, unit.sums_of_pairs(self.0))
        }
    }

    proptest! {
        #[test]
        fn every_unit_rounds_as_the_portable_one(numbers in prop::collection::vec(-8.0f32..8.0, 6 * LANES)) {
            let lanes = |k: usize| std::array::from_fn(|lane| f16::from_f32(numbers[k * LANES + lane]));
            let pairs = [0, 2, 4].map(|k| [lanes(k), lanes(k + 1)]);
            let expected = vectorized_in_half_with(VectorUnit::Portable, Operations(&pairs));
            for unit in VectorUnit::available() {
                let found = vectorized_in_half_with(unit, Operations(&pairs));
                prop_assert_eq!(found.0, expected.0);
                prop_assert_eq!(found.1, expected.1);
                for (found, expected) in found.2.as_flattened().iter().zip(expected.2.as_flattened()) {
                    // The same halves, added in single precision in another order.
                    prop_assert!((found - expected).abs() <= 8.0 * f32::EPSILON * 128.0, "{:?}: {} {}", unit, found, expected);
                }
            }
        }
    }
}
