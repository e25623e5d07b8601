//! The numerical factorization by fronts: a supernode's panel and what it leaves for its parent.

use super::Supernodes;
use super::jacobian::BlockJacobian;
use super::value_layout::{Target, ValueLayout};
use crate::precision::Scalar;
use crate::precision::kernels::panels::{self, LANES, SmallPivot};

/// The panels of all supernodes in the precision `W` of their computation, and room for the updates between them.
#[derive(Debug, Clone, Default)]
pub(super) struct Frontal<W> {
    /// The panels, and [`LANES`] more.
    values: Vec<W>,
    /// Updates of supernodes whose parent has not been reached.
    stack: Vec<W>,
    update: Vec<W>,
    /// Rows of an update that follow each other in the parent too: first one and end.
    runs: Vec<(usize, usize)>,
}

impl<W: Scalar> Frontal<W> {
    pub(super) fn new(nodes: &Supernodes, size: usize, entries: usize) -> Self {
        let (mut deepest, mut depth, mut largest) = (0, 0, 0);
        let mut waiting: Vec<(usize, usize)> = Vec::new();
        for node in 0..nodes.count() {
            while waiting.last().is_some_and(|&(child, _)| nodes.parents[child] as usize == node) {
                depth -= waiting.pop().map_or(0, |(_, length)| length);
            }
            let length = nodes.shape(node, size).update_len();
            if length > 0 {
                waiting.push((node, length));
                depth += length;
            }
            deepest = deepest.max(depth);
            largest = largest.max(length);
        }
        Self {
            values: vec![W::ZERO; entries + LANES],
            stack: vec![W::ZERO; deepest],
            update: vec![W::ZERO; largest],
            runs: Vec::new(),
        }
    }

    /// The panels of the factor.
    pub(super) fn values(&self) -> &[W] {
        &self.values
    }

    /// Factors `JᵀJ + λ I`; returns how many pivots were raised, or the position of one that is not finite.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn factor<P: Scalar>(
        &mut self,
        nodes: &Supernodes,
        layout: &ValueLayout,
        targets: &[Target],
        size: usize,
        jacobian: &BlockJacobian<P>,
        damping: f64,
        small: SmallPivot,
    ) -> Result<usize, usize> {
        self.values.fill(W::ZERO);
        match size {
            6 => self.assemble::<P, 6>(targets, jacobian.entries()),
            _ => self.assemble::<P, 3>(targets, jacobian.entries()),
        }
        self.fill_diagonal(nodes, layout, size, W::from_f64(damping));
        let mut raised = layout.thin.factor(&mut self.values, small)?;
        let starts = &layout.starts;
        let mut depth = 0;
        let mut waiting: Vec<(usize, usize)> = Vec::new();
        for node in 0..nodes.count() {
            let shape = nodes.shape(node, size);
            let update = &mut self.update[..shape.update_len()];
            update.fill(W::ZERO);
            while let Some(&(child, length)) = waiting.last() {
                if nodes.parents[child] as usize != node {
                    break;
                }
                waiting.pop();
                depth -= length;
                let given = &self.stack[depth..depth + length];
                let panel = &mut self.values[starts[node]..starts[node + 1]];
                add_update(nodes, (child, node), size, given, (panel, update), &mut self.runs);
            }
            // The slack of this panel is the next one, which is only read.
            raised += panels::factor(&mut self.values[starts[node]..starts[node + 1]], shape, small)
                .map_err(|_| nodes.firsts[node] as usize)?;
            if !update.is_empty() {
                panels::subtract_square(&self.values[starts[node]..starts[node + 1] + LANES], shape, update);
                self.stack[depth..depth + update.len()].copy_from_slice(update);
                waiting.push((node, update.len()));
                depth += update.len();
            }
        }
        Ok(raised)
    }

    /// Adds the products of all residual blocks.
    fn assemble<P: Scalar, const B: usize>(&mut self, targets: &[Target], entries: &[P]) {
        for target in targets {
            let width = target.width as usize;
            let block = &entries[target.entry as usize..][..target.rows as usize * width];
            let mut sums = [[W::ZERO; B]; B];
            for line in block.chunks_exact(width) {
                let (mut left, mut right) = ([W::ZERO; B], [W::ZERO; B]);
                for (to, from) in left.iter_mut().zip(&line[target.row_local as usize..][..B]) {
                    *to = from.cast();
                }
                for (to, from) in right.iter_mut().zip(&line[target.column_local as usize..][..B]) {
                    *to = from.cast();
                }
                for (column, right) in sums.iter_mut().zip(right) {
                    for (sum, left) in column.iter_mut().zip(left) {
                        *sum = left.multiply_add(right, *sum);
                    }
                }
            }
            for (c, sums) in sums.iter().enumerate() {
                let start = target.place.start as usize + c * target.place.stride as usize;
                for (value, sum) in self.values[start..start + B].iter_mut().zip(sums) {
                    *value += *sum;
                }
            }
        }
    }

    /// Adds the damping; an unknown that no residual depends on stays where it is.
    fn fill_diagonal(&mut self, nodes: &Supernodes, layout: &ValueLayout, size: usize, damping: W) {
        let gathered = layout.starts.iter().take(nodes.count()).enumerate().map(|(node, &start)| {
            let shape = nodes.shape(node, size);
            (start, shape.stride() + 1, shape.columns)
        });
        for (start, step, columns) in layout.thin.diagonals().map(|(start, step)| (start, step, size)).chain(gathered) {
            for value in self.values[start..].iter_mut().step_by(step).take(columns) {
                *value = if *value == W::ZERO { W::ONE } else { *value + damping };
            }
        }
    }
}

