//! The normal matrix of equal blocks, in elimination order: what an incomplete factor is made of.

use super::symbolic::levels_of_fill;
use super::{Adjacency, SparseError, Structure};
use crate::precision::{Scalar, power_of_two_near};
use sprs::CsMatI;

/// `S Jᵀ W J S` of a structure whose free variables all have `B` unknowns: scaled to a diagonal near one.
#[derive(Debug, Clone)]
pub(crate) struct NormalMatrix<const B: usize> {
    /// Strictly lower pattern of the factor; values are levels of fill.
    pub(crate) pattern: CsMatI<u32, u32>,
    /// By entry of the pattern: the block, column by column; zero where there is only fill.
    pub(crate) blocks: Vec<[[f64; B]; B]>,
    /// Diagonal blocks.
    pub(crate) diagonal: Vec<[[f64; B]; B]>,
    /// By position of elimination: first column of the variable.
    pub(crate) columns: Vec<u32>,
    /// By column of the Jacobian: the power of two by which it was multiplied.
    pub(crate) scales: Vec<f64>,
}

/// The neighbourhood of the free variables of a structure, and by variable its number among the free ones.
pub(crate) fn neighbourhood(structure: &Structure) -> (Adjacency, Vec<usize>) {
    let mut number = vec![usize::MAX; structure.variable_count()];
    let mut count = 0;
    for (variable, slot) in number.iter_mut().enumerate() {
        if structure.column(variable).is_some() {
            *slot = count;
            count += 1;
        }
    }
    let mut pairs = Vec::new();
    for block in 0..structure.residual_block_count() {
        let free: Vec<usize> =
            structure.variables_of(block).map(|variable| number[variable]).filter(|&v| v != usize::MAX).collect();
        for (i, &a) in free.iter().enumerate() {
            pairs.extend(free[i + 1..].iter().filter(|&&b| b != a).map(|&b| (a, b)));
        }
    }
    (super::ordering::adjacency(count, pairs), number)
}

impl<const B: usize> NormalMatrix<B> {
    /// Assembles the matrix of a flat Jacobian with a weight for each residual block (`√` of what multiplies its cost).
    pub(crate) fn assemble<J: Scalar>(
        structure: &Structure,
        flat: &[J],
        weights: Option<&[f64]>,
        level: usize,
        order: impl FnOnce(&Adjacency) -> Vec<usize>,
    ) -> Result<Self, SparseError> {
        if let Some(variable) = structure.variables.iter().find(|variable| !variable.fixed && variable.size != B) {
            return Err(SparseError::BlockSize { expected: B, found: variable.size });
        }
        let (adjacency, number) = neighbourhood(structure);
        let order = order(&adjacency);
        let mut position = vec![0usize; order.len()];
        for (k, &block) in order.iter().enumerate() {
            position[block] = k;
        }
        let pattern = levels_of_fill(&adjacency, &order, level);
        let mut matrix = Self {
            blocks: vec![[[0.0; B]; B]; pattern.nnz()],
            diagonal: vec![[[0.0; B]; B]; order.len()],
            columns: order.iter().map(|&block| (block * B) as u32).collect(),
            scales: vec![1.0; structure.column_count()],
            pattern,
        };
        for block in 0..structure.residual_block_count() {
            let weight = weights.map_or(1.0, |weights| weights[block]);
            matrix.add(structure, block, flat, weight * weight, |variable| position[number[variable]]);
        }
        matrix.equilibrate()?;
        Ok(matrix)
    }

    fn add<J: Scalar>(
        &mut self,
        structure: &Structure,
        block: usize,
        flat: &[J],
        weight: f64,
        position: impl Fn(usize) -> usize,
    ) {
        let entries = &flat[structure.entries(block)];
        let width = structure.blocks[block].width;
        let free = || {
            let locals = structure.pieces_of(block).map(|(local, variable)| (local, variable.fixed));
            structure.variables_of(block).zip(locals).filter(|(_, (_, fixed))| !fixed)
        };
        for (a, (local_a, _)) in free() {
            for (b, (local_b, _)) in free() {
                let (row, column) = (position(a), position(b));
                if row < column {
                    continue;
                }
                let target = if row == column {
                    &mut self.diagonal[row]
                } else {
                    // Every pair of neighbours is in the pattern at level 0.
                    let Some(found) = self.pattern.nnz_index(row, column) else { continue };
                    &mut self.blocks[found.0]
                };
                for line in entries.chunks_exact(width) {
                    for (c, target) in target.iter_mut().enumerate() {
                        let factor = weight * line[local_b + c].to_f64();
                        for (r, target) in target.iter_mut().enumerate() {
                            *target += line[local_a + r].to_f64() * factor;
                        }
                    }
                }
            }
        }
    }

    /// Scales rows and columns by powers of two, so that the diagonal is between one half and two.
    fn equilibrate(&mut self) -> Result<(), SparseError> {
        for (k, diagonal) in self.diagonal.iter().enumerate() {
            for (c, column) in diagonal.iter().enumerate() {
                if !column[c].is_finite() {
                    return Err(SparseError::NotFinite { column: self.columns[k] as usize + c });
                }
                self.scales[self.columns[k] as usize + c] =
                    if column[c] > 0.0 { power_of_two_near(1.0 / column[c].sqrt()) } else { 1.0 };
            }
        }
        let (columns, scales) = (&self.columns, &self.scales);
        let scale = |block: &mut [[f64; B]; B], row: usize, column: usize| {
            for (c, values) in block.iter_mut().enumerate() {
                for (r, value) in values.iter_mut().enumerate() {
                    *value *= scales[columns[row] as usize + r] * scales[columns[column] as usize + c];
                }
            }
        };
        for (k, diagonal) in self.diagonal.iter_mut().enumerate() {
            scale(diagonal, k, k);
            for (c, column) in diagonal.iter_mut().enumerate() {
                // A column of zeros has no say: its unknown stays where it is.
                if column[c] == 0.0 {
                    column[c] = 1.0;
                }
            }
        }
        let mut blocks = self.blocks.iter_mut();
        for (row, entries) in self.pattern.outer_iterator().enumerate() {
            for (&column, block) in entries.indices().iter().zip(&mut blocks) {
                scale(block, row, column as usize);
            }
        }
        Ok(())
    }
}
