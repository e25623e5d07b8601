//! Pose graphs: real files are read and optimized to their known costs, and broken ones are named.

use halfslam::geometry::{Se2, Se3, se3};
use halfslam::io::g2o::{self, Graph};
use halfslam::pose_graph::{PoseGraph, PoseGraphEdge, PoseGraphOptions};
use halfslam::precision::Policy;
use halfslam::solver::{SolveStatistics, SolverError};
use nalgebra::{Matrix6, Vector6};
use std::path::PathBuf;

fn data(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HALFSLAM_DATA").map_or_else(|| PathBuf::from("../shared/data"), PathBuf::from);
    let path = root.join("pose_graphs").join(name);
    if !path.exists() {
        println!("skipped: {} is missing", path.display());
        return None;
    }
    Some(path)
}

fn solve(graph: &mut Graph, policy: &str) -> SolveStatistics {
    let (policy, options) = (Policy::resolve(policy).unwrap(), PoseGraphOptions::default());
    match graph {
        Graph::Space(graph) => graph.optimize(&policy, &options).unwrap(),
        Graph::Plane(graph) => graph.optimize(&policy, &options).unwrap(),
    }
}

/// The best known costs, half the sum of squared whitened residuals, and which of them are quick enough for a test
/// under all policies.
const KNOWN: [(&str, f64, bool); 11] = [
    ("sphere2500/sphere2500.g2o", 675.608, false),
    ("parking-garage/parking-garage.g2o", 0.634192, false),
    ("smallGrid3D/smallGrid3D.g2o", 512.699, true),
    ("M3500/input_M3500_g2o.g2o", 68.9565, false),
    ("tinyGrid3D/tinyGrid3D.g2o", f64::INFINITY, true),
    ("torus3D/torus3D.g2o", 12113.52, false),
    ("sphere_bignoise_vertex3/sphere_bignoise_vertex3.g2o", 1_475_794.3, false),
    ("intel/intel.g2o", 22.5024, true),
    ("kitti_00/kitti_00.g2o", 49.161, true),
    ("kitti_05/kitti_05.g2o", 78.552, true),
    // Informations up to 10^12: the factor needs double precision, which the solve finds out.
    ("intel/input_INTEL_g2o.g2o", 107.8952, true),
];

#[test]
fn known_costs_are_reached() {
    for (name, best, quick) in KNOWN {
        let Some(path) = data(name) else { continue };
        let start = g2o::read(&path).unwrap();
        let policies: &[&str] = if quick { &["double", "single", "mixed"] } else { &["mixed"] };
        let mut double = None;
        for policy in policies {
            let statistics = solve(&mut start.clone().graph, policy);
            assert!(statistics.converged, "{name} {policy}: {statistics:?}");
            let best = double.unwrap_or(best);
            let excess = statistics.final_cost / best - 1.0;
            assert!(excess < 1e-4, "{name} {policy}: {excess:e} {statistics:?}");
            if *policy == "double" {
                double = Some(statistics.final_cost);
            }
        }
    }
}

/// From the files' own guesses of these two every local method ends elsewhere.
#[test]
fn without_the_chordal_start_a_bad_guess_stays_bad() {
    let Some(path) = data("torus3D/torus3D.g2o") else { return };
    let Graph::Space(mut graph) = g2o::read(&path).unwrap().graph else { panic!("torus3D is in space") };
    let mut options = PoseGraphOptions { start: "given".into(), ..PoseGraphOptions::default() };
    options.solver.max_iterations = 3;
    let given = graph.clone().optimize(&Policy::resolve("single").unwrap(), &options).unwrap();
    options.start = "chordal".into();
    let chordal = graph.optimize(&Policy::resolve("single").unwrap(), &options).unwrap();
    assert!(chordal.final_cost < 1.001 * 12113.52 && given.final_cost > 2.0 * chordal.final_cost);
}

