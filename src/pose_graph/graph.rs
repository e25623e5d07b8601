//! What a pose graph consists of.

use super::prepared::Prepared;
use crate::geometry::relative_pose::RigidGroup;
use crate::geometry::{Se2, Se3};
use nalgebra::SMatrix;

/// A relative pose between two nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct PoseGraphEdge<G = Se3, const D: usize = 6> {
    /// Index of the first node.
    pub from: usize,
    /// Index of the second node.
    pub to: usize,
    /// Measured: coordinates of `to` into those of `from`.
    pub t_from_to: G,
    /// Information of `[t; 2 q_vec]` of `measurement⁻¹ · relative pose`, translation (m) first; in the plane, of
    /// `[t; 2 sin(θ/2)]`. Symmetric and positive semidefinite.
    pub information: SMatrix<f64, D, D>,
    /// Whether the edge may be wrong, so that a robust loss applies (loop closures).
    pub robust: bool,
}

/// Whether a matrix may be the information of an edge: finite and positive semidefinite, up to roundoff.
pub fn is_information<const D: usize>(matrix: &SMatrix<f64, D, D>) -> bool {
    super::whitening::square_root(matrix).is_some()
}

/// Poses and the relative poses measured between them. Made with [`PoseGraph::new`] or `default`, and grown by pushing
/// nodes and edges: what a solve computed once for the others is kept for the next one.
///
/// In space unless said otherwise; [`PlanarPoseGraph`] is the same in the plane.
#[derive(Debug, Clone)]
pub struct PoseGraph<G: RigidGroup<D> = Se3, const D: usize = 6> {
    /// Node coordinates into map coordinates.
    pub nodes: Vec<G>,
    /// Nodes that stay as they are; node 0 if empty. In a part of the graph that no edge connects with any of them, the
    /// first node stays too.
    pub fixed: Vec<usize>,
    /// The measurements.
    pub edges: Vec<PoseGraphEdge<G, D>>,
    /// What depends on the measurements alone.
    pub(super) prepared: Option<Prepared<G, D>>,
}

/// A pose graph in the plane.
pub type PlanarPoseGraph = PoseGraph<Se2, 3>;

impl<G: RigidGroup<D>, const D: usize> Default for PoseGraph<G, D> {
    fn default() -> Self {
        Self::new(Vec::new(), Vec::new(), Vec::new())
    }
}

/// Equality of nodes and measurements, whatever has been prepared from them.
impl<G: RigidGroup<D>, const D: usize> PartialEq for PoseGraph<G, D> {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes && self.fixed == other.fixed && self.edges == other.edges
    }
}

impl<G: RigidGroup<D>, const D: usize> PoseGraph<G, D> {
    /// A graph of these nodes and measurements.
    pub fn new(nodes: Vec<G>, fixed: Vec<usize>, edges: Vec<PoseGraphEdge<G, D>>) -> Self {
        Self { nodes, fixed, edges, prepared: None }
    }

    /// For each node whether it stays as it is: those named in `fixed`, node 0 if there are none, and the first node of
    /// each part of the graph that holds none of them. Indices must be in range.
    pub(super) fn fixed_nodes(&self) -> Vec<bool> {
        let part = self.parts();
        let mut fixed = vec![false; self.nodes.len()];
        let mut held = vec![false; self.nodes.len()];
        let named = if self.fixed.is_empty() && !self.nodes.is_empty() { &[0][..] } else { &self.fixed[..] };
        for &node in named {
            fixed[node] = true;
            held[part[node]] = true;
        }
        for leader in part {
            fixed[leader] |= !std::mem::replace(&mut held[leader], true);
        }
        fixed
    }

    /// For each node the first node of its part of the graph. Indices must be in range.
    pub(super) fn parts(&self) -> Vec<usize> {
        let mut part: Vec<usize> = (0..self.nodes.len()).collect();
        for edge in &self.edges {
            let (a, b) = (root(&mut part, edge.from), root(&mut part, edge.to));
            // The smaller index leads, so the leader of a part is its first node.
            part[a.max(b)] = a.min(b);
        }
        (0..part.len()).map(|node| root(&mut part, node)).collect()
    }
}

impl<G: RigidGroup<D>, const D: usize> PoseGraphEdge<G, D> {
    /// The covariance of its residual. What its information leaves open is uncertain without measure; `None` if it tells
    /// nothing.
    pub(super) fn covariance(&self) -> Option<SMatrix<f64, D, D>> {
        let little = 1e-9 * self.information.diagonal().amax();
        (self.information + SMatrix::<f64, D, D>::identity() * little).try_inverse()
    }
}

/// The leader of a node's part, with paths halved on the way.
fn root(part: &mut [usize], mut node: usize) -> usize {
    while part[node] != node {
        part[node] = part[part[node]];
        node = part[node];
    }
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Matrix6;

    fn edge(from: usize, to: usize) -> PoseGraphEdge {
        PoseGraphEdge { from, to, t_from_to: Se3::identity(), information: Matrix6::identity(), robust: false }
    }

    #[test]
    fn each_part_of_a_graph_is_held_by_one_node() {
        let edges = vec![edge(0, 1), edge(4, 3), edge(3, 2), edge(6, 5)];
        let mut graph = PoseGraph::new(vec![Se3::identity(); 8], vec![], edges);
        assert_eq!(graph.fixed_nodes(), [true, false, true, false, false, true, false, true]);
        graph.fixed = vec![1, 3, 4];
        assert_eq!(graph.fixed_nodes(), [false, true, false, true, true, true, false, true]);
        assert!(PoseGraph::<Se3, 6>::default().fixed_nodes().is_empty());
    }
}
