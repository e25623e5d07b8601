//! What can be wrong with a bag.

use std::path::PathBuf;

/// Why a bag cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BagError {
    /// The file system says no.
    #[error("{path}: {error}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A bag is written to a new folder only.
    #[error("{path}: exists already; a bag is written to a new folder")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A file's content is not what it should be.
    #[error("{path}: {reason}")]
    Format {
        /// The file or folder.
        path: PathBuf,
        /// Where in it, what was expected and what was found.
        reason: String,
    },
    /// A message of a topic is not what its type says.
    #[error("{topic}: not a {expected}: {reason}")]
    Message {
        /// The topic.
        topic: String,
        /// The type that was expected, e.g. `sensor_msgs/msg/Image`.
        expected: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl BagError {
    /// For `map_err` of file operations on `path`.
    pub(super) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Io { path, error }
    }

    /// For `map_err` of anything else that is wrong with `path`.
    pub(super) fn format<E: std::fmt::Display>(path: &std::path::Path) -> impl FnOnce(E) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Format { path, reason: error.to_string() }
    }

    /// For `map_err` of what reads or writes the MCAP file `path`. The library's own words keep to themselves what the system says.
    pub(super) fn mcap(path: &std::path::Path) -> impl FnOnce(mcap::McapError) -> Self {
        let path = path.to_path_buf();
        move |error| match error {
            mcap::McapError::Io(error) => Self::Io { path, error },
            _ => Self::Format { path, reason: error.to_string() },
        }
    }
}
