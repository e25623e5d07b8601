//! How uncertain relative poses are, between any two nodes at once.
//!
//! The covariance of all nodes is the inverse of a sparse matrix and dense itself. Samples of it cost one triangular solve
//! each: if the whitened measurements deviate by independent `n` with variance one, the nodes deviate by
//! `x = (JᵀJ)⁻¹ Jᵀ n`, whose covariance is `(JᵀJ)⁻¹`. From the same samples comes that of every relative pose.
//!
//! # Source
//! Papandreou, Yuille, *Gaussian sampling by local perturbations* (2010): perturb, then solve.

use super::PoseGraph;
use super::problem::GraphProblem;
use crate::geometry::relative_pose::RigidGroup;
use crate::precision::Precision;
use crate::solver::{Loss, Problem};
use crate::sparse::{BlockJacobian, Cholesky};
use nalgebra::{SMatrix, SVector};
use std::sync::Arc;

/// Samples: a variance that is found from `K` of them deviates by `√(2/K)` of it, a quarter.
const SAMPLES: usize = 32;

/// Samples of how all nodes of a graph may deviate together.
pub(super) struct Spread {
    /// By node: its first unknown; `None` if it is fixed.
    columns: Vec<Option<usize>>,
    /// By unknown: its deviation in each sample.
    deviations: Vec<f64>,
}

impl Spread {
    /// Samples a graph that has been solved, linearized where it stands. `None` if its complete factor would have more than
    /// `most_entries` or is not to be had.
    pub(super) fn of<G: RigidGroup<D>, const D: usize>(graph: &PoseGraph<G, D>, most_entries: usize) -> Option<Self> {
        let prepared = graph.prepared.as_ref()?;
        let supernodes = prepared.supernodes(D);
        if supernodes.entries(D) > most_entries {
            return None;
        }
        let structure = &prepared.structure;
        let problem = GraphProblem::<G, D> {
            nodes: graph.nodes.iter().map(G::rounded).collect(),
            measurements: &prepared.measurements,
            structure,
            variables: &prepared.variables,
            robust_loss: Loss::Squared,
        };
        let mut flat = vec![0.0f64; structure.entry_count()];
        problem.linearize(&mut flat);
        let size = structure.column_count();
        let (mut scales, weights) = (vec![1.0; size], vec![1.0; prepared.measurements.len()]);
        let (mut noise, mut pull) = (vec![0.0f64; structure.row_count()], vec![0.0f64; size]);
        let mut jacobian = BlockJacobian::<f64>::new(structure);
        jacobian.column_scales(&flat, &weights, &mut scales);
        jacobian.fill(&flat, &weights, &scales, &noise, &mut pull);
        let mut factor = Cholesky::new(structure, Arc::new(supernodes), Precision::F64).ok()?;
        factor.factor(&jacobian, &scales, 0.0).ok()?;
        let (mut scratch, mut deviation) = (factor.scratch::<f64>(&scales), vec![0.0; size]);
        let (mut deviations, mut bits) = (vec![0.0; size * SAMPLES], Bits::new());
        for sample in 0..SAMPLES {
            // Signs have variance one too.
            noise.iter_mut().for_each(|value| *value = bits.sign());
            jacobian.transposed_product(&noise, &mut pull);
            factor.solve(&pull, &mut deviation, &mut scratch);
            for (unknown, (deviation, scale)) in deviation.iter().zip(&scales).enumerate() {
                deviations[unknown * SAMPLES + sample] = deviation * scale;
            }
        }
        let columns = prepared.variables.iter().map(|&variable| structure.column(variable)).collect();
        Some(Self { columns, deviations })
    }

    /// The covariance of a relative pose between two nodes, as it is, perturbed as residuals are.
    pub(super) fn of_relative<G: RigidGroup<D>, const D: usize>(
        &self,
        from: usize,
        to: usize,
        relative: &G::In<f64>,
    ) -> SMatrix<f64, D, D> {
        let (by_from, by_to) = G::jacobians(relative, relative);
        let mut covariance = SMatrix::<f64, D, D>::zeros();
        for sample in 0..SAMPLES {
            let mut deviation = SVector::<f64, D>::zeros();
            for (node, by_node) in [(from, &by_from), (to, &by_to)] {
                let Some(column) = self.columns[node] else { continue };
                for (k, value) in deviation.iter_mut().enumerate() {
                    *value +=
                        (0..D).map(|j| by_node[k][j] * self.deviations[(column + j) * SAMPLES + sample]).sum::<f64>();
                }
            }
            covariance += deviation * deviation.transpose();
        }
        covariance / SAMPLES as f64
    }
}

/// A generator of bits that are the same every time.
///
/// # Source
/// Marsaglia, *Xorshift RNGs* (2003), the triple 13, 7, 17.
pub(super) struct Bits(u64);

impl Bits {
    pub(super) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below another one, which is not zero.
    pub(super) fn below(&mut self, count: usize) -> usize {
        ((self.next() >> 11) % count as u64) as usize
    }

    fn sign(&mut self) -> f64 {
        if self.next() >> 63 == 0 { 1.0 } else { -1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{Se2, se2};
    use crate::pose_graph::{PoseGraphEdge, PoseGraphOptions};
    use crate::precision::Policy;
    use nalgebra::{Matrix3, Vector3};

    #[test]
    fn a_long_chain_is_as_uncertain_as_its_steps_add_up_and_a_loop_makes_it_certain() {
        let step = se2::exp(&Vector3::new(1.0, 0.0, 0.1));
        let mut nodes = vec![Se2::identity()];
        (1..40).for_each(|node| nodes.push(nodes[node - 1] * step));
        let edge = |from: usize, to: usize| PoseGraphEdge {
            from,
            to,
            t_from_to: nodes[from].inverse() * nodes[to],
            information: Matrix3::from_diagonal(&Vector3::new(100.0, 100.0, 2500.0)),
            robust: false,
        };
        let spread = |edges: Vec<PoseGraphEdge<Se2, 3>>, from: usize, to: usize| {
            let mut graph = PoseGraph::new(nodes.clone(), vec![], edges);
            graph.optimize(&Policy::resolve("mixed").unwrap(), &PoseGraphOptions::default()).unwrap();
            assert!(Spread::of(&graph, 1).is_none(), "more than memory allows");
            let relative = Se2::relative(&graph.nodes[from].rounded::<f64>(), &graph.nodes[to].rounded());
            Spread::of(&graph, 1_000_000).unwrap().of_relative::<Se2, 3>(from, to, &relative)
        };
        let chain: Vec<_> = (1..40).map(|to| edge(to - 1, to)).collect();
        // Of a chain each step is sampled as it is, and signs have variance one exactly.
        let one = spread(chain.clone(), 20, 21);
        assert!((one.diagonal() - Vector3::new(0.01, 0.01, 0.0004)).amax() < 1e-6, "{one}");
        // 39 steps turn by 39 times the variance; a quarter of that is left to chance, thrice that is tolerated.
        let long = spread(chain.clone(), 0, 39)[(2, 2)] / (39.0 * 0.0004);
        assert!((0.25..1.75).contains(&long), "{long}");
        // A loop over it, as certain as one step: 39 / 40 of a step is left.
        let closed = spread(chain.into_iter().chain([edge(0, 39)]).collect(), 0, 39)[(2, 2)] / 0.0004;
        assert!((0.25..1.75).contains(&closed), "{closed}");
    }
}
