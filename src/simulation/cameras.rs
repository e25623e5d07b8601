//! The robot's cameras by preset, and the pictures that they take on the tour.

use super::camera_effects::{CameraEffects, CameraMotion, rgb_bytes};
use super::flat::Flat;
use super::options::SimulationOptions;
use super::people::People;
use super::renderer::{Renderer, Scene};
use super::texture::{Rgb, Texel};
use super::tour::Motion;
use crate::geometry::{PinholeCamera, Se3};
use crate::sensors::{Depth, Rig};
use nalgebra::Translation3;

/// Which cameras the robot has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// A rectified pair of grey cameras, 752 x 480.
    #[default]
    Stereo,
    /// A colour camera with aligned depth, 640 x 480.
    Rgbd,
    /// One grey camera, 752 x 480.
    Mono,
}

/// How far the cameras sit ahead of the wheels' axle (m).
const AHEAD_M: f64 = 0.11;

impl Preset {
    /// The rig of this preset.
    pub fn rig(self, options: &SimulationOptions) -> Rig {
        let (width, height, focal) = if self == Self::Rgbd { (640, 480, 525.0) } else { (752, 480, 440.0) };
        let middle = |size: u32| (f64::from(size) - 1.0) / 2.0;
        let camera = PinholeCamera { fx: focal, fy: focal, cx: middle(width), cy: middle(height), width, height };
        let (depth, left) = match self {
            Self::Stereo => (Depth::Stereo { baseline_m: options.baseline_m }, options.baseline_m / 2.0),
            Self::Rgbd => (Depth::Image, 0.0),
            Self::Mono => (Depth::None, 0.0),
        };
        let position = Translation3::new(AHEAD_M, left, options.camera_height_m);
        Rig { camera, depth, t_base_camera: position * Rig::optical_looking_ahead() }
    }
}

/// The pictures of one moment, as bytes row by row.
#[derive(Debug, Clone, PartialEq)]
pub enum Pictures {
    /// Grey values of both cameras.
    Stereo {
        /// Left camera.
        left: Vec<u8>,
        /// Right camera.
        right: Vec<u8>,
    },
    /// Red, green, blue per pixel, and depth (mm; 0: none).
    Rgbd {
        /// Colors.
        color: Vec<u8>,
        /// Depths.
        depth_mm: Vec<u16>,
    },
    /// Grey values.
    Mono {
        /// The camera.
        gray: Vec<u8>,
    },
}

enum Drawing {
    Gray(Box<(Scene<u8>, Renderer<u8>)>),
    Color(Box<(Scene<Rgb>, Renderer<Rgb>)>),
}

/// The cameras at work.
pub struct Cameras {
    preset: Preset,
    rig: Rig,
    drawing: Drawing,
    people: People,
    effects: CameraEffects,
}

impl Cameras {
    /// Cameras of a preset in a flat.
    pub fn new(options: &SimulationOptions, seed: u64, preset: Preset, flat: &Flat) -> Self {
        let rig = preset.rig(options);
        let people = People::new(flat, options.moving_objects, seed);
        let moving = people.surfaces(0.0);
        let drawing = if preset == Preset::Rgbd {
            Drawing::Color(Box::new((Scene::new(flat, moving), Renderer::new(rig.camera))))
        } else {
            Drawing::Gray(Box::new((Scene::new(flat, moving), Renderer::new(rig.camera))))
        };
        Self { preset, rig, drawing, people, effects: CameraEffects::new(options, seed) }
    }

    /// Takes the pictures of a moment: time (s), the robot's motion, and the number of the frame.
    pub fn shoot(&mut self, secs: f64, motion: &Motion, number: u64) -> Pictures {
        let (rig, effects) = (self.rig, &self.effects);
        let moving = (!self.people.is_empty()).then(|| self.people.surfaces(secs));
        let width = rig.camera.width as usize;
        match &mut self.drawing {
            Drawing::Gray(drawing) => {
                let (scene, renderer) = drawing.as_mut();
                moving.into_iter().for_each(|surfaces| scene.set_moving(surfaces));
                let mut take = |t_base_camera: Se3, camera: u64| {
                    let mut gray = shoot_one(scene, renderer, effects, motion, &t_base_camera);
                    effects.expose(&mut gray, width, secs, 4 * number + camera);
                    gray
                };
                let left = take(rig.t_base_camera, 0);
                match (self.preset, rig.depth) {
                    (Preset::Stereo, Depth::Stereo { baseline_m }) => {
                        let right = take(rig.t_base_camera * Translation3::new(baseline_m, 0.0, 0.0), 1);
                        Pictures::Stereo { left, right }
                    }
                    _ => Pictures::Mono { gray: left },
                }
            }
            Drawing::Color(drawing) => {
                let (scene, renderer) = drawing.as_mut();
                moving.into_iter().for_each(|surfaces| scene.set_moving(surfaces));
                let pixels = shoot_one(scene, renderer, effects, motion, &rig.t_base_camera);
                let mut color = rgb_bytes(&pixels);
                effects.expose(&mut color, 3 * width, secs, 4 * number);
                let depth_mm = effects.depths_mm(renderer.inverse_depths(), width, 4 * number + 2);
                Pictures::Rgbd { color, depth_mm }
            }
        }
    }
}

fn shoot_one<T: Texel>(
    scene: &Scene<T>,
    renderer: &mut Renderer<T>,
    effects: &CameraEffects,
    motion: &Motion,
    t_base_camera: &Se3,
) -> Vec<T> {
    let mut pixels = renderer.render(scene, &(motion.t_world_base * t_base_camera)).to_vec();
    let own_motion = CameraMotion::on_base(t_base_camera, motion.speed, motion.yaw_rate);
    effects.blur(&mut pixels, renderer.inverse_depths(), renderer.camera(), &own_motion);
    pixels
}
