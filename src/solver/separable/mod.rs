//! Least squares over frames and landmarks, through products with the Jacobian alone, one observation per lane.
//!
//! A problem implements [`Separable`]; [`minimize_separable`](super::minimize_separable) solves it: by conjugate gradients
//! on the whole ([`cgnr`]), or with the landmarks eliminated ([`schur`]). Half precision is in the rows of the Jacobian,
//! everything else in the precisions that the policy says.

// Loops over lanes index several arrays at once: in this form the compiler vectorizes them.
#![allow(clippy::needless_range_loop)]

mod cgnr;
mod cost;
mod couplings;
mod factors;
mod flat;
mod layout;
mod linearize;
mod problem;
mod schur;
#[cfg(test)]
mod tests;

pub(super) use cgnr::cgnr_system;
pub(crate) use flat::Flat;
pub use layout::{Group, Layout, Touched};
pub use problem::{Rows, Separable};
pub use schur::frame_covariance;
pub(super) use schur::schur_system;
