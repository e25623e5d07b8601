//! What can be wrong with a recording.

use crate::io::table::TableError;
use std::path::{Path, PathBuf};

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file system says no.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The content is not what it should be.
    #[error("{path}: {reason}")]
    Format {
        /// The file or folder.
        path: PathBuf,
        /// Where in it (line, topic), what was expected and what was found.
        reason: String,
    },
    /// No reader knows this kind of folder.
    #[error("{path}: not a recording that can be read; expected one of: {expected}")]
    Unknown {
        /// The file or folder.
        path: PathBuf,
        /// The kinds that can be read.
        expected: &'static str,
    },
}

impl SourceError {
    /// For `map_err` of file operations on `path`.
    pub(super) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Io { path, error }
    }

    /// For `map_err` of anything else that is wrong with `path`.
    pub(super) fn format<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Format { path, reason: error.to_string() }
    }
}

impl From<TableError> for SourceError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Io { path, error } => Self::Io { path, error },
            TableError::Line { path, line, reason } => Self::Format { path, reason: format!("line {line}: {reason}") },
            TableError::Content { path, reason } => Self::Format { path, reason },
        }
    }
}
