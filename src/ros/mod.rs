//! The only place that names r2r: two nodes, and a player and a collector that drive them.
//!
//! - [`node`] starts a node and ends it at SIGINT, [`spinning`] is its thread; [`parameters`] are the table of [`crate::config::Config`];
//! - [`convert`] holds the messages, as pure functions; [`qos`], [`tf`], [`synchronizer`], [`mailbox`],
//!   [`sample_queue`], [`durations`] and [`diagnostics`] are what both nodes are made of; [`wheel`] takes odometries in;
//! - [`camera_topics`] gives frames ([`raw_frame`]) from image topics, [`odometry_worker`], [`keyframe_worker`] and [`map_worker`] run
//!   the pipeline's objects on threads of their own;
//! - [`reset`] is their service;
//! - [`player`] publishes a recording, [`demo`] watches both nodes at it.

mod cadence;
pub mod camera_topics;
pub mod convert;
pub mod demo;
pub mod diagnostics;
pub mod durations;
mod error;
pub mod keyframe_worker;
pub mod mailbox;
pub mod map_worker;
pub mod messages;
pub mod node;
pub mod odometry_worker;
pub mod parameters;
pub mod player;
pub mod qos;
pub mod raw_frame;
pub mod reset;
pub mod sample_queue;
pub mod spinning;
pub mod synchronizer;
pub mod tf;
mod threads;
pub mod wheel;

pub use error::{BadMessage, RosError};
pub use node::{Node, run};
