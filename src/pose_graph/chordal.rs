//! A start for graphs whose given estimate is bad: rotations first, then positions, both by linear least squares.
//!
//! Each row `x` of the rotation matrices is found on its own, from `x_b = M_abᵀ x_a` for each measured rotation `M_ab`,
//! and the three rows of a node are then made a rotation. With rotations known the positions are linear too. Both
//! have three unknowns per node and go through the same solver in the same precisions.
//!
//! # Source
//! Carlone et al., *Initialization techniques for 3D SLAM: a survey on rotation estimation and its use in pose graph
//! optimization* (2015), III.A: chordal relaxation.

use super::preconditioner::{Measurement, preconditioner_of};
use crate::geometry::Se3;
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::{Policy, Scalar};
use crate::solver::{Problem, SolverError, SolverOptions, minimize};
use crate::sparse::{CholeskyOptions, Structure, VariableIndex};
use nalgebra::{Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};

/// Computes all nodes but the fixed ones from the measurements alone; `nodes` are where the linear solver starts.
///
/// # Errors
/// [`SolverError`] if the linear problems cannot be solved.
pub(super) fn chordal_start<G: RigidGroup<D>, const D: usize>(
    nodes: &[G],
    fixed: &[bool],
    measurements: &[Measurement<G, D>],
    policy: &Policy,
    options: &CholeskyOptions,
) -> Result<Vec<G>, SolverError> {
    let mut space: Vec<Se3> = nodes.iter().map(G::to_space).collect();
    let links: Vec<Link> = measurements.iter().map(Link::of).collect();

    let equations = links.iter().map(|link| Equation {
        nodes: link.nodes,
        by_from: link.rotation.transpose() * link.rotation_weight,
        by_to: Matrix3::identity() * -link.rotation_weight,
        target: Vector3::zeros(),
    });
    let rows = |row: usize| space.iter().map(|node| row_of(node, row)).collect::<Vec<_>>();
    let mut linear = Linear::new(equations.collect(), fixed, rows(0), false);
    let mut preconditioner = preconditioner_of(&linear.structure, &linear.jacobian(), policy.preconditioner, options);
    let mut rotation_rows = Vec::with_capacity(3);
    for row in 0..3 {
        linear.values = rows(row);
        minimize(&mut linear, policy, &linear_options(), &mut preconditioner)?;
        rotation_rows.push(std::mem::take(&mut linear.values));
    }
    for (index, node) in space.iter_mut().enumerate().filter(|(index, _)| !fixed[*index]) {
        let matrix = Matrix3::from_rows(&[0, 1, 2].map(|row| rotation_rows[row][index].transpose()));
        node.rotation = nearest_rotation(matrix).unwrap_or(node.rotation);
    }

    let equations = links.iter().map(|link| {
        let whitening = link.translation_whitening * link.rotation.transpose();
        let by_to = whitening * space[link.nodes[0]].rotation.inverse().to_rotation_matrix();
        Equation { nodes: link.nodes, by_from: -by_to, by_to, target: whitening * link.translation }
    });
    let positions = space.iter().map(|node| node.translation.vector).collect();
    let mut linear = Linear::new(equations.collect(), fixed, positions, true);
    let mut preconditioner = preconditioner_of(&linear.structure, &linear.jacobian(), policy.preconditioner, options);
    minimize(&mut linear, policy, &linear_options(), &mut preconditioner)?;
    for (node, position) in space.iter_mut().zip(&linear.values) {
        node.translation = Translation3::from(*position);
    }
    Ok(nodes.iter().zip(&space).zip(fixed).map(|((old, new), &f)| if f { *old } else { G::from_space(new) }).collect())
}

/// A start need not be exact; the problems are linear, so a few steps only make up for the inexact linear solver.
fn linear_options() -> SolverOptions {
    SolverOptions {
        method: "gauss_newton".into(),
        max_iterations: 5,
        cost_tolerance: 1e-2,
        max_linear_iterations: 1000,
        forcing: 0.01,
        ..SolverOptions::default()
    }
}

/// A measurement as the linear problems need it.
struct Link {
    nodes: [usize; 2],
    rotation: Matrix3<f64>,
    translation: Vector3<f64>,
    /// Root of the mean information of the rotation (1/rad).
    rotation_weight: f64,
    /// Upper triangular root of the information of the translation (1/m).
    translation_whitening: Matrix3<f64>,
}

impl Link {
    fn of<G: RigidGroup<D>, const D: usize>(measurement: &Measurement<G, D>) -> Self {
        let t_from_to = G::widened(&measurement.t_from_to).to_space();
        let root = &measurement.sqrt_information;
        // Two translations and a rotation in the plane, three of each in space.
        let turns = if D == 3 { 1 } else { 3 };
        let first_turn = D - turns;
        let rotation_information: f64 = (first_turn..D)
            .map(|column| (0..=column).map(|row| root[row][column] * root[row][column]).sum::<f64>())
            .sum();
        let mut translation_whitening = Matrix3::zeros();
        for row in 0..3 {
            for column in row..3 {
                let inside = column < first_turn;
                translation_whitening[(row, column)] =
                    if inside { root[row][column] } else { f64::from(u8::from(row == column)) };
            }
        }
        Self {
            nodes: [measurement.from, measurement.to],
            rotation: *t_from_to.rotation.to_rotation_matrix().matrix(),
            translation: t_from_to.translation.vector,
            rotation_weight: (rotation_information / turns as f64).sqrt(),
            translation_whitening,
        }
    }
}

fn row_of(node: &Se3, row: usize) -> Vector3<f64> {
    node.rotation.to_rotation_matrix().matrix().row(row).transpose()
}

