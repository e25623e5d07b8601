//! A start for graphs whose given estimate is bad: rotations first, then positions, both by linear least squares.
//!
//! Each row `x` of the rotation matrices is found on its own, from `x_b = M_abᵀ x_a` for each measured rotation `M_ab`,
//! and the rows of a node are then made a rotation. In the plane the second row is the first one turned, so one is
//! enough. With rotations known the positions are linear too. Both have three unknowns per node.
//!
//! # Source
//! Carlone et al., *Initialization techniques for 3D SLAM: a survey on rotation estimation and its use in pose graph
//! optimization* (2015), III.A: chordal relaxation.

use super::nearest_rotation::nearest_rotation;
use super::prepared::{Measurement, Prepared, structure_of};
use super::relaxation::{Equation, Relaxation};
use crate::geometry::Se3;
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::{Policy, Precision, VectorKernels};
use crate::solver::{Preconditioner, RefreshedCholesky, SolverError};
use crate::sparse::{Cholesky, SparseError, Structure, VariableIndex};
use nalgebra::{Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};
use std::sync::Arc;

/// Computes all nodes but the fixed ones from the measurements alone. In the plane the solve's own factor is used, for
/// which the nodes have three unknowns too. Vectors are in the policy's precision, single at least, and in double where
/// that fails.
///
/// # Errors
/// [`SolverError`] if the linear problems cannot be solved.
pub(super) fn chordal_start<G: RigidGroup<D>, const D: usize>(
    nodes: &[G],
    prepared: &Prepared<G, D>,
    preconditioner: &mut Preconditioner,
    policy: &Policy,
) -> Result<Vec<G>, SolverError> {
    let space: Vec<Se3> = nodes.iter().map(G::to_space).collect();
    let start = match (policy.vectors, preconditioner) {
        (Precision::F64, _) => with_own_factor::<f64, G, D>(&space, prepared, policy.preconditioner),
        (_, Preconditioner::Cholesky(factor)) if D == 3 => {
            let structure = &prepared.structure;
            let factor = factor.borrow(structure).map_err(|error| SolverError::Problem(error.to_string()))?;
            start_in::<f32, G, D>(&space, prepared, structure, &prepared.variables, factor)
        }
        _ => with_own_factor::<f32, G, D>(&space, prepared, policy.preconditioner),
    };
    let start = match start {
        Err(error) if policy.vectors < Precision::F64 => {
            tracing::debug!("pose graph: chordal start in double precision, because in single: {error}");
            with_own_factor::<f64, G, D>(&space, prepared, Precision::F64)
        }
        other => other,
    }?;
    let back = |((old, new), fixed): ((&G, &Se3), &bool)| if *fixed { *old } else { G::from_space(new) };
    Ok(nodes.iter().zip(&start).zip(&prepared.fixed).map(back).collect())
}

fn with_own_factor<V: VectorKernels, G: RigidGroup<D>, const D: usize>(
    space: &[Se3],
    prepared: &Prepared<G, D>,
    precision: Precision,
) -> Result<Vec<Se3>, SolverError> {
    let (structure, variables) = structure_of(&prepared.fixed, &prepared.measurements, 3);
    let problem = |error: SparseError| SolverError::Problem(error.to_string());
    let factor = Cholesky::new(&structure, Arc::new(prepared.supernodes(3)), precision).map_err(problem)?;
    let mut factor = RefreshedCholesky::new(factor, structure.entry_count());
    start_in::<V, G, D>(space, prepared, &structure, &variables, factor.borrow(&structure).map_err(problem)?)
}

