//! Residual blocks between frames alone: few, dense, kept in the precision of vectors.

use super::problem::Separable;
use crate::precision::{Precision, Scalar};

/// One block: its columns, in pieces of one frame each, and its entries row by row.
#[derive(Debug)]
struct Factor {
    /// Free frame and the first of its columns within a row.
    frames: Vec<(usize, usize)>,
    rows: usize,
    width: usize,
    first_row: usize,
    first_entry: usize,
}

/// The linearized factors of a separable problem, in scaled unknowns.
#[derive(Debug)]
pub(super) struct Factors<V> {
    factors: Vec<Factor>,
    size: usize,
    jacobian: Precision,
    entries: Vec<f64>,
    residuals: Vec<f64>,
    scaled: Vec<V>,
}

impl<V: Scalar> Factors<V> {
    pub(super) fn new<T: Separable<R, D, L>, const R: usize, const D: usize, const L: usize>(
        problem: &T,
        jacobian: Precision,
    ) -> Self {
        let structure = problem.factors();
        let layout = problem.layout();
        let factor = |block: usize| {
            let frames: Vec<usize> = structure.variables_of(block).collect();
            let free = frames.iter().enumerate().filter_map(|(i, &frame)| Some((layout.free(frame)?, i * D)));
            Factor {
                frames: free.collect(),
                rows: structure.rows(block).len(),
                width: frames.len() * D,
                first_row: structure.rows(block).start,
                first_entry: structure.entries(block).start,
            }
        };
        Self {
            factors: (0..structure.residual_block_count()).map(factor).collect(),
            size: D,
            jacobian,
            entries: vec![0.0; structure.entry_count()],
            residuals: vec![0.0; structure.row_count()],
            scaled: vec![V::ZERO; structure.entry_count()],
        }
    }

    /// Linearizes at the present state; returns the squared norm of the residual.
    pub(super) fn linearize<T, const R: usize, const D: usize, const L: usize>(&mut self, problem: &T) -> f64
    where
        T: Separable<R, D, L>,
    {
        if self.factors.is_empty() {
            return 0.0;
        }
        if self.jacobian == Precision::F64 {
            problem.factor_residuals(&mut self.residuals);
            problem.linearize_factors(&mut self.entries);
        } else {
            let mut narrow = vec![0.0f32; self.residuals.len().max(self.entries.len())];
            problem.factor_residuals(&mut narrow[..self.residuals.len()]);
            widen(&mut self.residuals, &narrow);
            problem.linearize_factors(&mut narrow[..self.entries.len()]);
            widen(&mut self.entries, &narrow);
        }
        self.residuals.iter().map(|r| r * r).sum()
    }

    pub(super) fn add_norms_and_gradient(&self, norms: &mut [f64], gradient: &mut [f64]) {
        for factor in &self.factors {
            for row in 0..factor.rows {
                let residual = self.residuals[factor.first_row + row];
                for &(free, local) in &factor.frames {
                    let entries = &self.entries[factor.first_entry + row * factor.width + local..][..self.size];
                    for (k, entry) in entries.iter().enumerate() {
                        norms[free * self.size + k] += entry * entry;
                        gradient[free * self.size + k] += entry * residual;
                    }
                }
            }
        }
    }

    /// Scales the columns.
    pub(super) fn scale(&mut self, scales: &[f64]) {
        for factor in &self.factors {
            for row in 0..factor.rows {
                for &(free, local) in &factor.frames {
                    let start = factor.first_entry + row * factor.width + local;
                    for k in 0..self.size {
                        let value = self.entries[start + k] * scales[free * self.size + k];
                        self.scaled[start + k] = V::from_f64(value);
                    }
                }
            }
        }
    }

    /// `z += Fᵀ F p`; returns `‖F p‖²`.
    pub(super) fn add_product(&self, p: &[V], z: &mut [V]) -> f64 {
        let mut squared_norm = 0.0;
        for factor in &self.factors {
            for row in self.scaled[factor.first_entry..].chunks_exact(factor.width).take(factor.rows) {
                let mut product = V::ZERO;
                for &(free, local) in &factor.frames {
                    for (entry, p) in row[local..local + self.size].iter().zip(&p[free * self.size..]) {
                        product += *entry * *p;
                    }
                }
                squared_norm += product.to_f64() * product.to_f64();
                for &(free, local) in &factor.frames {
                    for (entry, z) in row[local..local + self.size].iter().zip(&mut z[free * self.size..]) {
                        *z += *entry * product;
                    }
                }
            }
        }
        squared_norm
    }

    /// Pairs of free frames `(i, j)`, `i >= j`, that a factor ties together.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.factors.iter().flat_map(|factor| {
            let first = factor.frames.iter().map(|&(free, _)| free).min();
            factor.frames.iter().filter_map(move |&(free, _)| Some((free, first?)))
        })
    }

    /// Visits the blocks `Fᵢᵀ Fⱼ`, `i >= j`, entry by entry: `(i, j, row, column, value)`.
    pub(super) fn for_each_product(&self, mut visit: impl FnMut(usize, usize, usize, usize, f64)) {
        for factor in &self.factors {
            for row in self.scaled[factor.first_entry..].chunks_exact(factor.width).take(factor.rows) {
                for &(i, local_i) in &factor.frames {
                    for &(j, local_j) in factor.frames.iter().filter(|&&(j, _)| j <= i) {
                        for a in 0..self.size {
                            for b in 0..self.size {
                                visit(i, j, a, b, row[local_i + a].to_f64() * row[local_j + b].to_f64());
                            }
                        }
                    }
                }
            }
        }
    }
}

fn widen(to: &mut [f64], from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = f64::from(*from);
    }
}
