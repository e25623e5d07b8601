//! The columns of a complete factor in the tree in which they are eliminated, those that share their rows gathered.

use super::{Adjacency, Supernodes};

/// The columns of a supernode before they are numbered, and the rows below.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub(super) columns: Vec<u32>,
    pub(super) rows: Vec<u32>,
}

/// Supernodes by their last column, linked to their parents, and thin columns.
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) parents: Vec<u32>,
    /// Thin columns, ascending, and the rows below each.
    pub(super) thin: Vec<(u32, [u32; 2])>,
}

/// By column the thin columns and supernodes whose first row below it is, as linked lists, the last one first. A thin
/// column has an even number in them, a supernode an odd one.
struct Waiting {
    first: Vec<u32>,
    next: Vec<u32>,
}

/// A thin column by its place among these, or a supernode.
#[derive(Clone, Copy)]
enum Child {
    Thin(usize),
    Node(usize),
}

impl Child {
    fn node(self) -> Option<usize> {
        match self {
            Self::Thin(_) => None,
            Self::Node(node) => Some(node),
        }
    }
}

impl Waiting {
    const NONE: u32 = u32::MAX;

    fn new(columns: usize) -> Self {
        Self { first: vec![Self::NONE; columns], next: vec![Self::NONE; 2 * columns] }
    }

    fn push(&mut self, column: usize, child: Child) {
        let number = match child {
            Child::Thin(thin) => 2 * thin,
            Child::Node(node) => 2 * node + 1,
        };
        self.next[number] = std::mem::replace(&mut self.first[column], number as u32);
    }

    fn of(&self, column: usize) -> impl Iterator<Item = Child> {
        let known = |number: u32| (number != Self::NONE).then_some(number as usize);
        std::iter::successors(known(self.first[column]), move |&number| known(self.next[number]))
            .map(|number| if number.is_multiple_of(2) { Child::Thin(number / 2) } else { Child::Node(number / 2) })
    }
}

impl Tree {
    /// The thin columns and the fundamental supernodes of an order that is a postorder.
    pub(super) fn of(adjacency: &Adjacency, order: &[u32], positions: &[u32]) -> Self {
        let n = order.len();
        let mut tree = Self { nodes: Vec::new(), parents: Vec::new(), thin: Vec::new() };
        let mut waiting = Waiting::new(n);
        let mut mark = vec![u32::MAX; n];
        let mut rows = Vec::new();
        for column in 0..n {
            rows.clear();
            mark[column] = column as u32;
            let mut add = |row: u32| {
                if row != Supernodes::NO_ROW && row > column as u32 && mark[row as usize] != column as u32 {
                    mark[row as usize] = column as u32;
                    rows.push(row);
                }
            };
            let mut all_thin = true;
            for child in waiting.of(column) {
                match child {
                    Child::Thin(thin) => tree.thin[thin].1.iter().copied().for_each(&mut add),
                    Child::Node(node) => {
                        all_thin = false;
                        tree.nodes[node].rows.iter().copied().for_each(&mut add);
                    }
                }
            }
            for &neighbour in adjacency.outer_view(order[column] as usize).iter().flat_map(|row| row.indices()) {
                add(positions[neighbour as usize]);
            }
            let next = rows.iter().min().map(|&row| row as usize);
            let child = if all_thin && rows.len() <= 2 {
                tree.thin.push((column as u32, std::array::from_fn(|k| *rows.get(k).unwrap_or(&Supernodes::NO_ROW))));
                Child::Thin(tree.thin.len() - 1)
            } else {
                Child::Node(tree.add(column, &rows, &waiting))
            };
            if let Some(next) = next {
                waiting.push(next, child);
            }
        }
        tree
    }

    /// Adds a column, to a supernode that it continues if there is one; says which it is in.
    fn add(&mut self, column: usize, rows: &[u32], waiting: &Waiting) -> usize {
        let children = || waiting.of(column).filter_map(Child::node);
        let owner = match children().find(|&child| self.nodes[child].rows.len() == rows.len() + 1) {
            Some(child) => {
                // All that is below the column is below the child.
                let node = &mut self.nodes[child];
                node.columns.push(column as u32);
                node.rows.retain(|&row| row != column as u32);
                child
            }
            None => {
                self.nodes.push(Node { columns: vec![column as u32], rows: rows.to_vec() });
                self.parents.push(self.nodes.len() as u32 - 1);
                self.nodes.len() - 1
            }
        };
        for child in children().filter(|&child| child != owner) {
            self.parents[child] = owner as u32;
        }
        owner
    }
}
