//! A start for graphs whose given estimate is bad: rotations first, then positions, both by linear least squares.
//!
//! Each row `x` of the rotation matrices is found on its own, from `x_b = M_abᵀ x_a` for each measured rotation `M_ab`,
//! and the rows of a node are then made a rotation. In the plane the second row is the first one turned, so one is
//! enough. With rotations known the positions are linear too; all that has three unknowns per node.
//!
//! In the plane a node has no more than three. There positions and corrections of the rotations are found together, and
//! the factor is that of the solve where every relative pose is as measured: it preconditions the solve's first steps.
//!
//! # Source
//! Carlone et al., *Initialization techniques for 3D SLAM: a survey on rotation estimation and its use in pose graph
//! optimization* (2015), III.A: chordal relaxation. Carlone et al., *A fast and accurate approximation for planar pose
//! graph optimization* (2014): positions and corrections together.

use super::nearest_rotation::nearest_rotation;
use super::prepared::{Measurement, Prepared, structure_of};
use super::problem::{whiten, whiten_blocks};
use super::relaxation::Relaxation;
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::{Policy, Precision, VectorKernels};
use crate::solver::{Preconditioner, RefreshedCholesky, SolverError};
use crate::sparse::{Cholesky, SparseError, Structure, VariableIndex};
use nalgebra::{Matrix3, Quaternion, Unit, UnitQuaternion, Vector3};
use std::sync::Arc;

/// Nodes as a problem has them.
type Nodes<G, const D: usize> = Vec<<G as RigidGroup<D>>::In<f64>>;

/// Computes all nodes but the fixed ones from the measurements alone. In the plane the solve's own factor is used, for
/// which the nodes have three unknowns too. Vectors are in the policy's precision, single at least, and in double where
/// that fails.
///
/// # Errors
/// [`SolverError`] if the linear problems cannot be solved.
pub(super) fn chordal_start<G: RigidGroup<D>, const D: usize>(
    nodes: &[G::In<f64>],
    prepared: &Prepared<G, D>,
    preconditioner: &mut Preconditioner,
    policy: &Policy,
) -> Result<Nodes<G, D>, SolverError> {
    let in_double = policy.vectors == Precision::F64;
    let start = match preconditioner {
        Preconditioner::Cholesky(factor) if D == 3 => {
            let (structure, variables) = (&prepared.structure, &prepared.variables[..]);
            let borrowed = factor.borrow(structure).map_err(problem)?;
            let start = if in_double {
                start_in::<f64, G, D>(nodes, prepared, structure, variables, borrowed)
            } else {
                start_in::<f32, G, D>(nodes, prepared, structure, variables, borrowed)
            };
            if start.is_ok() {
                factor.serve_on();
            }
            start
        }
        _ if in_double => with_own_factor::<f64, G, D>(nodes, prepared, policy.preconditioner),
        _ => with_own_factor::<f32, G, D>(nodes, prepared, policy.preconditioner),
    };
    match start {
        Err(error) if !in_double => {
            tracing::debug!("pose graph: chordal start in double precision, because in single: {error}");
            with_own_factor::<f64, G, D>(nodes, prepared, Precision::F64)
        }
        other => other,
    }
}

fn problem(error: SparseError) -> SolverError {
    SolverError::Problem(error.to_string())
}

fn with_own_factor<V: VectorKernels, G: RigidGroup<D>, const D: usize>(
    nodes: &[G::In<f64>],
    prepared: &Prepared<G, D>,
    precision: Precision,
) -> Result<Nodes<G, D>, SolverError> {
    let (structure, variables) = structure_of(&prepared.fixed, &prepared.measurements, 3);
    let factor = Cholesky::new(&structure, Arc::new(prepared.supernodes(3)), precision).map_err(problem)?;
    let mut factor = RefreshedCholesky::new(factor, structure.entry_count());
    start_in::<V, G, D>(nodes, prepared, &structure, &variables, factor.borrow(&structure).map_err(problem)?)
}

fn start_in<V: VectorKernels, G: RigidGroup<D>, const D: usize>(
    nodes: &[G::In<f64>],
    prepared: &Prepared<G, D>,
    structure: &Structure,
    variables: &[VariableIndex],
    factor: &mut Cholesky,
) -> Result<Nodes<G, D>, SolverError> {
    // By node: its first unknown; `None` if it is fixed.
    let columns = variables.iter().map(|&variable| structure.column(variable)).collect();
    let mut start = Start { prepared, columns, relaxation: Relaxation::<V>::new(structure, factor) };
    let mut nodes = start.turned(nodes)?;
    if D == 3 {
        start.place_and_correct(&mut nodes)?;
    } else {
        start.place(&mut nodes)?;
    }
    Ok(nodes)
}

