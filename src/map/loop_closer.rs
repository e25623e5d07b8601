//! Recognizes places and corrects the map.

use super::consistency::{Hypothesis, agree, gain_nats};
use super::keyframes::{MapKeyframe, check};
use super::map_graph::{MapGraph, Optimization};
use super::odometry_step::odometry_step;
use super::types::{Correction, LoopClosure, MapPoint};
use super::uncertain_pose::UncertainPose;
use super::{MapError, MapOptions, cloud};
use crate::geometry::{Se3, StampedPose, Trajectory};
use crate::place::{DescribedKeyframe, Recognizer, Verifier, View};
use crate::pose_graph::PoseGraph;
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
/// Weight of the newest loop in the mean of what loops tell.
const FORGETTING: f64 = 0.1;
/// Keyframes further apart than this (m) are not compared for being near alone.
const NEARBY_M: f64 = 2.0;

/// Recognizes places and corrects the map.
#[derive(Debug)]
pub struct LoopCloser {
    options: MapOptions,
    policy: Policy,
    t_map_start: Option<Se3>,
    recognizer: Recognizer,
    verifier: Verifier,
    keyframes: Vec<MapKeyframe>,
    graph: MapGraph,
    loops: Vec<LoopClosure>,
    waiting: Vec<Hypothesis>,
    /// Loops that the next correction is to close.
    believed: Vec<Hypothesis>,
    /// Whether an optimization goes on.
    is_correcting: bool,
    /// Mean information of the loops found so far: how certain another would be.
    expected_information: Option<Matrix6<f64>>,
}

impl LoopCloser {
    /// An empty map.
    pub fn new(options: &MapOptions, policy: &Policy) -> Self {
        Self {
            options: options.clone(),
            policy: policy.clone(),
            t_map_start: None,
            recognizer: Recognizer::new(&options.place.recognizer),
            verifier: Verifier::new(&options.place.verification),
            keyframes: Vec::new(),
            graph: MapGraph::default(),
            loops: Vec::new(),
            waiting: Vec::new(),
            believed: Vec::new(),
            is_correcting: false,
            expected_information: None,
        }
    }

    /// The same with its first keyframe at this pose instead of the one in the odometry's world.
    pub fn starting_at(self, t_map_base: &Se3) -> Self {
        Self { t_map_start: Some(*t_map_base), ..self }
    }

    /// Takes a keyframe into the map; says how the map was corrected if that closed a loop.
    ///
    /// The first keyframe keeps its pose in the odometry's world, which so becomes the map's. A later one hangs on the
    /// one before it by `t_odom_base` of both; where messages were lost (its number skips some), with more uncertainty.
    /// A number that starts again, or no `t_previous_base`, means that the odometry was started anew: the robot is
    /// taken to stand where it was last, until two loops that agree tell its true place. The newest keyframe once more,
    /// or one of a robot that rests where it was made, changes nothing: the map stays as large as what was seen. A
    /// clock that jumps back does not break the chain.
    ///
    /// # Errors
    /// [`MapError`]: a keyframe with numbers that are none is refused and the map is as before; if the graph cannot be
    /// optimized the keyframe is kept, the loop is not.
    pub fn add(&mut self, keyframe: DescribedKeyframe) -> Result<Option<Correction>, MapError> {
        self.take(keyframe)?;
        let Some(mut optimization) = self.begin_correction() else { return Ok(None) };
        optimization.run();
        self.finish_correction(optimization)
    }

    /// As [`LoopCloser::add`], but leaves the correction to [`LoopCloser::begin_correction`].
    ///
    /// # Errors
    /// [`MapError`]: a keyframe with numbers that are none is refused and the map is as before.
    pub fn take(&mut self, keyframe: DescribedKeyframe) -> Result<(), MapError> {
        check(&keyframe)?;
        if let Some(node) = self.append(&keyframe) {
            let hypotheses = self.search(node);
            let believed = self.weigh(hypotheses, node);
            self.believed.extend(believed);
        }
        Ok(())
    }

