//! What is odd is no trouble, and what is broken is named.

use crate::{Numbers, optimize, square};
use halfslam::geometry::Se3;
use halfslam::io::g2o::{self, Graph};
use halfslam::pose_graph::{PoseGraph, PoseGraphEdge, PoseGraphOptions};
use halfslam::precision::Policy;

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
