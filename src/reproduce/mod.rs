//! The experiments of the article that this project follows, run again: each gives pictures, data and a verdict.
//!
//! [`experiments`] lists them, [`run`] runs one. An experiment is a file; what several need is beside them: drives of the
//! feature-level simulator, a map that grows, a direct solver to compare with. The same seed gives the same figures on
//! any number of threads, but for times.

mod clock;
mod direct;
mod drive;
mod experiment;
mod growing_map;
mod linear_solve;
mod loop_closure;
mod map_accuracy;
mod map_time;
mod needs;
mod operations;
mod outcome;
mod parallel;
mod real_data;
mod real_graphs;
mod real_recordings;
mod reduced_system;
mod roofline;
mod setup;
mod trajectories;
mod trajectory;
mod window;

pub use experiment::{Experiment, experiments, find, run};
pub use outcome::{Check, Outcome, Picture, Table, Verdict};
pub use setup::{Progress, Setup};

use crate::io::table::TableError;
use crate::odometry::OdometryError;
use crate::plot::PlotError;
use crate::precision::PolicyError;
use crate::replay::ReplayError;
use crate::solver::SolverError;
use std::path::PathBuf;

/// Why an experiment was not finished.
#[derive(Debug, thiserror::Error)]
pub enum ReproduceError {
    /// No experiment has this name.
    #[error("unknown experiment '{name}'; expected {expected}")]
    Unknown {
        /// The name that was given.
        name: String,
        /// Those that there are.
        expected: String,
    },
    /// The odometry cannot be made.
    #[error(transparent)]
    Odometry(#[from] OdometryError),
    /// A problem of an experiment cannot be solved.
    #[error(transparent)]
    Solver(#[from] SolverError),
    /// A policy of an experiment is none.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A graph or a trajectory cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A recording cannot be read or replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A picture cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A result cannot be written.
    #[error("{path}: {error}")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}
