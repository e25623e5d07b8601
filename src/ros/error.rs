//! What ends a node, and what makes it refuse a message.

use crate::odometry::OdometryError;
use crate::options::ParameterError;
use crate::precision::PolicyError;

/// Why a node cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum RosError {
    /// ROS itself refuses: broken arguments or parameter file, no middleware.
    #[error("ROS cannot be started: {0}")]
    Start(String),
    /// A call into ROS failed.
    #[error("{doing}: {error}")]
    Call {
        /// What was to be done, with the topic's name.
        doing: String,
        /// What ROS says.
        error: r2r::Error,
    },
    /// A parameter is unknown or has a value that is not allowed.
    #[error("{0}")]
    Parameter(#[from] ParameterError),
    /// The precision policy is unknown or makes no sense.
    #[error("parameter 'precision': {0}")]
    Policy(#[from] PolicyError),
    /// The cameras do not serve for odometry.
    #[error("{0}")]
    Odometry(#[from] OdometryError),
    /// Something else that names its own cause.
    #[error("{0}")]
    Other(String),
}

/// Why a message was refused. A node counts it and goes on.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct BadMessage(pub String);

impl BadMessage {
    /// A refusal for this reason, which says what was expected and what was found.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}
