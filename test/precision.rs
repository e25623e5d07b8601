//! Every kernel against its portable twin and against the bounds of theory; and that `half` means half.

use halfslam::precision::kernels::{BlockFactor, BlockRows, SLACK, VectorKernels, portable};
use halfslam::precision::{Policy, Precision, Scalar, f16};
use halfslam::solver::{Preconditioner, Problem, SolverOptions, minimize};
use halfslam::sparse::Structure;
use proptest::prelude::*;
use std::cell::RefCell;

/// Unit roundoff of single and of half precision.
const U32: f64 = 5.960464477539063e-8;
const U16: f64 = 4.8828125e-4;
/// Half of the smallest subnormal number of half precision: the error of an entry that underflows.
const TINY16: f64 = 2.98e-8;

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

fn product_of<P: Scalar, V: Scalar>(rows: &BlockRows<P>, p: &[f64], fast: bool) -> (Vec<f64>, f64) {
    let columns = rows.column_count();
    let mut vector: Vec<V> = p.iter().map(|&value| V::from_f64(value)).collect();
    vector.resize(columns + SLACK, V::ZERO);
    let mut z = vec![V::ZERO; columns + SLACK];
    let squared =
        if fast { rows.normal_product(&vector, &mut z) } else { portable::normal_product(rows, &vector, &mut z) };
    (wide(&z[..columns]), squared)
}

fn check_products<P: Scalar>(sizes: &[usize], count: usize, seed: u64, storage_error: f64) {
    let (rows, columns) = stored::<P>(sizes, count, seed, false);
    let (exact, _) = stored::<f64>(sizes, count, seed, false);
    let (absolute, _) = stored::<f64>(sizes, count, seed, true);
    let p: Vec<f64> = Numbers(seed ^ 77).many::<f32>(columns).iter().map(|&v| f64::from(v)).collect();
    let (fast, fast_norm) = product_of::<P, f32>(&rows, &p, true);
    let (twin, _) = product_of::<P, f32>(&rows, &p, false);
    let (double, norm) = product_of::<P, f64>(&rows, &p, false);
    let (reference, _) = product_of::<f64, f64>(&exact, &p, false);
    let magnitudes: Vec<f64> = p.iter().map(|v| v.abs()).collect();
    let (bound, bound_norm) = product_of::<f64, f64>(&absolute, &magnitudes, false);
    // γ_k of Higham (2002), 3.1, for k operations in a row: two inner products, of a row and of a column.
    let operations = (sizes.iter().sum::<usize>() + 3 * count + 8) as f64;
    for j in 0..columns {
        let rounding = 2.0 * operations * U32 * bound[j] + 1e-30;
        assert!((fast[j] - double[j]).abs() <= rounding, "column {j}: {} {} {rounding:e}", fast[j], double[j]);
        assert!((fast[j] - twin[j]).abs() <= 2.0 * rounding);
        let storage = 2.02 * storage_error * bound[j] + TINY16 * (3 * count * 4 * sizes.len() * 8) as f64;
        assert!((fast[j] - reference[j]).abs() <= rounding + storage, "storage of column {j}");
    }
    assert!((fast_norm - norm).abs() <= 2.0 * operations * U32 * bound_norm * 2.0);
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

fn check_solves<C: Scalar, const B: usize>(rows: usize, seed: u64) {
    let stored = factor::<C, B>(rows, seed, false);
    let x: Vec<f32> = Numbers(seed ^ 5).many(rows * B);
    let mut fast = x.clone();
    stored.solve(&mut fast);
    let mut twin = x.clone();
    portable::forward(&stored, &mut twin);
    portable::backward(&stored, &mut twin);
    let mut exact: Vec<f64> = wide(&x);
    portable::forward(&stored, &mut exact);
    portable::backward(&stored, &mut exact);
    // With all signs turned to add up, the same solve bounds every intermediate result.
    let majorant = factor::<C, B>(rows, seed, true);
    let mut bound: Vec<f64> = exact.iter().zip(&x).map(|(_, x)| f64::from(x.abs())).collect();
    portable::forward(&majorant, &mut bound);
    portable::backward(&majorant, &mut bound);
    let operations = (2 * rows * (4 * B + B + 3)) as f64;
    for i in 0..x.len() {
        let rounding = operations * U32 * bound[i];
        assert!((f64::from(fast[i]) - exact[i]).abs() <= rounding, "{i}: {} {} {rounding:e}", fast[i], exact[i]);
        assert!((f64::from(fast[i]) - f64::from(twin[i])).abs() <= 2.0 * rounding);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn products_are_as_exact_as_theory_says(kind in 0usize..6, count in 1usize..12, seed: u64) {
        let shapes: [&[usize]; 6] = [&[6, 6, 1], &[6, 6], &[9, 3], &[3, 3], &[6], &[1, 6, 3, 6]];
        let sizes = shapes[kind];
        check_products::<f16>(sizes, count, seed, U16);
        check_products::<f32>(sizes, count, seed, U32);
    }

    #[test]
    fn triangular_solves_are_as_exact_as_theory_says(rows in 1usize..12, seed: u64) {
        check_solves::<f16, 6>(rows, seed);
        check_solves::<f32, 6>(rows, seed);
        check_solves::<f16, 3>(rows, seed);
        check_solves::<f32, 3>(rows, seed);
    }

    #[test]
    fn vector_operations_agree_with_their_twins(length in 0usize..200, seed: u64) {
        let mut numbers = Numbers(seed);
        let (a, b): (Vec<f32>, Vec<f32>) = (numbers.many(length), numbers.many(length));
        let magnitude: f64 = a.iter().zip(&b).map(|(x, y)| f64::from((x * y).abs())).sum();
        let exact: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
        let bound = (length + 2) as f64 * U32 * magnitude;
        prop_assert!((f32::dot(&a, &b) - exact).abs() <= bound);
        prop_assert!((f64::from(portable::dot(&a, &b)) - exact).abs() <= bound);
        let (mut fast, mut twin) = (a.clone(), a.clone());
        f32::add_scaled(&mut fast, 0.7, &b);
        portable::add_scaled(&mut twin, 0.7, &b);
        f32::scale_and_add(&mut fast, -0.3, &b);
        portable::scale_and_add(&mut twin, -0.3, &b);
        for (x, y) in fast.iter().zip(&twin) {
            prop_assert!((x - y).abs() <= 4.0 * U32 as f32 * 3.0);
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
        let (found, found_norm) = product_of::<f16, f16>(&rows, &p, true);
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
            for row in 0..3 {
                let row = &entries[(block * 3 + row) * 13..][..13];
                let terms: Vec<(usize, f64)> = [0..6, 6..12, 12..13]
                    .into_iter()
                    .zip(places)
                    .flat_map(|(locals, &place)| {
                        let first = locals.start;
                        locals.map(move |local| (place + local - first, local))
                    })
                    .map(|(column, local)| (column, row[local]))
                    .collect();
                let q = terms.iter().fold(0.0, |q, &(column, entry)| rounded(rounded(entry * p[column]) + q));
                let single = terms.iter().fold(0.0, |q, &(column, entry)| (entry * p[column]) + q);
                differs_from_single |= rounded(single) != q;
                for &(column, entry) in &terms {
                    z[column] = rounded(rounded(entry * q) + z[column]);
                }
                norm = rounded(rounded(q * q) + norm);
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
        let mut found = x.clone();
        stored.solve(&mut found);
        let mut single: Vec<f32> = x.iter().map(|v| v.to_f32()).collect();
        stored.solve(&mut single);
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
