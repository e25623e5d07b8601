//! Products with a Jacobian over lanes: a row is read once, for `q = J p` and for `Jᵀ q`.

use super::dispatch::Work;
use super::jacobian::{Lane, Shape};
use super::lanes::{Lanes, Load};
use super::portable::FEW_LANES;
use crate::precision::{Precision, Scalar};

/// `z += Jᵀ (J p)`; its output is `‖J p‖²`.
///
/// # Safety
/// To run it, shapes, lanes and entries (with slack) must be those of one `BlockRows`; `p` and `z` must have slack, and
/// all numbers in it must be finite.
pub(super) struct Product<'a, L: Lanes, C> {
    pub(super) shapes: &'a [Shape],
    pub(super) lanes: &'a [Lane],
    pub(super) entries: *const C,
    pub(super) p: *const L::Number,
    pub(super) z: *mut L::Number,
}

/// `‖J p‖²`: in half it is naive, else summed in double.
struct SquaredNorm<L> {
    naive: L,
    sum: f64,
}

impl<L: Load<C>, C> Work for Product<'_, L, C> {
    type Output = f64;

    #[inline(always)]
    unsafe fn run(self) -> f64 {
        let mut norm = SquaredNorm { naive: unsafe { L::zero() }, sum: 0.0 };
        let (mut first, mut entries) = (0, self.entries);
        for shape in self.shapes {
            let own = &self.lanes[first..first + shape.lanes as usize];
            // SAFETY: the caller's promise.
            unsafe {
                self.block(shape, own, entries, &mut norm);
                entries = entries.add(shape.rows as usize * shape.width as usize);
            }
            first += own.len();
        }
        // SAFETY: the features are there.
        let naive = unsafe { norm.naive.first_lane() };
        if L::Number::PRECISION == Precision::F16 { naive.to_f64() } else { norm.sum }
    }
}

impl<L: Load<C>, C> Product<'_, L, C> {
    /// The product of one block.
    ///
    /// # Safety
    /// Shape, lanes and entries must be those of a block of the product, whose conditions must hold.
    #[inline(always)]
    unsafe fn block(&self, shape: &Shape, lanes: &[Lane], entries: *const C, norm: &mut SquaredNorm<L>) {
        // SAFETY: the caller's promise.
        unsafe {
            match lanes.len() {
                1 => self.narrow_block::<1>(shape, lanes, entries, norm),
                2 => self.narrow_block::<2>(shape, lanes, entries, norm),
                3 => self.narrow_block::<3>(shape, lanes, entries, norm),
                FEW_LANES => self.narrow_block::<FEW_LANES>(shape, lanes, entries, norm),
                _ => self.wide_block(shape, lanes, entries, norm),
            }
        }
    }

    /// The product of one block of `N` lanes; the parts of `p` and `z` that it touches stay in registers.
    #[inline(always)]
    unsafe fn narrow_block<const N: usize>(
        &self,
        shape: &Shape,
        lanes: &[Lane],
        entries: *const C,
        norm: &mut SquaredNorm<L>,
    ) {
        // SAFETY: lanes lie in the vectors and in the rows; loads beyond either end in slack. An entry beyond a lane's
        // size is multiplied with zero, and not added to `z`.
        unsafe {
            let mut values = [L::zero(); N];
            let mut sums = [L::zero(); N];
            for (value, lane) in values.iter_mut().zip(lanes) {
                *value = L::load(self.p.add(lane.column as usize)).first(lane.size as usize);
            }
            for row in 0..shape.rows as usize {
                let row = entries.add(row * shape.width as usize);
                let mut parts = [L::zero(); N];
                let mut products = L::zero();
                for k in 0..N {
                    parts[k] = L::load_stored(row.add(lanes[k].local as usize));
                    products = parts[k].multiply_add(values[k], products);
                }
                let q = products.sum_everywhere();
                for k in 0..N {
                    sums[k] = parts[k].multiply_add(q, sums[k]);
                }
                norm.add(q);
            }
            for (sum, lane) in sums.iter().zip(lanes) {
                sum.add_first(lane.size as usize, self.z.add(lane.column as usize));
            }
        }
    }

    /// The product of one block of any number of lanes, row by row.
    #[inline(always)]
    unsafe fn wide_block(&self, shape: &Shape, lanes: &[Lane], entries: *const C, norm: &mut SquaredNorm<L>) {
        // SAFETY: as above.
        unsafe {
            for row in 0..shape.rows as usize {
                let row = entries.add(row * shape.width as usize);
                let mut products = L::zero();
                for lane in lanes {
                    let value = L::load(self.p.add(lane.column as usize)).first(lane.size as usize);
                    products = L::load_stored(row.add(lane.local as usize)).multiply_add(value, products);
                }
                let q = products.sum_everywhere();
                for lane in lanes {
                    let part = L::load_stored(row.add(lane.local as usize)).multiply_add(q, L::zero());
                    part.add_first(lane.size as usize, self.z.add(lane.column as usize));
                }
                norm.add(q);
            }
        }
    }
}

impl<L: Lanes> SquaredNorm<L> {
    #[inline(always)]
    unsafe fn add(&mut self, q: L) {
        // SAFETY: the features are there by the caller's promise.
        unsafe {
            if L::Number::PRECISION == Precision::F16 {
                self.naive = q.multiply_add(q, self.naive);
            } else {
                let q = q.first_lane().to_f64();
                self.sum += q * q;
            }
        }
    }
}
