//! Every kernel on every unit against the error bounds of its arithmetic and of its storage.

use crate::samples::{Numbers, factor, packed, padded, product_of, stored, twin_of, wide};
use halfslam::precision::cpu::VectorUnit;
use halfslam::precision::kernels::VectorKernels;
use halfslam::precision::{Scalar, bf16, f16};
use proptest::prelude::*;

/// Holds the product with vectors of `V` on each unit to the error bound of its arithmetic, and of its storage.
fn check_products<P: Scalar, V: Scalar>(sizes: &[usize], count: usize, seed: u64) {
    let (rows, columns) = stored::<P>(sizes, count, seed, false);
    let (exact, _) = stored::<f64>(sizes, count, seed, false);
    let (absolute, _) = stored::<f64>(sizes, count, seed, true);
    let p: Vec<f64> = Numbers(seed ^ 77).many::<f32>(columns).iter().map(|&v| f64::from(v)).collect();
    let (double, norm) = product_of::<P, f64>(&rows, &p, None);
    let (reference, _) = product_of::<f64, f64>(&exact, &p, None);
    let magnitudes: Vec<f64> = p.iter().map(|v| v.abs()).collect();
    let (bound, bound_norm) = product_of::<f64, f64>(&absolute, &magnitudes, None);
    // γ_k of Higham (2002), 3.1, for k operations in a row: two inner products, of a row and of a column.
    let operations = (sizes.iter().sum::<usize>() + 3 * count + 8) as f64;
    let unit_roundoff = 0.5 * V::EPSILON;
    let underflow = P::MIN_POSITIVE * P::EPSILON;
    for unit in VectorUnit::available() {
        let (found, found_norm) = product_of::<P, V>(&rows, &p, Some(unit));
        for j in 0..columns {
            let rounding = 2.0 * operations * unit_roundoff * bound[j] + 1e-30;
            assert!(
                (found[j] - double[j]).abs() <= rounding,
                "{}, column {j}: {} {} {rounding:e}",
                unit.name(),
                found[j],
                double[j]
            );
            let storage = 1.01 * P::EPSILON * bound[j] + underflow * (3 * count * 4 * sizes.len() * 8) as f64;
            assert!((found[j] - reference[j]).abs() <= rounding + storage, "storage of column {j}");
        }
        assert!((found_norm - norm).abs() <= 4.0 * operations * unit_roundoff * bound_norm, "{}", unit.name());
    }
}

/// Holds the solve with vectors of `V` on each unit to the error bound of its arithmetic.
fn check_solves<C: Scalar, V: Scalar, const B: usize>(rows: usize, seed: u64) {
    let stored = factor::<C, B>(rows, seed, false);
    let x: Vec<V> = Numbers(seed ^ 5).many(rows * B);
    let exact = twin_of(&stored, &wide(&x));
    // With all signs turned to add up, the same solve bounds every intermediate result.
    let majorant = factor::<C, B>(rows, seed, true);
    let magnitudes: Vec<f64> = x.iter().map(|x| x.abs().to_f64()).collect();
    let bound = twin_of(&majorant, &magnitudes);
    let operations = (2 * rows * (4 * B + B + 3)) as f64;
    for unit in VectorUnit::available() {
        let mut found = padded::<V, B>(&x);
        stored.solve_with(unit, &mut found);
        for (i, found) in packed::<V, B>(&found).iter().enumerate() {
            let rounding = operations * 0.5 * V::EPSILON * bound[i];
            let found = found.to_f64();
            assert!((found - exact[i]).abs() <= rounding, "{}, {i}: {found} {} {rounding:e}", unit.name(), exact[i]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn products_are_as_exact_as_theory_says(kind in 0usize..7, count in 1usize..12, seed: u64) {
        let shapes: [&[usize]; 7] =
            [&[6, 6, 1], &[6, 6], &[9, 3], &[3, 3], &[6], &[1, 6, 3, 6], &[6, 9, 6, 6, 1, 6]];
        let sizes = shapes[kind];
        check_products::<f16, f32>(sizes, count, seed);
        check_products::<bf16, f32>(sizes, count, seed);
        check_products::<f32, f32>(sizes, count, seed);
        check_products::<f16, f64>(sizes, count, seed);
        check_products::<bf16, f64>(sizes, count, seed);
        check_products::<f32, f64>(sizes, count, seed);
        check_products::<f64, f64>(sizes, count, seed);
    }

    #[test]
    fn triangular_solves_are_as_exact_as_theory_says(rows in 1usize..12, seed: u64) {
        fn both_sizes<C: Scalar, V: Scalar>(rows: usize, seed: u64) {
            check_solves::<C, V, 6>(rows, seed);
            check_solves::<C, V, 3>(rows, seed);
        }
        both_sizes::<f16, f32>(rows, seed);
        both_sizes::<bf16, f32>(rows, seed);
        both_sizes::<f32, f32>(rows, seed);
        both_sizes::<f16, f64>(rows, seed);
        both_sizes::<bf16, f64>(rows, seed);
        both_sizes::<f32, f64>(rows, seed);
        both_sizes::<f64, f64>(rows, seed);
    }

    #[test]
    fn vector_operations_are_as_exact_as_theory_says(length in 0usize..200, seed: u64) {
        fn check<V: VectorKernels>(length: usize, seed: u64) {
            let mut numbers = Numbers(seed);
            let (a, b): (Vec<V>, Vec<V>) = (numbers.many(length), numbers.many(length));
            let magnitude: f64 = a.iter().zip(&b).map(|(x, y)| (x.to_f64() * y.to_f64()).abs()).sum();
            let exact: f64 = a.iter().zip(&b).map(|(x, y)| x.to_f64() * y.to_f64()).sum();
            let bound = 0.5 * V::EPSILON * (length + 2) as f64 * magnitude + V::MIN_POSITIVE;
            let (alpha, beta) = (V::from_f64(0.7), V::from_f64(-0.3));
            for unit in VectorUnit::available() {
                assert!((V::dot_with(unit, &a, &b) - exact).abs() <= bound, "{}", unit.name());
                let (mut sum, mut other) = (a.clone(), a.clone());
                V::add_scaled_with(unit, &mut sum, alpha, &b);
                V::scale_and_add_with(unit, &mut other, beta, &b);
                for i in 0..length {
                    let (x, y) = (a[i].to_f64(), b[i].to_f64());
                    assert!((sum[i].to_f64() - (x + alpha.to_f64() * y)).abs() <= 4.0 * V::EPSILON);
                    assert!((other[i].to_f64() - (y + beta.to_f64() * x)).abs() <= 4.0 * V::EPSILON);
                }
            }
        }
        check::<f16>(length, seed);
        check::<f32>(length, seed);
        check::<f64>(length, seed);
    }
}
