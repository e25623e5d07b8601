//! Rigid transforms, cameras, triangulation, alignment and trajectories.
//!
//! `t_world_camera` maps camera coordinates into world coordinates: `t_world_camera * p_camera = p_world`.

mod camera;
pub mod se3;
mod trajectory;

pub use camera::PinholeCamera;
pub use se3::Se3;
pub use trajectory::{StampedPose, Trajectory};
