//! A map that grows: a long tour, its keyframes' drift and loops, and its graph solved again and again.

use super::clock::timed;
use super::direct::optimize_directly;
use super::{ReproduceError, Setup};
use crate::config::Config;
use crate::evaluation::{Alignment, absolute_error};
use crate::geometry::{Se3, StampedPose, se3};
use crate::pose_graph::{PoseGraph, PoseGraphEdge, PoseGraphOptions};
use crate::precision::Policy;
use crate::simulation::flat::Flat;
use crate::simulation::random::Random;
use crate::simulation::tour::Tour;
use crate::solver::SolveStatistics;
use nalgebra::{Matrix6, Vector6};

/// The policies under which every problem is solved.
pub(super) const POLICIES: [&str; 3] = ["double", "single", "mixed"];

/// Speed of the tour (m/s).
const SPEED_MPS: f64 = 0.5;
/// Steps between the poses that may become keyframes (s).
const STEP_SECS: f64 = 0.1;

/// Standard deviations of a step from one keyframe to the next, for each metre and each radian as much again: what the
/// odometry of the feature-level simulator has (m, rad).
const STEP_SIGMA: (f64, f64) = (2e-3, 7e-4);
/// Standard deviations of a loop's relative pose: what verified loops of the feature-level simulator have (m, rad).
const LOOP_SIGMA: (f64, f64) = (5e-3, 2e-3);
/// Keyframes after a loop before the next one.
const REST_KEYFRAMES: usize = 2;
/// A loop joins keyframes nearer than this (m, rad) that are at least so many keyframes apart.
const LOOP_REACH: (f64, f64) = (1.0, 0.5);

/// Keyframes of a robot that drives through a flat for hours, and what it measures between them.
#[derive(Debug, Clone)]
pub(super) struct GrowingMap {
    /// True poses.
    pub truth: Vec<Se3>,
    /// Edges in the order in which they are measured; each ends in its newest keyframe.
    pub edges: Vec<PoseGraphEdge>,
}

impl GrowingMap {
    /// A map of this many keyframes.
    pub(super) fn new(seed: u64, keyframes: usize) -> Self {
        let config = Config::default().map;
        let truth = poses(seed, keyframes, config.keyframes.distance_m, config.keyframes.rotation_deg.to_radians());
        let mut random = Random::new(seed, 9000);
        let mut edges = Vec::new();
        let mut rest_until = 0;
        for to in 1..truth.len() {
            edges.push(measured(&truth, to - 1, to, STEP_SIGMA, false, &mut random));
            let last = (to + 1).saturating_sub(config.min_gap_keyframes);
            if to < rest_until {
                continue;
            }
            let nearest = (0..last)
                .filter_map(|from| Some((distance(&truth[from], &truth[to])?, from)))
                .min_by(|a, b| a.0.total_cmp(&b.0));
            if let Some((_, from)) = nearest {
                edges.push(measured(&truth, from, to, LOOP_SIGMA, true, &mut random));
                rest_until = to + 1 + REST_KEYFRAMES;
            }
        }
        Self { truth, edges }
    }

    /// The graph of the first keyframes, its nodes as the odometry sums them up.
    pub(super) fn graph(&self, keyframes: usize) -> PoseGraph {
        let mut graph = PoseGraph::default();
        self.extend(&mut graph, keyframes);
        graph
    }

    /// Lets a graph of the first keyframes grow to more: new nodes hang on the ones before by the odometry.
    pub(super) fn extend(&self, graph: &mut PoseGraph, keyframes: usize) {
        if graph.nodes.is_empty() {
            graph.nodes.extend(self.truth.first());
        }
        for edge in &self.edges[graph.edges.len()..] {
            if edge.to >= keyframes {
                break;
            }
            if edge.to == graph.nodes.len() {
                graph.nodes.push(graph.nodes[edge.from] * edge.t_from_to);
            }
            graph.edges.push(edge.clone());
        }
    }

    /// Root mean square (m) of the absolute error of a graph's nodes after rigid alignment.
    pub(super) fn ate_m(&self, graph: &PoseGraph) -> f64 {
        let stamped = |poses: &[Se3]| -> Vec<StampedPose> {
            let pose =
                |(index, t): (usize, &Se3)| StampedPose { stamp_nanos: 1_000_000_000 * index as i64, t_world_body: *t };
            poses.iter().enumerate().map(pose).collect()
        };
        let error = absolute_error(&stamped(&graph.nodes), &stamped(&self.truth), Alignment::Se3);
        error.map_or(f64::INFINITY, |error| error.translation_m.rmse)
    }
}

/// The true poses of the keyframes of a tour: one whenever the robot has moved or turned enough.
fn poses(seed: u64, keyframes: usize, distance_m: f64, rotation_rad: f64) -> Vec<Se3> {
    let flat = Flat::new(seed, 0.0);
    // Turns come on top of the distance, so this is long enough.
    let duration_secs = 10.0 + keyframes as f64 * distance_m / SPEED_MPS * 1.3;
    let tour = Tour::new(&flat.lanes, seed, duration_secs, SPEED_MPS);
    let mut poses: Vec<Se3> = Vec::with_capacity(keyframes);
    let mut step = 0;
    while poses.len() < keyframes && (step as f64) * STEP_SECS < duration_secs {
        let pose = tour.at(step as f64 * STEP_SECS).t_world_base;
        let is_new = poses.last().is_none_or(|last| {
            let moved = last.inverse() * pose;
            moved.translation.vector.norm() >= distance_m || moved.rotation.angle() >= rotation_rad
        });
        if is_new {
            poses.push(pose);
        }
        step += 1;
    }
    poses
}

