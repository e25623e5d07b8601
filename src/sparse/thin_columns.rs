//! Columns of a complete factor with at most two blocks below the diagonal, eliminated before all supernodes.
//!
//! Most nodes of a map hang between two others: a chain with a loop here and there. Eliminating such a node joins its two
//! neighbours and no more (a series reduction of the graph), and next to nothing is computed: what a front costs to set up, to
//! fill with zeros and to move to its parent is many times that. So these columns are arrays of fixed size, and what each
//! leaves goes straight to where it belongs.

use super::Supernodes;
use super::supernodes::rows_below;
use super::value_layout::Place;
use crate::precision::Scalar;
use crate::precision::kernels::panels::{LANES, SmallPivot};
use crate::precision::kernels::{Kernel, Unit, vectorized};

/// A column of blocks.
#[derive(Debug, Clone, Copy)]
struct ThinColumn {
    /// Where its values begin: its columns one after the other, the diagonal block on top.
    start: u32,
    /// How many blocks are below the diagonal.
    below: u32,
    /// First unknowns of the rows of these blocks.
    rows: [u32; 2],
    /// Where `(a, a)`, `(b, a)` and `(b, b)` are, for rows `a < b`.
    targets: [Place; 3],
}

/// The columns, in order of elimination.
#[derive(Debug, Clone)]
pub(super) struct ThinColumns {
    size: usize,
    columns: Vec<ThinColumn>,
    /// How many values they have, filled up to whole vectors.
    len: usize,
}

impl ThinColumns {
    /// The columns of a pattern for blocks of a size; their values come before those of the supernodes.
    pub(super) fn new(nodes: &Supernodes, size: usize) -> Self {
        let mut len = 0;
        let column = |rows: &[u32; 2]| {
            let below = rows_below(rows);
            let start = len;
            len += size * size * (1 + below);
            let rows = rows.map(|row| if row == Supernodes::NO_ROW { 0 } else { row * size as u32 });
            ThinColumn { start: start as u32, below: below as u32, rows, targets: [Place::default(); 3] }
        };
        let columns = nodes.thin_rows.iter().map(column).collect();
        Self { size, columns, len: len.next_multiple_of(LANES) }
    }

    /// Takes for each column where what it leaves belongs: `(a, a)`, `(b, a)` and `(b, b)` of its rows `a < b`.
    pub(super) fn set_targets(&mut self, targets: Vec<[Place; 3]>) {
        self.columns.iter_mut().zip(targets).for_each(|(column, targets)| column.targets = targets);
    }

    /// How many values they have.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Where the block of a row is in a column (positions); the row is the column's own or below it.
    pub(super) fn place(&self, row: usize, column: usize) -> Place {
        let ThinColumn { start, below, rows, .. } = &self.columns[column];
        let size = self.size as u32;
        let in_front = if row == column { 0 } else { 1 + u32::from(row as u32 * size != rows[0]) };
        Place { start: start + in_front * size, stride: (1 + below) * size }
    }

    /// First entry of the diagonal of each column, and from one of its entries to the next.
    pub(super) fn diagonals(&self) -> impl Iterator<Item = (usize, usize)> {
        self.columns.iter().map(|column| (column.start as usize, self.size * (1 + column.below as usize) + 1))
    }

    /// Eliminates all columns from the values of a factor, which hold the matrix. Returns how many pivots were raised, or the
    /// position of a column whose pivot is not finite.
    pub(super) fn factor<W: Scalar>(&self, values: &mut [W], small: SmallPivot) -> Result<usize, usize> {
        let columns = &self.columns;
        match self.size {
            6 => vectorized(Eliminate::<W, 6, 12, 18> { columns, values, small }),
            _ => vectorized(Eliminate::<W, 3, 6, 9> { columns, values, small }),
        }
    }

