//! Why an error of a trajectory cannot be told.

use crate::geometry::AlignmentError;

/// Why an error of a trajectory cannot be told.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvaluationError {
    /// No stamps of the two trajectories belong together.
    #[error(
        "expected stamps that differ by at most {max_difference_s} s, found none: the estimate has {estimate_count} \
         poses ({estimate_span}), the truth {truth_count} ({truth_span})"
    )]
    NoPairs {
        /// Poses in the estimate.
        estimate_count: usize,
        /// First and last stamp of the estimate.
        estimate_span: String,
        /// Poses in the truth.
        truth_count: usize,
        /// First and last stamp of the truth.
        truth_span: String,
        /// Largest difference that is allowed (s).
        max_difference_s: f64,
    },
    /// Too few for relative poses.
    #[error("expected at least 2 poses with truth, found {found}")]
    TooFew {
        /// How many pairs there are.
        found: usize,
    },
    /// The positions do not determine the alignment.
    #[error("{0}")]
    Alignment(#[from] AlignmentError),
}
