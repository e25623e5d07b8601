//! Absolute and relative trajectory errors (ATE, RPE), as the tool `evo` defines and computes them, and drift over
//! segments of the path, as KITTI does.

mod absolute;
mod association;
mod error;
mod relative;
mod statistics;

pub use absolute::{AbsoluteError, Alignment, absolute_error};
pub use association::{DEFAULT_MAX_DIFFERENCE_NANOS, PosePair, associate};
pub use error::EvaluationError;
pub use relative::{RelativeError, SegmentDrift, relative_error};
pub use statistics::Statistics;
