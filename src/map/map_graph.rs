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
        self.push(node - 1, node, step.pose.clone(), step.restarted);
    }

    fn push(&mut self, from: usize, to: usize, pose: UncertainPose, robust: bool) {
        let information = information(&pose, &self.factors);
        self.graph.edges.push(PoseGraphEdge { from, to, t_from_to: pose.t, information, robust });
        self.links.push(from, to, pose);
    }

    /// Adds loops and optimizes; `None`, and nothing is changed, if the graph does not hold them within `max_sigmas`.
    ///
    /// # Errors
    /// [`SolverError`] if the graph cannot be optimized; nothing is changed.
    pub(super) fn close(
        &mut self,
        loops: &[Hypothesis],
        max_sigmas: f64,
        policy: &Policy,
        options: &PoseGraphOptions,
    ) -> Result<Option<SolveStatistics>, SolverError> {
        let (nodes_before, calibration_before) = (self.graph.nodes.clone(), self.calibration.clone());
        for hypothesis in loops {
            if hypothesis.known_sigma_m() < CROSSES_RESTART_M {
                self.calibration.observe(&hypothesis.cycle());
            }
            self.push(hypothesis.from, hypothesis.to, hypothesis.pose(), true);
        }
        self.weigh_anew();
        let solved = self.graph.optimize(policy, options);
        if solved.is_ok() && loops.iter().all(|hypothesis| self.holds(hypothesis, max_sigmas)) {
            return solved.map(Some);
        }
        self.graph.nodes = nodes_before;
        self.calibration = calibration_before;
        self.graph.edges.truncate(self.graph.edges.len() - loops.len());
        loops.iter().for_each(|_| self.links.pop());
        self.weigh_anew();
        solved.map(|_| None)
    }

    /// Whether the nodes agree with a loop.
    fn holds(&self, hypothesis: &Hypothesis, max_sigmas: f64) -> bool {
        let t_from_to = self.graph.nodes[hypothesis.from].inverse() * self.graph.nodes[hypothesis.to];
        let optimized = UncertainPose { t: t_from_to, ..UncertainPose::identity() };
        sigmas_from_identity(&optimized.inverse().then(&hypothesis.pose())) <= max_sigmas
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

/// The inverse of a covariance that odometry steps and verification have kept away from zero.
fn information(pose: &UncertainPose, factors: &Factors) -> Matrix6<f64> {
    pose.covariance(factors).cholesky().map_or_else(Matrix6::zeros, |factor| factor.inverse())
}
