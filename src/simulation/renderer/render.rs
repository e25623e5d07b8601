//! One image of a scene: who is seen at each pixel, then what color it has.

use super::edges;
use super::projection::Projected;
use super::scene::Scene;
use super::shading::{CHUNK, Shader};
use crate::geometry::{PinholeCamera, Se3};
use crate::simulation::texture::Texel;

const NOTHING: u32 = u32::MAX;

/// A camera with the memory that it draws in.
pub struct Renderer<T> {
    camera: PinholeCamera,
    ids: Vec<u32>,
    inverse_depths: Vec<f32>,
    pixels: Vec<T>,
}

impl<T: Texel> Renderer<T> {
    /// A renderer for a camera.
    pub fn new(camera: PinholeCamera) -> Self {
        let count = camera.width as usize * camera.height as usize;
        Self { camera, ids: vec![NOTHING; count], inverse_depths: vec![0.0; count], pixels: vec![T::default(); count] }
    }

    /// The camera.
    pub fn camera(&self) -> &PinholeCamera {
        &self.camera
    }

    /// Draws the scene as seen from a pose (optical frame into world). Returns its pixels, row by row.
    pub fn render(&mut self, scene: &Scene<T>, t_world_camera: &Se3) -> &mut [T] {
        let t_camera_world = t_world_camera.inverse();
        let (width, height) = (self.camera.width as usize, self.camera.height as usize);
        let projected: Vec<Projected> = scene
            .surfaces()
            .iter()
            .enumerate()
            .filter_map(|(index, surface)| Projected::new(index, surface, &self.camera, &t_camera_world))
            .collect();
        self.find_visible(&projected);
        let mut is_seen = vec![false; projected.len()];
        let mut last = NOTHING;
        for &id in &self.ids {
            if id != last && id != NOTHING {
                is_seen[id as usize] = true;
                last = id;
            }
        }
        let shaders: Vec<Option<Shader<'_, T>>> = projected
            .iter()
            .zip(&is_seen)
            .map(|(surface, &seen)| {
                let size = scene.surfaces()[surface.surface].size;
                seen.then(|| Shader::new(scene.texture(surface.surface), surface, size, width))
            })
            .collect();
        self.shade(&shaders);
        edges::smooth(&self.ids, width, height, &projected, &shaders, &mut self.pixels);
        &mut self.pixels
    }

    /// Inverse depths (1/m) along the optical axis of the last image, 0 where nothing is seen.
    pub fn inverse_depths(&self) -> &[f32] {
        &self.inverse_depths
    }

    fn find_visible(&mut self, projected: &[Projected]) {
        self.ids.fill(NOTHING);
        self.inverse_depths.fill(0.0);
        let width = self.camera.width as usize;
        for (id, surface) in projected.iter().enumerate() {
            for y in surface.rows.0..surface.rows.1 {
                let (from, to) = surface.span(y as f64, width);
                if from >= to {
                    continue;
                }
                let depths = &mut self.inverse_depths[y * width + from..y * width + to];
                let ids = &mut self.ids[y * width + from..y * width + to];
                let begin = surface.inverse_depth.at(from as f64, y as f64) as f32;
                draw_span(depths, ids, begin, surface.inverse_depth.a as f32, id as u32);
            }
        }
    }

    fn shade(&mut self, shaders: &[Option<Shader<'_, T>>]) {
        let width = self.camera.width as usize;
        for (y, (ids, pixels)) in self.ids.chunks_exact(width).zip(self.pixels.chunks_exact_mut(width)).enumerate() {
            let mut x = 0;
            while x < width {
                let id = ids[x];
                let longest = (x + CHUNK).min(width);
                let end = x + ids[x..longest].iter().take_while(|&&other| other == id).count();
                match shaders.get(id as usize) {
                    Some(Some(shader)) => shader.chunk(y, x, &mut pixels[x..end]),
                    _ => pixels[x..end].fill(T::default()),
                }
                x = end;
            }
        }
    }
}

/// Enters a surface where it is nearer than what is there. Written without branches, so that it becomes vector code.
fn draw_span(inverse_depths: &mut [f32], ids: &mut [u32], begin: f32, step: f32, id: u32) {
    for (i, (depth, owner)) in inverse_depths.iter_mut().zip(ids.iter_mut()).enumerate() {
        let new = begin + step * i as i32 as f32;
        let nearer = new > *depth;
        *depth = if nearer { new } else { *depth };
        *owner = if nearer { id } else { *owner };
    }
}
