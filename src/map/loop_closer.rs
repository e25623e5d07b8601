//! Recognizes places and corrects the map.

use super::consistency::{Hypothesis, agree, contradiction};
use super::keyframes::{MapKeyframe, check};
use super::links::{Links, UncertainPose};
use super::odometry_step::{OdometryStep, odometry_step};
use super::types::{Correction, LoopClosure, MapPoint};
use super::{MapError, MapOptions, cloud};
use crate::geometry::{Se3, StampedPose, Trajectory};
use crate::place::{DescribedKeyframe, Recognizer, Verifier, View};
use crate::pose_graph::{PoseGraph, PoseGraphEdge};
use crate::precision::Policy;
use crate::solver::SolveStatistics;
use nalgebra::Matrix6;

/// Loops that wait for another to agree with them, at most.
const MAX_WAITING: usize = 20;
/// A loop waits for this many keyframes.
const WAITING_KEYFRAMES: usize = 30;
/// A position less certain than this (m) along the graph contradicts nothing: one loop alone is not believed.
const MAX_SIGMA_ALONE_M: f64 = 2.0;
/// Cameras that look this much apart (rad) share no view.
const MAX_VIEW_ANGLE_RAD: f64 = 0.8;
/// Keyframes further apart than this (m) are not compared for being near alone.
const NEARBY_M: f64 = 2.0;

/// Recognizes places and corrects the map.
#[derive(Debug)]
pub struct LoopCloser {
    options: MapOptions,
    policy: Policy,
    recognizer: Recognizer,
    verifier: Verifier,
    keyframes: Vec<MapKeyframe>,
    graph: PoseGraph,
    links: Links,
    loops: Vec<LoopClosure>,
    waiting: Vec<Hypothesis>,
    rest_until: usize,
}

impl LoopCloser {
    /// An empty map.
    pub fn new(options: &MapOptions, policy: &Policy) -> Self {
        Self {
            options: options.clone(),
            policy: policy.clone(),
            recognizer: Recognizer::new(&options.place.recognizer),
            verifier: Verifier::new(&options.place.verification),
            keyframes: Vec::new(),
            graph: PoseGraph::default(),
            links: Links::default(),
            loops: Vec::new(),
            waiting: Vec::new(),
            rest_until: 0,
        }
    }

    /// Takes a keyframe into the map; says how the map was corrected if that closed a loop.
    ///
    /// The first keyframe keeps its pose in the odometry's world, which so becomes the map's. A later one hangs on the
    /// one before it by `t_previous_base`; where messages were lost (its number skips some), by `t_odom_base` of both,
    /// with more uncertainty. A number that starts again, or no `t_previous_base`, means that the odometry was started
    /// anew: the robot is taken to stand where it was last, until two loops that agree tell its true place. The
    /// newest keyframe once more changes nothing, and a clock that jumps back does not break the chain.
    ///
    /// # Errors
    /// [`MapError`]: a keyframe with numbers that are none is refused and the map is as before; if the graph cannot be
    /// optimized the keyframe is kept, the loop is not.
    pub fn add(&mut self, keyframe: DescribedKeyframe) -> Result<Option<Correction>, MapError> {
        check(&keyframe)?;
        let Some(node) = self.append(&keyframe) else { return Ok(None) };
        let hypotheses = self.search(node);
        let believed = self.weigh(hypotheses, node);
        if believed.is_empty() { Ok(None) } else { self.close(&believed, node) }
    }

    /// Adds a node for the keyframe and hangs it on the one before; `None` if it is there already.
    fn append(&mut self, keyframe: &DescribedKeyframe) -> Option<usize> {
        let node = self.keyframes.len();
        let (pose, run) = match self.keyframes.last() {
            None => (keyframe.t_odom_base, 0),
            Some(last) => {
                let Some(step) = odometry_step(last, keyframe, &self.options.drift) else {
                    tracing::debug!(keyframe = keyframe.id.0, "repeated keyframe ignored");
                    return None;
                };
                if step.restarted {
                    tracing::info!(keyframe = keyframe.id.0, "the odometry started anew");
                }
                let pose_and_run =
                    (self.graph.nodes[node - 1] * step.t_previous_base, last.run + usize::from(step.restarted));
                self.links.push_node();
                self.hang(node, step);
                pose_and_run
            }
        };
        if node == 0 {
            self.links.push_node();
        }
        self.graph.nodes.push(pose);
        self.keyframes.push(MapKeyframe {
            id: keyframe.id,
            stamp_nanos: keyframe.stamp_nanos,
            run,
            t_odom_base: keyframe.t_odom_base,
            view: View::new(keyframe),
        });
        Some(node)
    }

