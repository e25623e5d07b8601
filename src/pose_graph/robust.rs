//! Edges that may be wrong: their loss, its graduation, and which of them the result rejects.

use super::growth::{LEAST_TAKEN, grown};
use super::problem::GraphProblem;
use super::support::{confirmed, supported};
use super::validate::validate;
use super::verdict;
use super::{PoseGraph, PoseGraphEdge, PoseGraphOptions};
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::Policy;
use crate::solver::{Loss, Preconditioner, SolveStatistics, SolverError, SolverOptions, minimize};

/// How a loss is graduated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Graduation {
    /// How wide it is at first, at most, as a multiple of its width (squared) at the end.
    pub(super) widest: f64,
    /// By how much its width (squared) is divided from one solve to the next.
    pub(super) divisor: f64,
}

impl Graduation {
    /// From nearly the square for all residuals, in the steps of Yang et al.
    pub(super) const FULL: Self = Self { widest: f64::INFINITY, divisor: 1.4 };

    /// None: the loss is as at its end from the beginning.
    pub(super) const NONE: Self = Self { widest: 1.0, ..Self::FULL };
}

/// The loss of robust edges, at the end of its graduation if it is graduated.
pub(super) fn loss_of<const D: usize>(options: &PoseGraphOptions) -> Loss {
    match options.robust_loss.as_str() {
        "cauchy" => Loss::Cauchy(options.robust_sigmas),
        "geman_mcclure" | "gnc" => Loss::GemanMcClure(limit::<D>(options).sqrt()),
        _ => Loss::Huber(options.robust_sigmas),
    }
}

/// The squared whitened residual beyond which an edge is taken to be wrong: so many standard deviations above what is
/// expected of `D` residuals, by the mean `D` and the variance `2D` of the χ² distribution.
fn limit<const D: usize>(options: &PoseGraphOptions) -> f64 {
    D as f64 + options.robust_sigmas * (2.0 * D as f64).sqrt()
}

/// Solves with a loss that begins as the square for all residuals and becomes that of Geman and McClure by and by, so
/// that edges which contradict the others lose their say before the good ones have bent to them.
///
/// # Errors
/// As of [`minimize`].
///
/// # Source
/// Yang, Antonante, Tzoumas, Carlone, *Graduated non-convexity for robust spatial perception* (2020), remark 5.
pub(super) fn graduated<G: RigidGroup<D>, const D: usize>(
    problem: &mut GraphProblem<G, D>,
    policy: &Policy,
    options: &PoseGraphOptions,
    preconditioner: &mut Preconditioner,
    graduation: Graduation,
) -> Result<SolveStatistics, SolverError> {
    let limit = limit::<D>(options);
    let robust = problem.squared_residuals().into_iter().zip(problem.measurements).filter(|(_, edge)| edge.robust);
    let largest = robust.map(|(squared, _)| squared).fold(0.0, f64::max);
    let mut scale = (2.0 * largest / limit).max(1.0).min(graduation.widest);
    let coarse = SolverOptions { max_iterations: 2, ..options.solver.clone() };
    let mut total = SolveStatistics::default();
    while scale > 1.0 && scale.is_finite() {
        problem.robust_loss = Loss::GemanMcClure((scale * limit).sqrt());
        total = total.followed_by(minimize(problem, policy, &coarse, preconditioner)?, true);
        scale /= graduation.divisor;
    }
    problem.robust_loss = Loss::GemanMcClure(limit.sqrt());
    Ok(total.followed_by(minimize(problem, policy, &options.solver, preconditioner)?, true))
}

/// An edge that may be wrong is plausible if its squared whitened residual is at most this many times the one beyond which
/// it is rejected: what is further off has a thousandth of an edge's say under the loss of Geman and McClure.
const PLAUSIBLE: f64 = 30.0;

/// How wide (squared) the loss of plausible edges is at first, as a multiple of its width at the end: those of the few wrong
/// ones among them that are far off have no say from the beginning, while ten standard deviations still count nearly in full.
const OF_PLAUSIBLE: Graduation = Graduation { widest: 100.0, ..Graduation::FULL };

/// How often it is chosen anew which edges have a say.
pub(super) const MOST_CHOICES: usize = 6;

