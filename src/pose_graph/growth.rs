//! Growing a map from what is certain: loops are taken in the order in which they can be judged.
//!
//! Over a short chain odometry knows where a loop has to lead, so a wrong one is seen. Each loop that is taken makes more
//! certain where others have to lead. So loops over long chains are judged when the map is known, and wrong ones, even
//! those that agree with one another, do not get to bend it.
//!
//! # Source
//! That loops are judged by χ² against a map which grows, and taken back: Latif, Cadena, Neira, *Robust loop closing over
//! time for pose graph SLAM* (2013). How many are taken at once: Wang, Ramdas, *False discovery rate control with e-values*
//! (2022): likelihood ratios of wrong loops exceed `r` with a probability of `1/r` at most, dependent as they may be.

use super::innovation::{Calibration, Innovation, Judgement, least_evidence, residual_at_random};
use super::robust::{Graduation, chosen_edges};
use super::spread::Spread;
use super::support::supported;
use super::{PoseGraph, PoseGraphEdge, PoseGraphOptions};
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::Policy;
use crate::solver::{SolveStatistics, SolverError};
use nalgebra::SMatrix;

/// A map has grown as it should if so many of the loops that seem to be right were taken.
const SHARE_TAKEN: f64 = 0.75;
/// Nor is it sure of itself if it took fewer of all loops than this: that most of them are wrong may well be a mistake of its
/// own, made early, when deviations that are a little larger than they are said to be bar all loops but the shortest.
pub(super) const LEAST_TAKEN: f64 = 0.4;

/// How often loops are judged anew.
const MOST_ROUNDS: usize = 60;

/// How often a loop is given back before it is left to the end: taken again and again, it would end no round.
const MOST_RETURNS: u8 = 2;

/// Few of the loops that are taken are wrong, but they may be far from closed.
const GRADUATION: Graduation = Graduation { widest: f64::INFINITY, divisor: 4.0 };

/// A map that has grown.
pub(super) struct Grown<G: RigidGroup<D>, const D: usize> {
    /// It, with the edges that were taken.
    pub(super) part: PoseGraph<G, D>,
    /// By edge of the whole graph: whether it may be wrong and was taken.
    pub(super) taken: Vec<bool>,
    /// By which the covariances that are stated have to be multiplied, as far as its loops tell; at most one.
    pub(super) scale: f64,
    /// Whether most of what seem to be right loops were taken, and not too few of all, and all could be judged: not those
    /// between parts of the graph that nothing else joins.
    pub(super) is_sure: bool,
    /// Of all its solves.
    pub(super) statistics: SolveStatistics,
}

