//! Reading a pose graph.

use super::fields::Fields;
use super::{G2o, Graph};
use crate::geometry::{Se2, Se3};
use crate::io::table::{Line, Table, TableError};
use crate::pose_graph::{PoseGraph, PoseGraphEdge};
use nalgebra::SMatrix;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Reads a pose graph of g2o or TORO. Nodes without a vertex start from the edges, see
/// [`PoseGraph::start_from_edges`]; no edge is robust.
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
                _ if kind == G::TORO_EDGE => contents.add_edge(&line, words, G::toro_pose, G::toro_information)?,
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
        for Edge { line, ids: [from, to], t_from_to, information } in self.edges {
            let (Some(from), Some(to)) = (index(from), index(to)) else { continue };
            let edge = PoseGraphEdge { from, to, t_from_to, information, robust: false };
            if !edge.has_valid_information() {
                return Err(on_line(line, "expected a positive semidefinite information matrix, found another".into()));
            }
            edges.push(edge);
        }
        let mut graph = PoseGraph::new(nodes, fixed, edges);
        graph.start_from_edges(&known);
        let started_from_edges = known.iter().filter(|known| !**known).count();
        Ok(G2o { graph: wrap(graph), ids, started_from_edges, ignored: self.ignored })
    }
}

/// Reads a pose from the front of the words.
type PoseReader<G> = for<'a, 'b> fn(&Line, &'b [&'a str]) -> Result<(G, &'b [&'a str]), TableError>;

fn id(line: &Line, word: &str) -> Result<i64, TableError> {
    word.parse().map_err(|_| line.error(format!("expected a vertex id, found '{word}'")))
}
