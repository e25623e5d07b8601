//! Sparse block matrices: the Jacobian, orderings, incomplete Cholesky factors and triangular solves.

mod appended;
mod cholesky;
mod column_tree;
mod degree_queue;
mod elimination_tree;
mod incomplete_cholesky;
mod jacobian;
mod minimum_degree;
mod multifrontal;
mod normal_matrix;
mod ordering;
mod structure;
mod supernodes;
mod symbolic;
mod thin_columns;
mod triangular;
mod value_layout;

pub use cholesky::{Cholesky, FactorStatistics};
pub use incomplete_cholesky::{CholeskyOptions, CholeskyStatistics, IncompleteCholesky};
pub use jacobian::{BlockJacobian, Rounding};
pub use minimum_degree::minimum_degree;
pub use ordering::{Adjacency, adjacency, reverse_cuthill_mckee};
pub use structure::{Structure, VariableIndex};
pub use supernodes::Supernodes;
pub use symbolic::levels_of_fill;
pub use triangular::TriangularScratch;

/// Why a sparse matrix could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SparseError {
    /// An incomplete factor needs blocks of one size.
    #[error("Cholesky: expected variable blocks of {expected} unknowns (all 3 or all 6), found one of {found}")]
    BlockSize {
        /// The size of the others.
        expected: usize,
        /// The size found.
        found: usize,
    },
    /// The Jacobian is not finite, or rounding has left nothing of its normal matrix.
    #[error("Cholesky: the normal matrix is not finite, or lost in rounding, at column {column}")]
    NotFinite {
        /// The column.
        column: usize,
    },
    /// A pivot stayed bad.
    #[error(
        "incomplete Cholesky: the pivot at column {column} stayed bad up to a shift of {max_shift} times the diagonal"
    )]
    Pivot {
        /// First column of the variable block.
        column: usize,
        /// The largest shift allowed.
        max_shift: f64,
    },
}
