//! The map: keyframes, the graph between them, and its correction when the robot returns to a place.

use crate::geometry::{Se3, Trajectory};
use crate::odometry::KeyframeId;
use crate::place::{DescribedKeyframe, PlaceOptions};
use crate::pose_graph::{PoseGraph, PoseGraphOptions};
use crate::precision::Policy;
use crate::solver::{SolveStatistics, SolverError};
use nalgebra::Point3;

crate::options! {
    /// Loop closure and the map.
    pub struct MapOptions {
        /// Size of the cubes in which the cloud keeps one point.
        cloud_voxel_m: f64 = 0.05, "m", 0.0..=10.0, live;
    }
    groups {
        /// How places are recognized.
        place: PlaceOptions;
        /// How the graph is optimized.
        pose_graph: PoseGraphOptions;
    }
}

/// A loop that was closed.
#[derive(Debug, Clone, PartialEq)]
pub struct LoopClosure {
    /// The earlier keyframe.
    pub from: KeyframeId,
    /// The later keyframe.
    pub to: KeyframeId,
    /// Base of `to` into the base of `from`, as the images say.
    pub t_from_to: Se3,
    /// Features that agree with it.
    pub inlier_count: usize,
}

/// A correction of the whole map.
#[derive(Debug, Clone)]
pub struct Correction {
    /// The loops that caused it.
    pub loops: Vec<LoopClosure>,
    /// Coordinates of the odometry's world into those of the map, for the newest keyframe.
    pub t_map_odom: Se3,
    /// The solve.
    pub solve: SolveStatistics,
}

/// A coloured point of the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapPoint {
    /// In the map (m).
    pub p_map: Point3<f32>,
    /// Red, green, blue.
    pub color: [u8; 3],
}

/// Recognizes places and corrects the map.
pub struct LoopCloser {}

impl LoopCloser {
    /// An empty map.
    pub fn new(_options: &MapOptions, _policy: &Policy) -> Self {
        todo!()
    }

    /// Takes a keyframe into the map; says how the map was corrected if that closed a loop.
    ///
    /// # Errors
    /// [`SolverError`] if the graph cannot be optimized; the keyframe is kept, the loop is not.
    pub fn add(&mut self, _keyframe: DescribedKeyframe) -> Result<Option<Correction>, SolverError> {
        todo!()
    }

    /// Coordinates of the odometry's world into those of the map.
    pub fn t_map_odom(&self) -> Se3 {
        todo!()
    }

    /// Every keyframe's base in the map, after the last correction.
    pub fn trajectory(&self) -> Trajectory {
        todo!()
    }

    /// The graph: one node per keyframe.
    pub fn graph(&self) -> &PoseGraph {
        todo!()
    }

    /// All loops that were closed.
    pub fn loops(&self) -> &[LoopClosure] {
        todo!()
    }

    /// The coloured points of all keyframes, after the last correction.
    pub fn cloud(&self) -> Vec<MapPoint> {
        todo!()
    }
}
