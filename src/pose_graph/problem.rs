//! A pose graph as a least-squares problem, in space and in the plane alike.

use super::prepared::Measurement;
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::{Precision, Scalar};
use crate::solver::{Loss, Problem};
use crate::sparse::{Structure, VariableIndex};

/// A pose graph under optimization: its estimate, and everything else precomputed.
pub(super) struct GraphProblem<'a, G: RigidGroup<D>, const D: usize> {
    pub(super) nodes: Vec<G::In<f64>>,
    pub(super) measurements: &'a [Measurement<G, D>],
    pub(super) structure: &'a Structure,
    /// By node.
    pub(super) variables: &'a [VariableIndex],
    pub(super) robust_loss: Loss,
}

/// `U r` with `U` upper triangular.
pub(super) fn whiten<S: Scalar, const D: usize>(upper: &[[f64; D]; D], r: &[S; D]) -> [S; D] {
    std::array::from_fn(|row| (row..D).map(|k| S::from_f64(upper[row][k]) * r[k]).sum())
}

/// Writes `U [A B]` row by row.
#[inline(always)]
pub(super) fn whiten_blocks<S: Scalar, const D: usize>(
    upper: &[[f64; D]; D],
    (a, b): &([[S; D]; D], [[S; D]; D]),
    to: &mut [S],
) {
    for (row, to) in to.chunks_exact_mut(2 * D).enumerate() {
        to.fill(S::ZERO);
        for k in row..D {
            let factor = S::from_f64(upper[row][k]);
            for column in 0..D {
                to[column] = factor.multiply_add(a[k][column], to[column]);
                to[D + column] = factor.multiply_add(b[k][column], to[D + column]);
            }
        }
    }
}

impl<G: RigidGroup<D>, const D: usize> GraphProblem<'_, G, D> {
    /// The squared whitened residual of each measurement, in double precision.
    pub(super) fn squared_residuals(&self) -> Vec<f64> {
        let mut residuals = vec![0.0f64; self.structure.row_count()];
        self.residuals(&mut residuals);
        residuals.chunks_exact(D).map(|rows| rows.iter().map(|r| r * r).sum()).collect()
    }

    /// Half the sum of squared whitened residuals, with the robust loss, in double precision.
    pub(super) fn cost(&self) -> f64 {
        let losses = self.squared_residuals().into_iter().enumerate();
        losses.map(|(block, squared)| 0.5 * self.loss(block).evaluate(squared).0).sum()
    }

    /// The relative pose of a measurement's nodes in precision `S`: formed in double and rounded once, but for naive
    /// half precision, which gets half precision here too.
    fn relative<S: Scalar>(&self, measurement: &Measurement<G, D>) -> G::In<S> {
        let (a, b) = (&self.nodes[measurement.from], &self.nodes[measurement.to]);
        if S::PRECISION == Precision::F16 {
            G::relative(&G::cast::<f64, S>(a), &G::cast::<f64, S>(b))
        } else {
            G::cast::<f64, S>(&G::relative(a, b))
        }
    }
}

impl<G: RigidGroup<D>, const D: usize> Problem for GraphProblem<'_, G, D> {
    type State = Vec<G::In<f64>>;

    fn name(&self) -> &'static str {
        "pose_graph"
    }

    fn structure(&self) -> &Structure {
        self.structure
    }

    fn residuals<S: Scalar>(&self, residuals: &mut [S]) {
        for (measurement, rows) in self.measurements.iter().zip(residuals.chunks_exact_mut(D)) {
            let measured = G::cast::<f64, S>(&measurement.t_from_to);
            let residual = G::residual(&measured, &self.relative::<S>(measurement));
            rows.copy_from_slice(&whiten(&measurement.sqrt_information, &residual));
        }
    }

    fn linearize<S: Scalar>(&self, jacobian: &mut [S]) {
        for (measurement, block) in self.measurements.iter().zip(jacobian.chunks_exact_mut(2 * D * D)) {
            let measured = G::cast::<f64, S>(&measurement.t_from_to);
            let jacobians = G::jacobians(&measured, &self.relative::<S>(measurement));
            whiten_blocks(&measurement.sqrt_information, &jacobians, block);
        }
    }

    fn retract<S: Scalar>(&mut self, step: &[S]) {
        for (node, &variable) in self.nodes.iter_mut().zip(self.variables) {
            if let Some(column) = self.structure.column(variable) {
                let tangent = std::array::from_fn(|k| step[column + k]);
                *node = G::cast(&G::retract(&G::cast::<f64, S>(node), &tangent));
            }
        }
    }

    fn state(&self) -> Self::State {
        self.nodes.clone()
    }

    fn restore(&mut self, nodes: &Self::State) {
        self.nodes.clone_from(nodes);
    }

    fn loss(&self, block: usize) -> Loss {
        if self.measurements[block].robust { self.robust_loss } else { Loss::Squared }
    }
}