    fn hang(&mut self, node: usize, step: OdometryStep) {
        self.graph.edges.push(PoseGraphEdge {
            from: node - 1,
            to: node,
            t_from_to: step.t_previous_base,
            information: information_of(&step.covariance),
            robust: step.restarted,
        });
        self.links.push(node - 1, node, UncertainPose { t: step.t_previous_base, covariance: step.covariance });
    }

    /// Finds earlier keyframes that look alike or should be near, and verifies them.
    fn search(&mut self, node: usize) -> Vec<Hypothesis> {
        let (keyframes, options) = (&self.keyframes, &self.options);
        let alike = self
            .recognizer
            .add(&keyframes[node].view.descriptors, |index| far_apart_in_time(keyframes, options, index, node));
        if node < self.rest_until {
            return Vec::new();
        }
        let mut candidates: Vec<usize> = alike.iter().map(|candidate| candidate.index).collect();
        candidates.extend(self.nearby(node, &candidates));
        candidates.into_iter().filter_map(|from| self.verified(from, node)).collect()
    }

    /// The nearest eligible keyframe that looks the same way, unless it is beside a candidate.
    fn nearby(&self, node: usize, candidates: &[usize]) -> Option<usize> {
        let pose = |index: usize| self.graph.nodes[index] * self.keyframes[index].view.t_base_camera;
        let newest = pose(node);
        let position = self.graph.nodes[node].translation.vector;
        let near = (0..node).filter_map(|index| {
            // Cheapest test first: this looks at every keyframe.
            let distance_m = (self.graph.nodes[index].translation.vector - position).norm();
            if distance_m >= NEARBY_M || !far_apart_in_time(&self.keyframes, &self.options, index, node) {
                return None;
            }
            let angle_rad = newest.rotation.angle_to(&pose(index).rotation);
            (angle_rad < MAX_VIEW_ANGLE_RAD).then_some((distance_m, index))
        });
        let (_, nearest) = near.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
        candidates.iter().all(|other| other.abs_diff(nearest) > 2).then_some(nearest)
    }

    fn verified(&self, from: usize, to: usize) -> Option<Hypothesis> {
        match self.verifier.verify(&self.keyframes[from].view, &self.keyframes[to].view) {
            Ok(relative) => Some(Hypothesis { from, to, relative }),
            Err(reason) => {
                tracing::debug!(from, to, %reason, "no loop");
                None
            }
        }
    }

    /// Drops what contradicts the graph; returns what is believed: strong loops at once, others once two agree.
    fn weigh(&mut self, hypotheses: Vec<Hypothesis>, node: usize) -> Vec<Hypothesis> {
        let max_sigmas = self.options.max_contradiction_sigmas;
        self.waiting.retain(|waiting| node - waiting.to <= WAITING_KEYFRAMES);
        let mut believed = Vec::new();
        for hypothesis in hypotheses {
            let (from, to) = (hypothesis.from, hypothesis.to);
            let Some((sigmas, sigma_m)) = contradiction(&self.links, &hypothesis) else { continue };
            if sigmas > max_sigmas {
                tracing::info!(from, to, sigmas, "a loop contradicts the odometry and is dropped");
                continue;
            }
            let strong = hypothesis.relative.inlier_count >= self.options.strong_inliers && sigma_m < MAX_SIGMA_ALONE_M;
            let agreeing = |other: &Hypothesis| other.to != to && agree(&self.links, other, &hypothesis, max_sigmas);
            let supporters: Vec<Hypothesis> = self.waiting.extract_if(.., |other| agreeing(other)).collect();
            if strong || !supporters.is_empty() {
                believed.extend(supporters);
                believed.push(hypothesis);
            } else {
                self.waiting.push(hypothesis);
            }
        }
        let excess = self.waiting.len().saturating_sub(MAX_WAITING);
        self.waiting.drain(..excess);
        believed
    }

    /// Adds loops to the graph and optimizes it; takes them back if the graph does not hold them.
    fn close(&mut self, believed: &[Hypothesis], node: usize) -> Result<Option<Correction>, MapError> {
        let nodes_before = self.graph.nodes.clone();
        for hypothesis in believed {
            self.graph.edges.push(PoseGraphEdge {
                from: hypothesis.from,
                to: hypothesis.to,
                t_from_to: hypothesis.relative.t_from_to,
                information: information_of(&hypothesis.relative.covariance),
                robust: true,
            });
            self.links.push(hypothesis.from, hypothesis.to, hypothesis.pose());
        }
        let solved = self.graph.optimize(&self.policy, &self.options.pose_graph);
        let held = believed.iter().all(|hypothesis| self.holds(hypothesis));
        let solve = match solved {
            Ok(solve) if held => solve,
            other => {
                self.graph.nodes = nodes_before;
                self.graph.edges.truncate(self.graph.edges.len() - believed.len());
                believed.iter().for_each(|_| self.links.pop());
                other?;
                tracing::info!(node, "the graph does not hold a loop; it is dropped");
                return Ok(None);
            }
        };
        Ok(Some(self.correction(believed, node, solve)))
    }

