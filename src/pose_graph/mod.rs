//! Pose graph optimization: keyframe poses from relative poses between them.

use crate::geometry::Se3;
use crate::precision::Policy;
use crate::solver::{SolveStatistics, SolverError, SolverOptions};
use nalgebra::Matrix6;

/// A relative pose between two nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct PoseGraphEdge {
    /// Index of the first node.
    pub from: usize,
    /// Index of the second node.
    pub to: usize,
    /// Measured: coordinates of `to` into those of `from`.
    pub t_from_to: Se3,
    /// Information of `[t; 2 q_vec]` of `measurement⁻¹ · relative pose`, translation (m) first.
    pub information: Matrix6<f64>,
    /// Whether the edge may be wrong, so that a robust loss applies (loop closures).
    pub robust: bool,
}

/// Poses and the relative poses measured between them. Made with [`PoseGraph::new`] or `default`, and grown by pushing
/// nodes and edges.
#[derive(Debug, Clone, Default)]
pub struct PoseGraph {
    /// Node coordinates into map coordinates.
    pub nodes: Vec<Se3>,
    /// Nodes that stay as they are; node 0 if empty.
    pub fixed: Vec<usize>,
    /// The measurements.
    pub edges: Vec<PoseGraphEdge>,
}

crate::options! {
    /// How a pose graph is optimized.
    pub struct PoseGraphOptions {
        /// Residuals of loop edges beyond this many standard deviations count linearly (Huber).
        huber_sigmas: f64 = 3.0, "standard deviations", 0.1..=1000.0, live;
    }
    groups {
        /// When the solve stops.
        solver: SolverOptions;
    }
}

impl PoseGraph {
    /// A graph of these nodes and measurements.
    pub fn new(nodes: Vec<Se3>, fixed: Vec<usize>, edges: Vec<PoseGraphEdge>) -> Self {
        Self { nodes, fixed, edges }
    }

    /// Optimizes the nodes in place. On an error nothing is changed.
    ///
    /// # Errors
    /// [`SolverError`] if an index is out of range or values are not finite.
    pub fn optimize(&mut self, _policy: &Policy, _options: &PoseGraphOptions) -> Result<SolveStatistics, SolverError> {
        todo!()
    }
}
