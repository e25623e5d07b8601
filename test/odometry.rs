//! Visual odometry as a whole: how near it stays to the truth, under every policy, and what it makes of bad input.

#[path = "odometry/bad_input.rs"]
mod bad_input;
#[path = "odometry/gravity.rs"]
mod gravity;
#[path = "odometry/images.rs"]
mod images;
#[path = "odometry/known_features.rs"]
mod known_features;
#[path = "odometry/recordings.rs"]
mod recordings;
#[path = "odometry/single_camera.rs"]
mod single_camera;
#[path = "odometry/surfaces.rs"]
mod surfaces;
#[path = "odometry/time.rs"]
mod time;
#[path = "odometry/tours.rs"]
mod tours;
#[path = "support/worlds.rs"]
mod worlds;

use halfslam::geometry::Se3;
use halfslam::precision::Policy;

fn policy(name: &str) -> Policy {
    Policy::resolve(name).unwrap()
}

fn distance_m(a: &Se3, b: &Se3) -> f64 {
    (a.translation.vector - b.translation.vector).norm()
}
