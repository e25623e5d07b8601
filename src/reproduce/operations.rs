//! What an iteration of CGNR costs, counted from the pattern of the Jacobian.

use crate::sparse::Structure;

/// Operations (additions and multiplications) of one iteration, by part, and the numbers of the Jacobian that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Operations {
    /// `J p` and `Jᵀ (J p)`.
    pub products: f64,
    /// The blocks of the preconditioner.
    pub preconditioner: f64,
    /// Sums of vectors and dot products.
    pub vectors: f64,
    /// Entries of the Jacobian.
    pub entries: f64,
    /// Entries of the preconditioner.
    pub preconditioner_entries: f64,
    /// Unknowns.
    pub columns: f64,
}

impl Operations {
    /// Counts for this crate's CGNR with a block-Jacobi preconditioner, which keeps no vector as long as the residual:
    /// two dot products and four sums of vectors of the unknowns, damping included.
    pub(super) fn of(structure: &Structure) -> Self {
        let columns = structure.column_count() as f64;
        let entries = free_entries(structure);
        let preconditioner_entries: f64 =
            structure.variables.iter().filter(|v| !v.fixed).map(|v| (v.size * v.size) as f64).sum();
        Self {
            products: 4.0 * entries,
            preconditioner: 2.0 * preconditioner_entries,
            vectors: 12.0 * columns,
            entries,
            preconditioner_entries,
            columns,
        }
    }

    /// All of them.
    pub(super) fn total(&self) -> f64 {
        self.products + self.preconditioner + self.vectors
    }

    /// Share of the products.
    pub(super) fn product_share(&self) -> f64 {
        self.products / self.total()
    }
}

/// Share of the products in CGNR as textbooks have it, without a preconditioner: two products, dot products of `J p` and
/// of the gradient, and sums of vectors for the unknowns, the direction and the residual, which is kept.
pub(super) fn textbook_product_share(rows: f64, columns: f64, entries: f64) -> f64 {
    let products = 4.0 * entries;
    let vectors = 2.0 * (2.0 * rows + 3.0 * columns);
    products / (products + vectors)
}

/// Entries of the Jacobian in columns of free variables.
fn free_entries(structure: &Structure) -> f64 {
    let of = |block: usize| {
        let width: usize = structure.pieces_of(block).filter(|(_, v)| !v.fixed).map(|(_, v)| v.size).sum();
        structure.rows(block).len() * width
    };
    (0..structure.residual_block_count()).map(of).sum::<usize>() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_a_small_case_by_hand() {
        let mut structure = Structure::new();
        let (fixed, pose, landmark) = (structure.add_fixed(6), structure.add_variable(6), structure.add_variable(1));
        structure.add_residual(2, &[fixed, landmark]);
        structure.add_residual(3, &[pose, fixed, landmark]);
        let operations = Operations::of(&structure);
        assert_eq!(
            (operations.entries, operations.preconditioner_entries, operations.columns),
            (2.0 + 21.0, 37.0, 7.0)
        );
        assert_eq!(operations.total(), 92.0 + 74.0 + 84.0);
        assert_eq!(operations.product_share(), 92.0 / 250.0);
    }

    #[test]
    fn the_articles_share_is_that_of_the_textbook_with_a_pose_and_a_depth_in_each_row() {
        let share = textbook_product_share(5500.0, 1000.0, 5500.0 * 7.0);
        assert!((share - 0.83).abs() < 0.02, "{share}");
    }
}