/// Adds what a child leaves to its parent's panel and update.
fn add_update<W: Scalar>(
    nodes: &Supernodes,
    (child, parent): (usize, usize),
    size: usize,
    given: &[W],
    (panel, update): (&mut [W], &mut [W]),
    runs: &mut Vec<(usize, usize)>,
) {
    let places = &nodes.in_parent[nodes.rows_of(child)];
    let columns = nodes.columns(parent).len();
    let (from_stride, shape) = (nodes.shape(child, size).update_stride(), nodes.shape(parent, size));
    runs.clear();
    let mut begin = 0;
    for end in 1..=places.len() {
        if end == places.len() || places[end] != places[end - 1] + 1 {
            runs.push((begin, end));
            begin = end;
        }
    }
    let mut run = 0;
    for (first, &place) in places.iter().enumerate() {
        let place = place as usize;
        let (to, stride, offset) = if place < columns {
            (&mut *panel, shape.stride(), 0)
        } else {
            (&mut *update, shape.update_stride(), columns)
        };
        run += usize::from(first >= runs[run].1);
        for c in 0..size {
            let source = &given[(first * size + c) * from_stride..][..places.len() * size];
            let target = &mut to[((place - offset) * size + c) * stride..][..stride];
            for &(begin, end) in &runs[run..] {
                let begin = begin.max(first);
                let at = (places[begin] as usize - offset) * size;
                let source = &source[begin * size..end * size];
                for (value, change) in target[at..at + source.len()].iter_mut().zip(source) {
                    *value += *change;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cholesky, Structure, adjacency, minimum_degree};
    use super::*;
    use crate::precision::Precision;
    use nalgebra::{DMatrix, DVector};
    use std::sync::Arc;

    /// How far the solution with a factor is from that of the dense normal equations, relatively.
    fn error_of<const B: usize>(precision: Precision, damping: f64) -> f64 {
        let count = 60;
        let mut structure = Structure::new();
        let fixed = structure.add_fixed(B);
        let poses: Vec<usize> = (0..count).map(|_| structure.add_variable(B)).collect();
        let mut pairs = vec![];
        let mut join = |structure: &mut Structure, a: usize, b: usize| {
            structure.add_residual(B, &[poses[a], poses[b]]);
            pairs.push((a, b));
        };
        structure.add_residual(B, &[poses[0], fixed]);
        for i in 1..count {
            join(&mut structure, i - 1, i);
            if i % 3 == 0 {
                join(&mut structure, i, (i * i + 1) % i);
            }
        }
        let mut state = 3u64;
        let flat: Vec<f64> = (0..structure.entry_count())
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5
            })
            .collect();
        let mut jacobian = BlockJacobian::<f64>::new(&structure);
        let n = structure.column_count();
        let weights = vec![1.0; structure.residual_block_count()];
        let (mut scales, mut gradient) = (vec![1.0; n], vec![0.0; n]);
        jacobian.column_scales(&flat, &weights, &mut scales);
        jacobian.fill(&flat, &weights, &scales, &vec![0.0; structure.row_count()], &mut gradient);

        let mut normal = DMatrix::identity(n, n) * damping;
        let (mut p, mut z) = (vec![0.0; n + 8], vec![0.0; n + 8]);
        for column in 0..n {
            p.fill(0.0);
            p[column] = 1.0;
            jacobian.normal_product(&p, &mut z);
            for row in 0..n {
                normal[(row, column)] += z[row];
            }
        }
        let graph = adjacency(count, pairs);
        let nodes = Supernodes::new(&graph, &minimum_degree(&graph), B);
        let mut factor = Cholesky::new(&structure, Arc::new(nodes), precision).unwrap();
        // The second time everything is there already.
        factor.factor(&jacobian, &scales, 1.0).unwrap();
        factor.factor(&jacobian, &scales, damping).unwrap();
        assert_eq!((factor.statistics().factorizations, factor.statistics().raised_pivots), (2, 0));
        let r = DVector::from_fn(n, |i, _| ((i * 37) % 11) as f64 - 5.0);
        let mut scratch = factor.scratch::<f64>(&scales);
        let mut found = vec![0.0; n];
        factor.solve(r.as_slice(), &mut found, &mut scratch);
        let expected = normal.cholesky().unwrap().solve(&r);
        (DVector::from_vec(found) - &expected).norm() / expected.norm()
    }

    #[test]
    fn it_is_the_dense_cholesky_factor() {
        for damping in [0.0, 0.1] {
            assert!(error_of::<6>(Precision::F64, damping) < 1e-10);
            assert!(error_of::<3>(Precision::F64, damping) < 1e-10);
            assert!(error_of::<6>(Precision::F32, damping) < 1e-2);
            assert!(error_of::<3>(Precision::F32, damping) < 1e-2);
        }
        assert!(error_of::<6>(Precision::F16, 0.1) < 0.1);
        assert!(error_of::<3>(Precision::F16, 0.1) < 0.1);
    }
}
