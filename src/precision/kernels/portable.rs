//! Portable kernels: what every other version is held to.

use super::FactorRows;
use crate::precision::Scalar;

/// `Σ a_i b_i` in eight partial sums, each product and sum rounded to `V`.
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
pub fn add_scaled<V: Scalar>(y: &mut [V], alpha: V, x: &[V]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = alpha.multiply_add(*x, *y);
    }
}

/// `p = z + β p`.
pub fn scale_and_add<V: Scalar>(p: &mut [V], beta: V, z: &[V]) {
    for (p, z) in p.iter_mut().zip(z) {
        *p = beta.multiply_add(*p, *z);
    }
}

/// `x ← L⁻¹ x` for a factor of `B × B` blocks; every product and sum is rounded to `V`.
pub fn forward<C: Scalar, V: Scalar, const B: usize>(factor: &FactorRows<'_, C>, x: &mut [V]) {
    for row in 0..factor.row_count() {
        let range = factor.range(row);
        let mut sums = [V::ZERO; B];
        sums.copy_from_slice(&x[row * B..][..B]);
        let (diagonal, left) = (range.end - 1, range.start..range.end - 1);
        for entry in left {
            let from = &x[factor.positions[entry] as usize * B..][..B];
            for (column, &value) in factor.values[entry * B * B..][..B * B].chunks_exact(B).zip(from) {
                for (sum, entry) in sums.iter_mut().zip(column) {
                    *sum = (-entry.cast::<V>()).multiply_add(value, *sum);
                }
            }
        }
        // The inverse of the diagonal block is lower triangular.
        let mut solved = [V::ZERO; B];
        for (c, column) in factor.values[diagonal * B * B..][..B * B].chunks_exact(B).enumerate() {
            for r in c..B {
                solved[r] = column[r].cast::<V>().multiply_add(sums[c], solved[r]);
            }
        }
        x[row * B..][..B].copy_from_slice(&solved);
    }
}

/// `x ← L⁻ᵀ x` for a factor of `B × B` blocks; every product and sum is rounded to `V`.
pub fn backward<C: Scalar, V: Scalar, const B: usize>(factor: &FactorRows<'_, C>, x: &mut [V]) {
    for row in (0..factor.row_count()).rev() {
        let range = factor.range(row);
        let diagonal = range.end - 1;
        let mut solved = [V::ZERO; B];
        for (c, column) in factor.values[diagonal * B * B..][..B * B].chunks_exact(B).enumerate() {
            for r in c..B {
                solved[c] = column[r].cast::<V>().multiply_add(x[row * B + r], solved[c]);
            }
        }
        x[row * B..][..B].copy_from_slice(&solved);
        for entry in range.start..diagonal {
            let to = &mut x[factor.positions[entry] as usize * B..][..B];
            for (column, value) in factor.values[entry * B * B..][..B * B].chunks_exact(B).zip(to) {
                let mut sum = *value;
                for (entry, solved) in column.iter().zip(&solved) {
                    sum = (-entry.cast::<V>()).multiply_add(*solved, sum);
                }
                *value = sum;
            }
        }
    }
}
