//! Which edges that may be wrong have another one that says the same.
//!
//! A robot that comes back sees a place more than once: right loops come in bunches, whose ends are a few steps apart, and
//! the cycle over two of them is short and closes. Wrong ones agree with their neighbours by chance only.
//!
//! # Source
//! Mangelson et al., *Pairwise consistent measurement set maximization for robust multi-robot map merging* (2018): two
//! loops are consistent if their cycle is the identity within its uncertainty.

use super::innovation::{Calibration, Innovation, Judgement, least_evidence};
use super::spread::Bits;
use super::{PoseGraph, PoseGraphEdge};
use crate::geometry::UncertainPose;
use crate::geometry::relative_pose::RigidGroup;
use crate::geometry::se3::log;
use nalgebra::{Matrix6, SMatrix, SVector};

/// Steps of the chain between the ends of two edges that are compared: beyond, its uncertainty lets too much agree.
const REACH: usize = 20;

/// Neighbours that an edge is compared with, at most, until one supports it.
const MOST_COMPARED: usize = 30;

/// Neighbours that may confirm an edge: as many of the nearest ones.
const NEAREST: usize = 6;

/// Pairs of loops from which it is found how much two of them differ by chance.
const PAIRS: usize = 1000;

/// A relative pose with the covariance of a measurement, or of several in a row.
type Uncertain = UncertainPose<1>;

/// The loops of a graph, and the chain along which two of them are compared.
struct Loops {
    /// From the smaller node to the larger one, in order of the smaller one; and the index of the edge.
    ends: Vec<(usize, usize, usize)>,
    poses: Vec<Option<Uncertain>>,
    steps: Vec<Option<Uncertain>>,
}

impl Loops {
    fn of<G: RigidGroup<D>, const D: usize>(graph: &PoseGraph<G, D>) -> Self {
        let mut ends: Vec<(usize, usize, usize)> = (graph.edges.iter().enumerate())
            .filter(|(_, edge)| edge.robust)
            .map(|(index, edge)| (edge.from.min(edge.to), edge.from.max(edge.to), index))
            .collect();
        ends.sort_unstable();
        let poses = ends.iter().map(|&(_, _, index)| upwards(&graph.edges[index])).collect();
        Self { ends, poses, steps: chain(graph) }
    }

    /// The other loops whose ends are near those of one, but not the same.
    fn near(&self, at: usize) -> impl Iterator<Item = usize> {
        let (a, b, _) = self.ends[at];
        let before = (0..at).rev().take_while(move |&other| a - self.ends[other].0 <= REACH);
        let after = (at + 1..self.ends.len()).take_while(move |&other| self.ends[other].0 - a <= REACH);
        before.chain(after).filter(move |&other| {
            let (c, d, _) = self.ends[other];
            b.abs_diff(d) <= REACH && (a, b) != (c, d)
        })
    }

    /// The cycle over two of them; `None` if the chain between their ends has a gap, or one of them tells nothing.
    fn cycle(&self, at: usize, other: usize) -> Option<Uncertain> {
        let ((a, b, _), (c, d, _)) = (self.ends[at], self.ends[other]);
        let (there, back) = (path(&self.steps, a, c)?, path(&self.steps, d, b)?);
        Some(self.poses[at].as_ref()?.inverse().then(&there).then(self.poses[other].as_ref()?).then(&back))
    }

