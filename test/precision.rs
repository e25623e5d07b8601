//! Every kernel against its portable twin and against the bounds of theory; and that `half` means half.

use halfslam::precision::cpu::VectorUnit;
use halfslam::precision::kernels::{BlockFactor, BlockRows, SLACK, VectorKernels, portable};
use halfslam::precision::{Policy, Precision, Scalar, bf16, f16};
use halfslam::solver::{Preconditioner, Problem, SolverOptions, minimize};
use halfslam::sparse::Structure;
use proptest::prelude::*;
use std::cell::RefCell;

/// Unit roundoff of half precision.
const U16: f64 = 4.8828125e-4;

/// A reproducible stream of numbers in (-1, 1), of many magnitudes.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let unit = (self.0 >> 33) as f64 / (1u64 << 30) as f64 - 1.0;
        if self.0 & 1 == 0 { unit } else { unit * unit * unit }
    }
    fn many<V: Scalar>(&mut self, count: usize) -> Vec<V> {
        (0..count).map(|_| V::from_f64(self.next())).collect()
    }
}

fn wide<V: Scalar>(values: &[V]) -> Vec<f64> {
    values.iter().map(|value| value.to_f64()).collect()
}

/// Blocks like those of bundles (poses and an inverse depth, points, cameras of nine) and of graphs (two poses).
fn blocks(sizes: &[usize], count: usize, numbers: &mut Numbers) -> (BlockRows<f64>, usize) {
    let columns: usize = 30;
    let mut rows = BlockRows::new(columns);
    for _ in 0..count {
        let width: usize = sizes.iter().sum();
        let mut local = 0;
        let pieces: Vec<_> = sizes
            .iter()
            .map(|&size| {
                let column =
                    (((numbers.next() + 1.0) * 0.5 * (columns - size + 1) as f64) as usize).min(columns - size);
                local += size;
                (column, local - size, size)
            })
            .collect();
        rows.add(3, width, pieces);
    }
    for entry in rows.entries_mut() {
        *entry = numbers.next();
    }
    (rows, columns)
}

/// The same blocks in another storage; `shape` must have been made by the same numbers.
fn stored<P: Scalar>(sizes: &[usize], count: usize, seed: u64, absolute: bool) -> (BlockRows<P>, usize) {
    let mut numbers = Numbers(seed);
    let (exact, columns) = blocks(sizes, count, &mut numbers);
    let mut again = Numbers(seed);
    let mut rows = BlockRows::<P>::new(columns);
    for _ in 0..count {
        let mut local = 0;
        let pieces: Vec<_> = sizes
            .iter()
            .map(|&size| {
                let column = (((again.next() + 1.0) * 0.5 * (columns - size + 1) as f64) as usize).min(columns - size);
                local += size;
                (column, local - size, size)
            })
            .collect();
        rows.add(3, sizes.iter().sum(), pieces);
    }
    for (entry, exact) in rows.entries_mut().iter_mut().zip(exact.entries()) {
        *entry = P::from_f64(if absolute { exact.abs() } else { *exact });
    }
    (rows, columns)
}

/// The product on a unit; in portable Rust, and without slack, if there is none.
fn product_of<P: Scalar, V: Scalar>(rows: &BlockRows<P>, p: &[f64], unit: Option<VectorUnit>) -> (Vec<f64>, f64) {
    let columns = rows.column_count();
    let mut vector: Vec<V> = p.iter().map(|&value| V::from_f64(value)).collect();
    vector.resize(columns + SLACK, V::ZERO);
    let mut z = vec![V::ZERO; columns + SLACK];
    let squared = match unit {
        Some(unit) => rows.normal_product_with(unit, &vector, &mut z),
        None => portable::normal_product(rows, &vector, &mut z),
    };
    (wide(&z[..columns]), squared)
}

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

/// A factor of rows with one to four blocks, diagonally dominant.
fn factor<C: Scalar, const B: usize>(rows: usize, seed: u64, majorant: bool) -> BlockFactor<C, B> {
    let mut numbers = Numbers(seed);
    let (mut starts, mut positions, mut values) = (vec![0u32], Vec::new(), Vec::new());
    for row in 0..rows {
        for column in row.saturating_sub(3)..row {
            if numbers.next() > -0.5 || column + 1 == row {
                positions.push(column as u32);
                values.extend((0..B * B).map(|_| C::from_f64(0.2 * numbers.next())));
            }
        }
        positions.push(row as u32);
        for c in 0..B {
            for r in 0..B {
                let value = if r == c { 1.5 + 0.5 * numbers.next() } else { 0.2 * numbers.next() };
                values.push(C::from_f64(if r < c { 0.0 } else { value }));
            }
        }
        starts.push(positions.len() as u32);
    }
    if majorant {
        let diagonal: Vec<bool> = (0..rows)
            .flat_map(|row| (starts[row]..starts[row + 1]).map(move |block| (row, block)))
            .map(|(row, block)| positions[block as usize] as usize == row)
            .collect();
        for (block, values) in values.chunks_exact_mut(B * B).enumerate() {
            for value in values {
                *value = if diagonal[block] { value.abs() } else { -value.abs() };
            }
        }
    }
    BlockFactor::new(starts, positions, values).unwrap()
}

