//! What the map tells others.

use crate::geometry::Se3;
use crate::odometry::KeyframeId;
use crate::solver::SolveStatistics;
use nalgebra::Point3;

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
    /// Index of `from` in the graph; unlike its id it is unique even if the odometry was restarted.
    pub from_node: usize,
    /// Index of `to` in the graph.
    pub to_node: usize,
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
