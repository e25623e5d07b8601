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

use super::innovation::{Calibration, Innovation, Judgement, chance_to_fit, residual_at_random};
use super::robust::{Graduation, chosen_edges, plausible_edges};
use super::spread::Spread;
use super::{PoseGraph, PoseGraphOptions};
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::Policy;
use crate::solver::{SolveStatistics, SolverError};

/// The share of wrong ones that is expected among loops that are taken, at most: the first of these by which there is one to
/// be taken. A wrong one costs most in the beginning, and then most loops can be judged strictly. By the last one there
/// still are ten right ones that contradict a wrong one.
const LEVELS: [f64; 3] = [0.001, 0.01, 0.1];

/// The share of loops that seem to be right of which most are taken if the map has grown as it should.
const MOST: f64 = 0.75;

/// How often loops are judged anew.
const MOST_ROUNDS: usize = 30;

/// Few of the loops that are taken are wrong, but they may be far from closed.
const GRADUATION: Graduation = Graduation { widest: f64::INFINITY, divisor: 4.0 };

/// A map that has grown.
pub(super) struct Grown<G: RigidGroup<D>, const D: usize> {
    /// It, with the edges that were taken.
    pub(super) part: PoseGraph<G, D>,
    /// By edge of the whole graph: whether it may be wrong and was taken.
    pub(super) taken: Vec<bool>,
    /// Whether most of what seem to be right loops were taken, and all could be judged: not those between parts of the graph
    /// that nothing else joins.
    pub(super) is_sure: bool,
    /// Of all its solves.
    pub(super) statistics: SolveStatistics,
}

/// Grows a map from `part`, which has the nodes of a graph and no edges, along those edges that are not in doubt. `limit` is
/// the squared whitened residual beyond which an edge is wrong. `None` if the map's spread is not to be had.
///
/// # Errors
/// As of [`PoseGraph::optimize`].
pub(super) fn grown<G: RigidGroup<D>, const D: usize>(
    graph: &PoseGraph<G, D>,
    mut part: PoseGraph<G, D>,
    policy: &Policy,
    options: &PoseGraphOptions,
    limit: f64,
) -> Result<Option<Grown<G, D>>, SolverError> {
    let in_doubt = graph.edges.iter().filter(|edge| edge.robust).count();
    // By edge: if it is taken, its squared innovation when it was.
    let mut taken: Vec<Option<f64>> = vec![None; graph.edges.len()];
    let (mut calibration, mut statistics) = (Calibration::new(), SolveStatistics::default());
    let mut is_whole = true;
    let mut drops = vec![0u8; graph.edges.len()];
    for round in 0..MOST_ROUNDS {
        part.edges = chosen_edges(graph, &taken.iter().map(Option::is_some).collect::<Vec<_>>());
        let start = if round == 0 { options.start.clone() } else { "given".into() };
        let solved = part.optimize_all(policy, &PoseGraphOptions { start, ..options.clone() }, GRADUATION)?;
        statistics = statistics.followed_by(solved, true);
        let before = taken.clone();
        for ((taken, drops), edge) in taken.iter_mut().zip(&mut drops).zip(&graph.edges) {
            let contradicts = taken.is_some() && part.squared_residual(edge) > limit * calibration.scale;
            *taken = taken.filter(|_| !contradicts);
            *drops += u8::from(contradicts);
        }
        let Some(spread) = Spread::of(&part, options.preconditioner.max_complete_entries) else { return Ok(None) };
        let (parts, at_random) = (part.parts(), residual_at_random(&part));
        is_whole = true;
        let innovations: Vec<Option<Innovation<D>>> = (graph.edges.iter().zip(&before))
            .map(|(edge, before)| {
                let is_joined = parts[edge.from] == parts[edge.to];
                is_whole &= is_joined || !edge.robust;
                let is_new = edge.robust && before.is_none() && is_joined;
                if is_new { Innovation::of(&part, edge, &spread) } else { None }
            })
            .collect();
        let known: Vec<f64> = taken.iter().flatten().copied().collect();
        calibration.fit(&known, &innovations, &at_random);
        let judged: Vec<Option<Judgement>> = (innovations.iter())
            .zip(&drops)
            .map(|(it, drops)| {
                it.as_ref()?.judge(calibration.scale, &at_random).filter(|judged| judged.squared <= limit && *drops < 2)
            })
            .collect();
        if let Some(least) = least_evidence(&judged, known.len(), in_doubt) {
            for (taken, judged) in taken.iter_mut().zip(judged) {
                let judged = judged.filter(|judged| judged.evidence >= least);
                *taken = taken.or(judged.map(|judged| judged.squared * calibration.scale));
            }
        }
        tracing::debug!("pose graph: {} loops taken in round {round}, {calibration:?}", taken.iter().flatten().count());
        if taken == before {
            break;
        }
    }
    let taken: Vec<bool> = taken.iter().map(Option::is_some).collect();
    let count = taken.iter().filter(|taken| **taken).count();
    let is_sure = is_whole && count as f64 >= MOST * calibration.share * in_doubt as f64;
    Ok(Some(Grown { part, taken, is_sure, statistics }))
}

