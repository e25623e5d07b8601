//! Portable kernels: what every other version is held to.
//!
//! Every product and every sum is rounded to `V`, in an order that vector units can follow, so with `V = f16` they are
//! naive half precision with the same bits on every CPU.

use super::{BlockFactor, BlockRows};
use crate::precision::{Precision, Scalar};

/// Number of lanes in whose sums long sums are kept.
const LANES: usize = 8;

/// The sum of all lanes, pairs of halves first.
#[inline(always)]
pub(super) fn sum_of_lanes<V: Scalar>(lanes: [V; LANES]) -> V {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// `Σ a_i b_i` in `N` (at least eight) partial sums.
#[inline(always)]
pub(super) fn dot_in<V: Scalar, const N: usize>(a: &[V], b: &[V]) -> V {
    let mut sums = [V::ZERO; N];
    let (a_chunks, b_chunks) = (a.chunks_exact(N), b.chunks_exact(N));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    for (sum, (x, y)) in sums.iter_mut().zip(rest) {
        *sum = x.multiply_add(*y, *sum);
    }
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..N {
            sums[lane] = x[lane].multiply_add(y[lane], sums[lane]);
        }
    }
    let mut lanes = [V::ZERO; LANES];
    for part in sums.chunks_exact(LANES) {
        for (sum, part) in lanes.iter_mut().zip(part) {
            *sum += *part;
        }
    }
    sum_of_lanes(lanes)
}

/// `Σ a_i b_i` in eight partial sums.
#[inline(always)]
pub fn dot<V: Scalar>(a: &[V], b: &[V]) -> V {
    dot_in::<V, LANES>(a, b)
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

/// The first elements in as many lanes, the others zero.
#[inline(always)]
fn lanes_of<V: Scalar>(values: &[V]) -> [V; LANES] {
    let mut lanes = [V::ZERO; LANES];
    for (lane, value) in lanes.iter_mut().zip(values) {
        *lane = *value;
    }
    lanes
}

/// `x ← L⁻¹ x`.
#[inline(always)]
pub fn forward<C: Scalar, V: Scalar, const B: usize>(factor: &BlockFactor<C, B>, x: &mut [V]) {
    let stride = BlockFactor::<C, B>::STRIDE;
    for row in 0..factor.row_count() {
        let range = factor.range(row);
        let diagonal = range.end - 1;
        let mut products = [[V::ZERO; LANES]; B];
        for block in range.start..diagonal {
            let from = &x[factor.position(block) * stride..][..B];
            for (products, entries) in products.iter_mut().zip(factor.block(block).chunks_exact(B)) {
                for ((product, entry), value) in products.iter_mut().zip(entries).zip(from) {
                    *product = entry.cast::<V>().multiply_add(*value, *product);
                }
            }
        }
        let right: [V; B] = std::array::from_fn(|r| x[row * stride + r] - sum_of_lanes(products[r]));
        for (r, entries) in factor.block(diagonal).chunks_exact(B).enumerate() {
            let mut products = [V::ZERO; LANES];
            for ((product, entry), value) in products.iter_mut().zip(entries).zip(&right) {
                *product = entry.cast::<V>().multiply_add(*value, V::ZERO);
            }
            x[row * stride + r] = sum_of_lanes(products);
        }
    }
}

/// `x ← L⁻ᵀ x`.
#[inline(always)]
pub fn backward<C: Scalar, V: Scalar, const B: usize>(factor: &BlockFactor<C, B>, x: &mut [V]) {
    let stride = BlockFactor::<C, B>::STRIDE;
    for row in (0..factor.row_count()).rev() {
        let range = factor.range(row);
        let diagonal = range.end - 1;
        let own: [V; B] = std::array::from_fn(|r| x[row * stride + r]);
        let solved = transposed_product(factor, diagonal, &own);
        x[row * stride..][..B].copy_from_slice(&solved);
        for block in range.start..diagonal {
            let product = transposed_product(factor, block, &solved);
            for (value, product) in x[factor.position(block) * stride..].iter_mut().zip(&product) {
                *value -= *product;
            }
        }
    }
}

/// The transpose of a block times a vector; even and odd rows are summed apart.
#[inline(always)]
fn transposed_product<C: Scalar, V: Scalar, const B: usize>(
    factor: &BlockFactor<C, B>,
    block: usize,
    vector: &[V; B],
) -> [V; B] {
    let mut sums = [[V::ZERO; B]; 2];
    for (r, (entries, value)) in factor.block(block).chunks_exact(B).zip(vector).enumerate() {
        for (sum, entry) in sums[r % 2].iter_mut().zip(entries) {
            *sum = entry.cast::<V>().multiply_add(*value, *sum);
        }
    }
    std::array::from_fn(|c| sums[0][c] + sums[1][c])
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
        // A block of few lanes adds the sums over its rows to `z`, a wide one each row.
        let few = own.len() <= FEW_LANES;
        let mut sums = [[V::ZERO; LANES]; FEW_LANES];
        for row in block.chunks_exact((shape.width as usize).max(1)) {
            let mut products = [V::ZERO; LANES];
            for lane in own {
                let value = lanes_of(&p[lane.column as usize..][..lane.size as usize]);
                let part = lanes_of(&row[lane.local as usize..][..lane.size as usize]);
                for ((product, entry), value) in products.iter_mut().zip(part).zip(value) {
                    *product = entry.cast::<V>().multiply_add(value, *product);
                }
            }
            let q = sum_of_lanes(products);
            for (k, lane) in own.iter().enumerate() {
                let part = &row[lane.local as usize..][..lane.size as usize];
                if few {
                    for (sum, entry) in sums[k].iter_mut().zip(part) {
                        *sum = entry.cast::<V>().multiply_add(q, *sum);
                    }
                } else {
                    for (value, entry) in z[lane.column as usize..].iter_mut().zip(part) {
                        *value += entry.cast::<V>().multiply_add(q, V::ZERO);
                    }
                }
            }
            naive = q.multiply_add(q, naive);
            squared_norm += q.to_f64() * q.to_f64();
        }
        if few {
            for (lane, sums) in own.iter().zip(&sums) {
                for (value, sum) in z[lane.column as usize..][..lane.size as usize].iter_mut().zip(sums) {
                    *value += *sum;
                }
            }
        }
    }
    if V::PRECISION == Precision::F16 { naive.to_f64() } else { squared_norm }
}

/// The largest number of lanes whose sums a vector unit keeps in registers.
pub(super) const FEW_LANES: usize = 4;