/// Optimizes with the graduated loss, but without edges that are not plausible: they would draw the nodes away while the loss
/// is still nearly the square, and join in the factor what is far apart. Which ones are is known where a map has
/// [`grown`]; it grows a second time without the loops that nothing confirmed if some contradict it. Where it is not sure of
/// itself, it grows from those that are [`confirmed`] by others, and where that leaves it unsure, too, those that have a
/// [`supported`] neighbour are tried as well. The end of least cost counts.
///
/// Costs are those of all edges under the loss at its end. On an error nothing is changed.
///
/// # Errors
/// As of [`PoseGraph::optimize`].
pub(super) fn optimize_plausible<G: RigidGroup<D>, const D: usize>(
    graph: &mut PoseGraph<G, D>,
    policy: &Policy,
    options: &PoseGraphOptions,
) -> Result<SolveStatistics, SolverError> {
    validate(graph)?;
    let (limit, loss) = (limit::<D>(options), loss_of::<D>(options));
    let initial_cost = graph.cost_of(&graph.edges, loss);
    if !graph.edges.iter().any(|edge| edge.robust) {
        return graph.optimize_all(policy, options, Graduation::NONE);
    }
    let mut empty = PoseGraph::new(graph.nodes.clone(), graph.fixed.clone(), Vec::new());
    empty.prepared = graph.prepared.take();
    let mut ends = Vec::new();
    let mut is_sure = false;
    let (none, no_seeds) = (vec![false; graph.edges.len()], vec![None; graph.edges.len()]);
    if let Some(first) = grown(graph, empty.clone(), policy, options, limit, &no_seeds, &none)? {
        is_sure = first.is_sure;
        let unconfirmed = first.unconfirmed(graph, limit);
        ends.push(verdict::settled(graph, first, policy, options, limit)?);
        // A wrong loop that was taken early may be what bars right ones.
        if let Some(barred) = unconfirmed
            && let Some(second) = grown(graph, empty.clone(), policy, options, limit, &no_seeds, &barred)?
        {
            ends.push(verdict::settled(graph, second, policy, options, limit)?);
        }
    }
    let seeds = if is_sure { no_seeds } else { confirmed(graph) };
    if seeds.iter().any(Option::is_some)
        && let Some(seeded) = grown(graph, empty.clone(), policy, options, limit, &seeds, &none)?
    {
        is_sure = seeded.is_sure;
        ends.push(verdict::settled(graph, seeded, policy, options, limit)?);
    }
    if !is_sure {
        ends.push(from_supported(graph, empty, policy, options)?);
    }
    let costs: Vec<f64> = ends.iter().map(|(part, _)| part.cost_of(&graph.edges, loss)).collect();
    let best = (0..costs.len()).min_by(|a, b| costs[*a].total_cmp(&costs[*b])).unwrap_or(0);
    let mut total = SolveStatistics::default();
    for (index, (part, statistics)) in ends.into_iter().enumerate() {
        total = total.followed_by(statistics, index == best);
        if index == best {
            (graph.nodes, graph.prepared) = (part.nodes, part.prepared);
        }
    }
    (total.initial_cost, total.final_cost) = (initial_cost, costs[best]);
    total.doubts = graph.doubts(options);
    Ok(total)
}

/// Begins with the edges in doubt that another one supports. Where not even half of them are supported, all of them together
/// are tried as well, and the end of less cost counts.
fn from_supported<G: RigidGroup<D>, const D: usize>(
    graph: &PoseGraph<G, D>,
    part: PoseGraph<G, D>,
    policy: &Policy,
    options: &PoseGraphOptions,
) -> Result<(PoseGraph<G, D>, SolveStatistics), SolverError> {
    let (limit, loss) = (limit::<D>(options), loss_of::<D>(options));
    let supported = supported(graph, limit);
    let in_doubt = graph.edges.iter().filter(|edge| edge.robust).count();
    let few = 2 * supported.iter().filter(|supported| **supported).count() < in_doubt;
    let (mut part, mut total) = settled(graph, part, supported, policy, options, &options.start)?;
    if few {
        let mut all = PoseGraph::new(graph.nodes.clone(), graph.fixed.clone(), graph.edges.clone());
        let statistics = all.optimize_all(policy, options, Graduation::FULL)?;
        let is_better = all.cost_of(&graph.edges, loss) < part.cost_of(&graph.edges, loss);
        total = total.followed_by(statistics, is_better);
        if is_better {
            part.nodes = all.nodes;
        }
    }
    Ok((part, total))
}

