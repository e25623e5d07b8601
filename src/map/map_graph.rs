//! The graph of the map: what was measured between keyframes, and how much each measurement weighs.

use super::calibration::Calibration;
use super::consistency::{Hypothesis, sigmas_from_identity};
use super::links::Links;
use super::odometry_step::OdometryStep;
use super::uncertain_pose::{Factors, UncertainPose};
use crate::geometry::Se3;
use crate::pose_graph::{PoseGraph, PoseGraphEdge, PoseGraphOptions};
use crate::precision::Policy;
use crate::solver::{SolveStatistics, SolverError};
use nalgebra::Matrix6;

/// Edges are weighed anew when a factor is this many times larger or smaller than the one they were weighed by: that
/// costs a factorization of the whole graph, and less makes no difference to its optimum that matters.
const STALE: f64 = 2.0;

/// A way less certain than this (m) crosses a restart of the odometry: its cycle says nothing of drift.
const CROSSES_RESTART_M: f64 = 30.0;

/// The graph, the same measurements for questions about any two nodes, and the factors that weigh them.
#[derive(Debug, Clone, Default)]
pub(super) struct MapGraph {
    graph: PoseGraph,
    links: Links,
    calibration: Calibration,
    /// The factors that the edges were weighed by.
    factors: Factors,
}

impl MapGraph {
    /// The nodes and edges.
    pub(super) fn graph(&self) -> &PoseGraph {
        &self.graph
    }

    /// The poses in the map.
    pub(super) fn nodes(&self) -> &[Se3] {
        &self.graph.nodes
    }

    /// The measurements.
    pub(super) fn links(&self) -> &Links {
        &self.links
    }

    /// By how much covariances are taken to be too small.
    pub(super) fn factors(&self) -> &Factors {
        &self.factors
    }

    /// Adds the first node.
    pub(super) fn start(&mut self, t_map_base: &Se3) {
        self.graph.nodes.push(*t_map_base);
        self.links.push_node();
    }

    /// Adds a node that hangs on the newest one.
    pub(super) fn extend(&mut self, step: &OdometryStep) {
        let node = self.graph.nodes.len();
        self.graph.nodes.push(self.graph.nodes[node - 1] * step.pose.t);
        self.links.push_node();
        self.graph.edges.push(edge(node - 1, node, &step.pose, step.restarted, &self.factors));
        self.links.push(node - 1, node, step.pose);
    }

    /// The optimization of the graph together with these loops, which may go on elsewhere while this graph grows; what it
    /// ends with is to be handed to [`MapGraph::finish`].
    pub(super) fn begin(
        &mut self,
        loops: Vec<Hypothesis>,
        policy: &Policy,
        options: &PoseGraphOptions,
    ) -> Optimization {
        let calibration_before = self.calibration.clone();
        for hypothesis in loops.iter().filter(|hypothesis| hypothesis.known_sigma_m() < CROSSES_RESTART_M) {
            self.calibration.observe(&hypothesis.cycle());
        }
        self.weigh_anew();
        // What the solver has prepared goes with the graph that is solved.
        let copy = PoseGraph::new(self.graph.nodes.clone(), self.graph.fixed.clone(), self.graph.edges.clone());
        let mut graph = std::mem::replace(&mut self.graph, copy);
        let edge =
            |hypothesis: &Hypothesis| edge(hypothesis.from, hypothesis.to, &hypothesis.pose(), true, &self.factors);
        graph.edges.extend(loops.iter().map(edge));
        Optimization {
            graph,
            loops,
            calibration_before,
            policy: policy.clone(),
            options: options.clone(),
            solved: None,
        }
    }

