//! Sparse block matrices: the Jacobian, orderings, incomplete Cholesky factors and triangular solves.

mod jacobian;
mod structure;

pub use jacobian::{BlockJacobian, Rounding};
pub use structure::{Structure, VariableIndex};
