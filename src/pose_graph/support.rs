//! Which edges that may be wrong have another one that says the same.
//!
//! A robot that comes back sees a place more than once: right loops come in bunches, whose ends are a few steps apart, and
//! the cycle over two of them is short and closes. Wrong ones agree with their neighbours by chance only.
//!
//! # Source
//! Mangelson et al., *Pairwise consistent measurement set maximization for robust multi-robot map merging* (2018): two
//! loops are consistent if their cycle is the identity within its uncertainty.

use super::{PoseGraph, PoseGraphEdge};
use crate::geometry::UncertainPose;
use crate::geometry::relative_pose::RigidGroup;
use crate::geometry::se3::log;
use nalgebra::{Matrix6, SMatrix, SVector};

/// Steps of the chain between the ends of two edges that are compared: beyond, its uncertainty lets too much agree.
const REACH: usize = 20;

/// Neighbours that an edge is compared with, at most.
const MOST_COMPARED: usize = 30;

/// A relative pose with the covariance of a measurement, or of several in a row.
type Uncertain = UncertainPose<1>;

/// For each edge whether it may be wrong and another such edge supports it: one between other nodes, whose ends are at most
/// [`REACH`] steps of the other edges' chain away, and with which it closes a cycle within the squared whitened residual
/// `limit`.
pub(super) fn supported<G: RigidGroup<D>, const D: usize>(graph: &PoseGraph<G, D>, limit: f64) -> Vec<bool> {
    let steps = chain(graph);
    // From the smaller node to the larger one, in order of the smaller one.
    let mut loops: Vec<(usize, usize, usize)> = (graph.edges.iter().enumerate())
        .filter(|(_, edge)| edge.robust)
        .map(|(index, edge)| (edge.from.min(edge.to), edge.from.max(edge.to), index))
        .collect();
    loops.sort_unstable();
    let poses: Vec<Option<Uncertain>> = loops.iter().map(|&(_, _, index)| upwards(&graph.edges[index])).collect();
    let mut supported = vec![false; graph.edges.len()];
    for (at, &(a, b, index)) in loops.iter().enumerate() {
        let near = |other: &usize| {
            let (c, d, _) = loops[*other];
            b.abs_diff(d) <= REACH && (a, b) != (c, d)
        };
        let before = (0..at).rev().take_while(|&other| a - loops[other].0 <= REACH);
        let after = (at + 1..loops.len()).take_while(|&other| loops[other].0 - a <= REACH);
        let cycle_over = |other: usize| {
            let (c, d, _) = loops[other];
            let (there, back) = (path(&steps, a, c)?, path(&steps, d, b)?);
            Some(poses[at].as_ref()?.inverse().then(&there).then(poses[other].as_ref()?).then(&back))
        };
        let agrees = |other: usize| {
            cycle_over(other).and_then(|cycle| squared_sigmas::<D>(&cycle)).is_some_and(|squared| squared <= limit)
        };
        supported[index] = before.chain(after).filter(near).take(MOST_COMPARED).any(agrees);
    }
    supported
}

/// By node: the way to the next one by an edge that is not in doubt.
fn chain<G: RigidGroup<D>, const D: usize>(graph: &PoseGraph<G, D>) -> Vec<Option<Uncertain>> {
    let mut steps = vec![None; graph.nodes.len()];
    for edge in graph.edges.iter().filter(|edge| !edge.robust && edge.from.abs_diff(edge.to) == 1) {
        let step = &mut steps[edge.from.min(edge.to)];
        *step = step.take().or_else(|| upwards(edge));
    }
    steps
}

/// The way along the chain; `None` if a step is missing.
fn path(steps: &[Option<Uncertain>], from: usize, to: usize) -> Option<Uncertain> {
    let way = steps[from.min(to)..from.max(to)]
        .iter()
        .try_fold(Uncertain::identity(), |way, step| Some(way.then(step.as_ref()?)))?;
    Some(if from <= to { way } else { way.inverse() })
}

/// Where the unknowns of a group are among those of space: x, y and the rotation about z of the plane.
fn places(dimension: usize) -> &'static [usize] {
    if dimension == 3 { &[0, 1, 5] } else { &[0, 1, 2, 3, 4, 5] }
}

/// What an edge tells, from the smaller node to the larger one; `None` if it tells nothing.
fn upwards<G: RigidGroup<D>, const D: usize>(edge: &PoseGraphEdge<G, D>) -> Option<Uncertain> {
    let inverse = edge.covariance()?;
    let mut covariance = Matrix6::zeros();
    for (row, &r) in places(D).iter().enumerate() {
        for (column, &c) in places(D).iter().enumerate() {
            covariance[(r, c)] = inverse[(row, column)];
        }
    }
    let pose = Uncertain { t: edge.t_from_to.to_space(), sources: [covariance] };
    Some(if edge.from < edge.to { pose } else { pose.inverse() })
}

/// How far a cycle is from the identity, in squared standard deviations.
fn squared_sigmas<const D: usize>(cycle: &Uncertain) -> Option<f64> {
    let (places, gap) = (places(D), log(&cycle.t));
    let gap = SVector::<f64, D>::from_fn(|row, _| gap[places[row]]);
    let covariance = SMatrix::<f64, D, D>::from_fn(|row, column| cycle.sources[0][(places[row], places[column])]);
    Some(gap.dot(&(covariance.try_inverse()? * gap)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Se2, se2};
    use nalgebra::{Matrix3, Vector3};

    #[test]
    fn right_loops_support_each_other_and_wrong_ones_nothing() {
        let step = se2::exp(&Vector3::new(1.0, 0.0, std::f64::consts::TAU / 50.0));
        let mut truth = vec![Se2::identity()];
        (1..100).for_each(|node| truth.push(truth[node - 1] * step));
        let edge = |from: usize, to: usize, robust| PoseGraphEdge {
            from,
            to,
            t_from_to: truth[from].inverse() * truth[to],
            information: Matrix3::identity() * 1e4,
            robust,
        };
        let mut edges: Vec<_> = (1..100).map(|node| edge(node - 1, node, false)).collect();
        // Two right ones, one of them the other way round; a wrong one beside them; one that stands alone; a wrong one twice.
        edges.extend([edge(3, 53, true), edge(58, 8, true), edge(5, 55, true), edge(30, 80, true), edge(60, 99, true)]);
        edges[101].t_from_to *= se2::exp(&Vector3::new(0.8, -0.5, 0.3));
        edges[103].t_from_to *= se2::exp(&Vector3::new(5.0, 0.0, 0.0));
        edges.push(edges[103].clone());
        let graph = PoseGraph::new(truth, vec![], edges);
        let found: Vec<usize> = (0..105).filter(|&index| supported(&graph, 12.0)[index]).collect();
        assert_eq!(found, [99, 100]);
        // A step that tells nothing is none: the cycle over it does not close, whatever it says.
        let mut graph = graph;
        graph.edges[4].information.fill(0.0);
        assert!(!supported(&graph, 12.0).contains(&true));
    }
}