    /// Takes in what an optimization has ended with: the loops that are now in the graph and its statistics; `None`, and
    /// nothing is changed, if the graph does not hold them within `max_sigmas`. Nodes that came meanwhile move with the
    /// newest of the others.
    ///
    /// # Errors
    /// [`SolverError`] if the graph cannot be optimized; nothing is changed.
    pub(super) fn finish(
        &mut self,
        ended: Optimization,
        max_sigmas: f64,
    ) -> Result<Option<(Vec<Hypothesis>, SolveStatistics)>, SolverError> {
        let Optimization { mut graph, loops, calibration_before, solved, .. } = ended;
        let (node_count, edge_count) = (graph.nodes.len(), graph.edges.len() - loops.len());
        let holds = matches!(solved, Some(Ok(_))) && loops.iter().all(|it| agrees(&graph.nodes, it, max_sigmas));
        if holds {
            let t_new_old = graph.nodes[node_count - 1] * self.graph.nodes[node_count - 1].inverse();
            graph.nodes.extend(self.graph.nodes[node_count..].iter().map(|node| t_new_old * node));
            self.links.insert(edge_count, loops.iter().map(|it| (it.from, it.to, it.pose())));
        } else {
            graph.nodes = std::mem::take(&mut self.graph.nodes);
            graph.edges.truncate(edge_count);
            self.calibration = calibration_before;
        }
        graph.edges.extend(self.graph.edges.drain(edge_count..));
        self.graph = graph;
        self.weigh_anew();
        match solved {
            Some(Ok(statistics)) => Ok(holds.then_some((loops, statistics))),
            Some(Err(error)) => Err(error),
            None => Ok(None),
        }
    }

    /// Weighs all edges by the factors learnt meanwhile, if these have changed much.
    fn weigh_anew(&mut self) {
        let learnt = *self.calibration.factors();
        let stale = learnt.to_array().iter().zip(self.factors.to_array()).any(|(new, old)| {
            let ratio = new / old;
            !(STALE.recip()..=STALE).contains(&ratio)
        });
        if !stale {
            return;
        }
        tracing::debug!(?learnt, "edges are weighed anew");
        self.factors = learnt;
        self.links.set_factors(&learnt);
        let mut edges = std::mem::take(&mut self.graph.edges);
        for (edge, pose) in edges.iter_mut().zip(self.links.poses()) {
            edge.information = information(pose, &learnt);
        }
        // A new graph: what the solver has prepared from the old weights is of no use any more.
        self.graph =
            PoseGraph::new(std::mem::take(&mut self.graph.nodes), std::mem::take(&mut self.graph.fixed), edges);
    }
}

/// An optimization of the graph, which needs nothing else of the map.
#[derive(Debug)]
pub struct Optimization {
    /// With the loops as its last edges.
    graph: PoseGraph,
    loops: Vec<Hypothesis>,
    calibration_before: Calibration,
    policy: Policy,
    options: PoseGraphOptions,
    solved: Option<Result<SolveStatistics, SolverError>>,
}

impl Optimization {
    /// Optimizes: the part that takes long.
    pub fn run(&mut self) {
        self.solved = Some(self.graph.optimize(&self.policy, &self.options));
    }
}

/// Whether nodes agree with a loop.
fn agrees(nodes: &[Se3], hypothesis: &Hypothesis, max_sigmas: f64) -> bool {
    let t_from_to = nodes[hypothesis.from].inverse() * nodes[hypothesis.to];
    let optimized = UncertainPose { t: t_from_to, ..UncertainPose::identity() };
    sigmas_from_identity(&optimized.inverse().then(&hypothesis.pose())) <= max_sigmas
}

fn edge(from: usize, to: usize, pose: &UncertainPose, robust: bool, factors: &Factors) -> PoseGraphEdge {
    PoseGraphEdge { from, to, t_from_to: pose.t, information: information(pose, factors), robust }
}

/// The inverse of a covariance that odometry steps and verification have kept away from zero.
fn information(pose: &UncertainPose, factors: &Factors) -> Matrix6<f64> {
    pose.covariance(factors).cholesky().map_or_else(Matrix6::zeros, |factor| factor.inverse())
}