    /// Each of them with the nearest others, each pair once.
    fn nearest_pairs(&self) -> Vec<(usize, usize)> {
        let steps_between = |at: usize, other: usize| {
            let ((a, b, _), (c, d, _)) = (self.ends[at], self.ends[other]);
            a.abs_diff(c) + b.abs_diff(d)
        };
        let mut pairs = Vec::new();
        for at in 0..self.ends.len() {
            let mut near: Vec<usize> = self.near(at).collect();
            near.sort_by_key(|&other| steps_between(at, other));
            pairs.extend(near.into_iter().take(NEAREST).map(|other| (at.min(other), at.max(other))));
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

/// For each edge whether it may be wrong and another such edge supports it: one between other nodes, whose ends are at most
/// [`REACH`] steps of the other edges' chain away, and with which it closes a cycle within the squared whitened residual
/// `limit`.
pub(super) fn supported<G: RigidGroup<D>, const D: usize>(graph: &PoseGraph<G, D>, limit: f64) -> Vec<bool> {
    let loops = Loops::of(graph);
    let mut supported = vec![false; graph.edges.len()];
    for at in 0..loops.ends.len() {
        let squared = |other| {
            let (gap, covariance) = gap::<D>(&loops.cycle(at, other)?);
            Some(gap.dot(&(covariance.try_inverse()? * gap)))
        };
        let mut compared = loops.near(at).take(MOST_COMPARED);
        supported[loops.ends[at].2] = compared.any(|other| squared(other).is_some_and(|squared| squared <= limit));
    }
    supported
}

/// For each edge that may be wrong and agrees with a near one more closely than chance explains: the squared innovation that
/// is expected of it, in the deviations that are stated. The cycles are judged as loops are in a map that grows, where what
/// stands against a right pair is that measurements of two loops at random are as near.
pub(super) fn confirmed<G: RigidGroup<D>, const D: usize>(graph: &PoseGraph<G, D>) -> Vec<Option<f64>> {
    let loops = Loops::of(graph);
    let pairs = loops.nearest_pairs();
    let innovation = |&(at, other): &(usize, usize)| {
        let (gap, covariance) = gap::<D>(&loops.cycle(at, other)?);
        Some(Innovation::of_cycle(gap, covariance))
    };
    let innovations: Vec<Option<Innovation<D>>> = pairs.iter().map(innovation).collect();
    let at_random = difference_at_random::<D>(&loops);
    let mut calibration = Calibration::new();
    calibration.fit(&[], &innovations, &at_random);
    let judge = |pair: &Option<Innovation<D>>| pair.as_ref()?.judge(calibration.scale, &at_random);
    let judged: Vec<Option<Judgement>> = innovations.iter().map(judge).collect();
    let mut confirmed = vec![None; graph.edges.len()];
    let Some(least) = least_evidence(&judged, 0, pairs.len()) else { return confirmed };
    for ((at, other), judged) in pairs.into_iter().zip(judged) {
        if judged.is_some_and(|judged| judged.evidence >= least) {
            for one in [at, other] {
                confirmed[loops.ends[one].2] = Some(D as f64 * calibration.scale);
            }
        }
    }
    tracing::debug!("pose graph: {} loops confirmed, {calibration:?}", confirmed.iter().flatten().count());
    confirmed
}

/// The second moments of the gap of a cycle over two loops that have nothing to do with each other.
fn difference_at_random<const D: usize>(loops: &Loops) -> SMatrix<f64, D, D> {
    let (mut bits, mut sum, mut count) = (Bits::new(), SMatrix::<f64, D, D>::zeros(), 0.0);
    for _ in 0..PAIRS {
        let [one, other] = [(); 2].map(|()| loops.poses[bits.below(loops.poses.len())].as_ref());
        if let (Some(one), Some(other)) = (one, other) {
            let (gap, _) = gap::<D>(&one.inverse().then(other));
            sum += gap * gap.transpose();
            count += 1.0;
        }
    }
    sum / f64::max(count, 1.0)
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

/// How far a cycle is from the identity, and the covariance of that.
fn gap<const D: usize>(cycle: &Uncertain) -> (SVector<f64, D>, SMatrix<f64, D, D>) {
    let (places, gap) = (places(D), log(&cycle.t));
    let covariance = SMatrix::from_fn(|row, column| cycle.sources[0][(places[row], places[column])]);
    (SVector::from_fn(|row, _| gap[places[row]]), covariance)
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

    /// A circle driven four times over, with two loops to each place, as many at random, and a few that stand alone.
    #[test]
    fn loops_that_agree_more_closely_than_chance_confirm_each_other() {
        let step = se2::exp(&Vector3::new(1.0, 0.0, std::f64::consts::TAU / 50.0));
        let mut truth = vec![Se2::identity()];
        (1..200).for_each(|node| truth.push(truth[node - 1] * step));
        let edge = |from: usize, to: usize, t_from_to: Se2, robust| PoseGraphEdge {
            from,
            to,
            t_from_to,
            // Said to deviate by 3 cm, of which there is nothing to be seen.
            information: Matrix3::identity() * 1e3,
            robust,
        };
        let between = |from: usize, to: usize| truth[from].inverse() * truth[to];
        let mut edges: Vec<_> = (1..200).map(|node| edge(node - 1, node, between(node - 1, node), false)).collect();
        for from in (0..140).step_by(10) {
            edges.extend([0, 2].map(|k| edge(from + k, from + 50, between(from + k, from + 50), true)));
        }
        let right = edges.len();
        let mut bits = Bits::new();
        for _ in 0..28 {
            let (from, to) = (bits.below(100), 100 + bits.below(100));
            let turn = std::f64::consts::TAU * bits.below(1000) as f64 / 1000.0;
            edges.push(edge(from, to, se2::exp(&Vector3::new(bits.below(5) as f64, 0.5, turn)), true));
        }
        let graph = PoseGraph::new(truth, vec![], edges);
        let confirmed = confirmed(&graph);
        assert!(confirmed[..199].iter().all(Option::is_none));
        assert!(confirmed[199..right].iter().all(Option::is_some));
        assert!(confirmed[right..].iter().all(Option::is_none));
        // What is expected of them is told by how closely they agree.
        assert!(confirmed[199].is_some_and(|squared| squared < 0.1));
    }
}
