//! Which computation runs in which precision: policies, scalar types, scaling into half, and the kernels.

mod policy;

pub use policy::{Policy, PolicyError, Precision};
