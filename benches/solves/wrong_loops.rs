//! Wrong loops added to real graphs, and how far away `gnc` ends from where it would without them.

use super::generate::Numbers;
use super::meter::cpu_ms;
use halfslam::geometry::relative_pose::RigidGroup;
use halfslam::io::g2o::Graph;
use halfslam::pose_graph::{PoseGraph, PoseGraphEdge, PoseGraphOptions};
use halfslam::precision::Policy;

/// Wrong ones are between nodes that are further apart than this along the way.
const FAR: usize = 10;

/// How wrong loops come about.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Two nodes at random, joined by the measurement of another loop.
    Random,
    /// Three to five in a row that agree with one another, as two places that look alike make them.
    Groups,
}

/// Prints a row without wrong ones, then one for each kind and share of them, over so many sets.
pub fn rows(name: &str, graph: &Graph, sets: usize) {
    match graph {
        Graph::Space(graph) => rows_of(name, graph, sets),
        Graph::Plane(graph) => rows_of(name, graph, sets),
    }
}

fn rows_of<G: RigidGroup<D>, const D: usize>(name: &str, graph: &PoseGraph<G, D>, sets: usize) {
    let Ok(policy) = Policy::resolve("mixed") else { return };
    let options = PoseGraphOptions { robust_loss: "gnc".into(), ..PoseGraphOptions::default() };
    let (mut given, mut solved) = (graph.clone(), graph.clone());
    given.edges.iter_mut().for_each(|edge| edge.robust = edge.from.abs_diff(edge.to) != 1);
    solved.edges.iter_mut().for_each(|edge| edge.robust = false);
    if let Err(error) = solved.optimize(&policy, &PoseGraphOptions::default()) {
        return eprintln!("{name}: {error}");
    }
    let right = given.edges.len();
    let loops = given.edges.iter().filter(|edge| edge.robust).count();
    const SPOILED: [(Kind, f64); 4] =
        [(Kind::Random, 0.3), (Kind::Random, 0.5), (Kind::Groups, 0.3), (Kind::Groups, 0.5)];
    for (kind, share, sets) in
        [(Kind::Random, 0.0, 1)].into_iter().chain(SPOILED.map(|(kind, share)| (kind, share, sets)))
    {
        let wrong = (loops as f64 * share / (1.0 - share)).round() as usize;
        let (mut apart_m, mut rejected, mut kept, mut doubted, mut seconds) = (vec![], 0, 0, 0, vec![]);
        for set in 0..sets {
            let mut spoiled = given.clone();
            add_wrong(&mut spoiled, &solved, kind, wrong, &mut Numbers::new(set as u64));
            let started_ms = cpu_ms();
            match spoiled.optimize(&policy, &options) {
                Ok(statistics) => doubted += usize::from(!statistics.doubts.is_empty()),
                Err(error) => return eprintln!("{name}: {error}"),
            }
            seconds.push((cpu_ms() - started_ms) * 1e-3);
            apart_m.push(apart(&spoiled, &solved));
            let found = spoiled.rejected_edges(&options);
            let right_ones = found.iter().filter(|&&index| index < right).count();
            rejected = rejected.max(right_ones);
            kept = kept.max(spoiled.edges.len() - right - (found.len() - right_ones));
        }
        apart_m.sort_by(f64::total_cmp);
        seconds.sort_by(f64::total_cmp);
        let (Some(greatest), Some(slowest)) = (apart_m.last(), seconds.last()) else { return };
        println!(
            "| {name} | {kind:?}, {wrong} beside {loops} | {:.4}, {greatest:.4} | {rejected} | {kept} | {doubted} of {sets} | {:.2} to {slowest:.2} |",
            apart_m[apart_m.len() / 2],
            seconds[0],
        );
    }
}

/// Adds so many wrong loops to a graph, of which `solved` is the solution.
fn add_wrong<G: RigidGroup<D>, const D: usize>(
    graph: &mut PoseGraph<G, D>,
    solved: &PoseGraph<G, D>,
    kind: Kind,
    wrong: usize,
    numbers: &mut Numbers,
) {
    let loops: Vec<PoseGraphEdge<G, D>> = graph.edges.iter().filter(|edge| edge.robust).cloned().collect();
    let (count, end) = (graph.nodes.len(), graph.edges.len() + wrong);
    // Without a loop to take after, or where no two nodes are far from each other, there is none to be had.
    while graph.edges.len() < end && !loops.is_empty() && count > 2 * FAR {
        let like = &loops[numbers.below(loops.len())];
        let (from, to) = (numbers.below(count), numbers.below(count));
        let in_a_row = match kind {
            Kind::Random => 1,
            Kind::Groups => 3 + numbers.below(3),
        };
        let in_a_row = in_a_row.min(end - graph.edges.len()).min(count - from.max(to));
        for k in (0..in_a_row).filter(|_| from.abs_diff(to) > FAR) {
            let way = |a: usize, b: usize| solved.nodes[a].inverse().product(&solved.nodes[b]);
            let t_from_to = way(from + k, from).product(&like.t_from_to).product(&way(to, to + k));
            graph.edges.push(PoseGraphEdge { from: from + k, to: to + k, t_from_to, ..like.clone() });
        }
    }
}

/// Root mean square distance (m) of the nodes of two graphs, the first one held.
fn apart<G: RigidGroup<D>, const D: usize>(graph: &PoseGraph<G, D>, other: &PoseGraph<G, D>) -> f64 {
    let from_first = |graph: &PoseGraph<G, D>, node: usize| {
        graph.nodes[0].inverse().product(&graph.nodes[node]).to_space().translation.vector
    };
    let squares = (0..graph.nodes.len()).map(|node| (from_first(graph, node) - from_first(other, node)).norm_squared());
    (squares.sum::<f64>() / graph.nodes.len().max(1) as f64).sqrt()
}
