//! Where the numbers of a complete factor lie, and where those of the matrix are added.

use super::thin_columns::ThinColumns;
use super::{Structure, Supernodes};

/// Where a block is among the values of a factor: its first entry, and from one column to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Place {
    pub(super) start: u32,
    pub(super) stride: u32,
}

/// The layout of a factor's values: thin columns, then the panels of the supernodes.
#[derive(Debug, Clone)]
pub(super) struct ValueLayout {
    /// Unknowns of a block.
    size: usize,
    pub(super) thin: ThinColumns,
    /// By supernode, and one more: where its panel begins.
    pub(super) starts: Vec<usize>,
}

impl ValueLayout {
    /// The layout of a pattern for blocks of a size.
    pub(super) fn new(nodes: &Supernodes, size: usize) -> Self {
        let thin = ThinColumns::new(nodes, size);
        let mut starts = vec![thin.len()];
        for node in 0..nodes.count() {
            starts.push(starts[node] + nodes.shape(node, size).len());
        }
        let mut layout = Self { size, thin, starts };
        // What a thin column leaves belongs to each pair of the rows below it.
        let targets = nodes.thin_rows.iter().map(|&[a, b]| {
            [(a, a), (b, a), (b, b)].map(|(row, column)| match row {
                Supernodes::NO_ROW => Place::default(),
                row => layout.place(nodes, row as usize, column as usize),
            })
        });
        let targets = targets.collect();
        layout.thin.set_targets(targets);
        layout
    }

    /// Numbers in the factor.
    pub(super) fn len(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    /// Where the block of a row and a column (positions, `row >= column`) is.
    fn place(&self, nodes: &Supernodes, row: usize, column: usize) -> Place {
        if column < nodes.thin_count() {
            return self.thin.place(row, column);
        }
        let node = nodes.owner(column);
        let columns = nodes.columns(node);
        let in_front = if row < columns.end {
            row - columns.start
        } else {
            let rows = &nodes.rows[nodes.rows_of(node)];
            // Neighbours are in the pattern.
            columns.len() + rows.binary_search(&(row as u32)).unwrap_or(0)
        };
        let stride = nodes.shape(node, self.size).stride();
        let start = self.starts[node] + (column - columns.start) * self.size * stride + in_front * self.size;
        Place { start: start as u32, stride: stride as u32 }
    }
}

/// Where a product of two variables of a residual block goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Target {
    pub(super) place: Place,
    /// The residual block's entries: first one, width and rows; and the first columns in it of the two variables.
    pub(super) entry: u32,
    pub(super) width: u16,
    pub(super) rows: u16,
    pub(super) row_local: u16,
    pub(super) column_local: u16,
}

/// The targets of all pairs of free variables of all residual blocks.
pub(super) fn targets(structure: &Structure, nodes: &Supernodes, layout: &ValueLayout) -> Vec<Target> {
    let mut targets = Vec::with_capacity(3 * structure.residual_block_count());
    let mut free: Vec<(usize, usize)> = Vec::new();
    for block in 0..structure.residual_block_count() {
        let shape = structure.blocks[block];
        free.clear();
        free.extend(
            structure
                .pieces_of(block)
                .filter(|(_, variable)| !variable.fixed)
                .map(|(local, variable)| (nodes.positions[variable.column / layout.size] as usize, local)),
        );
        for (index, &(a, a_local)) in free.iter().enumerate() {
            for &(b, b_local) in &free[index..] {
                let ((row, row_local), (column, column_local)) =
                    if a >= b { ((a, a_local), (b, b_local)) } else { ((b, b_local), (a, a_local)) };
                targets.push(Target {
                    place: layout.place(nodes, row, column),
                    entry: shape.entry as u32,
                    width: shape.width as u16,
                    rows: shape.rows as u16,
                    row_local: row_local as u16,
                    column_local: column_local as u16,
                });
            }
        }
    }
    targets
}