/// A square of four nodes that closes, its nodes displaced.
fn square() -> (PoseGraph, Vec<Se3>) {
    let step = Se3::translation(1.0, 0.0, 0.1) * se3::exp(&Vector6::new(0.0, 0.0, 0.0, 0.1, -0.2, 1.5));
    let mut truth = vec![Se3::identity()];
    for i in 0..5 {
        truth.push(truth[i] * step);
    }
    let edge = |from: usize, to: usize| {
        let t_from_to = truth[from].inverse() * truth[to];
        PoseGraphEdge { from, to, t_from_to, information: Matrix6::identity() * 100.0, robust: false }
    };
    let edges = vec![edge(0, 1), edge(1, 2), edge(2, 3), edge(3, 4), edge(4, 5), edge(4, 0), edge(1, 5)];
    let displace = |(i, pose): (usize, &Se3)| pose * se3::exp(&Vector6::repeat(0.07 * (i % 3) as f64));
    let nodes = truth.iter().enumerate().map(displace).collect();
    (PoseGraph::new(nodes, vec![], edges), truth)
}

fn optimize(graph: &mut PoseGraph, policy: &str) -> Result<SolveStatistics, SolverError> {
    graph.optimize(&Policy::resolve(policy).unwrap(), &PoseGraphOptions::default())
}

fn worst_gap(graph: &PoseGraph, truth: &[Se3]) -> f64 {
    let gap = |(a, b): (&Se3, &Se3)| (a.to_homogeneous() - b.to_homogeneous()).amax();
    graph.nodes.iter().zip(truth).map(gap).fold(0.0, f64::max)
}

#[test]
fn exact_measurements_give_the_truth_under_every_policy() {
    for (name, tolerance) in [("double", 1e-6), ("single", 1e-5), ("mixed", 1e-5), ("half", 0.02)] {
        let (mut graph, truth) = square();
        let policy = Policy { scaling: true, ..Policy::resolve(name).unwrap() };
        let statistics = graph.optimize(&policy, &PoseGraphOptions::default()).unwrap();
        let gap = worst_gap(&graph, &truth);
        assert!(gap < tolerance, "{name}: {gap:e} {statistics:?}");
    }
}

#[test]
fn a_graph_can_grow_between_solves() {
    let (mut grown, truth) = square();
    optimize(&mut grown, "mixed").unwrap();
    grown.nodes.push(truth[5]);
    let edge = PoseGraphEdge { from: 5, to: 6, t_from_to: Se3::translation(0.0, 1.0, 0.0), ..grown.edges[0].clone() };
    grown.edges.push(edge);
    let mut fresh = PoseGraph::new(grown.nodes.clone(), vec![], grown.edges.clone());
    let (after, at_once) = (optimize(&mut grown, "mixed").unwrap(), optimize(&mut fresh, "mixed").unwrap());
    assert!(after.final_cost < 1e-9 && at_once.final_cost < 1e-9, "{after:?} {at_once:?}");
    assert!(worst_gap(&grown, &fresh.nodes) < 1e-4);
}

/// A torus of grid cells in space, walked row by row, with noise; loops join the rows.
fn grid(count: usize, side: usize) -> PoseGraph {
    let mut numbers = Numbers(3);
    let information = Matrix6::from_diagonal(&Vector6::new(1e4, 1e4, 1e4, 1e6, 1e6, 1e6));
    let step = Se3::translation(1.0, 0.0, 0.1) * se3::exp(&Vector6::new(0.0, 0.0, 0.0, 0.0, 0.02, 6.0 / side as f64));
    let mut truth = vec![Se3::identity()];
    for i in 1..count {
        truth.push(truth[i - 1] * step);
    }
    let mut graph = PoseGraph::new(truth[..1].to_vec(), vec![], vec![]);
    for to in 1..count {
        for from in std::iter::once(to - 1).chain(to.checked_sub(side)) {
            let t_from_to = truth[from].inverse() * truth[to] * numbers.noise(0.005);
            graph.edges.push(PoseGraphEdge { from, to, t_from_to, information, robust: false });
            if from + 1 == to {
                graph.nodes.push(graph.nodes[from] * t_from_to);
            }
        }
    }
    graph
}

