//! Time of every kernel by storage, size and vector unit; answers are checked first. At the end: time per entry, and
//! each storage's time over that of single precision.
//!
//! `cargo bench --bench kernels -- solve` measures the triangular solves alone, `-- "avx512/"` one unit.

use criterion::Criterion;
use halfslam::precision::cpu::VectorUnit;
use halfslam::precision::kernels::{BlockFactor, BlockRows, SLACK, VectorKernels};
use halfslam::precision::{Scalar, bf16, f16};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The least time of each measurement (ns per entry), by kernel, entries, unit and storage.
type Times = BTreeMap<(String, usize, &'static str, String), f64>;

struct Bench {
    criterion: Criterion,
    times: Times,
}

/// A reproducible stream of numbers in (-1, 1).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as f64 / (1u64 << 30) as f64 - 1.0
    }
    fn below(&mut self, limit: usize) -> usize {
        (((self.next() + 1.0) * 0.5 * limit as f64) as usize).min(limit - 1)
    }
    fn many<V: Scalar>(&mut self, count: usize) -> Vec<V> {
        (0..count).map(|_| V::from_f64(self.next())).collect()
    }
}

impl Bench {
    /// Measures a kernel on each unit, after its result has been held to the portable one.
    fn measure(
        &mut self,
        kernel: &str,
        storage: &str,
        entries: usize,
        mut run: impl FnMut(VectorUnit),
        mut result: impl FnMut(VectorUnit) -> Vec<f64>,
    ) {
        let expected = result(VectorUnit::Portable);
        let largest = expected.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
        for unit in VectorUnit::available() {
            for (found, expected) in result(unit).iter().zip(&expected) {
                assert!((found - expected).abs() <= 1e-3 * largest, "{kernel} {storage} {}", unit.name());
            }
            let mut least = f64::INFINITY;
            let name = format!("{kernel}/{}/{storage}/{entries}", unit.name());
            self.criterion.bench_function(&name, |bencher| {
                bencher.iter_custom(|iterations| {
                    let mut total = Duration::ZERO;
                    let mut left = iterations;
                    while left > 0 {
                        let group = left.min(group_of(total, iterations - left));
                        let start = Instant::now();
                        (0..group).for_each(|_| run(unit));
                        let time = start.elapsed();
                        least = least.min(time.as_secs_f64() * 1e9 / (group as f64 * entries as f64));
                        total += time;
                        left -= group;
                    }
                    total
                });
            });
            if least.is_finite() {
                self.times.insert((kernel.into(), entries, unit.name(), storage.into()), least);
            }
        }
    }
}

/// How many runs to time together: some 50 µs of them, so that the least time is one without an interruption.
fn group_of(total: Duration, runs: u64) -> u64 {
    if runs == 0 { 1 } else { (50_000 * u128::from(runs) / total.as_nanos().max(1)).clamp(1, 100_000) as u64 }
}

