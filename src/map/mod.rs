//! The map: keyframes, the graph between them, and its correction when the robot returns to a place.
//!
//! [`LoopCloser::add`] is the page to read first. [`KeyframeMaker`] makes keyframes from frames and anybody's odometry,
//! for robots that do not run this crate's visual odometry.

mod calibration;
mod cloud;
mod consistency;
mod error;
mod keyframe_maker;
mod keyframes;
mod links;
mod loop_closer;
mod map_graph;
mod odometry_step;
mod types;
mod uncertain_pose;

pub use error::MapError;
pub use keyframe_maker::{KeyframeMaker, KeyframeMakerOptions};
pub use loop_closer::LoopCloser;
pub use map_graph::Optimization;
pub use odometry_step::DriftOptions;
pub use types::{Correction, LoopClosure, MapPoint};

use crate::place::PlaceOptions;
use crate::pose_graph::PoseGraphOptions;

crate::options! {
    /// Loop closure and the map.
    pub struct MapOptions {
        /// Size of the cubes in which the cloud keeps one point; all points are kept if 0.
        cloud_voxel_m: f64 = 0.05, "m", 0.0..=10.0, live;
        /// Points further from their camera than this are left out of the cloud.
        cloud_max_depth_m: f64 = 10.0, "m", 0.1..=1000.0, live;
        /// Keyframes between the two ends of a loop, at least.
        min_gap_keyframes: usize = 15usize, "keyframes", 1..=10000, live;
        /// Time between the two ends of a loop, at least.
        min_gap_secs: f64 = 3.0, "s", 0.0..=3600.0, live;
        /// A loop that would tell less than this is not sought: 4.8 is one of half the standard deviations that the graph has already.
        min_gain_nats: f64 = 4.8, "nats", 0.0..=1000.0, live;
        /// A loop with this many inliers is believed at once; a weaker one, or one between runs of the odometry, when
        /// another agrees with it.
        strong_inliers: usize = 80usize, "places", 6..=100000, live;
        /// A loop that contradicts the odometry by more than this is false.
        max_contradiction_sigmas: f64 = 6.0, "standard deviations", 1.0..=100.0, live;
    }
    groups {
        /// How far the odometry may drift.
        drift: DriftOptions;
        /// When a frame of somebody else's odometry becomes a keyframe.
        keyframes: KeyframeMakerOptions;
        /// How places are recognized.
        place: PlaceOptions;
        /// How the graph is optimized.
        pose_graph: PoseGraphOptions;
    }
}
