//! The hot loops: the same functions in portable Rust and for the CPU's vector units, chosen at run time.
//!
//! [`portable`] defines what each does; a test holds every other version to it. [`triangular`] and [`product`] are
//! written once over [`lanes`], which each unit fills in.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
mod factor;
mod halves;
mod hamming;
mod jacobian;
mod lanes;
#[cfg(target_arch = "aarch64")]
mod neon;
pub mod panels;
pub mod portable;
mod product;
mod rounded;
mod side_by_side;
mod triangular;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86_vectors;

pub use factor::{BlockFactor, gather_scaled, scatter_scaled};
pub use hamming::DescriptorColumns;
pub use jacobian::BlockRows;
pub(crate) use side_by_side::cast;
pub use side_by_side::{
    HalfKernel, Halves, Kernel, LANES, Lanes, Pair, Portable, Unit, computes_in_half, lane_sum, rounded, vectorized,
    vectorized_in_half, vectorized_in_half_with, vectorized_with, widened, widened_one,
};
pub use vector::VectorKernels;

/// How many elements vector loads and stores may reach beyond the end of what they work on.
pub const SLACK: usize = 16;
