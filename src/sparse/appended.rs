//! Variables that have joined since a factor was computed, each by one residual block to an older one.

use super::{BlockJacobian, Structure};
use crate::precision::Scalar;
use nalgebra::{Cholesky, DMatrix, DMatrixView, Dyn};

/// A variable that hangs on an older one, or on a fixed one.
#[derive(Debug, Clone)]
struct Leaf {
    column: usize,
    /// First column of the older variable; `None` if that is fixed.
    parent: Option<usize>,
    /// The residual block that joins them: its first entry, rows and width, and the first columns of the two in it.
    entry: usize,
    rows: usize,
    width: usize,
    local: usize,
    parent_local: usize,
}

/// The factor's columns of such variables, which are eliminated before all others, the newest first.
///
/// A pose that hangs on another by one measurement leaves nothing behind when it is eliminated: `A − B (BᵀB)⁻¹ Bᵀ A` of its
/// square Jacobians is zero. So the factor of the others stays what it is, and with these columns it is the factor of all
/// but the further residual blocks, which conjugate gradients make up for in one iteration for each of their rows at most.
#[derive(Debug, Clone, Default)]
pub(super) struct Appended {
    leaves: Vec<Leaf>,
    /// By leaf: `L⁻¹` of its diagonal block, and what its column has below, `size × size` each, column by column.
    inverses: Vec<f64>,
    below: Vec<f64>,
}

/// A diagonal block, whose own elements are near one, with a pivot below this is raised by it: an information is singular.
const SINGULAR: f64 = 1e-6;

impl Appended {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.leaves.len()
    }

    /// Takes the free variables from column `known` on, of `size` unknowns each, that residual blocks from `first_block`
    /// on join to older ones; `false` if some hang on nothing, or are of another size.
    pub(super) fn extend(&mut self, structure: &Structure, mut known: usize, size: usize, first_block: usize) -> bool {
        for block in first_block..structure.residual_block_count() {
            let mut newest = None;
            let mut parent = None;
            for (local, variable) in structure.pieces_of(block) {
                if !variable.fixed && variable.column >= known {
                    if newest.replace((local, variable)).is_some() {
                        return false;
                    }
                } else {
                    parent = Some(((!variable.fixed).then_some(variable.column), local));
                }
            }
            let Some((local, variable)) = newest else { continue };
            let Some((parent, parent_local)) = parent else { return false };
            if variable.column != known || variable.size != size {
                return false;
            }
            known += size;
            let shape = structure.blocks[block];
            self.leaves.push(Leaf {
                column: variable.column,
                parent,
                entry: shape.entry,
                rows: shape.rows,
                width: shape.width,
                local,
                parent_local,
            });
        }
        known == structure.column_count()
    }

    /// Computes the columns from a Jacobian.
    pub(super) fn factor<P: Scalar>(&mut self, jacobian: &BlockJacobian<P>, size: usize, damping: f64) {
        let length = self.leaves.len() * size * size;
        self.inverses.resize(length, 0.0);
        self.below.resize(length, 0.0);
        let columns = self.inverses.chunks_exact_mut(size * size).zip(self.below.chunks_exact_mut(size * size));
        for (leaf, (inverse, below)) in self.leaves.iter().zip(columns) {
            let entries = &jacobian.entries()[leaf.entry..leaf.entry + leaf.rows * leaf.width];
            let part = |first: usize| {
                DMatrix::from_fn(leaf.rows, size, |row, k| entries[row * leaf.width + first + k].to_f64())
            };
            let own = part(leaf.local);
            let identity = DMatrix::identity(size, size);
            let block = own.transpose() * &own + &identity * damping;
            let sound = |factor: &Cholesky<f64, Dyn>| factor.l_dirty().diagonal().iter().all(|p| p * p > SINGULAR);
            let factor = block.clone().cholesky().filter(sound);
            let factor = factor.or_else(|| (block + &identity * SINGULAR).cholesky());
            // Only a block that is not finite has no factor, and then the step is not finite either.
            let inverse_of_factor = factor.and_then(|factor| factor.l().solve_lower_triangular(&identity));
            let lower_inverse = inverse_of_factor.unwrap_or(identity);
            inverse.copy_from_slice(lower_inverse.as_slice());
            let below_block = match leaf.parent {
                Some(_) => part(leaf.parent_local).transpose() * own * lower_inverse.transpose(),
                None => DMatrix::zeros(size, size),
            };
            below.copy_from_slice(below_block.as_slice());
        }
    }

    fn columns(&self, size: usize) -> impl DoubleEndedIterator<Item = (&Leaf, [DMatrixView<'_, f64>; 2])> {
        let block = move |values| DMatrixView::from_slice(values, size, size);
        let blocks = self.inverses.chunks_exact(size * size).zip(self.below.chunks_exact(size * size));
        self.leaves.iter().zip(blocks).map(move |(leaf, (inverse, below))| (leaf, [block(inverse), block(below)]))
    }

    /// Eliminates the leaves from a right-hand side, the newest first.
    pub(super) fn forward<V: Scalar>(&self, x: &mut [V], size: usize) {
        for (leaf, [inverse, below]) in self.columns(size).rev() {
            let own = nalgebra::DVector::from_fn(size, |k, _| x[leaf.column + k].to_f64());
            let own = inverse * own;
            for (k, value) in own.iter().enumerate() {
                x[leaf.column + k] = V::from_f64(*value);
            }
            if let Some(parent) = leaf.parent {
                for (k, change) in (below * own).iter().enumerate() {
                    x[parent + k] -= V::from_f64(*change);
                }
            }
        }
    }

    /// Finds the leaves from the others, the oldest first.
    pub(super) fn backward<V: Scalar>(&self, x: &mut [V], size: usize) {
        for (leaf, [inverse, below]) in self.columns(size) {
            let mut own = nalgebra::DVector::from_fn(size, |k, _| x[leaf.column + k].to_f64());
            if let Some(parent) = leaf.parent {
                own -= below.transpose() * nalgebra::DVector::from_fn(size, |k, _| x[parent + k].to_f64());
            }
            for (k, value) in (inverse.transpose() * own).iter().enumerate() {
                x[leaf.column + k] = V::from_f64(*value);
            }
        }
    }
}
