//! The same tours without images: landmarks on the flat's surfaces, and what a tracker would see of them.
//!
//! - [`Landmarks`]: points on walls, floors and furniture, hidden by walls and from behind
//! - [`FeatureTracker`]: their true pixels with noise, losses and mismatches, where the odometry expects a tracker
//! - [`FeatureSimulation`]: a whole tour, its frames and wheels in order of time, and keyframes described for the map

mod camera;
mod describing;
mod distortion;
mod landmarks;
mod options;
mod simulation;
mod tracker;

pub use landmarks::{Landmarks, Sight};
pub use options::FeatureOptions;
pub use simulation::FeatureSimulation;
pub use tracker::FeatureTracker;
