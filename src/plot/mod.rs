//! Pictures of measurements (SVG): one colour for each policy, axes with units, legends.

mod bars;
mod chart;
mod cumulative;
mod palette;
mod ranges;
mod sparsity;

pub use bars::{Bar, BarChart};
pub use chart::{Chart, Line, Scale, Style};
pub use cumulative::{cumulative_steps, quantile};
pub use palette::{CORRECTED, LOOP, ODOMETRY, TRUTH, policy_color};
pub use ranges::equal_ranges;
pub use sparsity::{SparsityPicture, draw_sparsity};

/// Why a picture was not drawn.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct PlotError {
    /// The picture.
    pub path: std::path::PathBuf,
    /// What the drawing library or the system says.
    pub reason: String,
}
