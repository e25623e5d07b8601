//! Products with a Jacobian: a row is read once, for `q = J p` and for `Jᵀ q`.

use super::available;
use super::lanes::{first_lanes, load_first, load_half, load_single, store_first, sum_everywhere};
use crate::precision::Scalar;
use crate::precision::kernels::jacobian::{Lane, Shape};
use crate::precision::kernels::{BlockRows, SLACK};
use half::f16;
use std::arch::x86_64::*;

/// `z = Jᵀ (J p)` and `‖J p‖²` if there is a kernel for these types and shapes.
pub(in crate::precision::kernels) fn normal_product<P: Scalar, V: Scalar>(
    blocks: &BlockRows<P>,
    p: &[V],
    z: &mut [V],
) -> Option<f64> {
    let needed = blocks.column_count() + SLACK;
    if !available() || blocks.most_lanes() > 4 || p.len() < needed || z.len() < needed {
        return None;
    }
    let (p, z) = (V::as_singles(p)?, V::as_singles_mut(z)?);
    z.fill(0.0);
    let (shapes, lanes) = (blocks.shapes(), blocks.lanes());
    if let Some(entries) = P::as_halves(blocks.with_slack()) {
        // SAFETY: the features are there; `BlockRows` holds consistent shapes with slack behind its entries, and both
        // vectors have slack behind their columns.
        return Some(unsafe { product_half(shapes, lanes, entries.as_ptr(), p.as_ptr(), z.as_mut_ptr()) });
    }
    let entries = P::as_singles(blocks.with_slack())?;
    // SAFETY: as above.
    Some(unsafe { product_single(shapes, lanes, entries.as_ptr(), p.as_ptr(), z.as_mut_ptr()) })
}

macro_rules! products {
    ($name:ident, $block:ident, $storage:ty, $load:ident) => {
        /// The product over all blocks.
        ///
        /// # Safety
        /// Shapes, lanes and entries (with slack) must be those of one `BlockRows`; `p` and `z` must have slack.
        #[target_feature(enable = "avx2,fma,f16c")]
        unsafe fn $name(
            shapes: &[Shape],
            lanes: &[Lane],
            mut entries: *const $storage,
            p: *const f32,
            z: *mut f32,
        ) -> f64 {
            let (mut squared_norm, mut first) = (0.0, 0);
            for shape in shapes {
                let own = &lanes[first..first + shape.lanes as usize];
                // SAFETY: the caller's promise; the number of lanes is at most 4.
                unsafe {
                    squared_norm += match own.len() {
                        1 => $block::<1>(shape, own, entries, p, z),
                        2 => $block::<2>(shape, own, entries, p, z),
                        3 => $block::<3>(shape, own, entries, p, z),
                        4 => $block::<4>(shape, own, entries, p, z),
                        _ => 0.0,
                    };
                    entries = entries.add(shape.rows as usize * shape.width as usize);
                }
                first += own.len();
            }
            squared_norm
        }

        /// The product of one block; the parts of `p` and `z` that it touches stay in registers.
        ///
        /// # Safety
        /// As above, for a block of `N` lanes.
        #[inline]
        #[target_feature(enable = "avx2,fma,f16c")]
        unsafe fn $block<const N: usize>(
            shape: &Shape,
            lanes: &[Lane],
            entries: *const $storage,
            p: *const f32,
            z: *mut f32,
        ) -> f64 {
            let mut values = [_mm256_setzero_ps(); N];
            let mut sums = [_mm256_setzero_ps(); N];
            let mut squared_norm = 0.0;
            // SAFETY: lanes lie in the vectors and in the rows; loads beyond either end in slack. An entry beyond a
            // lane's size is multiplied with zero here and masked out below.
            unsafe {
                for (value, lane) in values.iter_mut().zip(lanes) {
                    *value = _mm256_and_ps(load_single(p.add(lane.column as usize)), first_lanes(lane.size as usize));
                }
                for row in 0..shape.rows as usize {
                    let row = entries.add(row * shape.width as usize);
                    let mut parts = [_mm256_setzero_ps(); N];
                    let mut q = _mm256_setzero_ps();
                    for k in 0..N {
                        parts[k] = $load(row.add(lanes[k].local as usize));
                        q = _mm256_fmadd_ps(parts[k], values[k], q);
                    }
                    let q = sum_everywhere(q);
                    for k in 0..N {
                        sums[k] = _mm256_fmadd_ps(parts[k], q, sums[k]);
                    }
                    let q = f64::from(_mm256_cvtss_f32(q));
                    squared_norm += q * q;
                }
                for (sum, lane) in sums.iter().zip(lanes) {
                    let to = z.add(lane.column as usize);
                    if lane.size == 6 {
                        store_first::<6>(to, _mm256_add_ps(load_first::<6>(to), *sum));
                    } else {
                        let sum = _mm256_and_ps(*sum, first_lanes(lane.size as usize));
                        _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), sum));
                    }
                }
            }
            squared_norm
        }
    };
}

products!(product_half, block_half, f16, load_half);
products!(product_single, block_single, f32, load_single);