/// What the linear problems of a start have in common.
struct Start<'p, 'f, G: RigidGroup<D>, V: VectorKernels, const D: usize> {
    prepared: &'p Prepared<G, D>,
    /// By node: its first unknown; `None` if it is fixed.
    columns: Vec<Option<usize>>,
    relaxation: Relaxation<'f, V>,
}

impl<G: RigidGroup<D>, V: VectorKernels, const D: usize> Start<'_, '_, G, V, D> {
    /// The nodes with rotations as measured, all free ones at the position of a fixed one.
    fn turned(&mut self, nodes: &[G::In<f64>]) -> Result<Nodes<G, D>, SolverError> {
        let Self { prepared: Prepared { measurements, fixed, .. }, columns, relaxation } = self;
        let columns = &*columns;
        // The unknowns begin at zero: what the equations lack is what the rows of fixed nodes ask for.
        let write_residuals = |edge: usize, row: usize, residuals: &mut [V]| {
            residuals.fill(V::ZERO);
            let Measurement { from, to, t_from_to, sqrt_information, .. } = &measurements[edge];
            let mut add = |matrix: Matrix3<f64>, node: usize| {
                let known = matrix * rotation_back::<G, D>(&nodes[node]).column(row);
                for (residual, known) in residuals.iter_mut().zip(known.iter()) {
                    *residual += V::from_f64(*known);
                }
            };
            if fixed[*from] {
                add(rotation_back::<G, D>(t_from_to) * rotation_weight(sqrt_information), *from);
            }
            if fixed[*to] {
                add(Matrix3::identity() * -rotation_weight(sqrt_information), *to);
            }
        };
        relaxation.set(|edge, coefficients, residuals| {
            let Measurement { t_from_to, sqrt_information, .. } = &measurements[edge];
            let (rotation, weight) = (G::rotation_matrix(t_from_to), rotation_weight(sqrt_information));
            coefficients.fill(V::ZERO);
            for (row, coefficients) in coefficients.chunks_exact_mut(6).enumerate() {
                for (column, coefficient) in coefficients[..3].iter_mut().enumerate() {
                    *coefficient = V::from_f64(rotation[column][row] * weight);
                }
                coefficients[3 + row] = V::from_f64(-weight);
            }
            write_residuals(edge, 0, residuals);
        })?;
        let mut rows = vec![relaxation.solve()?];
        if D > 3 {
            for row in 1..3 {
                relaxation.set_residuals(|edge, residuals| write_residuals(edge, row, residuals));
                rows.push(relaxation.solve()?);
            }
        }
        // Each connected part has a fixed node: without one there is no node at all.
        let Some(origin) = fixed.iter().position(|&fixed| fixed).map(|node| &nodes[node]) else {
            return Ok(Vec::new());
        };
        let turn = |(node, column): (&G::In<f64>, &Option<usize>)| {
            let Some(column) = *column else { return *node };
            let row = |values: &Vec<f64>| Vector3::from_column_slice(&values[column..column + 3]);
            let rotation = match &rows[..] {
                [x, y, z] => nearest_rotation(&Matrix3::from_columns(&[x, y, z].map(row)).transpose()),
                _ => heading(&row(&rows[0])),
            };
            rotation.map_or(*node, |rotation| G::with_rotation(origin, &rotation))
        };
        Ok(nodes.iter().zip(columns).map(turn).collect())
    }

    /// Finds the positions, rotations being known.
    fn place(&mut self, nodes: &mut [G::In<f64>]) -> Result<(), SolverError> {
        self.relaxation.set(|edge, coefficients, residuals| {
            let Measurement { from, to, t_from_to, sqrt_information, .. } = &self.prepared.measurements[edge];
            let position = |pose: &G::In<f64>| Vector3::from(G::position(pose));
            let (a, b) = (&nodes[*from], &nodes[*to]);
            let whitening = translation_whitening(sqrt_information) * rotation_back::<G, D>(t_from_to);
            let by_to = whitening * rotation_back::<G, D>(a);
            let lacking = by_to * (position(b) - position(a)) - whitening * position(t_from_to);
            for row in 0..3 {
                for column in 0..3 {
                    coefficients[6 * row + column] = V::from_f64(-by_to[(row, column)]);
                    coefficients[6 * row + 3 + column] = V::from_f64(by_to[(row, column)]);
                }
                residuals[row] = V::from_f64(lacking[row]);
            }
        })?;
        self.move_free(nodes, |node, step| {
            let mut placed = G::widened(node).to_space();
            placed.translation.vector += Vector3::from(*step);
            G::from_space(&placed).rounded()
        })
    }

