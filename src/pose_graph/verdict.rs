//! Which edges have a say in a map that has grown, and what comes of the map with them.

use super::growth::Grown;
use super::innovation::{chance_to_fit, residual_at_random};
use super::robust::{Graduation, MOST_CHOICES, chosen_edges, plausible_edges};
use super::{PoseGraph, PoseGraphOptions};
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::Policy;
use crate::solver::{SolveStatistics, SolverError};

/// How many wrong edges fit by chance and so have a say, in expectation: one in twenty graphs.
const FIT_BY_CHANCE: f64 = 0.05;

/// For each edge of a graph whether it may be wrong and has a say in the map that has grown: of those that are
/// [plausible](plausible_edges) the ones that were taken, or that fit better than chance explains. So those have none that are
/// close because deviations are said to be larger than they are, and right ones that are a little off still have theirs. What
/// is plausible is told by the deviations that the map's loops have: where those that are stated are a hundred times as large,
/// a wrong loop that is metres off is within them, and would bend the map.
fn that_have_a_say<G: RigidGroup<D>, const D: usize>(
    graph: &PoseGraph<G, D>,
    grown: &Grown<G, D>,
    limit: f64,
) -> Vec<bool> {
    let at_random = residual_at_random(&grown.part);
    // Those that were not taken are about as many as there are wrong ones.
    let wrong = graph.edges.iter().zip(&grown.taken).filter(|(edge, taken)| edge.robust && !**taken).count();
    let bearable = FIT_BY_CHANCE / wrong.max(1) as f64;
    let mut chosen = plausible_edges(graph, &grown.part, limit * grown.scale);
    for ((chosen, taken), edge) in chosen.iter_mut().zip(&grown.taken).zip(&graph.edges) {
        let fits = || chance_to_fit(edge, grown.part.squared_residual(edge), &at_random);
        *chosen = *chosen && (*taken || fits().is_some_and(|chance| chance <= bearable));
    }
    chosen
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Se2, se2};
    use crate::pose_graph::PoseGraphEdge;
    use nalgebra::{Matrix3, Vector3};

    #[test]
    fn what_deviates_by_far_more_than_the_others_has_no_say_however_large_deviations_are_said_to_be() {
        let nodes: Vec<Se2> = (0..20).map(|node| se2::exp(&Vector3::new(f64::from(node), 0.0, 0.0))).collect();
        // Said to deviate by a metre and a radian; loops do by a millimetre, and the last one, which is wrong, by two metres.
        let edge = |from: usize, to: usize, off_m: f64| PoseGraphEdge {
            from,
            to,
            t_from_to: nodes[from].inverse() * nodes[to] * se2::exp(&Vector3::new(0.0, off_m, 0.0)),
            information: Matrix3::identity(),
            robust: true,
        };
        let edges = [edge(0, 5, 0.001), edge(3, 12, -0.001), edge(4, 19, 2.0)];
        let graph = PoseGraph::new(nodes.clone(), vec![0], edges.to_vec());
        let says = |scale: f64| {
            let part = PoseGraph::new(nodes.clone(), vec![0], Vec::new());
            let statistics = SolveStatistics::default();
            that_have_a_say(&graph, &Grown { part, taken: vec![true; 3], scale, is_sure: true, statistics }, 10.0)
        };
        assert_eq!(says(1e-4), [true, true, false]);
        assert_eq!(says(1.0), [true, true, true]);
    }
}