/// However a graph has grown, it ends where it ends when it is made at once, under every policy, and the factor of its
/// beginning serves for a while.
#[test]
fn a_grown_graph_ends_where_one_made_at_once_does() {
    let whole = grid(900, 30);
    for policy in ["double", "single", "mixed"] {
        let mut grown = PoseGraph::default();
        let mut steps = Vec::new();
        for count in 860..=890 {
            let have = grown.nodes.len();
            for node in have..count {
                let odometry = whole.edges.iter().find(|edge| edge.to == node && edge.from + 1 == node);
                let pose = odometry.map_or(whole.nodes[node], |edge| grown.nodes[edge.from] * edge.t_from_to);
                grown.nodes.push(pose);
            }
            let edges = whole.edges[grown.edges.len()..].iter().take_while(|edge| edge.to < count);
            grown.edges.extend(edges.cloned());
            let before = grown.factorizations();
            let mut fresh = PoseGraph::new(grown.nodes.clone(), vec![], grown.edges.clone());
            let (after, at_once) = (optimize(&mut grown, policy).unwrap(), optimize(&mut fresh, policy).unwrap());
            steps.push(grown.factorizations() - before);
            assert!(after.converged && at_once.converged, "{policy} {count}: {after:?}");
            let excess = after.final_cost / at_once.final_cost - 1.0;
            assert!(excess.abs() < 1e-5, "{policy} {count}: {excess:e}");
            let gap = worst_gap(&grown, &fresh.nodes);
            assert!(gap < 1e-3, "{policy} {count}: {gap}");
        }
        assert!(steps[1..].contains(&0), "{policy}: factored for each extension: {steps:?}");
    }
}

/// New nodes that hang on newer ones, on none, or by several edges, edges that are taken away, and a fixed node more.
#[test]
fn any_change_between_solves_is_noticed() {
    let changes: [&dyn Fn(&mut PoseGraph); 6] = [
        &|g| {
            let last = g.nodes.len();
            g.nodes.extend([g.nodes[last - 1]; 2]);
            let edge = g.edges[0].clone();
            g.edges.push(PoseGraphEdge { from: last + 1, to: last, ..edge.clone() });
            g.edges.push(PoseGraphEdge { from: 3, to: last, ..edge });
        },
        &|g| g.nodes.push(Se3::translation(5.0, 5.0, 5.0)),
        &|g| {
            let last = g.nodes.len();
            g.nodes.push(g.nodes[last - 1]);
            let edge = g.edges[0].clone();
            g.edges.extend([last - 1, 2, 9].map(|from| PoseGraphEdge { from, to: last, ..edge.clone() }));
        },
        &|g| g.edges.truncate(g.edges.len() - 3),
        &|g| g.fixed = vec![0, 7],
        &|g| g.edges[5].t_from_to.translation.x += 0.01,
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut graph = grid(100, 10);
        optimize(&mut graph, "mixed").unwrap();
        change(&mut graph);
        let mut fresh = PoseGraph::new(graph.nodes.clone(), graph.fixed.clone(), graph.edges.clone());
        let (after, at_once) = (optimize(&mut graph, "mixed").unwrap(), optimize(&mut fresh, "mixed").unwrap());
        let excess = after.final_cost / at_once.final_cost - 1.0;
        assert!(excess.abs() < 1e-5, "change {index}: {excess:e} {after:?} {at_once:?}");
    }
}

#[test]
fn a_robust_edge_that_is_wrong_does_little_harm() {
    let wrong = |robust| {
        let (mut graph, truth) = square();
        graph.edges.push(PoseGraphEdge {
            from: 0,
            to: 3,
            t_from_to: Se3::translation(9.0, 9.0, 9.0),
            robust,
            ..graph.edges[0].clone()
        });
        optimize(&mut graph, "mixed").unwrap();
        worst_gap(&graph, &truth)
    };
    assert!(wrong(true) < 0.2 * wrong(false), "{} against {}", wrong(true), wrong(false));
}

