//! The factor against the matrix that it is of, in every precision, and as variables join.

use super::super::adjacency;
use super::*;

/// A chain of variables of three unknowns, the first held by a prior; each row of a block has numbers of its own.
fn chain(count: usize, extra: &[(usize, usize)], stiffness: f64) -> (Structure, Vec<f64>) {
    let mut structure = Structure::new();
    let variables: Vec<usize> = (0..count).map(|_| structure.add_variable(3)).collect();
    structure.add_residual(3, &variables[..1]);
    let pairs = (1..count).map(|i| (i - 1, i)).chain(extra.iter().copied());
    for (a, b) in pairs {
        structure.add_residual(3, &[variables[a], variables[b]]);
    }
    let mut flat = vec![0.0; structure.entry_count()];
    for (k, value) in flat[..9].chunks_exact_mut(3).enumerate() {
        value[k] = 1.0;
    }
    for (index, block) in flat[9..].chunks_exact_mut(18).enumerate() {
        for row in 0..3 {
            block[row * 6 + row] = -stiffness;
            block[row * 6 + 3 + row] = stiffness;
            block[row * 6 + (row + 1) % 3] = 0.1 * (index % 7) as f64;
        }
    }
    (structure, flat)
}

fn scaled(structure: &Structure, flat: &[f64]) -> (BlockJacobian<f64>, Vec<f64>) {
    let mut jacobian = BlockJacobian::<f64>::new(structure);
    let weights = vec![1.0; structure.residual_block_count()];
    let mut scales = vec![1.0; structure.column_count()];
    jacobian.column_scales(flat, &weights, &mut scales);
    let mut gradient = vec![0.0; scales.len()];
    jacobian.fill(flat, &weights, &scales, &vec![0.0; structure.row_count()], &mut gradient);
    (jacobian, scales)
}

fn factor_of(structure: &Structure, count: usize, precision: Precision) -> Cholesky {
    let graph = adjacency(
        count,
        (0..structure.residual_block_count()).filter_map(|block| {
            let ends: Vec<usize> = structure.variables_of(block).collect();
            (ends.len() == 2).then(|| (ends[0], ends[1]))
        }),
    );
    Cholesky::new(structure, Arc::new(Supernodes::new(&graph, &minimum_degree(&graph), 3)), precision).unwrap()
}

/// `‖N M⁻¹ r − r‖ / ‖r‖` for the normal matrix `N` of a Jacobian and the factor's `M`.
fn defect(factor: &Cholesky, jacobian: &BlockJacobian<f64>, scales: &[f64]) -> f64 {
    const SLACK: usize = crate::precision::kernels::SLACK;
    let n = scales.len();
    let r: Vec<f64> = (0..n).map(|i| ((i * 37) % 11) as f64 - 5.0).collect();
    let (mut z, mut product) = (vec![0.0; n], vec![0.0; n + SLACK]);
    factor.solve(&r, &mut z, &mut factor.scratch::<f64>(scales));
    z.resize(n + SLACK, 0.0);
    jacobian.normal_product(&z, &mut product);
    let gap: f64 = product.iter().zip(&r).map(|(a, b)| (a - b).powi(2)).sum();
    (gap / r.iter().map(|r| r * r).sum::<f64>()).sqrt()
}