/// A factor of about so many blocks, twenty to a row, like those of a sphere-like graph with a few levels of fill.
fn factor<C: Scalar, const B: usize>(blocks: usize) -> (BlockFactor<C, B>, usize) {
    const PER_ROW: usize = 20;
    let mut numbers = Numbers(1);
    let (mut starts, mut positions, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in 0..blocks / PER_ROW {
        // Neighbours first, then farther and farther away.
        let mut distance = 0;
        let mut columns = Vec::new();
        while columns.len() + 1 < PER_ROW {
            distance += 1 + numbers.below(1 + distance / 2);
            match row.checked_sub(distance) {
                Some(column) => columns.push(column),
                None => break,
            }
        }
        columns.reverse();
        values.extend((0..columns.len() * B * B).map(|_| C::from_f64(0.01 * numbers.next())));
        values.extend((0..B * B).map(|k| match (k / B).cmp(&(k % B)) {
            std::cmp::Ordering::Less => C::from_f64(0.1 * numbers.next()),
            std::cmp::Ordering::Equal => C::from_f64(1.0 + 0.1 * numbers.next()),
            std::cmp::Ordering::Greater => C::ZERO,
        }));
        positions.extend(columns.iter().chain([&row]).map(|&column| column as u32));
        starts.push(positions.len() as u32);
    }
    let entries = values.len();
    (BlockFactor::new(starts, positions, values).expect("a consistent factor"), entries)
}

fn solves<C: Scalar, V: Scalar, const B: usize>(bench: &mut Bench, blocks: usize) {
    let (factor, entries) = factor::<C, B>(blocks);
    let stride = BlockFactor::<C, B>::STRIDE;
    let right: Vec<V> = Numbers(2)
        .many::<V>(factor.row_count() * stride)
        .into_iter()
        .enumerate()
        .map(|(k, value)| if k % stride < B { value } else { V::ZERO })
        .collect();
    let mut x = right.clone();
    let run = |unit| {
        x.copy_from_slice(&right);
        factor.solve_with(unit, &mut x);
    };
    let result = |unit| {
        let mut x = right.clone();
        factor.solve_with(unit, &mut x);
        x.chunks_exact(stride).flat_map(|block| &block[..B]).map(|value| value.to_f64()).collect()
    };
    let kernel = format!("solve {B}x{B} {}", V::PRECISION);
    bench.measure(&kernel, &C::PRECISION.to_string(), entries, run, result);
}

/// A Jacobian of a window (poses of keyframe and host, an inverse depth; 2 rows, 14 blocks for each pair of poses) or of
/// a graph (two poses; 6 rows).
fn jacobian<P: Scalar>(blocks: usize, window: bool) -> BlockRows<P> {
    let mut numbers = Numbers(3);
    let poses = if window { 50 } else { blocks / 2 };
    let landmarks = if window { blocks / 4 } else { 0 };
    let mut rows = BlockRows::new(6 * poses + landmarks);
    let (mut first, mut second) = (0, 1);
    for block in 0..blocks {
        if window {
            if block % 14 == 0 {
                (first, second) = (numbers.below(poses / 2), poses / 2 + numbers.below(poses / 2));
            }
            let landmark = 6 * poses + numbers.below(landmarks);
            rows.add(2, 13, [(6 * first, 0, 6), (6 * second, 6, 6), (landmark, 12, 1)]);
        } else {
            first = block / 2;
            second = if block % 2 == 0 { (first + 1) % poses } else { first.saturating_sub(1 + numbers.below(100)) };
            second = if second == first { (first + 1) % poses } else { second };
            rows.add(6, 12, [(6 * first, 0, 6), (6 * second, 6, 6)]);
        }
    }
    rows.entries_mut().iter_mut().for_each(|entry| *entry = P::from_f64(numbers.next()));
    rows
}

fn products<P: Scalar, V: Scalar>(bench: &mut Bench, blocks: usize, window: bool) {
    let rows = jacobian::<P>(blocks, window);
    let p: Vec<V> = Numbers(4).many(rows.column_count() + SLACK);
    let mut z = vec![V::ZERO; p.len()];
    let mut squared_norm = 0.0;
    let run = |unit| squared_norm += rows.normal_product_with(unit, &p, &mut z);
    let result = |unit| {
        let mut z = vec![V::ZERO; p.len()];
        let squared_norm = rows.normal_product_with(unit, &p, &mut z);
        z[..rows.column_count()].iter().map(|value| value.to_f64()).chain([squared_norm.sqrt()]).collect()
    };
    let kernel = format!("product {} {}", if window { "2x13" } else { "6x12" }, V::PRECISION);
    bench.measure(&kernel, &P::PRECISION.to_string(), rows.entries().len(), run, result);
    assert!(squared_norm.is_finite());
}

fn vectors<V: VectorKernels>(bench: &mut Bench, length: usize) {
    let mut numbers = Numbers(5);
    let (a, b) = (numbers.many::<V>(length), numbers.many::<V>(length));
    let (mut sum, mut y) = (0.0, a.clone());
    let storage = V::PRECISION.to_string();
    bench.measure(
        "dot",
        &storage,
        length,
        |unit| sum += V::dot_with(unit, &a, &b),
        |unit| vec![V::dot_with(unit, &a, &b)],
    );
    assert!(sum.is_finite());
    let tiny = V::from_f64(1e-3);
    bench.measure(
        "add_scaled",
        &storage,
        length,
        |unit| V::add_scaled_with(unit, &mut y, tiny, &b),
        |unit| {
            let mut y = a.clone();
            V::add_scaled_with(unit, &mut y, tiny, &b);
            y.iter().map(|value| value.to_f64()).collect()
        },
    );
}

/// The table of what was measured.
fn report(times: &Times) {
    println!("\n| kernel | entries | unit | storage | ns/entry | over f32 |\n|---|---|---|---|---|---|");
    for ((kernel, entries, unit, storage), time) in times {
        let single = times.get(&(kernel.clone(), *entries, *unit, "f32".into()));
        let ratio = single.map_or(String::new(), |single| format!("{:.2}", time / single));
        println!("| {kernel} | {entries} | {unit} | {storage} | {time:.3} | {ratio} |");
    }
}

fn main() {
    let criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(200))
        .sample_size(10)
        .without_plots()
        .configure_from_args();
    let mut bench = Bench { criterion, times: Times::new() };
    // Factors of 36 kB to 14 MB in half precision, Jacobians of 7 kB to 15 MB.
    for blocks in [500, 2_000, 10_000, 40_000, 200_000] {
        solves::<f16, f32, 6>(&mut bench, blocks);
        solves::<bf16, f32, 6>(&mut bench, blocks);
        solves::<f32, f32, 6>(&mut bench, blocks);
        solves::<f64, f64, 6>(&mut bench, blocks);
        solves::<f16, f16, 6>(&mut bench, blocks);
        solves::<f16, f32, 3>(&mut bench, 4 * blocks);
        solves::<f32, f32, 3>(&mut bench, 4 * blocks);
        solves::<f64, f64, 3>(&mut bench, 4 * blocks);
    }
    for blocks in [280, 2_800, 28_000, 280_000] {
        for window in [true, false] {
            let blocks = if window { blocks } else { blocks / 4 };
            products::<f16, f32>(&mut bench, blocks, window);
            products::<bf16, f32>(&mut bench, blocks, window);
            products::<f32, f32>(&mut bench, blocks, window);
            products::<f64, f64>(&mut bench, blocks, window);
            products::<f16, f16>(&mut bench, blocks, window);
        }
    }
    for length in [1_000, 10_000, 100_000, 1_000_000] {
        vectors::<f16>(&mut bench, length);
        vectors::<f32>(&mut bench, length);
        vectors::<f64>(&mut bench, length);
    }
    bench.criterion.final_summary();
    report(&bench.times);
}
