//! Least squares over frames and landmarks, with the landmarks eliminated: conjugate gradients on the Schur complement,
//! through products with the Jacobian alone.
//!
//! A problem implements [`Separable`]; [`minimize_separable`](super::minimize_separable) solves it. Half precision is in
//! the rows of the Jacobian, everything else in the precisions that the policy says; a factor of the complement, formed
//! once and kept while it serves, is the preconditioner.
//!
//! # Source
//! Björck, *Numerical Methods for Least Squares Problems* (1996), 4.3 (eliminating a block); Demmel et al., *Square Root
//! Bundle Adjustment for Large-Scale Reconstruction* (2021), for why landmarks' roots and not their normal equations.

// Loops over lanes index several arrays at once: in this form the compiler vectorizes them.
#![allow(clippy::needless_range_loop)]

mod cost;
mod covariance;
mod envelope;
mod factors;
mod flat;
mod landmarks;
mod layout;
mod linearize;
mod product;
mod reduced;
mod separable;
mod system;
#[cfg(test)]
mod tests;

pub use covariance::frame_covariance;
pub(crate) use flat::Flat;
pub use layout::{Group, Layout, Touched};
pub use separable::{Rows, Separable};
pub(super) use system::schur_system;
