//! Operations on whole vectors of halves, over the lanes of a unit: the same bits as in portable Rust.

use super::dispatch::{Unit, Work, cast, cast_mut, with_unit};
use super::lanes::Lanes;
use super::portable;
use crate::precision::Scalar;
use crate::precision::cpu::VectorUnit;
use half::f16;
use std::marker::PhantomData;

/// `Σ a_i b_i` of halves, if the unit is available.
pub(super) fn dot<V: Scalar>(unit: VectorUnit, a: &[V], b: &[V]) -> Option<V> {
    let (a, b) = (cast::<V, f16>(a)?, cast::<V, f16>(b)?);
    // SAFETY: the unit is available.
    let sum = with_unit!(unit, U => unsafe { U::run(Dot::<<U as Unit>::Half8> { a, b, lanes: PhantomData }) })?;
    cast::<f16, V>(&[sum]).map(|sum| sum[0])
}

/// `y += α x` of halves, if the unit is available.
pub(super) fn add_scaled<V: Scalar>(unit: VectorUnit, y: &mut [V], alpha: V, x: &[V]) -> bool {
    linear(unit, y, alpha, x, false)
}

/// `p = z + β p` of halves, if the unit is available.
pub(super) fn scale_and_add<V: Scalar>(unit: VectorUnit, p: &mut [V], beta: V, z: &[V]) -> bool {
    linear(unit, p, beta, z, true)
}

fn linear<V: Scalar>(unit: VectorUnit, y: &mut [V], factor: V, x: &[V], scale_y: bool) -> bool {
    let (Some(y), Some(x), Some(&[factor])) =
        (cast_mut::<V, f16>(y), cast::<V, f16>(x), cast::<V, f16>(&[factor]).and_then(<[f16]>::first_chunk))
    else {
        return false;
    };
    // SAFETY: the unit is available.
    let done = with_unit!(unit, U => unsafe {
        U::run(Linear::<<U as Unit>::Half8> { y, factor, x, scale_y, lanes: PhantomData })
    });
    done.is_some()
}

struct Dot<'a, L> {
    a: &'a [f16],
    b: &'a [f16],
    lanes: PhantomData<L>,
}

impl<L: Lanes<Number = f16>> Work for Dot<'_, L> {
    type Output = f16;

    #[inline(always)]
    unsafe fn run(self) -> f16 {
        let (a_chunks, b_chunks) = (self.a.chunks_exact(8), self.b.chunks_exact(8));
        let (mut a_rest, mut b_rest) = ([f16::ZERO; 8], [f16::ZERO; 8]);
        a_rest[..a_chunks.remainder().len()].copy_from_slice(a_chunks.remainder());
        b_rest[..b_chunks.remainder().len()].copy_from_slice(b_chunks.remainder());
        // SAFETY: the features are there; each chunk has as many elements as there are lanes.
        unsafe {
            let mut sum = L::load(a_rest.as_ptr()).multiply_add(L::load(b_rest.as_ptr()), L::zero());
            for (a, b) in a_chunks.zip(b_chunks) {
                sum = L::load(a.as_ptr()).multiply_add(L::load(b.as_ptr()), sum);
            }
            sum.sum_everywhere().first_lane()
        }
    }
}

/// `y += α x`, or `y = α y + x`.
struct Linear<'a, L> {
    y: &'a mut [f16],
    factor: f16,
    x: &'a [f16],
    scale_y: bool,
    lanes: PhantomData<L>,
}

impl<L: Lanes<Number = f16>> Work for Linear<'_, L> {
    type Output = ();

    #[inline(always)]
    unsafe fn run(self) {
        let length = self.y.len().min(self.x.len());
        let (y, y_rest) = self.y[..length].split_at_mut(length / 8 * 8);
        let (x, x_rest) = self.x[..length].split_at(y.len());
        // SAFETY: the features are there; each chunk has as many elements as there are lanes.
        unsafe {
            let factor = L::broadcast(&self.factor);
            for (y, x) in y.chunks_exact_mut(8).zip(x.chunks_exact(8)) {
                let (old, new) = (L::load(y.as_ptr()), L::load(x.as_ptr()));
                let sum = if self.scale_y { factor.multiply_add(old, new) } else { factor.multiply_add(new, old) };
                sum.store(y.as_mut_ptr());
            }
        }
        if self.scale_y {
            portable::scale_and_add(y_rest, self.factor, x_rest);
        } else {
            portable::add_scaled(y_rest, self.factor, x_rest);
        }
    }
}
