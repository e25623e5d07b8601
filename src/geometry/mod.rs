//! Rigid transforms, cameras, triangulation, alignment and trajectories.
//!
//! `t_world_camera` maps camera coordinates into world coordinates: `t_world_camera * p_camera = p_world`.

pub mod alignment;
mod camera;
pub mod relative_pose;
pub mod rigid;
pub mod se2;
pub mod se3;
mod trajectory;
pub mod triangulation;
mod uncertain_pose;

pub use alignment::{AlignmentError, Similarity, align_se3, align_sim3};
pub use camera::PinholeCamera;
pub use se2::Se2;
pub use se3::Se3;
pub use trajectory::{StampedPose, Trajectory};
pub use triangulation::{Sight, triangulate};
pub use uncertain_pose::UncertainPose;
