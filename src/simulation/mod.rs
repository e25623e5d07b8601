//! A robot's tour through a furnished flat, rendered to a recording.
//!
//! - [`flat`]: rooms, doors, lanes and furniture, drawn from a seed; [`texture`]: what their surfaces look like
//! - [`tour`]: where the robot is at any time, and how it moves
//! - [`renderer`]: a scene and a camera into an image with depth
//! - [`Simulation`]: all sensors in order of time; [`record`]: to a rosbag2 folder
//!
//! World frame: z up, the floor at 0. Base frame (REP-103): x ahead, y to the left, z up, on the floor between the
//! wheels; the truth is `t_world_base`. The same options and seed give the same bytes.

mod camera_effects;
mod cameras;
pub mod flat;
mod imu;
mod options;
mod people;
mod random;
mod recording;
pub mod renderer;
mod simulation;
pub mod texture;
pub mod tour;
mod wheels;

pub use cameras::{Cameras, Pictures, Preset};
pub use camera_effects::{CameraEffects, CameraMotion};
pub use imu::{GRAVITY, IMU_HEIGHT_M};
pub use options::SimulationOptions;
pub use recording::record;
pub use simulation::{Reading, Readings, START_NANOS, Simulation, TRUTH_RATE_HZ};
pub use wheels::{WheelReading, Wheels};

#[cfg(test)]
mod preview {
    use super::*;
    use crate::geometry::{PinholeCamera, Se3};
    use crate::simulation::texture::Rgb;
    #[test]
    #[ignore]
    fn preview() {
        let seed = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1u64);
        let flat = flat::Flat::new(seed, 0.0);
        println!("{} surfaces", flat.surfaces.len());
        let camera = PinholeCamera { fx: 440.0, fy: 440.0, cx: 375.5, cy: 239.5, width: 752, height: 480 };
        let scene = renderer::Scene::<Rgb>::new(&flat, vec![]);
        let gray = renderer::Scene::<u8>::new(&flat, vec![]);
        let mut renderer = renderer::Renderer::<Rgb>::new(camera);
        let mut gray_renderer = renderer::Renderer::<u8>::new(camera);
        for room in 0..7usize {
            for view in 0..2 {
                let area = flat.plan.rooms[room].area;
                let [cx, cy] = area.center();
                let yaw = 0.7 + 3.14159 * view as f64 * 0.8 - if room == 0 { 0.55 } else { 0.0 };
                let back = if room == 0 { 4.0 } else { 1.3 };
                let t = Se3::translation(
                    cx - back * f64::cos(yaw),
                    (cy - back * f64::sin(yaw)).clamp(area.min[1] + 0.4, area.max[1] - 0.4),
                    0.6,
                ) * Se3::rotation(nalgebra::Vector3::z() * yaw)
                    * crate::sensors::Rig::optical_looking_ahead();
                let pixels = renderer.render(&scene, &t);
                let bytes: Vec<u8> = pixels.iter().flat_map(|p| p.parts()).collect();
                image::RgbImage::from_raw(752, 480, bytes)
                    .unwrap()
                    .save(format!("/tmp/sim_{room}_{view}.png"))
                    .unwrap();
                let t0 = std::time::Instant::now();
                gray_renderer.render(&gray, &t);
                let t1 = std::time::Instant::now();
                for _ in 0..5 {
                    gray_renderer.render(&gray, &t);
                }
                println!("{room} {view}: first {:?}, then {:?}", t1 - t0, t1.elapsed() / 5);
            }
        }
    }
}
