//! A symmetric block matrix within its envelope, and its Cholesky factor, which stays within it.

use crate::precision::Scalar;
use crate::precision::kernels::{Kernel, LANES, vectorized};
use crate::solver::cgnr::ApplyPreconditioner;

/// The lower triangle of a symmetric matrix of `D × D` blocks: of each block row what is between its first block that
/// is not zero and the diagonal.
///
/// # Source
/// George, Liu, *Computer Solution of Large Sparse Positive Definite Systems* (1981), chapter 4.
#[derive(Debug, Clone)]
pub(super) struct Envelope<const D: usize> {
    first: Vec<usize>,
    starts: Vec<usize>,
    blocks: Vec<[[f64; D]; D]>,
}

/// Most numbers in an envelope; with more of them only the diagonal blocks are kept.
const MOST: usize = 50_000_000;

impl<const D: usize> Envelope<D> {
    /// An envelope that begins at `first[i]` in block row `i`.
    pub(super) fn new(mut first: Vec<usize>) -> Self {
        let count: usize = first.iter().enumerate().map(|(i, first)| i - first + 1).sum();
        if count * D * D > MOST {
            first = (0..first.len()).collect();
        }
        let mut starts = Vec::with_capacity(first.len());
        let mut count = 0;
        for (i, first) in first.iter().enumerate() {
            starts.push(count);
            count += i - first + 1;
        }
        // One more for what falls outside.
        Self { first, starts, blocks: vec![[[0.0; D]; D]; count + 1] }
    }

    pub(super) fn clear(&mut self) {
        self.blocks.fill([[0.0; D]; D]);
    }

    /// The block `(i, j)`, `i >= j`; one that is nowhere used if it lies outside.
    #[inline(always)]
    pub(super) fn block_mut(&mut self, i: usize, j: usize) -> &mut [[f64; D]; D] {
        let place = if j >= self.first[i] { self.starts[i] + j - self.first[i] } else { self.blocks.len() - 1 };
        &mut self.blocks[place]
    }

    /// Numbers in the factor.
    pub(super) fn entry_count(&self) -> usize {
        (self.blocks.len() - 1) * D * D
    }

    /// Multiplications that factoring takes.
    pub(super) fn factor_multiplications(&self) -> f64 {
        let row = |(i, first): (usize, &usize)| 0.5 * ((i - first + 1) as f64).powi(2) * (D * D * D) as f64;
        self.first.iter().enumerate().map(row).sum()
    }
}

/// `L` with `L Lᵀ` an [`Envelope`], row by row, stored in `F`.
#[derive(Debug, Clone)]
pub(super) struct EnvelopeFactor<F> {
    first: Vec<usize>,
    starts: Vec<usize>,
    entries: Vec<F>,
    inverse_pivots: Vec<F>,
    scratch: Vec<F>,
}

impl<F: Scalar> EnvelopeFactor<F> {
    /// Room for the factor of a matrix.
    pub(super) fn new<const D: usize>(matrix: &Envelope<D>) -> Self {
        let size = matrix.first.len() * D;
        let first: Vec<usize> = (0..size).map(|row| matrix.first[row / D] * D).collect();
        let mut starts = Vec::with_capacity(size + 1);
        let mut count = 0;
        for (row, first) in first.iter().enumerate() {
            starts.push(count);
            count += row - first;
        }
        starts.push(count);
        let zeros = |length| vec![F::ZERO; length];
        Self { first, starts, entries: zeros(count), inverse_pivots: zeros(size), scratch: zeros(size) }
    }

    /// Factors a matrix. A pivot below `least` of its diagonal is taken for the diagonal: its direction is left to what
    /// else there is. Returns how many there were.
    pub(super) fn factor<const D: usize>(&mut self, matrix: &Envelope<D>, least: f64) -> usize {
        vectorized(FactorRows { matrix, least: F::from_f64(least), factor: self })
    }
}

struct FactorRows<'a, F, const D: usize> {
    matrix: &'a Envelope<D>,
    least: F,
    factor: &'a mut EnvelopeFactor<F>,
}

impl<F: Scalar, const D: usize> Kernel for FactorRows<'_, F, D> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let Self { matrix, least, factor } = self;
        let mut bad = 0;
        for row in 0..factor.first.len() {
            let first = factor.first[row];
            let (done, rest) = factor.entries.split_at_mut(factor.starts[row]);
            let own = &mut rest[..row - first];
            let block_row = &matrix.blocks[matrix.starts[row / D]..];
            for (k, entry) in own.iter_mut().enumerate() {
                *entry = F::from_f64(block_row[k / D][row % D][k % D]);
            }
            for column in first..row {
                let other_first = factor.first[column];
                let other = &done[factor.starts[column]..factor.starts[column + 1]];
                let from = first.max(other_first);
                let sum = dot(&own[from - first..column - first], &other[from - other_first..]);
                own[column - first] = (own[column - first] - sum) * factor.inverse_pivots[column];
            }
            let diagonal = F::from_f64(block_row[row / D - matrix.first[row / D]][row % D][row % D]);
            let pivot = diagonal - dot(own, own);
            let sound = pivot > least * diagonal;
            bad += usize::from(!sound);
            let pivot = if sound { pivot } else { diagonal };
            factor.inverse_pivots[row] = if pivot > F::ZERO { F::ONE / pivot.sqrt() } else { F::ONE };
        }
        bad
    }
}

