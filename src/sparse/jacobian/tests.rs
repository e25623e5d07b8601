//! The passes against what they are to compute, entry by entry.

use super::*;
use crate::precision::{f16, power_of_two_near};
use proptest::prelude::*;

/// Variables of `size` unknowns, one of them fixed, and blocks that touch one of them, two, or a fixed one too.
fn structure_of(size: usize, pairs: &[(usize, usize)]) -> Structure {
    let mut structure = Structure::new();
    let variables: Vec<usize> =
        (0..8).map(|k| if k == 2 { structure.add_fixed(size) } else { structure.add_variable(size) }).collect();
    structure.add_residual(2, &variables[..1]);
    for &(a, b) in pairs {
        structure.add_residual(size, &[variables[a], variables[b]]);
    }
    structure.add_residual(size + 1, &[variables[7], variables[3]]);
    structure
}

/// What is known of an entry of a free variable: its place, its row, its residual block and its column.
fn places(structure: &Structure) -> Vec<(usize, usize, usize, usize)> {
    let mut places = vec![];
    for (index, block) in structure.blocks.iter().enumerate() {
        for (local, variable) in structure.pieces_of(index).filter(|(_, variable)| !variable.fixed) {
            for row in 0..block.rows {
                let first = block.entry + row * block.width + local;
                places.extend((0..variable.size).map(|k| (first + k, block.row + row, index, variable.column + k)));
            }
        }
    }
    places
}

fn hold_to_the_definition<J: Scalar, P: Scalar, V: Scalar>(structure: &Structure, numbers: &[f64]) {
    let mut numbers = numbers.iter().cycle().copied();
    let flat: Vec<J> = (0..structure.entry_count()).map(|_| J::from_f64(numbers.next().unwrap())).collect();
    let weights: Vec<f64> = (0..structure.residual_block_count()).map(|block| 1.0 / (1 + block % 3) as f64).collect();
    let residual: Vec<V> = (0..structure.row_count()).map(|_| V::from_f64(numbers.next().unwrap())).collect();
    let columns = structure.column_count();

    let (mut squares, mut sizes) = (vec![0.0f64; columns], vec![0.0; columns]);
    for &(entry, row, block, column) in &places(structure) {
        squares[column] += (weights[block] * flat[entry].to_f64()).powi(2);
        sizes[column] += (weights[block] * flat[entry].to_f64() * residual[row].to_f64()).abs();
    }
    let mut jacobian = BlockJacobian::<P>::new(structure);
    let mut scales = vec![0.0; columns];
    jacobian.column_scales(&flat, &weights, &mut scales);
    for (scale, square) in scales.iter().zip(&squares) {
        // Either neighbour where the last bits decide.
        let near = [1.0 - 1e-9, 1.0 + 1e-9].map(|by| power_of_two_near(1.0 / (square * by).sqrt()));
        assert!(near.contains(scale), "{scale} for {square}");
    }

    let (mut entries, mut gradient) = (vec![P::ZERO; flat.len()], vec![0.0; columns]);
    let mut rounding = Rounding::default();
    for &(entry, row, block, column) in &places(structure) {
        let scaled = V::from_f64(flat[entry].to_f64() * (weights[block] * scales[column]));
        entries[entry] = scaled.cast();
        gradient[column] += scaled.to_f64() * residual[row].to_f64();
        rounding.flushed += usize::from(entries[entry] == P::ZERO && scaled != V::ZERO);
        rounding.not_finite += usize::from(!entries[entry].is_finite());
    }
    let mut found = vec![V::ONE; columns];
    // Twice: nothing is left of what was there.
    for _ in 0..2 {
        assert_eq!(jacobian.fill(&flat, &weights, &scales, &residual, &mut found), rounding);
    }
    assert!(jacobian.entries().iter().zip(&entries).all(|(a, b)| a == b || !(a.is_finite() || b.is_finite())));
    for column in (0..columns).filter(|&column| gradient[column].is_finite()) {
        let error = (found[column].to_f64() - gradient[column]).abs();
        assert!(error <= 100.0 * V::EPSILON * scales[column] * sizes[column], "column {column} errs by {error}");
    }
}

proptest! {
    #[test]
    fn passes_are_what_they_say(
        size in 1usize..=7,
        pairs in prop::collection::vec((0usize..8, 1usize..8), 0..12),
        numbers in prop::collection::vec(-1.0f64..1.0, 30..60),
        exponents in prop::collection::vec(-30i32..4, 7),
    ) {
        let pairs: Vec<_> = pairs.into_iter().map(|(a, by)| (a, (a + by) % 8)).collect();
        let structure = structure_of(size, &pairs);
        let numbers: Vec<f64> = numbers.iter().zip(exponents.iter().cycle()).map(|(x, e)| x * f64::from(*e).exp2()).collect();
        hold_to_the_definition::<f64, f64, f64>(&structure, &numbers);
        hold_to_the_definition::<f32, f32, f32>(&structure, &numbers);
        hold_to_the_definition::<f32, f16, f32>(&structure, &numbers);
        hold_to_the_definition::<f64, f32, f64>(&structure, &numbers);
    }
}

#[test]
fn what_is_not_finite_is_counted() {
    for size in [3, 6] {
        let structure = structure_of(size, &[(0, 1), (3, 2), (4, 7)]);
        let mut flat = vec![1.0f32; structure.entry_count()];
        // The first block's; of the pair of free variables; of one that is beside a fixed one.
        for (block, value) in [(0, f32::NAN), (1, f32::INFINITY), (2, f32::NEG_INFINITY)] {
            flat[structure.entries(block).start] = value;
        }
        let (mut gradient, columns) = (vec![0.0f32; structure.column_count()], structure.column_count());
        let (weights, residual) = (vec![1.0; structure.residual_block_count()], vec![0.0; structure.row_count()]);
        let mut jacobian = BlockJacobian::<f32>::new(&structure);
        let found = jacobian.fill(&flat, &weights, &vec![1.0; columns], &residual, &mut gradient);
        assert_eq!(found, Rounding { flushed: 0, not_finite: 3 });
    }
}