/// How many wrong edges fit by chance and so have a say, in expectation: one in twenty graphs.
const FIT_BY_CHANCE: f64 = 0.05;

/// For each edge of a graph whether it may be wrong and has a say in the map that has grown: of those that are
/// [plausible](plausible_edges) the ones that were taken, or that fit better than chance explains. So those have none that are
/// close because deviations are said to be larger than they are, and right ones that are a little off still have theirs.
fn that_have_a_say<G: RigidGroup<D>, const D: usize>(
    graph: &PoseGraph<G, D>,
    grown: &Grown<G, D>,
    limit: f64,
) -> Vec<bool> {
    let at_random = residual_at_random(&grown.part);
    // Those that were not taken are about as many as there are wrong ones.
    let wrong = graph.edges.iter().zip(&grown.taken).filter(|(edge, taken)| edge.robust && !**taken).count();
    let bearable = FIT_BY_CHANCE / wrong.max(1) as f64;
    let mut chosen = plausible_edges(graph, &grown.part, limit);
    for ((chosen, taken), edge) in chosen.iter_mut().zip(&grown.taken).zip(&graph.edges) {
        let fits = || chance_to_fit(edge, grown.part.squared_residual(edge), &at_random);
        *chosen = *chosen && (*taken || fits().is_some_and(|chance| chance <= bearable));
    }
    chosen
}

/// How often it is chosen which edges have a say.
const MOST_CHOICES: usize = 6;

/// Solves with the edges that have a say in the map that has grown, until they stay the same.
///
/// # Errors
/// As of [`PoseGraph::optimize`].
pub(super) fn settled<G: RigidGroup<D>, const D: usize>(
    graph: &PoseGraph<G, D>,
    mut grown: Grown<G, D>,
    policy: &Policy,
    options: &PoseGraphOptions,
    limit: f64,
) -> Result<(PoseGraph<G, D>, SolveStatistics), SolverError> {
    let options = PoseGraphOptions { start: "given".into(), ..options.clone() };
    let mut chosen = that_have_a_say(graph, &grown, limit);
    for _ in 0..MOST_CHOICES {
        grown.part.edges = chosen_edges(graph, &chosen);
        let solved = grown.part.optimize_all(policy, &options, Graduation::NONE)?;
        grown.statistics = grown.statistics.followed_by(solved, true);
        let next = that_have_a_say(graph, &grown, limit);
        if next == chosen {
            break;
        }
        chosen = next;
    }
    Ok((grown.part, grown.statistics))
}

/// How much evidence a loop needs to be taken, of which so many are taken `already` of so many `in_doubt`: as little as
/// keeps the share of wrong ones to the strictest of the [`LEVELS`] by which there is one to be taken.
fn least_evidence(judged: &[Option<Judgement>], already: usize, in_doubt: usize) -> Option<f64> {
    let mut evidence: Vec<f64> = judged.iter().flatten().map(|judged| judged.evidence).collect();
    evidence.sort_by(|a, b| b.total_cmp(a));
    LEVELS.iter().find_map(|level| {
        let needed = |count: usize| (in_doubt as f64 / (level * (already + count) as f64)).ln();
        let count = (1..=evidence.len()).rev().find(|&count| evidence[count - 1] >= needed(count))?;
        Some(evidence[count - 1])
    })
}
