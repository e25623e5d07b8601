//! Conjugate gradients on the normal equations of frames and landmarks together, preconditioned by the blocks on their
//! diagonal.
//!
//! # Source
//! The article that this crate follows solves its windows so; Björck, *Numerical Methods for Least Squares Problems*
//! (1996), 7.4.

mod blocks;
mod half_product;
mod normal;
mod system;
#[cfg(test)]
mod tests;

pub(in crate::solver) use system::cgnr_system;
