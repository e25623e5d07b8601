//! The Cholesky factor of a symmetric block matrix within its envelope, block by block.

use super::envelope::{Envelope, padded};
use crate::precision::Scalar;
use crate::precision::kernels::{Kernel, Unit};

/// `C −= Σ A_k B_kᵀ` for pairs of blocks, each of which is some columns: what a block loses to others.
#[inline(always)]
pub(super) fn subtract_products<'a, U: Unit, F: Scalar, const N: usize, const D: usize, const W: usize>(
    unit: U,
    c: &mut [[F; W]; D],
    a: impl Iterator<Item = &'a [[F; W]; N]> + Clone,
    b: impl Iterator<Item = &'a [[F; W]; N]> + Clone,
) {
    if W <= 8 {
        subtract_from_columns(unit, c, 0, a, b);
        return;
    }
    // The sums of nine wide columns at once end up in memory, those of three in registers.
    let (groups, rest) = c.as_chunks_mut::<3>();
    let first_of_rest = 3 * groups.len();
    for (index, group) in groups.iter_mut().enumerate() {
        subtract_from_columns(unit, group, 3 * index, a.clone(), b.clone());
    }
    for (index, column) in rest.iter_mut().enumerate() {
        subtract_from_columns(unit, std::array::from_mut(column), first_of_rest + index, a.clone(), b.clone());
    }
}

/// The same for columns of `C` from the `first` on.
#[inline(always)]
fn subtract_from_columns<'a, U: Unit, F: Scalar, const N: usize, const G: usize, const W: usize>(
    _: U,
    c: &mut [[F; W]; G],
    first: usize,
    a: impl Iterator<Item = &'a [[F; W]; N]>,
    b: impl Iterator<Item = &'a [[F; W]; N]>,
) {
    let mut sums = *c;
    for (a, b) in a.zip(b) {
        for k in 0..N {
            for column in 0..G {
                let factor = -b[k][first + column];
                for lane in 0..W {
                    sums[column][lane] = a[k][lane].mul_add_if(U::FUSED, factor, sums[column][lane]);
                }
            }
        }
    }
    *c = sums;
}

/// Puts the factor in the place of the matrix; says how many pivots were below `least`.
pub(super) struct FactorBlocks<'a, F, const D: usize> {
    pub(super) matrix: &'a mut Envelope<F, D>,
    pub(super) least: f64,
}

impl<F: Scalar, const D: usize> Kernel for FactorBlocks<'_, F, D> {
    type Output = usize;

    #[inline(always)]
    fn run<U: Unit>(self, unit: U) -> usize {
        if padded(D) == 8 { self.factor::<U, 8>(unit) } else { self.factor::<U, 16>(unit) }
    }
}

impl<F: Scalar, const D: usize> FactorBlocks<'_, F, D> {
    #[inline(always)]
    fn factor<U: Unit, const W: usize>(self, unit: U) -> usize {
        let Self { matrix: Envelope { first, starts, entries, inverse_pivots, .. }, least } = self;
        let blocks = entries.as_chunks_mut::<W>().0;
        let pivots = inverse_pivots.as_chunks_mut::<D>().0;
        let mut bad = 0;
        for i in 0..first.len() {
            for j in first[i]..=i {
                let from = first[i].max(first[j]);
                let (done, rest) = blocks.split_at_mut((starts[i] + j - first[i]) * D);
                let mut block = [[F::ZERO; W]; D];
                block.copy_from_slice(&rest[..D]);
                let own = done[(starts[i] + from - first[i]) * D..].as_chunks::<D>().0;
                let other = done[(starts[j] + from - first[j]) * D..].as_chunks::<D>().0;
                subtract_products(unit, &mut block, own.iter().take(j - from), other.iter().take(j - from));
                if i == j {
                    bad += factor_block(unit, &mut block, &mut pivots[i], least);
                } else {
                    divide(unit, &mut block, &done[(starts[j] + j - first[j]) * D..][..D], &pivots[j]);
                }
                rest[..D].copy_from_slice(&block);
            }
        }
        bad
    }
}

/// `B ← B L⁻ᵀ`.
#[inline(always)]
fn divide<U: Unit, F: Scalar, const W: usize, const D: usize>(
    _: U,
    b: &mut [[F; W]; D],
    l: &[[F; W]],
    inverse_pivots: &[F; D],
) {
    for column in 0..D {
        let mut values = b[column];
        for k in 0..column {
            let factor = -l[k][column];
            for lane in 0..W {
                values[lane] = b[k][lane].mul_add_if(U::FUSED, factor, values[lane]);
            }
        }
        b[column] = values.map(|value| value * inverse_pivots[column]);
    }
}

/// The factor of a diagonal block, zero above its diagonal.
#[inline(always)]
fn factor_block<U: Unit, F: Scalar, const W: usize, const D: usize>(
    _: U,
    block: &mut [[F; W]; D],
    inverse_pivots: &mut [F; D],
    least: f64,
) -> usize {
    let mut bad = 0;
    let diagonal: [F; D] = std::array::from_fn(|k| block[k][k]);
    for column in 0..D {
        let mut pivot = block[column][column].to_f64();
        if pivot.is_nan() || pivot <= least {
            bad += 1;
            pivot = diagonal[column].to_f64().max(1.0);
        }
        let root = pivot.sqrt();
        inverse_pivots[column] = F::from_f64(1.0 / root);
        let mut values = block[column].map(|value| value * inverse_pivots[column]);
        values[..column].fill(F::ZERO);
        values[column] = F::from_f64(root);
        for other in column + 1..D {
            let factor = -values[other];
            for lane in 0..W {
                block[other][lane] = values[lane].mul_add_if(U::FUSED, factor, block[other][lane]);
            }
        }
        block[column] = values;
    }
    bad
}