    /// The forward solve: replaces these columns' unknowns in `x` by `L⁻¹` of them, and subtracts from those of the rows below what
    /// that implies. `x` is in order of elimination.
    pub(super) fn forward<C: Scalar, V: Scalar>(&self, values: &[C], x: &mut [V]) {
        let columns = &self.columns;
        match self.size {
            6 => vectorized(Solve::<C, V, 6, 12, 18, true> { columns, values, x }),
            _ => vectorized(Solve::<C, V, 3, 6, 9, true> { columns, values, x }),
        }
    }

    /// The backward solve: replaces these columns' unknowns in `x` by the solution of `Lᵀ`, those of all other rows being known.
    pub(super) fn backward<C: Scalar, V: Scalar>(&self, values: &[C], x: &mut [V]) {
        let columns = &self.columns;
        match self.size {
            6 => vectorized(Solve::<C, V, 6, 12, 18, false> { columns, values, x }),
            _ => vectorized(Solve::<C, V, 3, 6, 9, false> { columns, values, x }),
        }
    }
}

/// The `B` columns of `N` rows that begin at an entry.
#[inline(always)]
fn panel<C, const B: usize, const N: usize>(values: &[C], start: u32) -> &[[C; N]; B] {
    values[start as usize..].as_chunks::<N>().0.first_chunk().expect("a column lies in the values")
}

/// Elimination of columns of `B`, with one block below in columns of `M = 2 B` rows, with two of `N = 3 B`.
struct Eliminate<'a, W, const B: usize, const M: usize, const N: usize> {
    columns: &'a [ThinColumn],
    values: &'a mut [W],
    small: SmallPivot,
}

impl<W: Scalar, const B: usize, const M: usize, const N: usize> Kernel for Eliminate<'_, W, B, M, N> {
    type Output = Result<usize, usize>;

    #[inline(always)]
    fn run<U: Unit>(self, _: U) -> Result<usize, usize> {
        let mut raised = 0;
        for (position, column) in self.columns.iter().enumerate() {
            let eliminated = match column.below {
                0 => eliminate::<U, W, B, B>(column, self.values, self.small),
                1 => eliminate::<U, W, B, M>(column, self.values, self.small),
                _ => eliminate::<U, W, B, N>(column, self.values, self.small),
            };
            raised += eliminated.ok_or(position)?;
        }
        Ok(raised)
    }
}

/// Puts the factor's column in the place of the matrix's, one over each pivot on the diagonal, and subtracts what it leaves.
/// Says how many pivots were raised; `None` if one is not finite.
#[inline(always)]
fn eliminate<U: Unit, W: Scalar, const B: usize, const N: usize>(
    column: &ThinColumn,
    values: &mut [W],
    small: SmallPivot,
) -> Option<usize> {
    let mut lower = *panel::<W, B, N>(values, column.start);
    let mut raised = 0;
    for c in 0..B {
        let mut pivot = lower[c][c];
        if !pivot.is_finite() {
            return None;
        }
        if pivot.to_f64() < small.floor {
            pivot = W::from_f64(small.raised);
            raised += 1;
        }
        let inverse = W::ONE / pivot.sqrt();
        let scaled = lower[c].map(|value| value * inverse);
        for later in c + 1..B {
            let factor = -scaled[later];
            for row in 0..N {
                lower[later][row] = scaled[row].mul_add_if(U::FUSED, factor, lower[later][row]);
            }
        }
        lower[c] = scaled;
        lower[c][c] = inverse;
    }
    for (to, from) in values[column.start as usize..].as_chunks_mut::<N>().0.iter_mut().zip(&lower) {
        *to = *from;
    }
    for c in B..N {
        let mut left = [W::ZERO; N];
        for below in &lower {
            for row in B..N {
                left[row] = below[row].mul_add_if(U::FUSED, below[c], left[row]);
            }
        }
        // The columns of `a` go to `(a, a)` and `(b, a)`, those of `b` to `(b, b)` alone.
        let of_b = c >= 2 * B;
        for part in usize::from(of_b)..N / B - 1 {
            let Place { start, stride } = column.targets[part + usize::from(of_b)];
            let start = start as usize + (c % B) * stride as usize;
            for (value, left) in values[start..start + B].iter_mut().zip(&left[(1 + part) * B..]) {
                *value -= *left;
            }
        }
    }
    Some(raised)
}