    /// Finds positions and corrections of the rotations together, for nodes of three unknowns. Levers are those measured: of
    /// positions not known yet there are none.
    fn place_and_correct(&mut self, nodes: &mut [G::In<f64>]) -> Result<(), SolverError> {
        self.relaxation.set(|edge, coefficients, residuals| {
            let Measurement { from, to, t_from_to, sqrt_information, .. } = &self.prepared.measurements[edge];
            let measured = G::cast::<f64, V>(t_from_to);
            let relative = G::relative(&nodes[*from], &nodes[*to]);
            let levered = G::cast::<f64, V>(&G::with_rotation_of(t_from_to, &relative));
            whiten_blocks(sqrt_information, &G::jacobians(&measured, &levered), coefficients);
            let relative = G::cast::<f64, V>(&relative);
            residuals.copy_from_slice(&whiten(sqrt_information, &G::residual(&measured, &relative)));
        })?;
        self.move_free(nodes, |node, step| {
            // One after the other: positions move by far more than the exponential couples with turns linearly.
            let part =
                |own: std::ops::Range<usize>| std::array::from_fn(|k| if own.contains(&k) { step[k] } else { 0.0 });
            G::retract(&G::retract(node, &part(0..D - 1)), &part(D - 1..D))
        })
    }

    /// Solves the equations and moves each free node by its own three unknowns.
    fn move_free(
        &mut self,
        nodes: &mut [G::In<f64>],
        moved: impl Fn(&G::In<f64>, &[f64; 3]) -> G::In<f64>,
    ) -> Result<(), SolverError> {
        let steps = self.relaxation.solve()?;
        for (node, column) in nodes.iter_mut().zip(&self.columns) {
            let Some(column) = *column else { continue };
            *node = moved(node, &std::array::from_fn(|k| steps[column + k]));
        }
        Ok(())
    }
}

/// The transpose of a pose's rotation matrix: its columns are that one's rows.
fn rotation_back<G: RigidGroup<D>, const D: usize>(pose: &G::In<f64>) -> Matrix3<f64> {
    Matrix3::from(G::rotation_matrix(pose))
}

/// The rotation about z whose matrix has this first row, but for its length.
fn heading(row: &Vector3<f64>) -> Option<UnitQuaternion<f64>> {
    let length = row.x.hypot(row.y);
    // Of half the angle; the larger of the two by a root, the other one from it.
    let (cosine, sine) = (row.x / length, -row.y / length);
    let (w, z) = if cosine > 0.0 {
        let w = (0.5 + 0.5 * cosine).sqrt();
        (w, 0.5 * sine / w)
    } else {
        let z = (0.5 - 0.5 * cosine).sqrt().copysign(sine);
        (0.5 * sine / z, z)
    };
    (length > 1e-9).then(|| Unit::new_unchecked(Quaternion::new(w, 0.0, 0.0, z)))
}

/// The root of the mean information of the rotation (1/rad).
fn rotation_weight<const D: usize>(root: &[[f64; D]; D]) -> f64 {
    // Two translations and a rotation in the plane, three of each in space.
    let turns = if D == 3 { 1 } else { 3 };
    let columns = (D - turns)..D;
    let information: f64 =
        columns.map(|column| root[..=column].iter().map(|row| row[column] * row[column]).sum::<f64>()).sum();
    (information / turns as f64).sqrt()
}

/// The upper triangular root of the information of the translation in space (1/m).
fn translation_whitening<const D: usize>(root: &[[f64; D]; D]) -> Matrix3<f64> {
    Matrix3::from_fn(|row, column| root[row][column])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Se2, Se3, se2, se3};
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
        let nodes: Vec<G::In<f64>> = graph.nodes.iter().map(G::rounded).collect();
        let start = chordal_start(&nodes, &prepared, &mut preconditioner, &policy).unwrap();
        let matrix = |node: &G| node.to_space().to_homogeneous();
        let gap = |(i, node): (usize, &G::In<f64>)| (matrix(&G::widened(node)) - matrix(&pose(i))).amax();
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
