//! A start for nodes of which nothing is known but the edges.

use super::PoseGraph;
use crate::geometry::relative_pose::RigidGroup;
use std::collections::VecDeque;

impl<G: RigidGroup<D>, const D: usize> PoseGraph<G, D> {
    /// Computes the nodes that are not `known` by walking the edges from known ones, along the chain of consecutive
    /// nodes as far as it reaches, over other edges where it does not. A part of the graph where nothing is known starts
    /// with its first node at the identity. Edges that name nodes which do not exist are ignored.
    pub fn start_from_edges(&mut self, known: &[bool]) {
        let count = self.nodes.len();
        let mut neighbours: Vec<Vec<(usize, usize)>> = vec![Vec::new(); count];
        for (index, edge) in self.edges.iter().enumerate() {
            if edge.from < count && edge.to < count {
                neighbours[edge.from].push((edge.to, index));
                neighbours[edge.to].push((edge.from, index));
            }
        }
        let mut reached = vec![false; count];
        let mut queue: VecDeque<(usize, Option<(usize, usize)>)> =
            (0..count).filter(|&node| known.get(node).copied().unwrap_or(false)).map(|node| (node, None)).collect();
        let mut first_unreached = 0;
        loop {
            while let Some((node, step)) = queue.pop_front() {
                if std::mem::replace(&mut reached[node], true) {
                    continue;
                }
                if let Some((parent, index)) = step {
                    let edge = &self.edges[index];
                    let forward = edge.from == parent;
                    let t_parent_node = if forward { edge.t_from_to } else { edge.t_from_to.inverse() };
                    self.nodes[node] = self.nodes[parent].product(&t_parent_node);
                }
                for &(next, index) in neighbours[node].iter().filter(|(next, _)| !reached[*next]) {
                    if next.abs_diff(node) == 1 {
                        queue.push_front((next, Some((node, index))));
                    } else {
                        queue.push_back((next, Some((node, index))));
                    }
                }
            }
            while first_unreached < count && reached[first_unreached] {
                first_unreached += 1;
            }
            if first_unreached == count {
                return;
            }
            self.nodes[first_unreached] = G::identity();
            queue.push_back((first_unreached, None));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::geometry::Se3;
    use crate::pose_graph::{PoseGraph, PoseGraphEdge};
    use nalgebra::Matrix6;

    fn edge(from: usize, to: usize, x: f64) -> PoseGraphEdge {
        let t_from_to = Se3::translation(x, 0.0, 0.0);
        PoseGraphEdge { from, to, t_from_to, information: Matrix6::identity(), robust: false }
    }

    #[test]
    fn the_chain_goes_before_loops_and_parts_start_at_the_identity() {
        let edges = vec![edge(0, 3, 30.0), edge(0, 1, 1.0), edge(2, 1, -1.0), edge(2, 3, 1.0), edge(5, 4, 7.0)];
        let mut graph = PoseGraph::new(vec![Se3::identity(); 6], vec![], edges);
        graph.start_from_edges(&[]);
        let positions = |graph: &PoseGraph| graph.nodes.iter().map(|node| node.translation.x).collect::<Vec<_>>();
        assert_eq!(positions(&graph), [0.0, 1.0, 2.0, 3.0, 0.0, -7.0]);
        graph.nodes[3].translation.x = 50.0;
        graph.start_from_edges(&[false, false, false, true, false, true]);
        assert_eq!(positions(&graph), [47.0, 48.0, 49.0, 50.0, 0.0, -7.0]);
    }
}
