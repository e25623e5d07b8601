//! halfslam: visual SLAM whose solvers do most of their arithmetic in half precision and still end where double
//! precision ends.
//!
//! The modules are layers, in order: each knows only those above it in this list. Up to [`pose_graph`] they are the
//! solvers, which know nothing of images; from [`sensors`] on they need the feature `pipeline`; `ros` alone knows ROS.
#![deny(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]

pub mod options;
pub mod precision;
pub mod sparse;
pub mod solver;
pub mod geometry;
pub mod bundle;
pub mod pose_graph;
#[cfg(feature = "pipeline")]
pub mod sensors;
#[cfg(feature = "pipeline")]
pub mod frontend;
#[cfg(feature = "pipeline")]
pub mod odometry;
#[cfg(feature = "pipeline")]
pub mod place;
#[cfg(feature = "pipeline")]
pub mod map;
pub mod io;
#[cfg(feature = "pipeline")]
pub mod simulation;
#[cfg(feature = "pipeline")]
pub mod config;
#[cfg(feature = "pipeline")]
pub mod evaluation;
#[cfg(feature = "pipeline")]
pub mod plot;
#[cfg(feature = "pipeline")]
pub mod replay;
#[cfg(feature = "pipeline")]
pub mod reproduce;
#[cfg(feature = "ros")]
pub mod ros;
