//! Reading a pose graph.

use super::fields::Fields;
use super::{G2o, Graph};
use crate::geometry::{Se2, Se3};
use crate::io::table::{Line, Table, TableError};
use crate::pose_graph::{PoseGraph, PoseGraphEdge, is_information};
use nalgebra::SMatrix;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// Whether a text file begins with a kind of line of g2o or TORO, comments left out, whatever its name ends in.
pub fn is_one(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(1024).read_to_end(&mut start));
    let start = String::from_utf8_lossy(&start);
    let mut lines = start.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let kind = lines.next().and_then(|line| line.split_whitespace().next()).unwrap_or_default();
    read.is_ok() && (kind == "FIX" || is_of::<Se3, 6>(kind) || is_of::<Se2, 3>(kind))
}

/// Reads a pose graph of g2o or TORO. Nodes without a vertex start from the edges, see
/// [`PoseGraph::start_from_edges`]; no edge is robust. An information matrix that is indefinite, as those of planar edges
/// that were lifted into space with their numbers in another order (`cubicle`, `rim`), is taken without the correlation of
/// translation and rotation if that makes it one. TORO's edges may lack the information; it is the identity then.
///
/// # Errors
/// [`TableError`] names file and line, what was expected and what was found.
pub fn read(path: &Path) -> Result<G2o, TableError> {
    parse(&Table::read(path)?)
}

/// The pose graph in a text of g2o or TORO, as [`read`] reads it.
///
/// # Errors
/// As [`read`].
pub fn parse(table: &Table) -> Result<G2o, TableError> {
    let mut dimension: Option<(&str, bool)> = None;
    for line in table.lines() {
        let kind = line.words().first().copied().unwrap_or_default();
        let planar = match kind {
            _ if is_of::<Se3, 6>(kind) => false,
            _ if is_of::<Se2, 3>(kind) => true,
            _ => continue,
        };
        match dimension {
            Some((first, other)) if other != planar => {
                return Err(line.error(format!("expected lines of one dimension, found {kind} after {first}")));
            }
            _ => dimension = Some((kind, planar)),
        }
    }
    match dimension {
        Some((_, true)) => Contents::<Se2, 3>::read(table)?.finish(table, Graph::Plane),
        Some((_, false)) => Contents::<Se3, 6>::read(table)?.finish(table, Graph::Space),
        None => Err(table.error("expected vertices or edges of a pose graph (g2o or TORO), found none")),
    }
}

fn is_of<G: Fields<D>, const D: usize>(kind: &str) -> bool {
    [G::VERTEX, G::EDGE, G::TORO_VERTEX, G::TORO_EDGE].contains(&kind)
}

/// An edge with the file's ids and its line.
struct Edge<G, const D: usize> {
    line: usize,
    ids: [i64; 2],
    t_from_to: G,
    information: SMatrix<f64, D, D>,
}

/// The lines of a file, sorted by kind.
struct Contents<G, const D: usize> {
    vertices: BTreeMap<i64, (usize, G)>,
    fixed: Vec<(usize, i64)>,
    edges: Vec<Edge<G, D>>,
    ignored: BTreeMap<String, usize>,
}

impl<G: Fields<D>, const D: usize> Contents<G, D> {
    fn read(table: &Table) -> Result<Self, TableError> {
        let mut contents =
            Self { vertices: BTreeMap::new(), fixed: Vec::new(), edges: Vec::new(), ignored: BTreeMap::new() };
        for line in table.lines() {
            let words = line.words();
            let Some((&kind, words)) = words.split_first() else { continue };
            match kind {
                _ if kind == G::VERTEX => contents.add_vertex(&line, words, G::pose)?,
                _ if kind == G::TORO_VERTEX => contents.add_vertex(&line, words, G::toro_pose)?,
                _ if kind == G::EDGE => contents.add_edge(&line, words, G::pose, G::information)?,
                _ if kind == G::TORO_EDGE => contents.add_toro_edge(&line, words)?,
                "FIX" => {
                    for word in words {
                        contents.fixed.push((line.number, id(&line, word)?));
                    }
                }
                _ => *contents.ignored.entry(kind.to_string()).or_default() += 1,
            }
        }
        Ok(contents)
    }