/// A vector as a factor of `B × B` blocks takes it.
fn padded<V: Scalar, const B: usize>(x: &[V]) -> Vec<V> {
    let mut padded = vec![V::ZERO; x.len() / B * BlockFactor::<f64, B>::STRIDE];
    for (to, from) in padded.chunks_exact_mut(BlockFactor::<f64, B>::STRIDE).zip(x.chunks_exact(B)) {
        to[..B].copy_from_slice(from);
    }
    padded
}

/// The way back.
fn packed<V: Scalar, const B: usize>(x: &[V]) -> Vec<V> {
    x.chunks_exact(BlockFactor::<f64, B>::STRIDE).flat_map(|block| &block[..B]).copied().collect()
}

/// The portable solve.
fn twin_of<C: Scalar, V: Scalar, const B: usize>(factor: &BlockFactor<C, B>, x: &[V]) -> Vec<V> {
    let mut x = padded::<V, B>(x);
    factor.solve_with(VectorUnit::Portable, &mut x);
    packed::<V, B>(&x)
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

/// Fits a parabola, and notes the precision of each evaluation.
struct Witness {
    x: Vec<f64>,
    structure: Structure,
    seen: RefCell<Vec<(&'static str, Precision)>>,
}

impl Problem for Witness {
    type State = Vec<f64>;
    fn name(&self) -> &'static str {
        "witness"
    }
    fn structure(&self) -> &Structure {
        &self.structure
    }
    fn residuals<S: Scalar>(&self, residuals: &mut [S]) {
        self.seen.borrow_mut().push(("residuals", S::PRECISION));
        for (i, r) in residuals.iter_mut().enumerate() {
            let t = S::from_f64(i as f64 / 7.0);
            *r = S::from_f64(self.x[0]) + S::from_f64(self.x[1]) * t - (t * t - S::from_f64(0.3) * t);
        }
    }
    fn linearize<S: Scalar>(&self, jacobian: &mut [S]) {
        self.seen.borrow_mut().push(("linearize", S::PRECISION));
        for (i, row) in jacobian.chunks_exact_mut(2).enumerate() {
            row.copy_from_slice(&[S::ONE, S::from_f64(i as f64 / 7.0)]);
        }
    }
    fn retract<S: Scalar>(&mut self, step: &[S]) {
        self.seen.borrow_mut().push(("retract", S::PRECISION));
        for (x, step) in self.x.iter_mut().zip(step) {
            *x = (S::from_f64(*x) + *step).to_f64();
        }
    }
    fn state(&self) -> Vec<f64> {
        self.x.clone()
    }
    fn restore(&mut self, state: &Vec<f64>) {
        self.x.clone_from(state);
    }
}

#[test]
fn each_policy_computes_in_the_precisions_that_it_names() {
    for name in ["double", "single", "mixed", "half"] {
        let policy = Policy::resolve(name).unwrap();
        let mut structure = Structure::new();
        let line = structure.add_variable(2);
        for _ in 0..9 {
            structure.add_residual(1, &[line]);
        }
        let mut problem = Witness { x: vec![0.1, 0.2], structure, seen: RefCell::default() };
        minimize(&mut problem, &policy, &SolverOptions::default(), &mut Preconditioner::BlockJacobi).unwrap();
        let seen = problem.seen.borrow();
        for (what, expected) in
            [("residuals", policy.residual), ("linearize", policy.jacobian), ("retract", policy.update)]
        {
            // Initial and final cost are evaluated in double under every policy.
            let found = seen.iter().filter(|(name, precision)| {
                *name == what && (*precision == expected || (what == "residuals" && *precision == Precision::F64))
            });
            assert_eq!(found.count(), seen.iter().filter(|(name, _)| *name == what).count(), "{name}: {what}");
            assert!(seen.contains(&(what, expected)), "{name}: {what}");
        }
        if name == "half" {
            assert!(problem.x.iter().all(|&x| f16::from_f64(x).to_f64() == x), "{:?}", problem.x);
        }
    }
}
