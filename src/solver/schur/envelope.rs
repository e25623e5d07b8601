//! A symmetric block matrix within its envelope, and its Cholesky factor, which stays within it.

use crate::precision::Scalar;
use crate::precision::kernels::{Kernel, LANES, lane_sum, vectorized};
use crate::solver::cgnr::ApplyPreconditioner;

/// A block, row by row.
type Block<const D: usize> = [[f64; D]; D];

/// The lower triangle of a symmetric matrix of `D × D` blocks: of each block row what is between its first block that
/// is not zero and the diagonal.
///
/// # Source
/// George, Liu, *Computer Solution of Large Sparse Positive Definite Systems* (1981), chapter 4.
#[derive(Debug, Clone)]
pub(super) struct Envelope<const D: usize> {
    first: Vec<usize>,
    starts: Vec<usize>,
    blocks: Vec<Block<D>>,
    /// Transposed blocks of the factor, while it is computed.
    transposed: Vec<Block<D>>,
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
        let zeros = vec![[[0.0; D]; D]; count + 1];
        Self { first, starts, transposed: zeros.clone(), blocks: zeros }
    }

    pub(super) fn clear(&mut self) {
        self.blocks.fill([[0.0; D]; D]);
    }

    /// The block `(i, j)`, `i >= j`; one that is nowhere used if it lies outside.
    #[inline(always)]
    pub(super) fn block_mut(&mut self, i: usize, j: usize) -> &mut Block<D> {
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

    /// Puts the factor `L` in the place of `L Lᵀ`. A pivot below `least` of its diagonal is taken for the diagonal: its
    /// direction is left to what else there is. Returns how many there were.
    fn factor(&mut self, least: f64) -> usize {
        vectorized(FactorBlocks { matrix: self, least })
    }
}

struct FactorBlocks<'a, const D: usize> {
    matrix: &'a mut Envelope<D>,
    least: f64,
}

impl<const D: usize> Kernel for FactorBlocks<'_, D> {
    type Output = usize;

    #[inline(always)]
    fn run(self) -> usize {
        let Self { matrix: Envelope { first, starts, blocks, transposed }, least } = self;
        let mut bad = 0;
        for i in 0..first.len() {
            for j in first[i]..=i {
                let from = first[i].max(first[j]);
                let mut block = blocks[starts[i] + j - first[i]];
                let own = &blocks[starts[i] + from - first[i]..starts[i] + j - first[i]];
                let other = &transposed[starts[j] + from - first[j]..starts[j] + j - first[j]];
                for (a, b) in own.iter().zip(other) {
                    subtract_product(&mut block, a, b);
                }
                if i == j {
                    bad += factor_block(&mut block, least);
                } else {
                    divide(&mut block, &blocks[starts[j] + j - first[j]]);
                }
                let place = starts[i] + j - first[i];
                blocks[place] = block;
                for row in 0..D {
                    for column in 0..D {
                        transposed[place][column][row] = block[row][column];
                    }
                }
            }
        }
        bad
    }
}

/// `C −= A B`.
#[inline(always)]
fn subtract_product<const D: usize>(c: &mut Block<D>, a: &Block<D>, b: &Block<D>) {
    for row in 0..D {
        for k in 0..D {
            for column in 0..D {
                c[row][column] -= a[row][k] * b[k][column];
            }
        }
    }
}

/// `B ← B L⁻ᵀ`.
#[inline(always)]
fn divide<const D: usize>(b: &mut Block<D>, l: &Block<D>) {
    for row in b {
        for column in 0..D {
            for k in 0..column {
                row[column] -= row[k] * l[column][k];
            }
            row[column] /= l[column][column];
        }
    }
}

