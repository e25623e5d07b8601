//! The motion between two frames of a depth camera by the surfaces that both show, where there are no features to follow: a
//! bare box on a bare floor still has planes, and edges of light and dark.
//!
//! # Source
//! Points against planes: Chen, Medioni, *Object modelling by registration of multiple range images* (1992), with the pairs of
//! Blais, Levine, *Registering multiview range data to create 3D computer objects* (1995): what falls onto the same pixel.
//! Brightness beside it: Steinbrücker, Sturm, Cremers, *Real-time visual odometry from dense RGB-D images* (2011).

mod alignment;
mod image;
mod level;
mod pairs;
mod problem;

pub use alignment::{SurfaceAlignment, align};
pub use image::SurfaceImage;
