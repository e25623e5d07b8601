//! A robot's tour through a furnished flat, rendered to a recording or seen as features.
//!
//! - [`flat`]: rooms, doors, lanes and furniture, drawn from a seed; [`texture`]: what their surfaces look like
//! - [`tour`]: where the robot is at any time, and how it moves
//! - [`renderer`]: a scene and a camera into an image with depth
//! - [`features`]: the same tours without images, as landmarks that a tracker sees
//! - [`Simulation`]: all sensors in order of time; [`record`]: to a rosbag2 folder
//!
//! World frame: z up, the floor at 0. Base frame (REP-103): x ahead, y to the left, z up, on the floor between the
//! wheels; the truth is `t_world_base`. The same options and seed give the same bytes.

mod camera_effects;
mod cameras;
pub mod features;
pub mod flat;
mod imu;
mod options;
mod people;
pub(crate) mod random;
mod recording;
pub mod renderer;
mod timeline;
pub mod texture;
pub mod tour;
mod wheels;

pub use camera_effects::{CameraEffects, CameraMotion};
pub use cameras::{Cameras, Pictures, Preset};
pub use imu::{GRAVITY, IMU_HEIGHT_M};
pub use options::SimulationOptions;
pub use recording::record;
pub use timeline::{Reading, Readings, START_NANOS, Simulation, TRUTH_RATE_HZ};
pub use wheels::{WheelReading, Wheels};
