//! Blocks, factors and vectors from seeds, and what the kernels make of them on a unit.

use halfslam::precision::Scalar;
use halfslam::precision::cpu::VectorUnit;
use halfslam::precision::kernels::{BlockFactor, BlockRows, SLACK, portable};

/// A reproducible stream of numbers in (-1, 1), of many magnitudes.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let unit = (self.0 >> 33) as f64 / (1u64 << 30) as f64 - 1.0;
        if self.0 & 1 == 0 { unit } else { unit * unit * unit }
    }
    pub fn many<V: Scalar>(&mut self, count: usize) -> Vec<V> {
        (0..count).map(|_| V::from_f64(self.next())).collect()
    }
}

pub fn wide<V: Scalar>(values: &[V]) -> Vec<f64> {
    values.iter().map(|value| value.to_f64()).collect()
}

/// Blocks like those of bundles (poses and an inverse depth, points, cameras of nine) and of graphs (two poses).
pub fn blocks(sizes: &[usize], count: usize, numbers: &mut Numbers) -> (BlockRows<f64>, usize) {
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
pub fn stored<P: Scalar>(sizes: &[usize], count: usize, seed: u64, absolute: bool) -> (BlockRows<P>, usize) {
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
pub fn product_of<P: Scalar, V: Scalar>(rows: &BlockRows<P>, p: &[f64], unit: Option<VectorUnit>) -> (Vec<f64>, f64) {
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

/// A factor of rows with one to four blocks, diagonally dominant.
pub fn factor<C: Scalar, const B: usize>(rows: usize, seed: u64, majorant: bool) -> BlockFactor<C, B> {
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
pub fn padded<V: Scalar, const B: usize>(x: &[V]) -> Vec<V> {
    let mut padded = vec![V::ZERO; x.len() / B * BlockFactor::<f64, B>::STRIDE];
    for (to, from) in padded.chunks_exact_mut(BlockFactor::<f64, B>::STRIDE).zip(x.chunks_exact(B)) {
        to[..B].copy_from_slice(from);
    }
    padded
}

/// The way back.
pub fn packed<V: Scalar, const B: usize>(x: &[V]) -> Vec<V> {
    x.chunks_exact(BlockFactor::<f64, B>::STRIDE).flat_map(|block| &block[..B]).copied().collect()
}

/// The portable solve.
pub fn twin_of<C: Scalar, V: Scalar, const B: usize>(factor: &BlockFactor<C, B>, x: &[V]) -> Vec<V> {
    let mut x = padded::<V, B>(x);
    factor.solve_with(VectorUnit::Portable, &mut x);
    packed::<V, B>(&x)
}