#[test]
fn parts_fixed_nodes_duplicates_and_singular_information_are_no_trouble() {
    let (mut graph, truth) = square();
    let part = graph.nodes.len();
    graph.nodes.extend([
        Se3::translation(50.0, 0.0, 0.0),
        Se3::translation(50.0, 1.0, 3.0),
        Se3::translation(7.0, 0.0, 0.0),
    ]);
    let mut edge = graph.edges[0].clone();
    (edge.from, edge.to, edge.t_from_to) = (part, part + 1, Se3::translation(1.0, 0.0, 0.0));
    edge.information[(2, 2)] = 0.0;
    graph.edges.extend([edge.clone(), edge]);
    graph.fixed = vec![2, 3];
    let (kept, lonely) = (graph.nodes[2], graph.nodes[part + 2]);
    graph.nodes[3] = truth[2].inverse() * graph.nodes[2] * truth[3];
    let statistics = optimize(&mut graph, "mixed").unwrap();
    assert!(statistics.final_cost.is_finite() && statistics.final_cost < statistics.initial_cost);
    assert_eq!((graph.nodes[2], graph.nodes[part + 2]), (kept, lonely));
    let moved = graph.nodes[part].inverse() * graph.nodes[part + 1];
    assert!((moved.translation.x - 1.0).abs() < 1e-3 && moved.translation.y.abs() < 1e-3, "{moved}");
    assert!(optimize(&mut PoseGraph::default(), "mixed").is_ok());
}

#[test]
fn what_is_broken_is_named() {
    let refused = |change: &dyn Fn(&mut PoseGraph), words: &str| {
        let (mut graph, _) = square();
        change(&mut graph);
        let before = format!("{:?}", graph.nodes);
        let error = optimize(&mut graph, "mixed").unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert_eq!(format!("{:?}", graph.nodes), before);
    };
    refused(&|g| g.edges[3].to = 77, "edge 3 is from 3 to 77");
    refused(&|g| g.edges[2].to = 2, "edge 2 is from 2 to 2");
    refused(&|g| g.edges[1].t_from_to.translation.x = f64::NAN, "edge 1");
    refused(&|g| g.edges[4].information[(0, 0)] = -5.0, "information of edge 4");
    refused(&|g| g.nodes[5].translation.y = f64::INFINITY, "node 5");
    refused(&|g| g.fixed = vec![8], "node 8");
}

/// A reproducible stream of numbers in (-1, 1).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as f64 / (1u64 << 30) as f64 - 1.0
    }
    fn noise(&mut self, size: f64) -> Se3 {
        se3::exp(&Vector6::from_fn(|_, _| size * self.next()))
    }
}

/// Three laps of a ring with a loop edge from each node to the one a lap before, every third of which is wrong; nodes
/// start from the noisy odometry. Returns the graph, the truth, and which edges are wrong.
fn laps(count: usize) -> (PoseGraph, Vec<Se3>, Vec<usize>) {
    let mut numbers = Numbers(7);
    let step = Se3::translation(1.0, 0.0, 0.02)
        * se3::exp(&Vector6::new(0.0, 0.0, 0.0, 0.0, 0.01, std::f64::consts::TAU / count as f64));
    let mut truth = vec![Se3::identity()];
    for i in 1..3 * count {
        truth.push(truth[i - 1] * step);
    }
    let information = Matrix6::from_diagonal(&Vector6::new(1e4, 1e4, 1e4, 1e6, 1e6, 1e6));
    let mut edges = Vec::new();
    let mut wrong = Vec::new();
    for to in 1..3 * count {
        let t_from_to = truth[to - 1].inverse() * truth[to] * numbers.noise(0.001);
        edges.push(PoseGraphEdge { from: to - 1, to, t_from_to, information, robust: false });
        if to >= count {
            let mut t_from_to = truth[to - count].inverse() * truth[to] * numbers.noise(0.001);
            if to % 3 == 0 {
                wrong.push(edges.len());
                t_from_to = Se3::translation(2.0 + numbers.next(), 3.0 * numbers.next(), 0.5) * numbers.noise(0.5);
            }
            edges.push(PoseGraphEdge { from: to - count, to, t_from_to, information, robust: true });
        }
    }
    let mut nodes = vec![Se3::identity()];
    for edge in edges.iter().filter(|edge| !edge.robust) {
        nodes.push(nodes[edge.from] * edge.t_from_to);
    }
    (PoseGraph::new(nodes, vec![], edges), truth, wrong)
}

