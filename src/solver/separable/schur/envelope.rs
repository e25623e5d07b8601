//! A symmetric block matrix within its envelope, and its Cholesky factor, which takes its place.

use super::factor::FactorBlocks;
use crate::precision::Scalar;
use crate::precision::kernels::{Kernel, Unit, vectorized};
use crate::solver::cgnr::ApplyPreconditioner;

/// The lower triangle of a symmetric matrix of `D × D` blocks: of each block row what is between its first block that
/// is not zero and the diagonal. Then its factor `L`, which stays within the envelope.
///
/// A block lies column by column, each column filled up with zeros to whole vector registers: all that is done with
/// blocks is adding multiples of columns to columns.
///
/// # Source
/// George, Liu, *Computer Solution of Large Sparse Positive Definite Systems* (1981), chapter 4.
#[derive(Debug, Clone)]
pub(super) struct Envelope<F, const D: usize> {
    /// First block of each block row.
    pub(super) first: Vec<usize>,
    /// Last block row that reaches each block column.
    last: Vec<usize>,
    /// Where the blocks of each block row start.
    pub(super) starts: Vec<usize>,
    pub(super) entries: Vec<F>,
    /// One over the diagonal of the factor.
    pub(super) inverse_pivots: Vec<F>,
    /// A right-hand side, then its solution, with slack behind it.
    vector: Vec<F>,
}

/// Most numbers in an envelope; with more of them only the diagonal blocks are kept.
const MOST: usize = 50_000_000;

/// Numbers that a column of `size` takes.
pub(super) const fn padded(size: usize) -> usize {
    if size <= 8 { 8 } else { 16 }
}

impl<F: Scalar, const D: usize> Envelope<F, D> {
    /// Numbers that a block takes.
    const BLOCK: usize = {
        assert!(D <= 16, "a column is at most sixteen numbers long");
        D * padded(D)
    };

    /// An envelope that begins at block `first[i]` in block row `i`.
    pub(super) fn new(mut first: Vec<usize>) -> Self {
        let count: usize = first.iter().enumerate().map(|(i, first)| i - first + 1).sum();
        if count * D * D > MOST {
            first = (0..first.len()).collect();
        }
        let (mut starts, mut last) = (Vec::with_capacity(first.len()), (0..first.len()).collect::<Vec<usize>>());
        let mut count = 0;
        for (i, &first) in first.iter().enumerate() {
            starts.push(count);
            count += i - first + 1;
            last[first..=i].fill(i);
        }
        let size = first.len() * D;
        let zeros = |length| vec![F::ZERO; length];
        // One block more for what falls outside.
        let entries = zeros((count + 1) * Self::BLOCK);
        Self { first, last, starts, entries, inverse_pivots: zeros(size), vector: zeros(size + padded(D)) }
    }

    pub(super) fn clear(&mut self) {
        self.entries.fill(F::ZERO);
    }

    /// The block `(i, j)`, `i >= j`, column by column; one that is nowhere used if it lies outside.
    #[inline(always)]
    pub(super) fn block_mut(&mut self, i: usize, j: usize) -> &mut [F] {
        let outside = self.entries.len() / Self::BLOCK - 1;
        let place = if j >= self.first[i] { self.starts[i] + j - self.first[i] } else { outside };
        &mut self.entries[place * Self::BLOCK..(place + 1) * Self::BLOCK]
    }

    /// Adds to an entry of the block `(i, j)`, `i >= j`.
    pub(super) fn add(&mut self, (i, j): (usize, usize), row: usize, column: usize, value: f64) {
        self.block_mut(i, j)[column * padded(D) + row] += F::from_f64(value);
    }

    /// Numbers in the factor.
    pub(super) fn entry_count(&self) -> usize {
        self.entries.len() / Self::BLOCK * D * D - D * D
    }

    /// Multiplications that factoring takes.
    pub(super) fn factor_multiplications(&self) -> f64 {
        let row = |(i, first): (usize, &usize)| 0.5 * ((i - first + 1) as f64).powi(2) * (D * D * D) as f64;
        self.first.iter().enumerate().map(row).sum()
    }

    /// Puts the factor `L` in the place of `L Lᵀ`, whose diagonal is near one. A pivot below `least` is taken for the
    /// diagonal: its direction is left to what else there is. Returns how many there were.
    pub(super) fn factor(&mut self, least: f64) -> usize {
        vectorized(FactorBlocks { matrix: self, least })
    }
}

struct Solve<'a, F, const D: usize> {
    factor: &'a mut Envelope<F, D>,
}

impl<F: Scalar, const D: usize> Kernel for Solve<'_, F, D> {
    type Output = ();

    #[inline(always)]
    fn run<U: Unit>(self, unit: U) {
        if padded(D) == 8 { self.solve::<U, 8>(unit) } else { self.solve::<U, 16>(unit) }
    }
}

