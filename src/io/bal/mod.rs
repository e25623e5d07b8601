//! Reconstructions in the format of "Bundle Adjustment in the Large".
//!
//! Text: `cameras points observations`, then a line `camera point x y` for each observation, then nine numbers for each
//! camera (rotation vector, translation, focal length, two of distortion) and three for each point.

mod read;
mod write;

pub use read::{parse, read};
pub use write::{to_string, write};

use crate::bundle::{BalCamera, PointBundle};

/// What a file holds.
pub type BalBundle = PointBundle<BalCamera, 2>;

/// Why a file is not such a reconstruction.
#[derive(Debug, thiserror::Error)]
pub enum BalError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Its content is wrong.
    #[error("{path}: {error}")]
    Content {
        /// The file.
        path: String,
        /// What is wrong, and where.
        error: Box<Self>,
    },
    /// It says something that cannot be.
    #[error("line {line}: {reason}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// It ends too early.
    #[error("the file ends after line {line}: expected {expected}")]
    End {
        /// The last line.
        line: usize,
        /// What is missing.
        expected: String,
    },
}
