//! What depends on the measurements of a pose graph alone, computed once and kept between its solves.

use super::problem::whiten_blocks;
use super::validate::{fingerprint, validate};
use super::whitening::square_root;
use super::{PoseGraph, PoseGraphEdge};
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::Precision;
use crate::solver::{Preconditioner, RefreshedCholesky, SolverError};
use crate::sparse::{
    Adjacency, Cholesky, CholeskyOptions, IncompleteCholesky, Structure, Supernodes, VariableIndex, adjacency,
    minimum_degree,
};
use std::sync::{Arc, OnceLock};

/// A level of fill that no chain with a few loops reaches.
const COMPLETE: usize = 1000;

/// An edge, ready for evaluation.
#[derive(Debug, Clone)]
pub(super) struct Measurement<G: RigidGroup<D>, const D: usize> {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) t_from_to: G::In<f64>,
    /// Upper triangular.
    pub(super) sqrt_information: [[f64; D]; D],
    pub(super) robust: bool,
}

/// Everything about a graph that does not depend on its nodes' estimates.
#[derive(Debug, Clone)]
pub(super) struct Prepared<G: RigidGroup<D>, const D: usize> {
    /// Of the edges that it was made of.
    fingerprints: Vec<u64>,
    /// Which nodes are fixed.
    pub(super) fixed: Vec<bool>,
    pub(super) measurements: Vec<Measurement<G, D>>,
    pub(super) structure: Structure,
    pub(super) variables: Vec<VariableIndex>,
    /// Which free nodes are neighbours, and in which order they are eliminated, once that has been asked for.
    order: OnceLock<(Adjacency, Vec<usize>)>,
    pub(super) preconditioner: Preconditioner,
    /// What the preconditioner was made for; `None` before the first solve.
    made_for: Option<(Precision, CholeskyOptions)>,
}

impl<G: RigidGroup<D>, const D: usize> Prepared<G, D> {
    /// Takes what was prepared for an earlier state of the graph as far as it still holds, and prepares the rest.
    ///
    /// # Errors
    /// [`SolverError::Problem`] names the first edge or node that is wrong.
    pub(super) fn of(graph: &PoseGraph<G, D>, earlier: Option<Self>) -> Result<Self, SolverError> {
        validate(graph)?;
        let fixed = graph.fixed_nodes();
        let fingerprints: Vec<u64> = graph.edges.iter().map(fingerprint).collect();
        let (mut measurements, kept) = match earlier {
            Some(earlier) if earlier.is_part_of(&fingerprints, &fixed) => {
                return earlier.extended(graph, fingerprints, fixed);
            }
            Some(earlier) => {
                let kept = earlier.fingerprints.iter().zip(&fingerprints).take_while(|(a, b)| a == b).count();
                (earlier.measurements, kept)
            }
            None => (Vec::new(), 0),
        };
        measurements.truncate(kept);
        measurements.reserve(graph.edges.len() - kept);
        for (index, edge) in graph.edges.iter().enumerate().skip(kept) {
            measurements.push(measurement(index, edge)?);
        }
        let (structure, variables) = structure_of(&fixed, &measurements, D);
        Ok(Self {
            fingerprints,
            fixed,
            measurements,
            structure,
            variables,
            order: OnceLock::new(),
            preconditioner: Preconditioner::BlockJacobi,
            made_for: None,
        })
    }

    /// Whether a graph is this one, or has it as its beginning and only free nodes besides.
    fn is_part_of(&self, fingerprints: &[u64], fixed: &[bool]) -> bool {
        let own = self.fixed.len();
        fingerprints.starts_with(&self.fingerprints) && fixed.starts_with(&self.fixed) && !fixed[own..].contains(&true)
    }

    /// What was prepared, with the nodes and edges that have joined since. The factor is kept if it can be.
    fn extended(
        mut self,
        graph: &PoseGraph<G, D>,
        fingerprints: Vec<u64>,
        fixed: Vec<bool>,
    ) -> Result<Self, SolverError> {
        let (nodes, edges) = (self.fixed.len(), self.fingerprints.len());
        if (nodes, edges) == (fixed.len(), fingerprints.len()) {
            return Ok(self);
        }
        for _ in nodes..fixed.len() {
            self.variables.push(self.structure.add_variable(D));
        }
        for (index, edge) in graph.edges.iter().enumerate().skip(edges) {
            let variables = [self.variables[edge.from], self.variables[edge.to]];
            self.structure.add_residual(D, &variables);
            self.measurements.push(measurement(index, edge)?);
        }
        (self.fingerprints, self.fixed, self.order) = (fingerprints, fixed, OnceLock::new());
        let serves_on = match &mut self.preconditioner {
            Preconditioner::Cholesky(factor) => factor.append(&self.structure),
            _ => false,
        };
        if !serves_on {
            (self.preconditioner, self.made_for) = (Preconditioner::BlockJacobi, None);
        }
        Ok(self)
    }

