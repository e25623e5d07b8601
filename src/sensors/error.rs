//! What can be wrong with a sample or a calibration.

/// Why a sample or a calibration cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SensorError {
    /// A calibration makes no camera.
    #[error("calibration: {0}")]
    Calibration(String),
    /// An image of another size than its calibration says.
    #[error(
        "{which} image: expected {expected_width}x{expected_height} as the calibration says, found {width}x{height}"
    )]
    Size {
        /// Which image: `left`, `right`, `depth`.
        which: &'static str,
        /// Width of the calibration (px).
        expected_width: u32,
        /// Height of the calibration (px).
        expected_height: u32,
        /// Width of the image (px).
        width: u32,
        /// Height of the image (px).
        height: u32,
    },
    /// The images are not those that the rig has.
    #[error("expected {expected}, found {found}")]
    Kind {
        /// What the rig takes.
        expected: &'static str,
        /// What came.
        found: &'static str,
    },
    /// Pixels in an encoding that is not known, or not usable for the purpose.
    #[error("encoding '{found}' is not supported here; expected one of {expected}")]
    Encoding {
        /// The encoding's name.
        found: String,
        /// Those that can be read.
        expected: &'static str,
    },
    /// Fewer bytes than the size says.
    #[error("expected at least {expected} bytes for {width}x{height} pixels in rows of {step} bytes, found {found}")]
    Data {
        /// Bytes that are needed.
        expected: usize,
        /// Bytes there are.
        found: usize,
        /// Width (px).
        width: u32,
        /// Height (px).
        height: u32,
        /// Length of a row (bytes).
        step: usize,
    },
    /// A compressed image that cannot be read.
    #[error("compressed image: {0}")]
    Compressed(String),
    /// OpenCV refused.
    #[error("{stage}: {reason}")]
    OpenCv {
        /// What was being done.
        stage: &'static str,
        /// What OpenCV says.
        reason: String,
    },
}
