//! That `half` means half: the same bits on every unit, each product and each sum rounded.

use crate::samples::{Numbers, factor, packed, padded, product_of, stored, twin_of, wide};
use halfslam::precision::cpu::VectorUnit;
use halfslam::precision::f16;
use halfslam::precision::kernels::VectorKernels;
use proptest::prelude::*;

/// Unit roundoff of half precision.
const U16: f64 = 4.8828125e-4;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn half_has_the_same_bits_on_every_unit(kind in 0usize..4, count in 1usize..12, length in 0usize..100, seed: u64) {
        let shapes: [&[usize]; 4] = [&[6, 6, 1], &[9, 3], &[6], &[6, 9, 6, 6, 1, 6]];
        let (rows, columns) = stored::<f16>(shapes[kind], count, seed, false);
        let p: Vec<f64> = wide(&Numbers(seed ^ 77).many::<f16>(columns));
        let (six, three) = (factor::<f16, 6>(count, seed, false), factor::<f16, 3>(count, seed, false));
        let mut numbers = Numbers(seed);
        let (a, b): (Vec<f16>, Vec<f16>) = (numbers.many(length), numbers.many(length));
        let x: Vec<f16> = numbers.many(6 * count);
        let results = |unit| {
            let (mut sum, mut other) = (a.clone(), a.clone());
            f16::add_scaled_with(unit, &mut sum, a.first().copied().unwrap_or_default(), &b);
            f16::scale_and_add_with(unit, &mut other, f16::from_f64(-0.3), &b);
            let (mut by_six, mut by_three) = (padded::<f16, 6>(&x), padded::<f16, 3>(&x[..3 * count]));
            six.solve_with(unit, &mut by_six);
            three.solve_with(unit, &mut by_three);
            let by_six = packed::<f16, 6>(&by_six);
            let by_three = packed::<f16, 3>(&by_three);
            (product_of::<f16, f16>(&rows, &p, Some(unit)), f16::dot_with(unit, &a, &b), sum, other, by_six, by_three)
        };
        let expected = results(VectorUnit::Portable);
        for unit in VectorUnit::available() {
            prop_assert_eq!(&results(unit), &expected, "{}", unit.name());
        }
    }
}

/// Rounds to half precision without any of the library's code.
fn rounded(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let exponent = (((x.to_bits() >> 52) & 0x7ff) as i32 - 1023).max(-14);
    let quantum = 2f64.powi(exponent - 10);
    let value = (x / quantum).round_ties_even() * quantum;
    if value.abs() > 65504.0 { value.signum() * f64::INFINITY } else { value }
}

#[test]
fn half_rounds_every_product_and_every_sum() {
    for seed in 0..20 {
        let (rows, columns) = stored::<f16>(&[6, 6, 1], 5, seed, false);
        let p: Vec<f64> = wide(&Numbers(seed ^ 9).many::<f16>(columns));
        let (found, found_norm) = product_of::<f16, f16>(&rows, &p, Some(VectorUnit::Portable));
        // The same by hand: pieces as `stored` placed them, one rounding after each operation.
        let mut numbers = Numbers(seed);
        let places: Vec<[usize; 3]> = (0..5)
            .map(|_| {
                [6, 6, 1].map(|size| {
                    (((numbers.next() + 1.0) * 0.5 * (columns - size + 1) as f64) as usize).min(columns - size)
                })
            })
            .collect();
        let entries = wide(rows.entries());
        let (mut z, mut norm) = (vec![0.0; columns], 0.0);
        let mut differs_from_single = false;
        for (block, places) in places.iter().enumerate() {
            let pieces = || [0..6, 6..12, 12..13].into_iter().zip(places);
            let mut sums = [0.0; 13];
            for row in 0..3 {
                let row = &entries[(block * 3 + row) * 13..][..13];
                let (mut lanes, mut single) = ([0.0; 8], 0.0);
                for (locals, &place) in pieces() {
                    for (lane, local) in locals.enumerate() {
                        lanes[lane] = rounded(rounded(row[local] * p[place + lane]) + lanes[lane]);
                        single += row[local] * p[place + lane];
                    }
                }
                let [a, b, c, d] = [0, 1, 2, 3].map(|lane| rounded(lanes[lane] + lanes[lane + 4]));
                let q = rounded(rounded(a + c) + rounded(b + d));
                differs_from_single |= rounded(single) != q;
                for local in 0..13 {
                    sums[local] = rounded(rounded(row[local] * q) + sums[local]);
                }
                norm = rounded(rounded(q * q) + norm);
            }
            for (locals, &place) in pieces() {
                for (lane, local) in locals.enumerate() {
                    z[place + lane] = rounded(z[place + lane] + sums[local]);
                }
            }
        }
        assert_eq!(found, z);
        assert_eq!(found_norm, norm);
        assert!(differs_from_single, "the test must be able to fail");
    }
}

#[test]
fn half_rounds_in_the_triangular_solves() {
    for seed in 0..20 {
        let stored = factor::<f16, 3>(6, seed, false);
        let x: Vec<f16> = Numbers(seed ^ 3).many(18);
        let found = twin_of(&stored, &x);
        let single: Vec<f32> = twin_of(&stored, &x.iter().map(|v| v.to_f32()).collect::<Vec<_>>());
        let exact: Vec<f16> = single.iter().map(|&v| f16::from_f32(v)).collect();
        assert_ne!(found, exact, "sums kept in single would give {exact:?}");
        let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
        let error = norm(&mut found.iter().zip(&single).map(|(a, b)| a.to_f64() - f64::from(*b)));
        assert!(error < 100.0 * U16 * norm(&mut single.iter().map(|&v| f64::from(v))), "{error}");
    }
}
