//! The hot loops: the same functions in portable Rust and for the CPU's vector units, chosen at run time.
//!
//! [`portable`] defines what each does; a test holds every other version to it.

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod avx2;
mod factor;
#[allow(unsafe_code)]
mod hamming;
mod jacobian;
pub mod portable;
mod vector;

pub use factor::BlockFactor;
pub use hamming::DescriptorColumns;
pub use jacobian::BlockRows;
pub use vector::VectorKernels;

/// How many elements vector loads and stores may reach beyond the end of what they work on.
pub const SLACK: usize = 8;
