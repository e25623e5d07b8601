//! A software renderer for flats: exact visibility, filtered textures with perspective, smooth outlines, depth.
//!
//! Pixel centres are at whole numbers, as in [`crate::geometry::PinholeCamera`], so that a point of the world is seen
//! where `project` says, to a small fraction of a pixel.

mod bake;
mod edges;
mod projection;
mod render;
mod scene;
mod shading;

pub use projection::{Linear, Projected};
pub use render::Renderer;
pub use scene::Scene;
