//! A recording through the whole pipeline, in one process: what the two nodes do, without ROS and as fast as it goes.

mod edges;
mod output;
mod report;
mod run;
mod summary;

pub use edges::EdgeErrors;
pub use output::OutputFolder;
pub use run::{FrameRecord, Outcome, run};
pub use summary::{Errors, Quantiles, Summary};

use crate::io::sources::SourceError;
use crate::odometry::OdometryError;
use crate::precision::PolicyError;
use std::path::PathBuf;

/// Why a replay ended before its recording did, or could not write its results.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The recording cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The precision policy cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The odometry cannot be made for this rig.
    #[error(transparent)]
    Odometry(#[from] OdometryError),
    /// A single camera, and nothing that tells the scale.
    #[error(
        "{kind} recording: one camera alone tells no scale; expected wheel odometry (in a bag: source.wheel_topic; in a \
         folder: wheel_odometry.txt), depth images (in a TUM folder: depth.txt) or a second camera, found none"
    )]
    NoScale {
        /// The kind of recording.
        kind: &'static str,
    },
    /// The recording holds no frame.
    #[error("{kind} recording: no frame in it")]
    Empty {
        /// The kind of recording.
        kind: &'static str,
    },
    /// A result cannot be written.
    #[error("{path}: {error}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// The picture cannot be drawn.
    #[error("{path}: {reason}")]
    Picture {
        /// The picture.
        path: PathBuf,
        /// What the drawing library says.
        reason: String,
    },
}
