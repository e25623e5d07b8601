//! Pose graphs in the formats of g2o and TORO.
//!
//! Read are `VERTEX_SE3:QUAT`, `EDGE_SE3:QUAT`, `VERTEX_SE2`, `EDGE_SE2` and `FIX` of g2o, `VERTEX2`, `EDGE2`,
//! `VERTEX3` and `EDGE3` of TORO. Information matrices are taken as those of `[t; 2 q_vec]` (in the plane
//! `[t; 2 sin(θ/2)]`), as SE-Sync takes them; g2o's own tools leave out the 2.

mod fields;
mod read;
mod write;

pub use read::{is_one, parse, read};
pub use write::{to_string, write, write_graph};

use crate::pose_graph::{PlanarPoseGraph, PoseGraph};
use std::collections::BTreeMap;

/// A pose graph in space or in the plane.
#[derive(Debug, Clone, PartialEq)]
pub enum Graph {
    /// SE(3).
    Space(PoseGraph),
    /// SE(2).
    Plane(PlanarPoseGraph),
}

/// What a file of a pose graph holds.
#[derive(Debug, Clone, PartialEq)]
pub struct G2o {
    /// The graph; nodes are in ascending order of their ids.
    pub graph: Graph,
    /// The file's id of each node.
    pub ids: Vec<i64>,
    /// Nodes that had no vertex and started from the edges.
    pub started_from_edges: usize,
    /// Edges whose information matrix is indefinite, and was taken without what joins translation and rotation.
    pub uncorrelated_edges: usize,
    /// Lines of kinds that are not understood, by kind.
    pub ignored: BTreeMap<String, usize>,
}
