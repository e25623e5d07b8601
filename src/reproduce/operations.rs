//! What an iteration of CGNR costs, counted from the observations of a window.

use crate::bundle::Bundle;
use crate::sparse::Structure;
use std::collections::BTreeSet;

/// Operations (additions and multiplications) of one iteration, by part, and the numbers of the Jacobian that it reads.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Operations {
    /// `J p` and `Jᵀ (J p)`.
    pub products: f64,
    /// The blocks of the preconditioner.
    pub preconditioner: f64,
    /// Sums of vectors and dot products.
    pub vectors: f64,
    /// Entries of the rows: of a pose and of a landmark.
    pub entries: f64,
    /// Entries that join the poses of the keyframe that sees landmarks and of the one that saw them first.
    pub couplings: f64,
    /// Entries of the preconditioner.
    pub preconditioner_entries: f64,
    /// Unknowns.
    pub columns: f64,
}

impl Operations {
    /// Counts for this crate's CGNR with a block-Jacobi preconditioner. A row has the six entries of the keyframe that
    /// sees and one of the landmark; those of the keyframe that saw the landmark first are the six times a matrix that
    /// all observations of the pair share. No vector is as long as the residual: two dot products and four sums of vectors
    /// of the unknowns, damping included.
    pub(super) fn of(bundle: &Bundle, structure: &Structure) -> Self {
        let columns = structure.column_count() as f64;
        let (mut entries, mut pairs) = (0, BTreeSet::new());
        for seen in &bundle.observations {
            let host = bundle.landmarks[seen.landmark].host;
            let right = usize::from(seen.px_right_x.is_some());
            if seen.keyframe == host {
                entries += right;
            } else {
                entries += (2 + right) * 7;
                pairs.insert((seen.keyframe, host));
            }
        }
        let couplings = (pairs.len() * (6 + 36)) as f64;
        let preconditioner_entries: f64 =
            structure.variables.iter().filter(|v| !v.fixed).map(|v| (v.size * v.size) as f64).sum();
        Self {
            products: 4.0 * (entries as f64 + couplings),
            preconditioner: 2.0 * preconditioner_entries,
            vectors: 12.0 * columns,
            entries: entries as f64,
            couplings,
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

#[cfg(test)]
mod tests {
    use super::super::window::window;
    use super::*;
    use crate::bundle::BundleOptions;

    #[test]
    fn counts_are_those_of_a_window_by_hand() {
        let (mut bundle, _) = window(1);
        // Two of the first landmark: the right column of its host, which is fixed, and both images of the next keyframe.
        bundle.observations.retain(|seen| seen.landmark == 0);
        bundle.observations.truncate(2);
        bundle.landmarks.truncate(1);
        let structure = bundle.linear_problem(&BundleOptions::default()).unwrap().structure;
        let operations = Operations::of(&bundle, &structure);
        assert_eq!((operations.entries, operations.couplings), (1.0 + 21.0, 42.0));
        assert_eq!((operations.preconditioner_entries, operations.columns), (36.0 + 1.0, 7.0));
        assert_eq!(operations.total(), 4.0 * 64.0 + 2.0 * 37.0 + 12.0 * 7.0);
    }

    #[test]
    fn the_articles_share_is_that_of_the_textbook_with_a_pose_and_a_depth_in_each_row() {
        let share = textbook_product_share(5500.0, 1000.0, 5500.0 * 7.0);
        assert!((share - 0.83).abs() < 0.02, "{share}");
    }
}
