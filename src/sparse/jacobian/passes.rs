//! The passes that fill a block Jacobian, compiled for the CPU's vector unit.
//!
//! Blocks of two poses are arrays whose sizes the compiler knows: a row of both poses' columns is a few vector
//! instructions. Any other block goes entry by entry.

use super::Rounding;
use super::layout::{Layout, Piece, Run};
use crate::precision::kernels::{Kernel, Unit};
use crate::precision::{Scalar, power_of_two_near_inverse_root};

/// The entries of blocks of pairs, each row by row.
#[inline(always)]
fn pairs_of<E, const N: usize, const W: usize>(entries: &[E]) -> &[[[E; W]; N]] {
    entries.as_chunks().0.as_chunks().0
}

/// What a vector has for the columns of a pair.
#[inline(always)]
fn gathered<V: Scalar, const N: usize, const W: usize>(vector: &[V], pair: &[Piece; 2]) -> [V; W] {
    let mut both = [V::ZERO; W];
    for (own, piece) in both.as_chunks_mut::<N>().0.iter_mut().zip(pair) {
        own.copy_from_slice(&vector[piece.column as usize..][..N]);
    }
    both
}

/// The scales of the columns, from a flat Jacobian and the weights of its residual blocks.
pub(super) struct ColumnScales<'a, J> {
    pub(super) layout: &'a Layout,
    pub(super) flat: &'a [J],
    pub(super) weights: &'a [f64],
    pub(super) scales: &'a mut [f64],
}

impl<J: Scalar> ColumnScales<'_, J> {
    #[inline(always)]
    fn add_pairs<const N: usize, const W: usize>(&mut self, run: Run) {
        let blocks = pairs_of::<J, N, W>(&self.flat[run.entries]).iter().zip(run.pieces.as_chunks::<2>().0);
        for ((lines, pair), weight) in blocks.zip(&self.weights[run.blocks]) {
            // A copy, not to be read again after each sum, which may be where it is, for all that the compiler knows.
            let weight = weight * weight;
            let square = |value: J| value.to_f64() * value.to_f64();
            let squares: [f64; W] = std::array::from_fn(|k| lines.iter().map(|line| square(line[k])).sum());
            for (piece, squares) in pair.iter().zip(squares.as_chunks::<N>().0) {
                for (sum, square) in self.scales[piece.column as usize..][..N].iter_mut().zip(squares) {
                    *sum += weight * square;
                }
            }
        }
    }
}

impl<J: Scalar> Kernel for ColumnScales<'_, J> {
    type Output = ();

    #[inline(always)]
    fn run<U: Unit>(mut self, _: U) {
        self.scales.fill(0.0);
        for run in self.layout.runs() {
            match run.pair() {
                Some(3) => self.add_pairs::<3, 6>(run),
                Some(6) => self.add_pairs::<6, 12>(run),
                _ => {
                    for block in run.blocks() {
                        let weight = self.weights[block.index] * self.weights[block.index];
                        for piece in block.pieces {
                            for k in 0..usize::from(piece.size) {
                                let first = block.entry + usize::from(piece.local) + k;
                                let column = self.flat[first..].iter().step_by(block.width).take(block.rows);
                                let squares: f64 = column.map(|value| value.to_f64() * value.to_f64()).sum();
                                self.scales[piece.column as usize + k] += weight * squares;
                            }
                        }
                    }
                }
            }
        }
        for scale in self.scales {
            *scale = power_of_two_near_inverse_root(*scale);
        }
    }
}

/// The entries as they are stored, the gradient, and what rounding did.
pub(super) struct Fill<'a, J, P, V> {
    pub(super) layout: &'a Layout,
    pub(super) flat: &'a [J],
    pub(super) weights: &'a [f64],
    pub(super) scales: &'a [f64],
    pub(super) residual: &'a [V],
    /// Those of fixed variables stay zero.
    pub(super) entries: &'a mut [P],
    pub(super) gradient: &'a mut [V],
}

/// Whether rounding made zero of what was not.
#[inline(always)]
fn is_flushed<P: Scalar, V: Scalar>(stored: P, scaled: V) -> bool {
    stored == P::ZERO && scaled != V::ZERO
}

impl<J: Scalar, P: Scalar, V: Scalar> Fill<'_, J, P, V> {
    /// Returns how many entries rounding made zero.
    #[inline(always)]
    fn fill_pairs<const N: usize, const W: usize>(&mut self, run: Run) -> usize {
        let stored: &mut [[[P; W]; N]] = self.entries[run.entries.clone()].as_chunks_mut().0.as_chunks_mut().0;
        let blocks = pairs_of::<J, N, W>(&self.flat[run.entries]).iter().zip(stored);
        let rows = self.residual[run.rows].as_chunks::<N>().0.iter().zip(&self.weights[run.blocks]);
        let mut flushed = 0;
        for (((lines, stored), pair), (residual, weight)) in blocks.zip(run.pieces.as_chunks::<2>().0).zip(rows) {
            let factors = gathered::<_, N, W>(self.scales, pair).map(|scale| weight * scale);
            let mut sums = gathered::<_, N, W>(self.gradient, pair);
            // All of them before the first is stored, for the same reason.
            let scaled =
                lines.map(|line| -> [V; W] { std::array::from_fn(|k| V::from_f64(line[k].to_f64() * factors[k])) });
            for (k, sum) in sums.iter_mut().enumerate() {
                for (line, residual) in scaled.iter().zip(residual) {
                    *sum = line[k].multiply_add(*residual, *sum);
                }
            }
            for (stored, scaled) in stored.iter_mut().zip(&scaled) {
                *stored = scaled.map(V::cast);
                let both = stored.iter().zip(scaled);
                flushed += both.map(|(stored, scaled)| usize::from(is_flushed(*stored, *scaled))).sum::<usize>();
            }
            for (piece, sums) in pair.iter().zip(sums.as_chunks::<N>().0) {
                self.gradient[piece.column as usize..][..N].copy_from_slice(sums);
            }
        }
        flushed
    }

    #[inline(always)]
    fn fill_others(&mut self, run: Run) -> usize {
        let mut flushed = 0;
        for block in run.blocks() {
            for (piece, row) in block.pieces.iter().flat_map(|piece| (0..block.rows).map(move |row| (piece, row))) {
                let first = block.entry + row * block.width + usize::from(piece.local);
                for k in 0..usize::from(piece.size) {
                    let (column, entry) = (piece.column as usize + k, first + k);
                    let factor = self.weights[block.index] * self.scales[column];
                    let scaled = V::from_f64(self.flat[entry].to_f64() * factor);
                    self.entries[entry] = scaled.cast();
                    self.gradient[column] = scaled.multiply_add(self.residual[block.row + row], self.gradient[column]);
                    flushed += usize::from(is_flushed(self.entries[entry], scaled));
                }
            }
        }
        flushed
    }
}

impl<J: Scalar, P: Scalar, V: Scalar> Kernel for Fill<'_, J, P, V> {
    type Output = Rounding;

    #[inline(always)]
    fn run<U: Unit>(mut self, _: U) -> Rounding {
        self.gradient.fill(V::ZERO);
        let mut flushed = 0;
        for run in self.layout.runs() {
            flushed += match run.pair() {
                Some(3) => self.fill_pairs::<3, 6>(run),
                Some(6) => self.fill_pairs::<6, 12>(run),
                _ => self.fill_others(run),
            };
        }
        // In a pass of its own, which takes less time than to count on the way.
        let not_finite: u32 = self.entries.iter().map(|entry| u32::from(!entry.is_finite())).sum();
        Rounding { flushed, not_finite: not_finite as usize }
    }
}