/// Grows a map from `part`, which has the nodes of a graph and no edges, along those edges that are not in doubt. `limit` is
/// the squared whitened residual beyond which an edge is wrong. It begins with the edges that `seeds` names, each with the
/// squared innovation that is expected of it, and never takes those that are barred. `None` if the map's spread is not to be
/// had.
///
/// # Errors
/// As of [`PoseGraph::optimize`].
pub(super) fn grown<G: RigidGroup<D>, const D: usize>(
    graph: &PoseGraph<G, D>,
    mut part: PoseGraph<G, D>,
    policy: &Policy,
    options: &PoseGraphOptions,
    limit: f64,
    seeds: &[Option<f64>],
    barred: &[bool],
) -> Result<Option<Grown<G, D>>, SolverError> {
    let mut loops = Loops::of(graph, seeds, barred);
    let mut statistics = SolveStatistics::default();
    let mut is_whole = true;
    let is_seeded = loops.count() > 0;
    if is_seeded {
        // Most of them are right, and a map that is far from closing them tells nothing of those that are not.
        part.edges = chosen_edges(graph, &loops.are_taken());
        part.edges.iter_mut().for_each(|edge| edge.robust = false);
        let solved = part.optimize_all(policy, options, Graduation::NONE)?;
        statistics = statistics.followed_by(solved, true);
    }
    for round in 0..MOST_ROUNDS {
        part.edges = chosen_edges(graph, &loops.are_taken());
        let start = if round == 0 && !is_seeded { options.start.clone() } else { "given".into() };
        let solved = part.optimize_all(policy, &PoseGraphOptions { start, ..options.clone() }, GRADUATION)?;
        statistics = statistics.followed_by(solved, true);
        let Some(spread) = Spread::of(&part, options.preconditioner.max_complete_entries) else { return Ok(None) };
        let parts = part.parts();
        let is_joined = |edge: &PoseGraphEdge<G, D>| parts[edge.from] == parts[edge.to];
        is_whole = graph.edges.iter().all(is_joined);
        let innovations: Vec<Option<Innovation<D>>> = (graph.edges.iter().zip(&loops.taken))
            .map(|(edge, taken)| {
                let is_new = edge.robust && taken.is_none() && is_joined(edge);
                if is_new { Innovation::of(&part, edge, &spread) } else { None }
            })
            .collect();
        let before = loops.are_taken();
        loops.give_back(graph, &part, limit);
        loops.take(&innovations, &residual_at_random(&part), limit);
        tracing::debug!("pose graph: {} loops taken in round {round}, {:?}", loops.count(), loops.calibration);
        if loops.are_taken() == before {
            break;
        }
    }
    let expected = (SHARE_TAKEN * loops.calibration.share).max(LEAST_TAKEN) * loops.in_doubt as f64;
    let is_sure = is_whole && loops.count() as f64 >= expected;
    let scale = loops.calibration.scale.min(1.0);
    Ok(Some(Grown { part, taken: loops.are_taken(), scale, is_sure, statistics }))
}

/// What is thought of the loops of a graph.
struct Loops {
    in_doubt: usize,
    /// By edge: if it is taken, its squared innovation when it was, in the deviations that are stated.
    taken: Vec<Option<f64>>,
    /// By edge: how often it was taken and given back.
    returns: Vec<u8>,
    calibration: Calibration,
}

impl Loops {
    fn of<G: RigidGroup<D>, const D: usize>(graph: &PoseGraph<G, D>, seeds: &[Option<f64>], barred: &[bool]) -> Self {
        Self {
            in_doubt: graph.edges.iter().filter(|edge| edge.robust).count(),
            taken: seeds.to_vec(),
            returns: barred.iter().map(|barred| if *barred { MOST_RETURNS } else { 0 }).collect(),
            calibration: Calibration::new(),
        }
    }

    fn are_taken(&self) -> Vec<bool> {
        self.taken.iter().map(Option::is_some).collect()
    }

    fn count(&self) -> usize {
        self.taken.iter().flatten().count()
    }

    /// Gives back those that contradict the map of which they are a part.
    fn give_back<G: RigidGroup<D>, const D: usize>(
        &mut self,
        graph: &PoseGraph<G, D>,
        part: &PoseGraph<G, D>,
        limit: f64,
    ) {
        for ((taken, returns), edge) in self.taken.iter_mut().zip(&mut self.returns).zip(&graph.edges) {
            if taken.is_some() && part.squared_residual(edge) > limit * self.calibration.scale {
                (*taken, *returns) = (None, *returns + 1);
            }
        }
    }

    /// Takes those whose innovations are within the limit and tell enough.
    fn take<const D: usize>(
        &mut self,
        innovations: &[Option<Innovation<D>>],
        at_random: &SMatrix<f64, D, D>,
        limit: f64,
    ) {
        let known: Vec<f64> = self.taken.iter().flatten().copied().collect();
        self.calibration.fit(&known, innovations, at_random);
        let scale = self.calibration.scale;
        let judge = |(innovation, returns): (&Option<Innovation<D>>, &u8)| {
            let judgement = innovation.as_ref()?.judge(scale, at_random)?;
            (judgement.squared <= limit && *returns < MOST_RETURNS).then_some(judgement)
        };
        let judged: Vec<Option<Judgement>> = innovations.iter().zip(&self.returns).map(judge).collect();
        let Some(least) = least_evidence(&judged, known.len(), self.in_doubt) else { return };
        for (taken, judged) in self.taken.iter_mut().zip(judged) {
            let enough = judged.filter(|judged| judged.evidence >= least);
            *taken = taken.or(enough.map(|judged| judged.squared * scale));
        }
    }
}

