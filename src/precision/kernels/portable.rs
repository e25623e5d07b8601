//! Portable kernels: what every other version is held to.

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