    /// Whether the optimized nodes agree with a loop.
    fn holds(&self, hypothesis: &Hypothesis) -> bool {
        let relative = self.graph.nodes[hypothesis.from].inverse() * self.graph.nodes[hypothesis.to];
        let e = crate::geometry::se3::log(&(hypothesis.relative.t_from_to.inverse() * relative));
        let information = information_of(&hypothesis.relative.covariance);
        e.dot(&(information * e)).max(0.0).sqrt() <= self.options.max_contradiction_sigmas
    }

    fn correction(&mut self, believed: &[Hypothesis], node: usize, solve: SolveStatistics) -> Correction {
        let closure = |hypothesis: &Hypothesis| LoopClosure {
            from: self.keyframes[hypothesis.from].id,
            to: self.keyframes[hypothesis.to].id,
            t_from_to: hypothesis.relative.t_from_to,
            inlier_count: hypothesis.relative.inlier_count,
            from_node: hypothesis.from,
            to_node: hypothesis.to,
        };
        let loops: Vec<LoopClosure> = believed.iter().map(closure).collect();
        self.loops.extend(loops.iter().cloned());
        self.rest_until = node + 1 + self.options.rest_keyframes;
        Correction { loops, t_map_odom: self.t_map_odom(), solve }
    }

    /// Coordinates of the odometry's world into those of the map, for the newest keyframe; identity in an empty map.
    pub fn t_map_odom(&self) -> Se3 {
        match (self.graph.nodes.last(), self.keyframes.last()) {
            (Some(t_map_base), Some(newest)) => t_map_base * newest.t_odom_base.inverse(),
            _ => Se3::identity(),
        }
    }

    /// Every keyframe's base in the map, after the last correction, by stamp; of several with one stamp the last.
    pub fn trajectory(&self) -> Trajectory {
        let stamped = |(keyframe, node): (&MapKeyframe, &Se3)| StampedPose {
            stamp_nanos: keyframe.stamp_nanos,
            t_world_body: *node,
        };
        Trajectory::from_poses(self.keyframes.iter().zip(&self.graph.nodes).map(stamped).collect())
    }

    /// When the keyframe of a node of the graph was taken (ns); `None` if there is no such node.
    pub fn stamp_nanos(&self, node: usize) -> Option<i64> {
        self.keyframes.get(node).map(|keyframe| keyframe.stamp_nanos)
    }

    /// The graph: one node per keyframe, in the order in which they were added.
    pub fn graph(&self) -> &PoseGraph {
        &self.graph
    }

    /// All loops that were closed.
    pub fn loops(&self) -> &[LoopClosure] {
        &self.loops
    }

    /// The coloured points of all keyframes, after the last correction: one per cube, ordered by place.
    pub fn cloud(&self) -> Vec<MapPoint> {
        let options = &self.options;
        cloud::cloud(&self.keyframes, &self.graph.nodes, options.cloud_voxel_m, options.cloud_max_depth_m)
    }

    /// Number of keyframes in the map.
    pub fn keyframe_count(&self) -> usize {
        self.keyframes.len()
    }

    /// Changes the options from now on; those that are fixed at the start stay as they are.
    pub fn set_options(&mut self, options: &MapOptions) {
        self.options = options.clone();
        self.recognizer.set_options(&options.place.recognizer);
        self.verifier = Verifier::new(&options.place.verification);
    }
}

/// Whether two keyframes are so far apart in time that a loop between them says something new.
fn far_apart_in_time(keyframes: &[MapKeyframe], options: &MapOptions, earlier: usize, later: usize) -> bool {
    let (a, b) = (&keyframes[earlier], &keyframes[later]);
    let gap_secs = a.stamp_nanos.abs_diff(b.stamp_nanos) as f64 * 1e-9;
    a.run != b.run || (gap_secs >= options.min_gap_secs && later - earlier > options.min_gap_keyframes)
}

/// The inverse of a covariance that [`super::odometry_step`] or verification has kept away from zero.
fn information_of(covariance: &Matrix6<f64>) -> Matrix6<f64> {
    covariance.cholesky().map_or_else(Matrix6::zeros, |factor| factor.inverse())
}
