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
pub fn power_of_two_near_inverse_root(value: f64) -> f64 {
    if !(value.is_finite() && value > 0.0) {
        return 1.0;
    }
    // Of `log₂ v = e + f`, `0 ≤ f < 1`, half is nearest to the whole number below `(e + 1 + f) / 2`: whatever `f` is.
    let exponent = (value.clamp(1e-300, 1e300).to_bits() >> 52) as i64 - 1023;
    f64::from_bits(((1023 - ((exponent + 1) >> 1)) as u64) << 52)
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
