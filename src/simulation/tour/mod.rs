//! The robot's tour: its pose and motion as functions of time.
//!
//! The robot has two driven wheels: it moves where it looks, slower in turns, and rests for the first second.

mod motion;
mod path;
mod route;
mod spline;

pub use motion::{Motion, REST_SECS, Tour};
pub use spline::Spline;