    fn add_vertex(&mut self, line: &Line, words: &[&str], pose: PoseReader<G>) -> Result<(), TableError> {
        let Some((word, rest)) = words.split_first() else {
            return Err(line.error("expected the id of a vertex, found nothing"));
        };
        let id = id(line, word)?;
        let (pose, rest) = pose(line, rest)?;
        if !rest.is_empty() {
            return Err(line.error(format!("expected the end of the vertex, found {} more words", rest.len())));
        }
        if let Some((earlier, _)) = self.vertices.insert(id, (line.number, pose)) {
            return Err(line.error(format!("vertex {id} stands on line {earlier} already")));
        }
        Ok(())
    }

    fn add_edge(
        &mut self,
        line: &Line,
        words: &[&str],
        pose: PoseReader<G>,
        information: impl Fn(&Line, &[&str]) -> Result<SMatrix<f64, D, D>, TableError>,
    ) -> Result<(), TableError> {
        let [from, to, rest @ ..] = words else {
            return Err(line.error(format!("expected two ids, found {} words", words.len())));
        };
        let ids = [id(line, from)?, id(line, to)?];
        if ids[0] == ids[1] {
            return Err(line.error(format!("expected two different ids, found {} twice", ids[0])));
        }
        let (t_from_to, rest) = pose(line, rest)?;
        let edge = Edge { line: line.number, ids, t_from_to, information: information(line, rest)? };
        self.edges.push(edge);
        Ok(())
    }

    /// In TORO the information may be missing: it is the identity then. Some programs write its numbers in g2o's order,
    /// which shows where they make no information in TORO's.
    fn add_toro_edge(&mut self, line: &Line, words: &[&str]) -> Result<(), TableError> {
        self.add_edge(line, words, G::toro_pose, |line, numbers| {
            if numbers.is_empty() {
                return Ok(SMatrix::identity());
            }
            let (ours, theirs) = (G::toro_information(line, numbers)?, G::information(line, numbers)?);
            Ok(if !is_information(&ours) && is_information(&theirs) { theirs } else { ours })
        })
    }

    fn finish(self, table: &Table, wrap: impl Fn(PoseGraph<G, D>) -> Graph) -> Result<G2o, TableError> {
        let on_line = |line, reason| TableError::Line { path: table.path.clone(), line, reason };
        let ids: BTreeSet<i64> =
            self.vertices.keys().copied().chain(self.edges.iter().flat_map(|edge| edge.ids)).collect();
        let ids: Vec<i64> = ids.into_iter().collect();
        let index = |id: i64| ids.binary_search(&id).ok();

        let known: Vec<bool> = ids.iter().map(|id| self.vertices.contains_key(id)).collect();
        let nodes = ids.iter().map(|id| self.vertices.get(id).map_or_else(G::identity, |(_, pose)| *pose)).collect();
        let mut fixed = Vec::new();
        for (line, id) in self.fixed {
            fixed.push(index(id).ok_or_else(|| on_line(line, format!("FIX names vertex {id}, which does not exist")))?);
        }
        let mut edges = Vec::with_capacity(self.edges.len());
        let mut uncorrelated_edges = 0;
        for Edge { line, ids: [from, to], t_from_to, information } in self.edges {
            let (Some(from), Some(to)) = (index(from), index(to)) else { continue };
            let mut edge = PoseGraphEdge { from, to, t_from_to, information, robust: false };
            if !is_information(&information) {
                edge.information = without_correlation(&information);
                uncorrelated_edges += 1;
            }
            if !is_information(&edge.information) {
                return Err(on_line(line, "expected a positive semidefinite information matrix, found another".into()));
            }
            edges.push(edge);
        }
        let mut graph = PoseGraph::new(nodes, fixed, edges);
        graph.start_from_edges(&known);
        let started_from_edges = known.iter().filter(|known| !**known).count();
        Ok(G2o { graph: wrap(graph), ids, started_from_edges, uncorrelated_edges, ignored: self.ignored })
    }
}