#[test]
fn a_graduated_loss_rejects_a_third_of_wrong_loops() {
    let (graph, truth, wrong) = laps(40);
    let solve = |loss: &str, policy: &str| {
        let mut graph = graph.clone();
        let options = PoseGraphOptions { robust_loss: loss.into(), ..PoseGraphOptions::default() };
        let statistics = graph.optimize(&Policy::resolve(policy).unwrap(), &options).unwrap();
        assert!(statistics.converged, "{statistics:?}");
        (worst_gap(&graph, &truth), graph.rejected_edges(&options))
    };
    for policy in ["double", "mixed"] {
        let (gap, rejected) = solve("gnc", policy);
        assert_eq!(rejected, wrong, "{policy}");
        assert!(gap < 0.1, "{policy}: {gap}");
    }
    // Huber's loss bends to them, but tells.
    assert!(solve("huber", "mixed").1.len() >= wrong.len() / 2);
}

#[test]
fn real_graphs_bear_many_wrong_loops() {
    for (name, share, seed) in [("intel/intel.g2o", 0.3, 14), ("M3500/input_M3500_g2o.g2o", 0.4, 11)] {
        let Some(path) = data(name) else { continue };
        let Graph::Plane(mut clean) = g2o::read(&path).unwrap().graph else { panic!("{name} is in the plane") };
        let policy = Policy::resolve("mixed").unwrap();
        let mut graph = clean.clone();
        graph.edges.iter_mut().for_each(|edge| edge.robust = edge.from.abs_diff(edge.to) != 1);
        let right = graph.edges.len();
        let loops: Vec<_> = graph.edges.iter().filter(|edge| edge.robust).cloned().collect();
        let (mut numbers, count) = (Numbers(seed), graph.nodes.len());
        let mut any = |of: usize| ((0.5 * numbers.next() + 0.5) * of as f64) as usize % of;
        for index in 0..(share * loops.len() as f64) as usize {
            let (from, to) = (any(count), any(count));
            if from.abs_diff(to) > 1 {
                graph.edges.push(PoseGraphEdge { from, to, ..loops[(7 * index) % loops.len()].clone() });
            }
        }
        clean.optimize(&policy, &PoseGraphOptions::default()).unwrap();
        let options = PoseGraphOptions { robust_loss: "gnc".into(), ..PoseGraphOptions::default() };
        let statistics = graph.optimize(&policy, &options).unwrap();
        assert!(statistics.final_cost < statistics.initial_cost && statistics.final_cost.is_finite());
        let rejected = graph.rejected_edges(&options);
        let wrongly = rejected.iter().filter(|&&index| index < right).count();
        assert!(
            wrongly <= 5 && rejected.len() + 5 >= graph.edges.len() - right,
            "{name}: {wrongly} right ones rejected"
        );
        let gap = |(a, b): (&Se2, &Se2)| (a.translation.vector - b.translation.vector).norm();
        let gap = graph.nodes.iter().zip(&clean.nodes).map(gap).fold(0.0, f64::max);
        assert!(gap < 0.5, "{name}: {gap} m");
    }
}

