//! The landmarks eliminated: conjugate gradients on the Schur complement, which is never formed for a product; a factor
//! of it, formed once and kept while it serves, is the preconditioner.
//!
//! # Source
//! Björck, *Numerical Methods for Least Squares Problems* (1996), 4.3 (eliminating a block); Demmel et al., *Square Root
//! Bundle Adjustment for Large-Scale Reconstruction* (2021), for why landmarks' roots and not their normal equations.

mod complement;
mod covariance;
mod envelope;
mod factor;
mod landmarks;
mod parts;
mod reduced;
mod system;

pub use covariance::frame_covariance;
pub(super) use landmarks::root_inverse;
pub(in crate::solver) use system::schur_system;
