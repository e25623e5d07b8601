//! What a renderer draws: surfaces that stay, surfaces that move, and their textures.

use super::bake::bake;
use crate::simulation::flat::{Flat, Light, Surface};
use crate::simulation::texture::{Mipmap, Texel};
use std::sync::OnceLock;

/// Surfaces with their textures, which are made when first seen.
pub struct Scene<T> {
    surfaces: Vec<Surface>,
    textures: Vec<OnceLock<Mipmap<T>>>,
    still_count: usize,
    light: Light,
}

impl<T: Texel> Scene<T> {
    /// The scene of a flat; `moving` are the surfaces of what moves, where it is at first.
    pub fn new(flat: &Flat, moving: Vec<Surface>) -> Self {
        let still_count = flat.surfaces.len();
        let surfaces: Vec<Surface> = flat.surfaces.iter().cloned().chain(moving).collect();
        let textures = surfaces.iter().map(|_| OnceLock::new()).collect();
        Self { surfaces, textures, still_count, light: flat.light.clone() }
    }

    /// Moves what moves: the same surfaces in the same order, elsewhere.
    pub fn set_moving(&mut self, moving: Vec<Surface>) {
        self.surfaces.truncate(self.still_count);
        self.surfaces.extend(moving);
        self.textures.resize_with(self.surfaces.len(), OnceLock::new);
    }

    /// All surfaces.
    pub fn surfaces(&self) -> &[Surface] {
        &self.surfaces
    }

    /// The texture of a surface.
    pub fn texture(&self, surface: usize) -> &Mipmap<T> {
        self.textures[surface].get_or_init(|| bake(&self.surfaces[surface], &self.light))
    }
}
