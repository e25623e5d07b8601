//! Where the entries of a block Jacobian belong.

use crate::sparse::Structure;
use std::ops::Range;

/// Where one variable of a residual block is found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) column: u32,
    pub(super) local: u16,
    pub(super) size: u16,
}

/// What residual blocks that are worked on together have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    rows: u16,
    width: u16,
    /// How many pieces it has.
    pieces: u16,
    /// As [`Run::pair`].
    pair: Option<u16>,
}

/// A residual block and its place in the flat arrays.
pub(super) struct Block<'a> {
    pub(super) index: usize,
    pub(super) entry: usize,
    pub(super) row: usize,
    pub(super) rows: usize,
    pub(super) width: usize,
    /// Its free variables.
    pub(super) pieces: &'a [Piece],
}

/// Residual blocks of one shape, one after the other, and their place in the flat arrays.
pub(super) struct Run<'a> {
    pub(super) blocks: Range<usize>,
    pub(super) entries: Range<usize>,
    pub(super) rows: Range<usize>,
    /// Their free variables.
    pub(super) pieces: &'a [Piece],
    shape: Shape,
}

impl<'a> Run<'a> {
    /// The number of rows of blocks of two free variables of as many unknowns each, as nearly all of a pose graph are.
    pub(super) fn pair(&self) -> Option<u16> {
        self.shape.pair
    }

    /// Its blocks in order.
    pub(super) fn blocks(self) -> impl Iterator<Item = Block<'a>> {
        let [rows, width, count] = [self.shape.rows, self.shape.width, self.shape.pieces].map(usize::from);
        self.blocks.enumerate().map(move |(k, index)| Block {
            index,
            entry: self.entries.start + k * rows * width,
            row: self.rows.start + k * rows,
            rows,
            width,
            pieces: &self.pieces[k * count..(k + 1) * count],
        })
    }
}

/// The residual blocks with their free variables.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// The shapes, each with the number of blocks in a row that have it.
    shapes: Vec<(Shape, usize)>,
    pieces: Vec<Piece>,
}

impl Layout {
    pub(super) fn new(structure: &Structure) -> Self {
        let mut pieces = Vec::with_capacity(structure.block_variables.len());
        let mut shapes: Vec<(Shape, usize)> = Vec::new();
        for (index, block) in structure.blocks.iter().enumerate() {
            let before = pieces.len();
            pieces.extend(structure.pieces_of(index).filter(|(_, variable)| !variable.fixed).map(
                |(local, variable)| Piece {
                    column: variable.column as u32,
                    local: local as u16,
                    size: variable.size as u16,
                },
            ));
            let (rows, own) = (block.rows as u16, &pieces[before..]);
            let is_pair = (block.count, own.len()) == (2, 2) && own.iter().all(|piece| piece.size == rows);
            let (width, pair) = (block.width as u16, is_pair.then_some(rows));
            let shape = Shape { rows, width, pieces: own.len() as u16, pair };
            match shapes.last_mut() {
                Some((last, count)) if *last == shape => *count += 1,
                _ => shapes.push((shape, 1)),
            }
        }
        Self { shapes, pieces }
    }

    /// The residual blocks in order, those of one shape together.
    #[inline(always)]
    pub(super) fn runs(&self) -> impl Iterator<Item = Run<'_>> {
        let (mut block, mut row, mut entry, mut pieces) = (0, 0, 0, &self.pieces[..]);
        self.shapes.iter().map(move |&(shape, count)| {
            let (own, others) = pieces.split_at(count * usize::from(shape.pieces));
            let rows = count * usize::from(shape.rows);
            let run = Run {
                blocks: block..block + count,
                rows: row..row + rows,
                entries: entry..entry + rows * usize::from(shape.width),
                pieces: own,
                shape,
            };
            (block, row, entry, pieces) = (run.blocks.end, run.rows.end, run.entries.end, others);
            run
        })
    }

    /// The residual blocks in order.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        self.runs().flat_map(Run::blocks)
    }
}