    /// The optimization that the loops found since the last one ask for; `None` without any, and while one goes on.
    ///
    /// It may run on another thread while this map takes keyframes; then [`LoopCloser::finish_correction`] wants it back.
    pub fn begin_correction(&mut self) -> Option<Optimization> {
        if self.is_correcting || self.believed.is_empty() {
            return None;
        }
        self.is_correcting = true;
        Some(self.graph.begin(std::mem::take(&mut self.believed), &self.policy, &self.options.pose_graph))
    }

    /// Corrects the map by what an optimization of its own ended with; `None` if the graph does not hold the loops, which
    /// are dropped then.
    ///
    /// # Errors
    /// [`MapError`] if the graph cannot be optimized; the loops are dropped.
    pub fn finish_correction(&mut self, ended: Optimization) -> Result<Option<Correction>, MapError> {
        self.is_correcting = false;
        let held = self.graph.finish(ended, self.options.max_contradiction_sigmas)?;
        if held.is_none() {
            tracing::info!("the graph does not hold a loop; it is dropped");
        }
        Ok(held.map(|(loops, solve)| self.correction(&loops, solve)))
    }

    /// Adds a node for the keyframe and hangs it on the one before; `None` if it is there already or the robot rests.
    fn append(&mut self, keyframe: &DescribedKeyframe) -> Option<usize> {
        let node = self.keyframes.len();
        let newest = (keyframe.id, keyframe.stamp_nanos);
        let run = match self.keyframes.last_mut() {
            None => {
                self.graph.start(&self.t_map_start.unwrap_or(keyframe.t_odom_base));
                0
            }
            Some(last) => {
                let Some(step) = odometry_step(last, keyframe, &self.options.drift) else {
                    tracing::debug!(keyframe = keyframe.id.0, "repeated, or at rest: the newest one stands for it");
                    last.newest = newest;
                    return None;
                };
                if step.restarted {
                    tracing::info!(keyframe = keyframe.id.0, "the odometry started anew");
                }
                self.graph.extend(&step);
                last.run + usize::from(step.restarted)
            }
        };
        self.keyframes.push(MapKeyframe {
            id: keyframe.id,
            stamp_nanos: keyframe.stamp_nanos,
            newest,
            run,
            t_odom_base: keyframe.t_odom_base,
            view: View::new(keyframe),
        });
        Some(node)
    }

    /// Finds earlier keyframes that look alike or should be near, and verifies those that would tell something new.
    fn search(&mut self, node: usize) -> Vec<Hypothesis> {
        let (keyframes, options) = (&self.keyframes, &self.options);
        let alike = self
            .recognizer
            .add(&keyframes[node].view.descriptors, |index| far_apart_in_time(keyframes, options, index, node));
        let mut candidates: Vec<usize> = alike.iter().map(|candidate| candidate.index).collect();
        candidates.extend(self.nearby(node, &candidates));
        let ways = self.graph.links().ways(&candidates, node);
        let known: Vec<_> = candidates.into_iter().filter_map(|from| Some((from, ways.pose(from)?))).collect();
        known.into_iter().filter_map(|(from, known)| self.verified(from, node, known)).collect()
    }

    /// The nearest eligible keyframe that looks the same way, unless it is beside a candidate.
    fn nearby(&self, node: usize, candidates: &[usize]) -> Option<usize> {
        let pose = |index: usize| self.graph.nodes()[index] * self.keyframes[index].view.t_base_camera;
        let newest = pose(node);
        let position = self.graph.nodes()[node].translation.vector;
        let near = (0..node).filter_map(|index| {
            // Cheapest test first: this looks at every keyframe.
            let distance_m = (self.graph.nodes()[index].translation.vector - position).norm();
            if distance_m >= NEARBY_M || !far_apart_in_time(&self.keyframes, &self.options, index, node) {
                return None;
            }
            let angle_rad = newest.rotation.angle_to(&pose(index).rotation);
            (angle_rad < MAX_VIEW_ANGLE_RAD).then_some((distance_m, index))
        });
        let (_, nearest) = near.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
        candidates.iter().all(|other| other.abs_diff(nearest) > 2).then_some(nearest)
    }