/// One of the two solves, in order of elimination or back.
struct Solve<'a, C, V, const B: usize, const M: usize, const N: usize, const FORWARD: bool> {
    columns: &'a [ThinColumn],
    values: &'a [C],
    x: &'a mut [V],
}

impl<C: Scalar, V: Scalar, const B: usize, const M: usize, const N: usize, const FORWARD: bool> Kernel
    for Solve<'_, C, V, B, M, N, FORWARD>
{
    type Output = ();

    #[inline(always)]
    fn run<U: Unit>(self, _: U) {
        let Self { columns, values, x } = self;
        let count = columns.len();
        for position in (0..count).map(|step| if FORWARD { step } else { count - 1 - step }) {
            let column = &columns[position];
            match (column.below, FORWARD) {
                (0, true) => forward::<U, C, V, B, B>(position, column, values, x),
                (1, true) => forward::<U, C, V, B, M>(position, column, values, x),
                (_, true) => forward::<U, C, V, B, N>(position, column, values, x),
                (0, false) => backward::<U, C, V, B, B>(position, column, values, x),
                (1, false) => backward::<U, C, V, B, M>(position, column, values, x),
                (_, false) => backward::<U, C, V, B, N>(position, column, values, x),
            }
        }
    }
}

/// [`ThinColumns::forward`] of one column with `N` rows.
#[inline(always)]
fn forward<U: Unit, C: Scalar, V: Scalar, const B: usize, const N: usize>(
    position: usize,
    column: &ThinColumn,
    values: &[C],
    x: &mut [V],
) {
    let lower = panel::<C, B, N>(values, column.start);
    let own: &mut [V; B] = x[position * B..].first_chunk_mut().expect("an unknown for each column");
    let mut front = [V::ZERO; N];
    front[..B].copy_from_slice(own);
    for c in 0..B {
        front[c] = lower[c][c].cast::<V>() * front[c];
        let solved = -front[c];
        for row in c + 1..N {
            front[row] = lower[c][row].cast::<V>().mul_add_if(U::FUSED, solved, front[row]);
        }
    }
    own.copy_from_slice(&front[..B]);
    for (row, change) in column.rows.iter().zip(front[B..].chunks_exact(B)) {
        for (value, change) in x[*row as usize..][..B].iter_mut().zip(change) {
            *value += *change;
        }
    }
}

/// [`ThinColumns::backward`] of one column with `N` rows.
#[inline(always)]
fn backward<U: Unit, C: Scalar, V: Scalar, const B: usize, const N: usize>(
    position: usize,
    column: &ThinColumn,
    values: &[C],
    x: &mut [V],
) {
    let lower = panel::<C, B, N>(values, column.start);
    let mut front = [V::ZERO; N];
    for (row, known) in column.rows.iter().zip(front[B..].chunks_exact_mut(B)) {
        known.copy_from_slice(&x[*row as usize..][..B]);
    }
    let own: &mut [V; B] = x[position * B..].first_chunk_mut().expect("an unknown for each column");
    let mut sums = own.map(|value| -value);
    for row in B..N {
        for c in 0..B {
            sums[c] = lower[c][row].cast::<V>().mul_add_if(U::FUSED, front[row], sums[c]);
        }
    }
    for c in (0..B).rev() {
        for row in c + 1..B {
            sums[c] = lower[c][row].cast::<V>().mul_add_if(U::FUSED, own[row], sums[c]);
        }
        own[c] = -sums[c] * lower[c][c].cast::<V>();
    }
}
