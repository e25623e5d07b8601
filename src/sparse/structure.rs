//! Which residual block touches which variable block.

/// The index of a variable block in a [`Structure`], in order of addition.
pub type VariableIndex = usize;

/// One block of unknowns: a pose (6 or 3), a point (3), an inverse depth (1), a camera (9), ...
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Variable {
    /// First column, or the structure's column count if the block is fixed.
    pub(crate) column: usize,
    pub(crate) size: usize,
    pub(crate) fixed: bool,
}

/// One block of residuals and its place in the flat arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResidualBlock {
    pub(crate) row: usize,
    pub(crate) rows: usize,
    /// Where its variables begin in the list of all blocks' variables.
    pub(crate) first: usize,
    pub(crate) count: usize,
    /// Where its entries begin in the flat Jacobian.
    pub(crate) entry: usize,
    /// Columns of its part of the Jacobian: the sizes of its variables, fixed ones included.
    pub(crate) width: usize,
}

/// Which residual block touches which variable block; the pattern of a block Jacobian.
///
/// Variable blocks are numbered in order of addition, and free ones get their columns in that order. The flat Jacobian
/// holds the residual blocks one after the other, each row by row: `rows × (sum of the sizes of its variables)`, in the
/// order in which its variables were given. Fixed variables keep their entries there, but have no column: what is
/// written to them is ignored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Structure {
    pub(crate) variables: Vec<Variable>,
    pub(crate) blocks: Vec<ResidualBlock>,
    pub(crate) block_variables: Vec<u32>,
    column_count: usize,
    row_count: usize,
    entry_count: usize,
}

impl Structure {
    /// An empty structure.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a free variable block of `size` unknowns (degrees of freedom of its update).
    pub fn add_variable(&mut self, size: usize) -> VariableIndex {
        self.variables.push(Variable { column: self.column_count, size, fixed: false });
        self.column_count += size;
        self.variables.len() - 1
    }

    /// Adds a variable block that stays as it is: residual blocks may name it, the solver does not see it.
    pub fn add_fixed(&mut self, size: usize) -> VariableIndex {
        self.variables.push(Variable { column: usize::MAX, size, fixed: true });
        self.variables.len() - 1
    }

    /// Adds a residual block of `rows` rows that touches these variable blocks, each at most once; returns its index.
    ///
    /// Blocks that touch the same variables should be neighbours: products then find their vectors in the cache.
    ///
    /// # Panics
    /// If a variable has not been added before: that is a mistake in the calling problem, not in its input.
    pub fn add_residual(&mut self, rows: usize, variables: &[VariableIndex]) -> usize {
        let width = variables.iter().map(|&variable| self.variables[variable].size).sum();
        self.blocks.push(ResidualBlock {
            row: self.row_count,
            rows,
            first: self.block_variables.len(),
            count: variables.len(),
            entry: self.entry_count,
            width,
        });
        self.block_variables.extend(variables.iter().map(|&variable| variable as u32));
        self.row_count += rows;
        self.entry_count += rows * width;
        self.blocks.len() - 1
    }

    /// Number of unknowns: columns of the Jacobian.
    pub fn column_count(&self) -> usize {
        self.column_count
    }

    /// Number of residuals: rows of the Jacobian.
    pub fn row_count(&self) -> usize {
        self.row_count
    }

    /// Length of the flat Jacobian.
    pub fn entry_count(&self) -> usize {
        self.entry_count
    }

    /// Number of variable blocks, fixed ones included.
    pub fn variable_count(&self) -> usize {
        self.variables.len()
    }

    /// Number of residual blocks.
    pub fn residual_block_count(&self) -> usize {
        self.blocks.len()
    }

    /// First column of a variable block; `None` if it is fixed.
    pub fn column(&self, variable: VariableIndex) -> Option<usize> {
        let variable = self.variables[variable];
        (!variable.fixed).then_some(variable.column)
    }

    /// The rows of a residual block in the flat residual.
    pub fn rows(&self, block: usize) -> std::ops::Range<usize> {
        let block = self.blocks[block];
        block.row..block.row + block.rows
    }

    /// What each residual block has of a flat residual.
    pub(crate) fn by_block<'a, T>(&'a self, residual: &'a [T]) -> impl Iterator<Item = &'a [T]> {
        self.blocks.iter().map(|block| &residual[block.row..block.row + block.rows])
    }

    /// The entries of a residual block in the flat Jacobian.
    pub fn entries(&self, block: usize) -> std::ops::Range<usize> {
        let block = self.blocks[block];
        block.entry..block.entry + block.rows * block.width
    }

    /// The variable blocks that a residual block touches.
    pub fn variables_of(&self, block: usize) -> impl Iterator<Item = VariableIndex> + '_ {
        let block = self.blocks[block];
        self.block_variables[block.first..block.first + block.count].iter().map(|&variable| variable as usize)
    }

    /// The variables of a residual block with the first of their columns within the block's rows.
    pub(crate) fn pieces_of(&self, block: usize) -> impl Iterator<Item = (usize, Variable)> + '_ {
        let mut local = 0;
        self.variables_of(block).map(move |index| {
            let variable = self.variables[index];
            local += variable.size;
            (local - variable.size, variable)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_variables_have_entries_but_no_columns() {
        let mut structure = Structure::new();
        let (first, fixed, last) = (structure.add_variable(6), structure.add_fixed(6), structure.add_variable(1));
        structure.add_residual(2, &[first, fixed]);
        structure.add_residual(3, &[fixed, last]);
        assert_eq!((structure.row_count(), structure.column_count(), structure.entry_count()), (5, 7, 24 + 21));
        assert_eq!(
            (structure.column(first), structure.column(fixed), structure.column(last)),
            (Some(0), None, Some(6))
        );
        assert_eq!((structure.rows(1), structure.entries(1)), (2..5, 24..45));
        assert!(structure.by_block(&[0, 1, 2, 3, 4]).eq([&[0, 1][..], &[2, 3, 4]]));
        assert_eq!(structure.pieces_of(1).map(|(local, _)| local).collect::<Vec<_>>(), [0, 6]);
    }
}
