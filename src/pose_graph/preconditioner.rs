//! What depends on the measurements of a pose graph alone, computed once and kept between its solves.

use super::problem::whiten_blocks;
use super::whitening::square_root;
use super::{PoseGraph, PoseGraphEdge};
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::Precision;
use crate::solver::{Preconditioner, SolverError};
use crate::sparse::{CholeskyOptions, IncompleteCholesky, Structure, VariableIndex};

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
    /// The edges that it was made of.
    edges: Vec<PoseGraphEdge<G, D>>,
    /// Which nodes are fixed.
    pub(super) fixed: Vec<bool>,
    pub(super) measurements: Vec<Measurement<G, D>>,
    pub(super) structure: Structure,
    pub(super) variables: Vec<VariableIndex>,
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
        let (mut measurements, kept) = match earlier {
            Some(earlier) if earlier.edges == graph.edges && earlier.fixed == fixed => return Ok(earlier),
            Some(earlier) => {
                let kept = earlier.edges.iter().zip(&graph.edges).take_while(|(a, b)| a == b).count();
                (earlier.measurements, kept)
            }
            None => (Vec::new(), 0),
        };
        measurements.truncate(kept);
        for (index, edge) in graph.edges.iter().enumerate().skip(kept) {
            measurements.push(measurement(index, edge)?);
        }

        let mut structure = Structure::new();
        let mut add = |fixed: &bool| if *fixed { structure.add_fixed(D) } else { structure.add_variable(D) };
        let variables: Vec<_> = fixed.iter().map(&mut add).collect();
        for edge in &graph.edges {
            structure.add_residual(D, &[variables[edge.from], variables[edge.to]]);
        }
        let edges = graph.edges.clone();
        let preconditioner = Preconditioner::BlockJacobi;
        Ok(Self { edges, fixed, measurements, structure, variables, preconditioner, made_for: None })
    }

    /// A graph that is little more than chains has next to no fill: there the complete factor is the better one.
    fn fill_options(&self, options: &CholeskyOptions) -> CholeskyOptions {
        let loops = self.measurements.len().saturating_sub(self.fixed.len());
        let chain_like = 4 * loops < self.fixed.len();
        let fill_level = if chain_like { options.fill_level.max(COMPLETE) } else { options.fill_level };
        CholeskyOptions { fill_level, ..options.clone() }
    }

    /// Factors the normal matrix at zero residual, unless that has been done for this precision and these options.
    /// Where no factor is to be had, block-Jacobi serves.
    pub(super) fn factor(&mut self, precision: Precision, options: &CholeskyOptions) {
        let wanted = Some((precision, options.clone()));
        if self.made_for == wanted {
            return;
        }
        let options = &self.fill_options(options);
        let jacobian = jacobian_at_zero_residual(&self.measurements, &self.structure);
        self.preconditioner = preconditioner_of(&self.structure, &jacobian, precision, options);
        self.made_for = wanted;
    }
}

/// An incomplete factor of the normal matrix of a Jacobian; block-Jacobi where there is none to be had.
pub(super) fn preconditioner_of(
    structure: &Structure,
    jacobian: &[f64],
    precision: Precision,
    options: &CholeskyOptions,
) -> Preconditioner {
    match IncompleteCholesky::from_jacobian(structure, jacobian, None, options, precision) {
        Ok(factor) => Preconditioner::IncompleteCholesky(factor),
        Err(error) => {
            tracing::warn!("pose graph: {error}; using block-Jacobi instead");
            Preconditioner::BlockJacobi
        }
    }
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

fn validate<G: RigidGroup<D>, const D: usize>(graph: &PoseGraph<G, D>) -> Result<(), SolverError> {
    let problem = |text: String| Err(SolverError::Problem(format!("pose graph: {text}")));
    let count = graph.nodes.len();
    if let Some(index) = graph.nodes.iter().position(|node| !node.is_finite()) {
        return problem(format!("node {index} is not finite"));
    }
    if let Some(index) = graph.fixed.iter().find(|&&index| index >= count) {
        return problem(format!("node {index} is to be fixed, but there are {count} nodes"));
    }
    for (index, edge) in graph.edges.iter().enumerate() {
        if edge.from >= count || edge.to >= count || edge.from == edge.to {
            return problem(format!(
                "edge {index} is from {} to {}; expected two different ones of {count} nodes",
                edge.from, edge.to
            ));
        }
        if !edge.t_from_to.is_finite() {
            return problem(format!("the measurement of edge {index} ({} to {}) is not finite", edge.from, edge.to));
        }
    }
    Ok(())
}