fn start_in<V: VectorKernels, G: RigidGroup<D>, const D: usize>(
    space: &[Se3],
    prepared: &Prepared<G, D>,
    structure: &Structure,
    variables: &[VariableIndex],
    factor: &mut Cholesky,
) -> Result<Vec<Se3>, SolverError> {
    let fixed = &prepared.fixed;
    let mut space = space.to_vec();
    let links: Vec<Link> = prepared.measurements.iter().map(Link::of).collect();

    let equations = links.iter().map(|link| Equation {
        nodes: link.nodes,
        by_from: link.rotation.transpose() * link.rotation_weight,
        by_to: Matrix3::identity() * -link.rotation_weight,
        target: Vector3::zeros(),
    });
    let mut relaxation = Relaxation::<V>::new(equations.collect(), structure, variables, factor)?;
    let row_count = if D == 3 { 1 } else { 3 };
    let mut rows = Vec::with_capacity(3);
    for row in 0..row_count {
        let known = |node: usize| space[node].rotation.to_rotation_matrix().matrix().row(row).transpose();
        let mut values: Vec<_> =
            (0..space.len()).map(|node| if fixed[node] { known(node) } else { Vector3::zeros() }).collect();
        relaxation.solve(&mut values)?;
        rows.push(values);
    }
    for (index, node) in space.iter_mut().enumerate().filter(|(index, _)| !fixed[*index]) {
        node.rotation = match &rows[..] {
            [x, y, z] => {
                let matrix = Matrix3::from_rows(&[x, y, z].map(|row| row[index].transpose()));
                nearest_rotation(&matrix).unwrap_or(node.rotation)
            }
            _ => heading(&rows[0][index]).unwrap_or(node.rotation),
        };
    }

    let equations = links.iter().map(|link| {
        let whitening = link.translation_whitening * link.rotation.transpose();
        let by_to = whitening * space[link.nodes[0]].rotation.inverse().to_rotation_matrix();
        Equation { nodes: link.nodes, by_from: -by_to, by_to, target: whitening * link.translation }
    });
    relaxation.set_equations(equations.collect(), structure)?;
    let mut positions: Vec<_> =
        space.iter().zip(fixed).map(|(node, &f)| if f { node.translation.vector } else { Vector3::zeros() }).collect();
    relaxation.solve(&mut positions)?;
    for (node, position) in space.iter_mut().zip(&positions) {
        node.translation = Translation3::from(*position);
    }
    Ok(space)
}

/// The rotation about z whose matrix has this first row, but for its length.
fn heading(row: &Vector3<f64>) -> Option<UnitQuaternion<f64>> {
    let usable = row.x.hypot(row.y) > 1e-9;
    usable.then(|| {
        UnitQuaternion::from_rotation_matrix(&Rotation3::from_axis_angle(&Vector3::z_axis(), (-row.y).atan2(row.x)))
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Se2, se2, se3};
    use crate::pose_graph::{PoseGraph, PoseGraphEdge};
    use crate::sparse::CholeskyOptions;
    use nalgebra::{Matrix3, Matrix6, SMatrix, Vector6};

    /// The largest gap between a start from nothing and the truth, of a chain of ten with two loops.
    fn gap<G: RigidGroup<D>, const D: usize>(
        pose: impl Fn(usize) -> G,
        information: SMatrix<f64, D, D>,
        policy: &str,
    ) -> f64 {
        let edge = |from: usize, to: usize| PoseGraphEdge {
            from,
            to,
            t_from_to: pose(from).inverse().product(&pose(to)),
            information,
            robust: false,
        };
        let edges: Vec<_> = (0..9).map(|i| edge(i, i + 1)).chain([edge(0, 9), edge(3, 7)]).collect();
        let mut graph = PoseGraph::new(vec![G::identity(); 10], vec![], edges);
        graph.nodes[0] = pose(0);
        let mut prepared = Prepared::of(&graph, None).unwrap();
        let policy = Policy::resolve(policy).unwrap();
        prepared.factor(policy.preconditioner, &CholeskyOptions::default());
        let mut preconditioner = std::mem::take(&mut prepared.preconditioner);
        let start = chordal_start(&graph.nodes, &prepared, &mut preconditioner, &policy).unwrap();
        let gap =
            |(i, node): (usize, &G)| (node.to_space().to_homogeneous() - pose(i).to_space().to_homogeneous()).amax();
        start.iter().enumerate().map(gap).fold(0.0, f64::max)
    }

    #[test]
    fn exact_measurements_give_the_truth_from_nothing() {
        let space = |i: usize| se3::exp(&Vector6::new(0.5, 0.1, 0.2, 0.3, -0.9, 0.4).scale(1.0 + i as f64 * 0.7));
        let plane = |i: usize| se2::exp(&Vector3::new(0.5, 0.1, 0.9).scale(1.0 + i as f64 * 0.7));
        let of_space = Matrix6::from_diagonal(&Vector6::new(4.0, 9.0, 1.0, 100.0, 200.0, 50.0));
        let of_plane = Matrix3::new(4.0, 1.0, 0.0, 1.0, 9.0, 0.0, 0.0, 0.0, 100.0);
        for (policy, tolerance) in [("double", 1e-2), ("single", 1e-2), ("mixed", 1e-2), ("half", 1e-2)] {
            let (a, b) = (gap::<Se3, 6>(space, of_space, policy), gap::<Se2, 3>(plane, of_plane, policy));
            assert!(a < tolerance && b < tolerance, "{policy}: {a} {b}");
        }
    }
}