impl<G: RigidGroup<D>, const D: usize> Grown<G, D> {
    /// For each edge of the whole graph whether it was taken, but no other one that was taken supports it: if it is wrong,
    /// nothing has told so. `None` if there is none, or if no edge contradicts the map.
    pub(super) fn unconfirmed(&self, graph: &PoseGraph<G, D>, limit: f64) -> Option<Vec<bool>> {
        let part = PoseGraph::new(self.part.nodes.clone(), Vec::new(), chosen_edges(graph, &self.taken));
        let mut supported = supported(&part, limit).into_iter();
        let mut is_unconfirmed = |(edge, taken): (&PoseGraphEdge<G, D>, &bool)| {
            let is_in_part = !edge.robust || *taken;
            is_in_part && !supported.next().unwrap_or(true) && *taken
        };
        let unconfirmed: Vec<bool> = graph.edges.iter().zip(&self.taken).map(&mut is_unconfirmed).collect();
        let is_contradicted = graph.edges.iter().zip(&self.taken).any(|(edge, taken)| edge.robust && !*taken);
        (is_contradicted && unconfirmed.contains(&true)).then_some(unconfirmed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::spread::Bits;
    use super::*;
    use crate::geometry::{Se2, se2};
    use nalgebra::{Matrix3, Vector3};

    /// A number between -1 and 1.
    fn unit(bits: &mut Bits) -> f64 {
        bits.below(1 << 30) as f64 / (1 << 29) as f64 - 1.0
    }

    /// A robot's way through the streets of a block of 12 m, with measurements whose deviations are said to be three times
    /// what they are; a loop to each of some nodes that are near; and as many wrong ones, in groups of four that agree with
    /// one another. Returns the graph, started from odometry, the truth, and the index of the first wrong edge.
    fn streets(seed: usize) -> (PoseGraph<Se2, 3>, Vec<Se2>, usize) {
        let mut bits = Bits::new();
        (0..seed).for_each(|_| _ = bits.below(2));
        let deviations: Vector3<f64> = Vector3::new(0.05, 0.05, 0.01);
        let information = Matrix3::from_diagonal(&deviations.map(|deviation| (3.0 * deviation).powi(-2)));
        let mut truth = vec![Se2::identity()];
        while truth.len() < 600 {
            let turn = [0.0, 0.0, 0.25, -0.25][bits.below(4)] * std::f64::consts::TAU;
            let next =
                truth[truth.len() - 1] * se2::exp(&Vector3::new(0.0, 0.0, turn)) * Se2::new([1.0, 0.0].into(), 0.0);
            if next.translation.vector.amax() < 6.5 {
                truth.push(next);
            }
        }
        let mut edge = |from: usize, to: usize, t_from_to: Se2, robust| {
            // The sum of three has the variance of one that is normal.
            let noise = deviations.map(|deviation| deviation * (0..3).map(|_| unit(&mut bits)).sum::<f64>());
            PoseGraphEdge { from, to, t_from_to: t_from_to * se2::exp(&noise), information, robust }
        };
        let between = |from: usize, to: usize| truth[from].inverse() * truth[to];
        let mut edges: Vec<_> = (1..600).map(|to| edge(to - 1, to, between(to - 1, to), false)).collect();
        for to in (20..600).step_by(3) {
            let near = (0..to - 10).rev().find(|&from| between(from, to).translation.vector.norm() < 1.5);
            edges.extend(near.map(|from| edge(from, to, between(from, to), true)));
        }
        let (right, mut place) = (edges.len(), Bits::new());
        (0..100 + seed).for_each(|_| _ = place.below(2));
        while edges.len() < 2 * right - 599 {
            let (from, to) = (place.below(595), place.below(595));
            let t_from_to = se2::exp(&Vector3::new(unit(&mut place), unit(&mut place), 3.0 * unit(&mut place)));
            for k in (0..4).filter(|_| from.abs_diff(to) > 10) {
                let t = between(from + k, from) * t_from_to * between(to, to + k);
                edges.push(edge(from + k, to + k, t, true));
            }
        }
        let mut graph = PoseGraph::new(vec![Se2::identity(); 600], vec![], edges);
        let loops = graph.edges.split_off(599);
        graph.start_from_edges(&[]);
        graph.edges.extend(loops);
        (graph, truth, right)
    }

    fn options() -> PoseGraphOptions {
        PoseGraphOptions { robust_loss: "gnc".into(), ..PoseGraphOptions::default() }
    }

    #[test]
    fn half_of_the_loops_in_groups_that_agree_bend_no_map_of_streets() {
        // Begun with the edges that another one supports, a solve ends 8, 12 and 14 m away.
        for seed in [0, 1, 3] {
            let (mut graph, truth, right) = streets(seed);
            let solved = graph.optimize(&Policy::resolve("mixed").unwrap(), &options()).unwrap();
            assert!(solved.doubts.is_empty(), "set {seed}: {:?}", solved.doubts);
            let rejected = graph.rejected_edges(&options());
            let wrong = graph.edges.len() - right;
            assert!(rejected.iter().all(|&index| index >= right), "set {seed}: right ones rejected");
            assert!(rejected.len() * 20 >= wrong * 19, "set {seed}: {} of {wrong} wrong ones rejected", rejected.len());
            let gap = |(a, b): (&Se2, &Se2)| (a.translation.vector - b.translation.vector).norm();
            let gap = graph.nodes.iter().zip(&truth).map(gap).fold(0.0, f64::max);
            assert!(gap < 0.6, "set {seed}: {gap} m");
        }
    }

    #[test]
    fn a_map_that_rejects_most_loops_says_so() {
        let (mut graph, _, right) = streets(0);
        graph.edges.drain(599 + (right - 599) / 3..right);
        let solved = graph.optimize(&Policy::resolve("mixed").unwrap(), &options()).unwrap();
        assert!(solved.doubts.len() == 1 && solved.doubts[0].starts_with("only "), "{:?}", solved.doubts);
    }

    #[test]
    fn loops_between_parts_and_without_a_chain_cannot_be_judged() {
        let (graph, _, right) = streets(0);
        let policy = Policy::resolve("mixed").unwrap();
        // Without its middle step: what joins the parts is loops.
        let mut parted = graph.clone();
        parted.edges.truncate(right);
        parted.edges.remove(300);
        let empty = PoseGraph::new(parted.nodes.clone(), vec![], vec![]);
        let grown = grown(
            &parted,
            empty,
            &policy,
            &options(),
            10.0,
            &vec![None; parted.edges.len()],
            &vec![false; parted.edges.len()],
        )
        .unwrap()
        .unwrap();
        assert!(!grown.is_sure && grown.taken.contains(&true));
        let solved = parted.optimize(&policy, &options()).unwrap();
        assert!(parted.rejected_edges(&options()).is_empty());
        assert!(solved.doubts.len() == 1 && solved.doubts[0].contains("hang together"), "{:?}", solved.doubts);
        // Nothing but loops, some of which tell nothing; all nodes fixed; nothing at all.
        let mut loops = graph.clone();
        loops.edges.retain(|edge| edge.robust);
        loops.edges.iter_mut().step_by(5).for_each(|edge| edge.information.fill(0.0));
        let mut fixed = PoseGraph { fixed: (0..600).collect(), ..graph.clone() };
        let mut untold = graph.clone();
        untold.edges[..599].iter_mut().for_each(|edge| edge.information.fill(0.0));
        for odd in [&mut loops, &mut fixed, &mut untold, &mut PoseGraph::default()] {
            odd.optimize(&policy, &options()).unwrap();
            assert!(odd.nodes.iter().all(Se2::is_finite));
        }
    }
}