/// The factor of a diagonal block, zero above its diagonal.
#[inline(always)]
fn factor_block<const D: usize>(block: &mut Block<D>, least: f64) -> usize {
    let mut bad = 0;
    for row in 0..D {
        for column in 0..row {
            for k in 0..column {
                block[row][column] -= block[row][k] * block[column][k];
            }
            block[row][column] /= block[column][column];
        }
        let diagonal = block[row][row];
        let mut pivot = diagonal;
        for k in 0..row {
            pivot -= block[row][k] * block[row][k];
        }
        if pivot.is_nan() || pivot <= least {
            bad += 1;
            pivot = diagonal.max(1.0);
        }
        block[row][row] = pivot.sqrt();
        for column in row + 1..D {
            block[row][column] = 0.0;
        }
    }
    bad
}

/// `L` with `L Lᵀ` an [`Envelope`], row by row, stored in `F`.
#[derive(Debug, Clone)]
pub(super) struct EnvelopeFactor<F> {
    first: Vec<usize>,
    starts: Vec<usize>,
    /// Rows left of the diagonal, each filled up with zeros to whole lanes.
    entries: Vec<F>,
    inverse_pivots: Vec<F>,
    /// With slack behind it.
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
            count += (row - first).next_multiple_of(LANES);
        }
        starts.push(count);
        let zeros = |length| vec![F::ZERO; length];
        Self { first, starts, entries: zeros(count), inverse_pivots: zeros(size), scratch: zeros(size + LANES) }
    }

    /// Factors a matrix, whose diagonal is near one, in double; leaves its factor in its place. A pivot below `least` is
    /// taken for the diagonal: its direction is left to what else there is. Returns how many there were.
    pub(super) fn factor<const D: usize>(&mut self, matrix: &mut Envelope<D>, least: f64) -> usize {
        let bad = matrix.factor(least);
        for row in 0..self.first.len() {
            let block_row = &matrix.blocks[matrix.starts[row / D]..];
            for (k, entry) in self.entries[self.starts[row]..][..row - self.first[row]].iter_mut().enumerate() {
                *entry = F::from_f64(block_row[k / D][row % D][k % D]);
            }
            let diagonal = &block_row[row / D - matrix.first[row / D]];
            self.inverse_pivots[row] = F::from_f64(1.0 / diagonal[row % D][row % D]);
        }
        bad
    }
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
            let own = entries[starts[row]..starts[row + 1]].as_chunks::<LANES>().0;
            let known = &scratch[first[row]..];
            let mut sums = [F::ZERO; LANES];
            for (own, known) in own.iter().zip(known.as_chunks::<LANES>().0) {
                for lane in 0..LANES {
                    sums[lane] += own[lane] * known[lane];
                }
            }
            scratch[row] = (scratch[row] - lane_sum(&sums)) * inverse_pivots[row];
        }
        for row in (0..first.len()).rev() {
            let own = entries[starts[row]..starts[row + 1]].as_chunks::<LANES>().0;
            let value = scratch[row] * inverse_pivots[row];
            scratch[row] = value;
            for (own, to) in own.iter().zip(scratch[first[row]..].as_chunks_mut::<LANES>().0) {
                for lane in 0..LANES {
                    to[lane] -= own[lane] * value;
                }
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
        fn the_factor_solves(reach in 0usize..6, count in 1usize..12, entries in prop::collection::vec(-1.0f64..1.0, 60)) {
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
            prop_assert_eq!(factor.factor(&mut matrix.clone(), 1e-14), 0);
            let mut z = vec![0.0f64; 3 * count];
            factor.apply(r.as_slice(), &mut z);
            prop_assert!((DVector::from_vec(z) - &expected).norm() < 1e-10);
            let mut single = EnvelopeFactor::<f32>::new(&matrix);
            single.factor(&mut matrix, 1e-6);
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
        assert_eq!(factor.factor(&mut matrix, 1e-12), 1);
        let mut z = [0.0f64; 2];
        factor.apply(&[1.0, 1.0], &mut z);
        assert!(z.iter().all(|z| z.is_finite()), "{z:?}");
    }

    #[test]
    fn what_does_not_fit_leaves_the_diagonal() {
        let count = MOST / 18;
        let matrix = Envelope::<6>::new((0..count).map(|i| i.saturating_sub(1)).collect());
        assert_eq!(matrix.entry_count(), count * 36);
    }
}
