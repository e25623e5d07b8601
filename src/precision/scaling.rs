//! Scaling into half precision without rounding: powers of two.

/// The power of two nearest to a positive number, in the sense of the logarithm; one for zero or what is not finite.
///
/// Multiplying by it changes no bit of a significand, so equilibrating columns with it rounds nothing; norms end
/// between `1/√2` and `√2` instead of at one, far from both ends of half precision's range.
///
/// # Source
/// Higham, *Accuracy and Stability of Numerical Algorithms* (2002), 9.8: scaling by powers of the machine base;
/// van der Sluis (1969): equilibrated columns are within `√n` of the best diagonal scaling for the condition number.
pub fn power_of_two_near(value: f64) -> f64 {
    if !(value.is_finite() && value > 0.0) {
        return 1.0;
    }
    // The exponent, one more where the significand is above the root of two. Without logarithms: every column of every
    // Jacobian comes through here.
    let bits = value.clamp(1e-300, 1e300).to_bits();
    let significand = f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52);
    f64::from_bits(((bits >> 52) + u64::from(significand > std::f64::consts::SQRT_2)) << 52)
}

/// [`power_of_two_near`] of one over the root of a number: half its exponent is all that it takes.
#[inline]
pub fn power_of_two_near_inverse_root(value: f64) -> f64 {
    // Of `log₂ v = e + f`, `0 ≤ f < 1`, half is nearest to the whole number below `(e + 1 + f) / 2`, whatever `f` is. With
    // the bias of 1023 that both exponents are stored with, that of the power is 1534 less half of that of the number:
    // no branch, and nothing that is not an instruction of vector units.
    let half = value.to_bits() >> 53 & 1023;
    let power = f64::from_bits((1534 - half) << 52);
    if value > 0.0 && value < f64::INFINITY { power } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn is_within_the_root_of_two(exponent in -200.0f64..200.0) {
            let value = exponent.exp2();
            let ratio = power_of_two_near(value) / value;
            prop_assert!((std::f64::consts::FRAC_1_SQRT_2 - 1e-5..std::f64::consts::SQRT_2 + 1e-5).contains(&ratio));
            prop_assert_eq!(power_of_two_near(value).to_bits() & ((1 << 52) - 1), 0);
            prop_assert_eq!(power_of_two_near_inverse_root(value), power_of_two_near(1.0 / value.sqrt()));
        }

        #[test]
        fn an_inverse_root_is_one_of_any_size(exponent in -1022i32..1024, significand in 1.0f64..2.0) {
            let value = significand * f64::from(exponent).exp2();
            let power = power_of_two_near_inverse_root(value);
            prop_assert_eq!(power.to_bits() & ((1 << 52) - 1), 0);
            prop_assert!((0.5..2.0).contains(&(power * value * power)), "{} for {}", power, value);
        }
    }

    #[test]
    fn nonsense_scales_by_one() {
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!([power_of_two_near(value), power_of_two_near_inverse_root(value)], [1.0; 2]);
        }
        for value in [0.25, 0.5, 1.0, 2.0, 4.0] {
            assert_eq!(power_of_two_near_inverse_root(value), power_of_two_near(1.0 / value.sqrt()), "{value}");
        }
    }
}
