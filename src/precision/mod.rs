//! Which computation runs in which precision: policies, scalar types, scaling into half, and the kernels.

pub mod cpu;
pub mod kernels;
mod policy;
mod scalar;
mod scaling;

pub use half::{bf16, f16};
pub use kernels::VectorKernels;
pub use policy::{Policy, PolicyError, Precision};
pub use scalar::Scalar;
pub use scaling::{power_of_two_near, power_of_two_near_inverse_root};
