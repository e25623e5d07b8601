//! Recordings of sensors, whatever their format, as one stream of time-stamped samples.

use crate::geometry::Trajectory;
use crate::sensors::{Rig, SensorEvent};
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

/// Topics and frames of a bag, and what a folder does not say itself.
pub use options::SourceOptions;
mod options {
    crate::options! {
        /// Topics of bags, and what a recording does not say itself.
        pub struct SourceOptions {
            /// Left (or only) image; the first image topic that fits if empty.
            left_topic: String = "", "", .., startup;
            /// Right image.
            right_topic: String = "", "", .., startup;
            /// Depth image aligned with the left one.
            depth_topic: String = "", "", .., startup;
            /// Wheel odometry.
            wheel_topic: String = "", "", .., startup;
            /// Ground truth.
            truth_topic: String = "", "", .., startup;
        }
    }
}

/// A recording of sensors: what it says of itself, and its samples in order of time.
pub struct Recording {
    /// The kind: `rosbag2`, `euroc`, `tum`, `kitti`, `seven_scenes`.
    pub kind: &'static str,
    /// The cameras.
    pub rig: Rig,
    /// Number of frames.
    pub frame_count: usize,
    /// The base's true poses, where known.
    pub truth: Option<Trajectory>,
    /// The samples in order of time. An error ends them.
    pub events: Box<dyn Iterator<Item = Result<SensorEvent, SourceError>> + Send>,
}

/// Opens a recording, finding out its kind by what is in the folder.
///
/// # Errors
/// [`SourceError`] names the file, what was expected and what was found.
pub fn open(_path: &Path, _options: &SourceOptions) -> Result<Recording, SourceError> {
    todo!()
}