impl<F: Scalar, const D: usize> Solve<'_, F, D> {
    #[inline(always)]
    fn solve<U: Unit, const W: usize>(self, _: U) {
        let Envelope { first, last, starts, entries, inverse_pivots, vector } = self.factor;
        let blocks = entries.as_chunks::<W>().0;
        let block = |i: usize, j: usize| &blocks[(starts[i] + j - first[i]) * D..][..D];
        for i in 0..first.len() {
            let mut sums = [F::ZERO; W];
            for j in first[i]..i {
                for (column, &known) in block(i, j).iter().zip(&vector[j * D..]) {
                    for lane in 0..W {
                        sums[lane] = column[lane].mul_add_if(U::FUSED, known, sums[lane]);
                    }
                }
            }
            for (column, entries) in block(i, i).iter().enumerate() {
                let value = (vector[i * D + column] - sums[column]) * inverse_pivots[i * D + column];
                vector[i * D + column] = value;
                for lane in 0..W {
                    sums[lane] = entries[lane].mul_add_if(U::FUSED, value, sums[lane]);
                }
            }
        }
        for j in (0..first.len()).rev() {
            let mut sums = [[F::ZERO; W]; D];
            for i in (j + 1..=last[j]).filter(|&i| first[i] <= j) {
                let known = &vector[i * D..][..W];
                for (sums, entries) in sums.iter_mut().zip(block(i, j)) {
                    for lane in 0..W {
                        sums[lane] = entries[lane].mul_add_if(U::FUSED, known[lane], sums[lane]);
                    }
                }
            }
            for (column, entries) in block(j, j).iter().enumerate().rev() {
                let own = &mut vector[j * D..(j + 1) * D];
                let mut sum: F = sums[column].iter().copied().sum();
                for row in column + 1..D {
                    sum += entries[row] * own[row];
                }
                own[column] = (own[column] - sum) * inverse_pivots[j * D + column];
            }
        }
    }
}

impl<F: Scalar, V: Scalar, const D: usize> ApplyPreconditioner<V> for Envelope<F, D> {
    fn apply(&mut self, r: &[V], z: &mut [V]) {
        for (to, from) in self.vector.iter_mut().zip(r) {
            *to = from.cast();
        }
        vectorized(Solve { factor: self });
        for (to, from) in z.iter_mut().zip(&self.vector) {
            *to = from.cast();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{DMatrix, DVector};
    use proptest::prelude::*;

    /// A matrix of blocks of `D` within an envelope, and the same dense.
    fn random<F: Scalar, const D: usize>(first: &[usize], entries: &[f64]) -> (Envelope<F, D>, DMatrix<f64>) {
        let mut matrix = Envelope::<F, D>::new(first.to_vec());
        let size = D * first.len();
        let mut dense = DMatrix::<f64>::zeros(size, size);
        let mut value = entries.iter().cycle();
        for i in 0..first.len() {
            for j in first[i]..=i {
                for a in 0..D {
                    for b in 0..if i == j { a + 1 } else { D } {
                        let v = value.next().unwrap() + if (i, a) == (j, b) { 60.0 } else { 0.0 };
                        matrix.add((i, j), a, b, v);
                        dense[(D * i + a, D * j + b)] = v;
                        dense[(D * j + b, D * i + a)] = v;
                    }
                }
            }
        }
        (matrix, dense)
    }

    fn error<F: Scalar, const D: usize>(first: &[usize], entries: &[f64]) -> f64 {
        let (mut factor, dense) = random::<F, D>(first, entries);
        let r = DVector::from_fn(D * first.len(), |i, _| (i as f64 * 1.7).sin());
        let expected = dense.cholesky().unwrap().solve(&r);
        assert_eq!(factor.factor(1e-6), 0);
        let mut z = vec![0.0f64; r.len()];
        factor.apply(r.as_slice(), &mut z);
        (DVector::from_vec(z) - &expected).norm() / expected.norm()
    }

    proptest! {
        #[test]
        fn the_factor_solves(reach in 0usize..6, count in 1usize..12, entries in prop::collection::vec(-1.0f64..1.0, 60)) {
            let first: Vec<usize> = (0..count).map(|i| i.saturating_sub((i * 7 + reach) % (reach + 1))).collect();
            prop_assert!(error::<f64, 3>(&first, &entries) < 1e-12);
            prop_assert!(error::<f64, 9>(&first, &entries) < 1e-12);
            prop_assert!(error::<f32, 6>(&first, &entries) < 1e-5);
        }
    }

    #[test]
    fn a_singular_direction_is_left_alone() {
        let mut matrix = Envelope::<f64, 2>::new(vec![0]);
        for (row, column) in [(0, 0), (1, 0), (1, 1)] {
            matrix.add((0, 0), row, column, 1.0);
        }
        assert_eq!(matrix.factor(1e-12), 1);
        let mut z = [0.0f64; 2];
        matrix.apply(&[1.0, 1.0], &mut z);
        assert!(z.iter().all(|z| z.is_finite()), "{z:?}");
    }

    #[test]
    fn what_does_not_fit_leaves_the_diagonal() {
        let count = MOST / 18;
        let matrix = Envelope::<f32, 6>::new((0..count).map(|i| i.saturating_sub(1)).collect());
        assert_eq!(matrix.entry_count(), count * 36);
    }
}