    fn verified(&mut self, from: usize, to: usize, known: UncertainPose) -> Option<Hypothesis> {
        let expected = self.expected_information.and_then(|information| information.try_inverse());
        if expected.is_some_and(|expected| !self.tells_enough(&known, &expected)) {
            return None;
        }
        match self.verifier.verify(&self.keyframes[from].view, &self.keyframes[to].view) {
            Ok(relative) => {
                if let Some(information) = relative.covariance.try_inverse() {
                    let mean = self.expected_information.get_or_insert(information);
                    *mean += (information - *mean) * FORGETTING;
                }
                self.tells_enough(&known, &relative.covariance).then_some(Hypothesis { from, to, relative, known })
            }
            Err(reason) => {
                tracing::debug!(from, to, %reason, "no loop");
                None
            }
        }
    }

    /// Whether a loop of this covariance would add enough to what the graph says already.
    fn tells_enough(&self, known: &UncertainPose, covariance: &Matrix6<f64>) -> bool {
        let factors = self.graph.factors();
        gain_nats(&known.covariance(factors), &(covariance * factors.loops)) >= self.options.min_gain_nats
    }

    /// Drops what contradicts the graph; returns what is believed: strong loops at once, others once two agree.
    fn weigh(&mut self, hypotheses: Vec<Hypothesis>, node: usize) -> Vec<Hypothesis> {
        let max_sigmas = self.options.max_contradiction_sigmas;
        self.waiting.retain(|waiting| node - waiting.to <= WAITING_KEYFRAMES);
        let mut believed = Vec::new();
        for hypothesis in hypotheses {
            let (from, to) = (hypothesis.from, hypothesis.to);
            let sigmas = hypothesis.contradiction();
            if sigmas > max_sigmas {
                tracing::info!(from, to, sigmas, "a loop contradicts the odometry and is dropped");
                continue;
            }
            let strong = hypothesis.relative.inlier_count >= self.options.strong_inliers
                && hypothesis.known_sigma_m() < MAX_SIGMA_ALONE_M;
            let agreeing =
                |other: &Hypothesis| other.to != to && agree(self.graph.links(), other, &hypothesis, max_sigmas);
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

    fn correction(&mut self, believed: &[Hypothesis], solve: SolveStatistics) -> Correction {
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
        Correction { loops, t_map_odom: self.t_map_odom(), solve }
    }

    /// Coordinates of the odometry's world into those of the map, for the newest keyframe; identity in an empty map.
    pub fn t_map_odom(&self) -> Se3 {
        match (self.graph.nodes().last(), self.keyframes.last()) {
            (Some(t_map_base), Some(newest)) => t_map_base * newest.t_odom_base.inverse(),
            _ => Se3::identity(),
        }
    }

    /// Every keyframe's base in the map, after the last correction, in the order in which they were added.
    pub fn poses(&self) -> impl Iterator<Item = StampedPose> {
        let stamped = |(keyframe, node): (&MapKeyframe, &Se3)| StampedPose {
            stamp_nanos: keyframe.stamp_nanos,
            t_world_body: *node,
        };
        self.keyframes.iter().zip(self.graph.nodes()).map(stamped)
    }

    /// The same by stamp; of several with one stamp the last.
    pub fn trajectory(&self) -> Trajectory {
        Trajectory::from_poses(self.poses().collect())
    }

    /// When the keyframe of a node of the graph was taken (ns); `None` if there is no such node.
    pub fn stamp_nanos(&self, node: usize) -> Option<i64> {
        self.keyframes.get(node).map(|keyframe| keyframe.stamp_nanos)
    }

    /// The graph: one node per keyframe, in the order in which they were added.
    pub fn graph(&self) -> &PoseGraph {
        self.graph.graph()
    }

    /// All loops that were closed.
    pub fn loops(&self) -> &[LoopClosure] {
        &self.loops
    }

    /// The coloured points of all keyframes, after the last correction: one per cube, ordered by place.
    pub fn cloud(&self) -> Vec<MapPoint> {
        let options = &self.options;
        cloud::cloud(&self.keyframes, self.graph.nodes(), options.cloud_voxel_m, options.cloud_max_depth_m)
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