/// Distance (m) of two poses that see the same place; `None` if they don't.
fn distance(a: &Se3, b: &Se3) -> Option<f64> {
    let distance_m = (a.translation.vector - b.translation.vector).norm();
    (distance_m < LOOP_REACH.0 && a.rotation.angle_to(&b.rotation) < LOOP_REACH.1).then_some(distance_m)
}

fn measured(
    truth: &[Se3],
    from: usize,
    to: usize,
    (sigma_m, sigma_rad): (f64, f64),
    robust: bool,
    random: &mut Random,
) -> PoseGraphEdge {
    let noise = Vector6::from_fn(|k, _| random.normal() * if k < 3 { sigma_m } else { sigma_rad });
    let weights = Vector6::from_fn(|k, _| if k < 3 { sigma_m.powi(-2) } else { sigma_rad.powi(-2) });
    let t_from_to = truth[from].inverse() * truth[to] * se3::exp(&noise);
    PoseGraphEdge { from, to, t_from_to, information: Matrix6::from_diagonal(&weights), robust }
}

/// One solve of the growing map under one policy.
#[derive(Debug, Clone, Default)]
pub(super) struct Solve {
    /// Processor time (ms).
    pub time_ms: f64,
    /// Error after it (m).
    pub ate_m: f64,
    /// What the solver says.
    pub statistics: SolveStatistics,
}

/// A sparse Cholesky solve of the same problem.
#[derive(Debug, Clone, Copy)]
pub(super) struct DirectSolve {
    pub time_ms: f64,
    pub factorizations: usize,
    pub ate_m: f64,
}

/// The problem that the map poses at one size.
#[derive(Debug, Clone)]
pub(super) struct MapProblem {
    pub keyframes: usize,
    pub loop_count: usize,
    /// Error as the odometry's drift left it, before this solve under double (m).
    pub before_ate_m: f64,
    /// In the order of [`POLICIES`].
    pub solves: [Solve; 3],
    /// At some sizes.
    pub direct: Option<DirectSolve>,
}

/// Every problem that a growing map poses, solved under each policy.
#[derive(Debug, Clone, Default)]
pub(super) struct MapHistory {
    pub problems: Vec<MapProblem>,
}

impl MapHistory {
    /// Grows a map and solves it at evenly spaced sizes, each policy from where its own last solve left off. On one
    /// thread: times are to be compared.
    ///
    /// # Errors
    /// [`ReproduceError::Solver`] if a graph cannot be solved.
    pub(super) fn grow(setup: &Setup) -> Result<Self, ReproduceError> {
        let (smallest, largest) = (100, setup.size(10_000, 500));
        let (count, direct_count) = (setup.count(800, 9), setup.count(14, 3));
        let policies = POLICIES.map(Policy::resolve).into_iter().collect::<Result<Vec<_>, _>>()?;
        // The article's preconditioner is incomplete and static.
        let mut options = PoseGraphOptions::default();
        options.preconditioner.max_complete_entries = 0;
        let map = GrowingMap::new(setup.seed, largest);
        let mut graphs: [PoseGraph; 3] = Default::default();
        let mut problems = Vec::with_capacity(count);
        setup.progress.begin("growing map", count);
        for index in 0..count {
            let keyframes = smallest + (largest - smallest) * index / (count - 1);
            graphs.iter_mut().for_each(|graph| map.extend(graph, keyframes));
            let before_ate_m = map.ate_m(&graphs[0]);
            let is_direct = index * direct_count / count != (index + 1) * direct_count / count;
            let direct = is_direct.then(|| direct_solve(&map, &graphs[0], &options)).transpose()?;
            let mut solves: [Solve; 3] = Default::default();
            // Another one begins each time: what the cache holds from before favours nobody.
            for which in (0..3).map(|turn| (turn + index) % 3) {
                let graph = &mut graphs[which];
                let (solved, time_ms) = timed(|| graph.optimize(&policies[which], &options));
                solves[which] = Solve { time_ms, ate_m: map.ate_m(graph), statistics: solved? };
            }
            let loop_count = graphs[0].edges.len() + 1 - graphs[0].nodes.len();
            problems.push(MapProblem { keyframes, loop_count, before_ate_m, solves, direct });
            setup.progress.step();
        }
        Ok(Self { problems })
    }
}

fn direct_solve(
    map: &GrowingMap,
    graph: &PoseGraph,
    options: &PoseGraphOptions,
) -> Result<DirectSolve, ReproduceError> {
    let mut graph = graph.clone();
    let (factorizations, time_ms) = timed(|| optimize_directly(&mut graph, options));
    Ok(DirectSolve { time_ms, factorizations: factorizations?, ate_m: map.ate_m(&graph) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_grows_by_its_newest_keyframes_and_keeps_what_was_measured() {
        let (map, longer) = (GrowingMap::new(2, 300), GrowingMap::new(2, 400));
        assert_eq!(map.truth.len(), 300);
        assert_eq!(map.edges, longer.edges[..map.edges.len()]);
        let loops = map.edges.iter().filter(|edge| edge.robust).count();
        assert!(loops > 20 && map.edges.len() == 299 + loops, "{loops} loops");
        let mut graph = map.graph(120);
        map.extend(&mut graph, 300);
        assert_eq!(graph, map.graph(300));
        assert!(map.edges.iter().all(|edge| edge.from < edge.to));
    }
}
