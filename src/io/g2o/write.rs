//! Writing a pose graph.

use super::fields::Fields;
use super::{G2o, Graph};
use crate::pose_graph::PoseGraph;
use std::fmt::Write as _;
use std::path::Path;

/// Writes a graph in g2o's format, with its ids. Numbers are written so that they read back as they were. The file
/// appears whole or not at all.
///
/// # Errors
/// What the file system says.
pub fn write(path: &Path, file: &G2o) -> std::io::Result<()> {
    write_text(path, &to_string(file))
}

/// Writes a graph of space in g2o's format; ids are the nodes' indices.
///
/// # Errors
/// What the file system says.
pub fn write_graph(path: &Path, graph: &PoseGraph) -> std::io::Result<()> {
    let ids: Vec<i64> = (0..graph.nodes.len() as i64).collect();
    write_text(path, &text_of(graph, &ids))
}

/// The text of a graph in g2o's format.
pub fn to_string(file: &G2o) -> String {
    match &file.graph {
        Graph::Space(graph) => text_of(graph, &file.ids),
        Graph::Plane(graph) => text_of(graph, &file.ids),
    }
}

fn text_of<G: Fields<D>, const D: usize>(graph: &PoseGraph<G, D>, ids: &[i64]) -> String {
    let mut text = String::new();
    let append = |text: &mut String, numbers: &[f64]| {
        for number in numbers {
            // Writing to a string does not fail.
            let _ = write!(text, " {number}");
        }
    };
    for (node, id) in graph.nodes.iter().zip(ids) {
        let _ = write!(text, "{} {id}", G::VERTEX);
        append(&mut text, &node.numbers());
        text.push('\n');
    }
    for id in graph.fixed.iter().filter_map(|&node| ids.get(node)) {
        let _ = writeln!(text, "FIX {id}");
    }
    for edge in &graph.edges {
        let (Some(from), Some(to)) = (ids.get(edge.from), ids.get(edge.to)) else { continue };
        let _ = write!(text, "{} {from} {to}", G::EDGE);
        append(&mut text, &edge.t_from_to.numbers());
        for row in 0..D {
            for column in row..D {
                append(&mut text, &[edge.information[(row, column)]]);
            }
        }
        text.push('\n');
    }
    text
}

fn write_text(path: &Path, text: &str) -> std::io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    std::fs::write(&partial, text)?;
    std::fs::rename(&partial, path).inspect_err(|_| {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&partial);
    })
}