    /// The pattern of the complete factor for nodes of a number of unknowns.
    pub(super) fn supernodes(&self, size: usize) -> Supernodes {
        let (graph, order) = self.order.get_or_init(|| {
            let number = |node: usize| self.structure.column(self.variables[node]).map(|column| column / D);
            let pairs = self.measurements.iter().filter_map(|m| Some((number(m.from)?, number(m.to)?)));
            let graph = adjacency(self.structure.column_count() / D, pairs);
            let order = minimum_degree(&graph);
            (graph, order)
        });
        Supernodes::new(graph, order, size)
    }

    /// A graph that is little more than chains has next to no fill: an incomplete factor may as well have all of it.
    fn fill_options(&self, options: &CholeskyOptions) -> CholeskyOptions {
        let loops = self.measurements.len().saturating_sub(self.fixed.len());
        let chain_like = 4 * loops < self.fixed.len();
        let fill_level = if chain_like { options.fill_level.max(COMPLETE) } else { options.fill_level };
        CholeskyOptions { fill_level, ..options.clone() }
    }

    /// Makes the preconditioner, unless that has been done for this precision and these options: the complete factor
    /// where memory allows, else the incomplete one at zero residual. Where no factor is to be had, block-Jacobi serves.
    pub(super) fn factor(&mut self, precision: Precision, options: &CholeskyOptions) {
        let wanted = Some((precision, options.clone()));
        if self.made_for == wanted {
            return;
        }
        let nodes = self.supernodes(D);
        let made = if nodes.entries(D) <= options.max_complete_entries {
            Cholesky::new(&self.structure, Arc::new(nodes), precision).map(|factor| {
                Preconditioner::Cholesky(Box::new(RefreshedCholesky::new(factor, self.structure.entry_count())))
            })
        } else {
            let jacobian = jacobian_at_zero_residual(&self.measurements, &self.structure);
            IncompleteCholesky::from_jacobian(&self.structure, &jacobian, None, &self.fill_options(options), precision)
                .map(Preconditioner::IncompleteCholesky)
        };
        self.preconditioner = made.unwrap_or_else(|error| {
            tracing::warn!("pose graph: {error}; using block-Jacobi instead");
            Preconditioner::BlockJacobi
        });
        self.made_for = wanted;
    }
}

/// The structure of a problem with `size` unknowns and residuals for each node and measurement.
pub(super) fn structure_of<G: RigidGroup<D>, const D: usize>(
    fixed: &[bool],
    measurements: &[Measurement<G, D>],
    size: usize,
) -> (Structure, Vec<VariableIndex>) {
    let mut structure = Structure::new();
    let mut add = |fixed: &bool| if *fixed { structure.add_fixed(size) } else { structure.add_variable(size) };
    let variables: Vec<_> = fixed.iter().map(&mut add).collect();
    for measurement in measurements {
        structure.add_residual(size, &[variables[measurement.from], variables[measurement.to]]);
    }
    (structure, variables)
}

/// The Jacobian of the whitened residuals where every relative pose is as measured: it depends on no estimate.
fn jacobian_at_zero_residual<G: RigidGroup<D>, const D: usize>(
    measurements: &[Measurement<G, D>],
    structure: &Structure,
) -> Vec<f64> {
    let mut jacobian = vec![0.0; structure.entry_count()];
    for (measurement, block) in measurements.iter().zip(jacobian.chunks_exact_mut(2 * D * D)) {
        let jacobians = G::jacobians(&measurement.t_from_to, &measurement.t_from_to);
        whiten_blocks(&measurement.sqrt_information, &jacobians, block);
    }
    jacobian
}

fn measurement<G: RigidGroup<D>, const D: usize>(
    index: usize,
    edge: &PoseGraphEdge<G, D>,
) -> Result<Measurement<G, D>, SolverError> {
    let Some(sqrt_information) = square_root(&edge.information) else {
        return Err(SolverError::Problem(format!(
            "pose graph: the information of edge {index} ({} to {}) is not positive semidefinite: {:?}",
            edge.from,
            edge.to,
            edge.information.as_slice()
        )));
    };
    let t_from_to = edge.t_from_to.rounded();
    Ok(Measurement { from: edge.from, to: edge.to, t_from_to, sqrt_information, robust: edge.robust })
}