/// The factor of a chain with a loop, completed by three variables that hang on it, is that of the longer chain.
#[test]
fn an_appended_factor_is_that_of_the_whole() {
    let (before, after) = (30, 33);
    let (mut structure, mut flat) = chain(before, &[(3, 15)], 2.0);
    let mut factor = factor_of(&structure, before, Precision::F64);
    let (jacobian, scales) = scaled(&structure, &flat);
    factor.factor(&jacobian, &scales, 0.0).unwrap();
    for variable in before..after {
        structure.add_variable(3);
        // The last one hangs on a variable in the middle, and is given first.
        let ends = if variable == 32 { [32, 7] } else { [variable - 1, variable] };
        structure.add_residual(3, &ends);
        let from = flat.len() - 18;
        flat.extend_from_within(from..);
    }
    assert!(factor.append(&structure) && factor.is_appended() && factor.lacking_rows() == 0);
    let (jacobian, scales) = scaled(&structure, &flat);
    factor.factor_appended(&jacobian, 0.0);
    assert!(defect(&factor, &jacobian, &scales) < 1e-4);

    structure.add_residual(3, &[1, 32]);
    let from = flat.len() - 18;
    flat.extend_from_within(from..);
    assert!(factor.append(&structure) && factor.lacking_rows() == 3);
    let (jacobian, scales) = scaled(&structure, &flat);
    let mut renewed = factor.renewed(&structure).unwrap();
    renewed.factor(&jacobian, &scales, 0.0).unwrap();
    assert!(defect(&renewed, &jacobian, &scales) < 1e-9 && !renewed.is_appended());
    structure.add_variable(3);
    assert!(!factor.append(&structure), "a variable that hangs on nothing");
}

/// A prior that is a ten thousandth of the chain's stiffness is lost in single precision; computed in double and rounded to
/// single it holds the softest motion: `rᵀ M⁻¹ r` of a load on it is what it is in double.
#[test]
fn where_single_precision_loses_a_pivot_double_computes() {
    let (structure, flat) = chain(200, &[], 1e4);
    let (jacobian, scales) = scaled(&structure, &flat);
    let energy = |precision: Precision, expected: Precision| {
        let mut factor = factor_of(&structure, 200, precision);
        factor.factor(&jacobian, &scales, 0.0).unwrap();
        assert_eq!((factor.precision(), factor.statistics().raised_pivots), (expected, 0));
        let r = vec![1.0; scales.len()];
        let mut z = r.clone();
        factor.solve(&r, &mut z, &mut factor.scratch::<f64>(&scales));
        z.iter().sum::<f64>()
    };
    let exact = energy(Precision::F64, Precision::F64);
    for precision in [Precision::F16, Precision::F32] {
        let found = energy(precision, Precision::F32);
        assert!((found / exact - 1.0).abs() < 0.01, "{precision}: {found} {exact}");
    }
}

/// A chain is eliminated node by node; of one with loops, what is left when that no longer joins two neighbours alone.
#[test]
fn what_hangs_between_two_others_is_eliminated_on_its_own() {
    let crossing: Vec<(usize, usize)> = (0..8).flat_map(|i| [(10 * i, 97 - 9 * i), (5 * i + 2, 60 + 4 * i)]).collect();
    // Without loops the last of a hundred would be too soft for single precision.
    for (count, loops, all) in [(20, vec![], true), (100, vec![(3, 90)], true), (100, crossing, false)] {
        let (structure, flat) = chain(count, &loops, 2.0);
        let (jacobian, scales) = scaled(&structure, &flat);
        for (precision, tolerance) in [(Precision::F64, 1e-10), (Precision::F32, 1e-3), (Precision::F16, 1e-2)] {
            let mut factor = factor_of(&structure, count, precision);
            let (thin, gathered) = (factor.nodes.thin_count(), factor.nodes.count());
            assert!(if all { (thin, gathered) == (count, 0) } else { thin > 40 && gathered > 0 }, "{thin} {gathered}");
            // The second time nothing is left of the first.
            for damping in [0.5, 0.0] {
                factor.factor(&jacobian, &scales, damping).unwrap();
            }
            let defect = defect(&factor, &jacobian, &scales);
            assert!(defect < tolerance, "{precision}, {thin} of {count} thin: {defect:e}");
        }
    }
}

#[test]
fn a_thin_column_that_is_not_finite_is_named() {
    let (structure, mut flat) = chain(20, &[], 2.0);
    *flat.last_mut().unwrap() = f64::NAN;
    let (jacobian, scales) = scaled(&structure, &flat);
    let failed = factor_of(&structure, 20, Precision::F64).factor(&jacobian, &scales, 0.0);
    assert!(matches!(failed, Err(SparseError::NotFinite { column: 54 | 57 })), "{failed:?}");
}
