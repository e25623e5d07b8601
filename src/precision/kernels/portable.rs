//! Portable kernels: what every other version is held to.
//!
//! Every product and every sum is rounded to `V`, so with `V = f16` they are naive half precision on every CPU.

use super::{BlockFactor, BlockRows};
use crate::precision::{Precision, Scalar};

/// `Σ a_i b_i` in eight partial sums.
#[inline(always)]
pub fn dot<V: Scalar>(a: &[V], b: &[V]) -> V {
    let mut sums = [V::ZERO; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    for (lane, (x, y)) in rest.enumerate() {
        sums[lane] = x.multiply_add(*y, sums[lane]);
    }
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            sums[lane] = x[lane].multiply_add(y[lane], sums[lane]);
        }
    }
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
}

/// `y += α x`.
#[inline(always)]
pub fn add_scaled<V: Scalar>(y: &mut [V], alpha: V, x: &[V]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = alpha.multiply_add(*x, *y);
    }
}

/// `p = z + β p`.
#[inline(always)]
pub fn scale_and_add<V: Scalar>(p: &mut [V], beta: V, z: &[V]) {
    for (p, z) in p.iter_mut().zip(z) {
        *p = beta.multiply_add(*p, *z);
    }
}

/// `x ← L⁻¹ x`.
#[inline(always)]
pub fn forward<C: Scalar, V: Scalar, const B: usize>(factor: &BlockFactor<C, B>, x: &mut [V]) {
    let values = factor.values();
    for row in 0..factor.row_count() {
        let range = factor.range(row);
        let mut sums = [V::ZERO; B];
        sums.copy_from_slice(&x[row * B..][..B]);
        let diagonal = range.end - 1;
        for block in range.start..diagonal {
            let from = &x[factor.position(block) * B..][..B];
            for (column, &value) in values[block * B * B..][..B * B].chunks_exact(B).zip(from) {
                for (sum, entry) in sums.iter_mut().zip(column) {
                    *sum = (-entry.cast::<V>()).multiply_add(value, *sum);
                }
            }
        }
        // The inverse of the diagonal block is lower triangular.
        let mut solved = [V::ZERO; B];
        for (c, column) in values[diagonal * B * B..][..B * B].chunks_exact(B).enumerate() {
            for r in c..B {
                solved[r] = column[r].cast::<V>().multiply_add(sums[c], solved[r]);
            }
        }
        x[row * B..][..B].copy_from_slice(&solved);
    }
}

/// `x ← L⁻ᵀ x`.
#[inline(always)]
pub fn backward<C: Scalar, V: Scalar, const B: usize>(factor: &BlockFactor<C, B>, x: &mut [V]) {
    let values = factor.values();
    for row in (0..factor.row_count()).rev() {
        let range = factor.range(row);
        let diagonal = range.end - 1;
        let mut solved = [V::ZERO; B];
        for (c, column) in values[diagonal * B * B..][..B * B].chunks_exact(B).enumerate() {
            for r in c..B {
                solved[c] = column[r].cast::<V>().multiply_add(x[row * B + r], solved[c]);
            }
        }
        x[row * B..][..B].copy_from_slice(&solved);
        for block in range.start..diagonal {
            let to = &mut x[factor.position(block) * B..][..B];
            for (column, value) in values[block * B * B..][..B * B].chunks_exact(B).zip(to) {
                for (entry, solved) in column.iter().zip(&solved) {
                    *value = (-entry.cast::<V>()).multiply_add(*solved, *value);
                }
            }
        }
    }
}

/// `z = Jᵀ (J p)`; returns `‖J p‖²`, summed in double, but for `V = f16` in half.
#[inline(always)]
pub fn normal_product<P: Scalar, V: Scalar>(blocks: &BlockRows<P>, p: &[V], z: &mut [V]) -> f64 {
    z.fill(V::ZERO);
    let (mut entries, mut lanes) = (blocks.entries(), blocks.lanes());
    let (mut naive, mut squared_norm) = (V::ZERO, 0.0);
    for shape in blocks.shapes() {
        let (block, rest) = entries.split_at(shape.rows as usize * shape.width as usize);
        let (own, others) = lanes.split_at(shape.lanes as usize);
        (entries, lanes) = (rest, others);
        for row in block.chunks_exact((shape.width as usize).max(1)) {
            let mut q = V::ZERO;
            for lane in own {
                let (local, column, size) = (lane.local as usize, lane.column as usize, lane.size as usize);
                for (entry, value) in row[local..][..size].iter().zip(&p[column..][..size]) {
                    q = entry.cast::<V>().multiply_add(*value, q);
                }
            }
            for lane in own {
                let (local, column, size) = (lane.local as usize, lane.column as usize, lane.size as usize);
                for (entry, value) in row[local..][..size].iter().zip(&mut z[column..][..size]) {
                    *value = entry.cast::<V>().multiply_add(q, *value);
                }
            }
            naive = q.multiply_add(q, naive);
            squared_norm += q.to_f64() * q.to_f64();
        }
    }
    if V::PRECISION == Precision::F16 { naive.to_f64() } else { squared_norm }
}
