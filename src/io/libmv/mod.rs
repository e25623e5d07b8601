//! Reconstructions of films as libmv, and Blender with it, write them for bundle adjustment.
//!
//! Binary: a letter for the order of bytes (`V` big endian, `v` little endian), one for the markers' space (`P` pixels, `N`
//! normalized), eight numbers of the lens that all images share (`f c_x c_y k₁ k₂ k₃ p₁ p₂`); then, each after their number, the
//! cameras (image, rotation by columns and translation from world to camera coordinates), the points (track, position) and the
//! markers (image, track, x, y). Integers have 32 bits, numbers are of single precision. Images and tracks have any
//! non-negative numbers.

mod read;
mod write;

pub use read::{LibmvFile, parse, read};
pub use write::{to_bytes, write};

/// Why a file is not such a reconstruction.
#[derive(Debug, thiserror::Error)]
pub enum LibmvError {
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
    #[error("byte {offset}: {reason}")]
    Value {
        /// Where it stands, from 0.
        offset: usize,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// It ends too early.
    #[error("the file ends after {length} bytes: expected {expected}")]
    End {
        /// The number of bytes.
        length: usize,
        /// What is missing.
        expected: String,
    },
}