/// Solves a part of the graph with the edges in doubt that are `chosen`, then with those that do not contradict what came of
/// it, until they stay the same. Each solve goes on from the one before, the first one from `start`. What was chosen at last is
/// solved anew by chordal relaxation, too, unless the options say `given`.
fn settled<G: RigidGroup<D>, const D: usize>(
    graph: &PoseGraph<G, D>,
    mut part: PoseGraph<G, D>,
    mut chosen: Vec<bool>,
    policy: &Policy,
    options: &PoseGraphOptions,
    mut start: &str,
) -> Result<(PoseGraph<G, D>, SolveStatistics), SolverError> {
    let (limit, loss) = (limit::<D>(options), loss_of::<D>(options));
    let starting_from = |start: &str| PoseGraphOptions { start: start.into(), ..options.clone() };
    let mut total = SolveStatistics::default();
    for _ in 0..MOST_CHOICES {
        part.edges = chosen_edges(graph, &chosen);
        total = total.followed_by(part.optimize_all(policy, &starting_from(start), OF_PLAUSIBLE)?, true);
        let mut plausible = plausible_edges(graph, &part, limit);
        if plausible == chosen {
            if options.start == "given" {
                break;
            }
            // While wrong edges still had a say they may have led into another valley.
            let mut anew = part.clone();
            let statistics = anew.optimize_all(policy, &starting_from("chordal"), OF_PLAUSIBLE)?;
            let (before, after) = (part.cost_of(&part.edges, loss), anew.cost_of(&part.edges, loss));
            let is_better = after < (1.0 - options.solver.cost_tolerance) * before;
            total = total.followed_by(statistics, is_better);
            if !is_better {
                break;
            }
            part.nodes = anew.nodes;
            plausible = plausible_edges(graph, &part, limit);
        }
        (chosen, start) = (plausible, "given");
    }
    Ok((part, total))
}

/// The edges that are not in doubt, and those that are chosen.
pub(super) fn chosen_edges<G: RigidGroup<D>, const D: usize>(
    graph: &PoseGraph<G, D>,
    chosen: &[bool],
) -> Vec<PoseGraphEdge<G, D>> {
    let edges = graph.edges.iter().zip(chosen).filter(|(edge, chosen)| !edge.robust || **chosen);
    edges.map(|(edge, _)| edge.clone()).collect()
}

/// For each edge of a graph whether it may be wrong and is plausible where a part of the graph has its nodes.
pub(super) fn plausible_edges<G: RigidGroup<D>, const D: usize>(
    graph: &PoseGraph<G, D>,
    part: &PoseGraph<G, D>,
    limit: f64,
) -> Vec<bool> {
    let is_plausible = |edge: &PoseGraphEdge<G, D>| edge.robust && part.squared_residual(edge) <= PLAUSIBLE * limit;
    graph.edges.iter().map(is_plausible).collect()
}

impl<G: RigidGroup<D>, const D: usize> PoseGraph<G, D> {
    /// The squared whitened residual of an edge between nodes that there are.
    pub(super) fn squared_residual(&self, edge: &PoseGraphEdge<G, D>) -> f64 {
        let relative = G::relative(&self.nodes[edge.from].rounded::<f64>(), &self.nodes[edge.to].rounded::<f64>());
        let residual = nalgebra::SVector::<f64, D>::from(G::residual(&edge.t_from_to.rounded(), &relative));
        residual.dot(&(edge.information * residual))
    }

    /// Half the sum of squared whitened residuals of edges between its nodes, those of robust ones under a loss.
    fn cost_of(&self, edges: &[PoseGraphEdge<G, D>], loss: Loss) -> f64 {
        let cost = |edge: &PoseGraphEdge<G, D>| {
            let loss = if edge.robust { loss } else { Loss::Squared };
            0.5 * loss.evaluate(self.squared_residual(edge)).0
        };
        edges.iter().map(cost).sum()
    }

    /// The robust edges that contradict the nodes: their squared whitened residual is more than `robust_sigmas`
    /// standard deviations above what is expected of it. Edges that the graph cannot have are left out.
    pub fn rejected_edges(&self, options: &PoseGraphOptions) -> Vec<usize> {
        let limit = limit::<D>(options);
        let contradicts = |&index: &usize| {
            let edge = &self.edges[index];
            let exists = edge.from.max(edge.to) < self.nodes.len();
            edge.robust && exists && self.squared_residual(edge) > limit
        };
        (0..self.edges.len()).filter(contradicts).collect()
    }

    /// Why the nodes may be wrong though the robust edges that they contradict are rejected.
    fn doubts(&self, options: &PoseGraphOptions) -> Vec<String> {
        let in_doubt = self.edges.iter().filter(|edge| edge.robust).count();
        let fitting = in_doubt - self.rejected_edges(options).len();
        let few = ((fitting as f64) < LEAST_TAKEN * in_doubt as f64).then(|| {
            format!(
                "only {fitting} of {in_doubt} edges that may be wrong fit the map: it may rest on wrong ones itself"
            )
        });
        let certain =
            PoseGraph::new(self.nodes.clone(), Vec::new(), chosen_edges(self, &vec![false; self.edges.len()]));
        let parts = certain.parts();
        let joining = self.edges.iter().filter(|edge| parts[edge.from] != parts[edge.to]).count();
        let joined = (joining > 0).then(|| {
            format!("parts hang together by {joining} edges alone that may be wrong: nothing tells if they are")
        });
        few.into_iter().chain(joined).collect()
    }
}