/// `Σ a_i b_i` in as many sums as there are lanes.
#[inline(always)]
fn dot<F: Scalar>(a: &[F], b: &[F]) -> F {
    let mut sums = [F::ZERO; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let mut rest = F::ZERO;
    for (a, b) in a_chunks.remainder().iter().zip(&b[a.len() - a_chunks.remainder().len()..]) {
        rest += *a * *b;
    }
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.into_iter().fold(rest, |total, sum| total + sum)
}

struct Solve<'a, F> {
    factor: &'a mut EnvelopeFactor<F>,
}

impl<F: Scalar> Kernel for Solve<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let EnvelopeFactor { first, starts, entries, inverse_pivots, scratch } = self.factor;
        for row in 0..first.len() {
            let own = &entries[starts[row]..starts[row + 1]];
            scratch[row] = (scratch[row] - dot(own, &scratch[first[row]..row])) * inverse_pivots[row];
        }
        for row in (0..first.len()).rev() {
            let own = &entries[starts[row]..starts[row + 1]];
            let value = scratch[row] * inverse_pivots[row];
            scratch[row] = value;
            for (to, entry) in scratch[first[row]..row].iter_mut().zip(own) {
                *to -= *entry * value;
            }
        }
    }
}

impl<F: Scalar, V: Scalar> ApplyPreconditioner<V> for EnvelopeFactor<F> {
    fn apply(&mut self, r: &[V], z: &mut [V]) {
        for (to, from) in self.scratch.iter_mut().zip(r) {
            *to = from.cast();
        }
        vectorized(Solve { factor: self });
        for (to, from) in z.iter_mut().zip(&self.scratch) {
            *to = from.cast();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{DMatrix, DVector};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_factor_solves(reach in 0usize..6, count in 1usize..9, entries in prop::collection::vec(-1.0f64..1.0, 60)) {
            let first: Vec<usize> = (0..count).map(|i| i.saturating_sub((i * 7 + reach) % (reach + 1))).collect();
            let mut matrix = Envelope::<3>::new(first.clone());
            let mut dense = DMatrix::<f64>::identity(3 * count, 3 * count) * 20.0;
            let mut value = entries.iter().cycle();
            for i in 0..count {
                for j in first[i]..=i {
                    for a in 0..3 {
                        for b in 0..if i == j { a + 1 } else { 3 } {
                            let v = value.next().unwrap() + if (i, a) == (j, b) { 20.0 } else { 0.0 };
                            matrix.block_mut(i, j)[a][b] = v;
                            dense[(3 * i + a, 3 * j + b)] = v;
                            dense[(3 * j + b, 3 * i + a)] = v;
                        }
                    }
                }
            }
            let r = DVector::from_fn(3 * count, |i, _| (i as f64 * 1.7).sin());
            let expected = dense.cholesky().unwrap().solve(&r);
            let mut factor = EnvelopeFactor::<f64>::new(&matrix);
            prop_assert_eq!(factor.factor(&matrix, 1e-14), 0);
            let mut z = vec![0.0f64; 3 * count];
            factor.apply(r.as_slice(), &mut z);
            prop_assert!((DVector::from_vec(z) - &expected).norm() < 1e-10);
            let mut single = EnvelopeFactor::<f32>::new(&matrix);
            single.factor(&matrix, 1e-6);
            let mut z = vec![0.0f64; 3 * count];
            single.apply(r.as_slice(), &mut z);
            prop_assert!((DVector::from_vec(z) - &expected).norm() < 1e-5);
        }
    }

    #[test]
    fn a_singular_direction_is_left_alone() {
        let mut matrix = Envelope::<2>::new(vec![0]);
        *matrix.block_mut(0, 0) = [[1.0, 0.0], [1.0, 1.0]];
        let mut factor = EnvelopeFactor::<f64>::new(&matrix);
        assert_eq!(factor.factor(&matrix, 1e-12), 1);
        let mut z = [0.0f64; 2];
        factor.apply(&[1.0, 1.0], &mut z);
        assert!(z.iter().all(|z| z.is_finite()), "{z:?}");
    }
}
