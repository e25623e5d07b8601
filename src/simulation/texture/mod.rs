//! Textures made by code: patterns in metres, and their images at several scales.

mod building;
mod material;
mod mipmap;
mod noise;
mod objects;
mod pictures;

pub use material::{Color, Material, Pattern};
pub use mipmap::{Level, Mipmap, Rgb, Texel, texel_count};