/// Whatever a graph consists of, it ends in finite nodes of no higher cost, or in an error and the nodes as they were.
fn ends_well(mut graph: PoseGraph, policy: &str) -> Result<(), proptest::test_runner::TestCaseError> {
    use proptest::prelude::*;
    let before = format!("{:?}", graph.nodes);
    let mut options = PoseGraphOptions::default();
    options.solver.max_iterations = 5;
    match graph.optimize(&Policy::resolve(policy).unwrap(), &options) {
        Ok(statistics) => {
            let finite = |node: &Se3| node.to_homogeneous().iter().all(|value| value.is_finite());
            prop_assert!(graph.nodes.iter().all(finite), "{statistics:?}");
            prop_assert!(statistics.final_cost <= statistics.initial_cost * (1.0 + 1e-9), "{statistics:?}");
        }
        Err(_) => prop_assert_eq!(format!("{:?}", graph.nodes), before),
    }
    Ok(())
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(60))]

    #[test]
    fn any_graph_ends_well(
        ends in proptest::collection::vec((0usize..8, 0usize..8, 0u8..8), 0..25),
        seed in 1u64..1000,
        size in proptest::sample::select(vec![1e-3, 1.0, 1e3]),
        policy in proptest::sample::select(vec!["double", "single", "mixed", "half"]),
    ) {
        let mut numbers = Numbers(seed);
        let nodes = (0..7).map(|_| numbers.noise(3.0)).collect();
        let edges = ends.into_iter().map(|(from, to, kind)| {
            // Informations of every rank, of scales far apart, rarely such as are none.
            let rank = (kind as usize * 5) % 7;
            let rows = nalgebra::Matrix6::from_fn(|r, _| if r < rank { numbers.next() } else { 0.0 });
            let scale = 10f64.powf(6.0 * numbers.next());
            let mut information = rows.transpose() * rows * scale;
            let mut t_from_to = numbers.noise(2.0);
            t_from_to.translation.vector *= size;
            let oddity = numbers.next();
            if oddity > 0.99 {
                information[(1, 1)] = f64::NAN;
            } else if oddity > 0.98 {
                t_from_to.translation.x = f64::INFINITY;
            }
            PoseGraphEdge { from, to, t_from_to, information, robust: kind > 4 }
        });
        // Most graphs without the oddities that are refused at once.
        let keep = |edge: &PoseGraphEdge| edge.from != edge.to && edge.from < 7 && edge.to < 7;
        let edges: Vec<_> = if seed % 5 == 0 { edges.collect() } else { edges.filter(keep).collect() };
        ends_well(PoseGraph::new(nodes, vec![], edges), policy)?;
    }

    #[test]
    fn no_text_is_too_broken_to_be_read_or_named(
        lines in proptest::collection::vec((0usize..12, proptest::collection::vec(0usize..14, 0..40)), 0..12),
        windows in proptest::bool::ANY,
    ) {
        const KINDS: [&str; 12] = ["VERTEX_SE3:QUAT", "EDGE_SE3:QUAT", "VERTEX_SE2", "EDGE_SE2", "FIX", "VERTEX2",
            "EDGE2", "VERTEX3", "EDGE3", "#", "", "LANDMARK"];
        const WORDS: [&str; 14] = ["0", "1", "2", "-1", "1e400", "nan", "inf", "0.5", "x", "9223372036854775808", "1e-320",
            "1", "0", "3"];
        let end = if windows { "\r\n" } else { "\n" };
        let text: String = lines
            .iter()
            .map(|(kind, words)| {
                let words: Vec<&str> = words.iter().map(|&word| WORDS[word]).collect();
                format!("{} {}{end}", KINDS[*kind], words.join(" "))
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("graph.g2o");
        std::fs::write(&path, text).unwrap();
        match g2o::read(&path) {
            Ok(file) => {
                if let Graph::Space(graph) = file.graph {
                    ends_well(graph, "mixed")?;
                }
            }
            Err(error) => proptest::prop_assert!(error.to_string().contains("graph.g2o"), "{error}"),
        }
    }
}