/// The information of translation and of rotation without what joins the two.
fn without_correlation<const D: usize>(information: &SMatrix<f64, D, D>) -> SMatrix<f64, D, D> {
    // Two translations and a rotation in the plane, three of each in space.
    let first_turn = if D == 3 { 2 } else { 3 };
    SMatrix::from_fn(
        |row, column| {
            if (row < first_turn) == (column < first_turn) { information[(row, column)] } else { 0.0 }
        },
    )
}

/// Reads a pose from the front of the words.
type PoseReader<G> = for<'a, 'b> fn(&Line, &'b [&'a str]) -> Result<(G, &'b [&'a str]), TableError>;

fn id(line: &Line, word: &str) -> Result<i64, TableError> {
    word.parse().map_err(|_| line.error(format!("expected a vertex id, found '{word}'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_is_known_by_its_first_word() {
        for (text, expected) in [
            ("\nVERTEX3 0 1", true),
            ("EDGE_SE2 0 1", true),
            ("# by hand\nFIX 0\n", true),
            ("16 22106 83718", false),
            ("", false),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(is_one(file.path()), expected, "{text}");
        }
        assert!(!is_one(Path::new("nowhere.txt")));
    }

    fn read_text(text: &str) -> Result<G2o, TableError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        read(file.path())
    }

    #[test]
    fn a_quaternion_without_a_norm_is_refused() {
        for quaternion in ["1e308 0 0 1", "0 0 0 0", "0 nan 0 1"] {
            let error = read_text(&format!("VERTEX_SE3:QUAT 0 0 0 0 {quaternion}\n")).unwrap_err().to_string();
            assert!(error.contains("line 1: expected"), "{error}");
        }
    }

    #[test]
    fn an_information_that_is_indefinite_missing_or_in_another_order_is_found_out() {
        // Of the data set cubicle: 84,022 joins z, whose information is 10, and the roll.
        let edge = |rest: &str| format!("EDGE_SE3:QUAT 1 2 -0.0001 0.0003 0 0 0 0.0001 1 2464830 {rest}\n");
        let scrambled = edge("5355300 0 0 0 0 15203400 0 0 0 0 10 84022.3 132748 0 10 0 0 10 0 91520.2");
        let sound = edge("1 0 0 0 0 15203400 0 0 0 0 10 0.5 0 0 10 0 0 10 0 91520.2");
        let file = read_text(&(scrambled + &sound)).unwrap();
        assert_eq!(file.uncorrelated_edges, 1);
        let Graph::Space(graph) = file.graph else { panic!("in space") };
        let information = graph.edges[0].information;
        assert_eq!([information[(2, 3)], information[(0, 1)], information[(2, 2)]], [0.0, 5355300.0, 10.0]);
        assert_eq!(graph.edges[1].information[(2, 3)], 0.5);
        let toro = read_text("EDGE3 0 1 1 0 0 0 0 0.5\n").unwrap();
        let Graph::Space(graph) = toro.graph else { panic!("in space") };
        assert_eq!(graph.edges[0].information, nalgebra::Matrix6::identity(), "TORO's edges may lack it");
        let Graph::Plane(graph) = read_text("EDGE2 0 1 1 0 0 3 0 0 4 0 5\n").unwrap().graph else {
            panic!("in the plane")
        };
        assert_eq!(graph.edges[0].information.diagonal().as_slice(), [3.0, 4.0, 5.0], "in g2o's order");
        let Graph::Plane(graph) = read_text("EDGE2 0 1 1 0 0 3 0 4 5 0 0\n").unwrap().graph else {
            panic!("in the plane")
        };
        assert_eq!(graph.edges[0].information.diagonal().as_slice(), [3.0, 4.0, 5.0], "in TORO's order");
        assert!(read_text("EDGE_SE2 0 1 1 0 0\n").is_err(), "those of g2o may not");
        let wrong = edge("1 0 0 0 0 15203400 0 0 0 0 -1000 0 0 0 10 0 0 10 0 91520.2");
        let error = read_text(&wrong).unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("positive semidefinite"), "{error}");
    }
}