/// The rotation nearest to a matrix; `None` if it has none to speak of.
fn nearest_rotation(matrix: Matrix3<f64>) -> Option<UnitQuaternion<f64>> {
    let svd = matrix.svd(true, true);
    let (u, v_transposed) = (svd.u?, svd.v_t?);
    let mut signs = Vector3::repeat(1.0);
    if u.determinant() * v_transposed.determinant() < 0.0 {
        signs[svd.singular_values.imin()] = -1.0;
    }
    let rotation = u * Matrix3::from_diagonal(&signs) * v_transposed;
    let usable = svd.singular_values.max() > 1e-9 && rotation.iter().all(|value| value.is_finite());
    usable.then(|| UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(rotation)))
}

/// `by_from x_from + by_to x_to = target`.
struct Equation {
    nodes: [usize; 2],
    by_from: Matrix3<f64>,
    by_to: Matrix3<f64>,
    target: Vector3<f64>,
}

/// A linear least-squares problem with three unknowns per node.
struct Linear {
    /// Whether only differences of two nodes' unknowns matter, as of positions.
    differences: bool,
    equations: Vec<Equation>,
    values: Vec<Vector3<f64>>,
    variables: Vec<VariableIndex>,
    structure: Structure,
}

impl Linear {
    fn new(equations: Vec<Equation>, fixed: &[bool], values: Vec<Vector3<f64>>, differences: bool) -> Self {
        let mut structure = Structure::new();
        let mut add = |fixed: &bool| if *fixed { structure.add_fixed(3) } else { structure.add_variable(3) };
        let variables: Vec<_> = fixed.iter().map(&mut add).collect();
        for equation in &equations {
            structure.add_residual(3, &equation.nodes.map(|node| variables[node]));
        }
        Self { differences, equations, values, variables, structure }
    }

    fn jacobian(&self) -> Vec<f64> {
        let mut jacobian = vec![0.0; self.structure.entry_count()];
        self.linearize(&mut jacobian);
        jacobian
    }
}

impl Problem for Linear {
    type State = Vec<Vector3<f64>>;

    fn name(&self) -> &'static str {
        "chordal_start"
    }

    fn structure(&self) -> &Structure {
        &self.structure
    }

    fn residuals<S: Scalar>(&self, residuals: &mut [S]) {
        for (equation, rows) in self.equations.iter().zip(residuals.chunks_exact_mut(3)) {
            let [from, to] = equation.nodes.map(|node| self.values[node]);
            for (row, value) in rows.iter_mut().enumerate() {
                let product = |matrix: &Matrix3<f64>, of: &Vector3<f64>| -> S {
                    (0..3).map(|k| S::from_f64(matrix[(row, k)]) * S::from_f64(of[k])).sum()
                };
                // Differences of large numbers: positions are first taken relative to each other.
                let offset = if self.differences { from } else { Vector3::zeros() };
                *value = product(&equation.by_from, &(from - offset)) + product(&equation.by_to, &(to - offset))
                    - S::from_f64(equation.target[row]);
            }
        }
    }

    fn linearize<S: Scalar>(&self, jacobian: &mut [S]) {
        for (equation, block) in self.equations.iter().zip(jacobian.chunks_exact_mut(18)) {
            for (row, entries) in block.chunks_exact_mut(6).enumerate() {
                for column in 0..3 {
                    entries[column] = S::from_f64(equation.by_from[(row, column)]);
                    entries[3 + column] = S::from_f64(equation.by_to[(row, column)]);
                }
            }
        }
    }

    fn retract<S: Scalar>(&mut self, step: &[S]) {
        for (value, &variable) in self.values.iter_mut().zip(&self.variables) {
            if let Some(column) = self.structure.column(variable) {
                for (k, value) in value.iter_mut().enumerate() {
                    *value = (S::from_f64(*value) + step[column + k]).to_f64();
                }
            }
        }
    }

    fn state(&self) -> Self::State {
        self.values.clone()
    }

    fn restore(&mut self, values: &Self::State) {
        self.values.clone_from(values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3;
    use crate::pose_graph::preconditioner::Prepared;
    use crate::pose_graph::{PoseGraph, PoseGraphEdge};
    use nalgebra::{Matrix6, Vector6};

    #[test]
    fn exact_measurements_give_the_truth_from_nothing() {
        let pose = |i: usize| se3::exp(&Vector6::new(0.5, 0.1, 0.2, 0.3, -0.9, 0.4).scale(i as f64 * 0.7));
        let edge = |from: usize, to: usize| PoseGraphEdge {
            from,
            to,
            t_from_to: pose(from).inverse() * pose(to),
            information: Matrix6::from_diagonal(&Vector6::new(4.0, 9.0, 1.0, 100.0, 200.0, 50.0)),
            robust: false,
        };
        let edges: Vec<_> = (0..9).map(|i| edge(i, i + 1)).chain([edge(0, 9), edge(3, 7)]).collect();
        let graph = PoseGraph::new(vec![Se3::identity(); 10], vec![], edges);
        let prepared = Prepared::of(&graph, None).unwrap();
        let policy = Policy::resolve("double").unwrap();
        let fixed = graph.fixed_nodes();
        let options = CholeskyOptions::default();
        let start = chordal_start(&graph.nodes, &fixed, &prepared.measurements, &policy, &options).unwrap();
        let anchor = start[0];
        for (i, node) in start.iter().enumerate() {
            let gap = (anchor.inverse() * node).to_homogeneous() - (pose(0).inverse() * pose(i)).to_homogeneous();
            assert!(gap.amax() < 1e-2, "{i}: {gap}");
        }
    }
}
