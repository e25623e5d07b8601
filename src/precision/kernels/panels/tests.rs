//! Every kernel on every vector unit of this CPU is held to its portable twin.

use super::*;
use proptest::prelude::*;

const SMALL: SmallPivot = SmallPivot { floor: 1e-7, raised: 1e-4 };

/// A panel whose diagonal block is positive definite, with slack behind it.
fn panel<W: Scalar>(shape: PanelShape, seed: u64) -> Vec<W> {
    let mut state = seed.wrapping_mul(2) | 1;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / (1u64 << 31) as f64 - 0.5
    };
    let mut values = vec![W::ZERO; shape.len() + LANES];
    for column in 0..shape.columns {
        for row in column..shape.rows {
            let dominant = if row == column { 0.7 * shape.columns as f64 } else { 0.0 };
            values[column * shape.stride() + row] = W::from_f64(next() + dominant);
        }
    }
    values
}

fn wide<W: Scalar>(values: &[W]) -> Vec<f64> {
    values.iter().map(|v| v.to_f64()).collect()
}

fn largest_gap(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn held_to_portable<W: Scalar, C: Scalar>(unit: VectorUnit, shape: PanelShape, seed: u64, roundoff: f64) {
    let mut ours = panel::<W>(shape, seed);
    let mut twin = ours.clone();
    let depth = (shape.columns + 1) as f64;
    assert_eq!(factor_with(unit, &mut ours, shape, SMALL), portable::factor(&mut twin, shape, SMALL));
    assert!(largest_gap(&wide(&ours), &wide(&twin)) < 4.0 * depth * roundoff);

    let below = shape.rows - shape.columns;
    let (mut update, mut expected) = (vec![W::ZERO; shape.update_len()], vec![W::ZERO; shape.update_len()]);
    subtract_square_with(unit, &twin, shape, &mut update);
    portable::subtract_square(&twin, shape, &mut expected);
    for column in 0..below {
        let lower = column * shape.update_stride() + column..column * shape.update_stride() + below;
        assert!(largest_gap(&wide(&update[lower.clone()]), &wide(&expected[lower])) < 4.0 * depth * roundoff);
    }

    let stored: Vec<C> = twin.iter().map(|v| v.cast()).collect();
    let b: Vec<W> =
        (0..shape.stride()).map(|i| W::from_f64(if i < shape.rows { 1.0 / (1.0 + i as f64) } else { 0.0 })).collect();
    let solved = |solve: &dyn Fn(&mut [W])| {
        let mut x = b.clone();
        solve(&mut x);
        wide(&x)
    };
    let within = 8.0 * shape.rows as f64 * roundoff;
    let forward = solved(&|x| forward_with(unit, &stored, shape, x));
    assert!(largest_gap(&forward, &solved(&|x| portable::forward(&stored, shape, x))) < within);
    let backward = solved(&|x| backward_with(unit, &stored, shape, x));
    assert!(largest_gap(&backward, &solved(&|x| portable::backward(&stored, shape, x))) < within);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn every_kernel_is_held_to_its_portable_twin(threes in 1usize..30, below in 0usize..90, seed in 0u64..1000) {
        let shape = PanelShape { columns: 3 * threes, rows: 3 * threes + below };
        for unit in VectorUnit::available() {
            held_to_portable::<f32, f16>(unit, shape, seed, f32::EPSILON as f64);
            held_to_portable::<f32, f32>(unit, shape, seed, f32::EPSILON as f64);
            held_to_portable::<f64, f64>(unit, shape, seed, f64::EPSILON);
            held_to_portable::<f64, f32>(unit, shape, seed, f64::EPSILON);
            held_to_portable::<f64, f16>(unit, shape, seed, f64::EPSILON);
        }
    }

    #[test]
    fn a_factor_solves_what_it_was_made_of(threes in 1usize..12, seed in 0u64..1000) {
        let shape = PanelShape { columns: 3 * threes, rows: 3 * threes };
        let matrix = panel::<f64>(shape, seed);
        let mut factored = matrix.clone();
        prop_assert_eq!(factor(&mut factored, shape, SMALL), Ok(0));
        let mut x: Vec<f64> = (0..shape.stride()).map(|i| if i < shape.rows { i as f64 - 2.0 } else { 0.0 }).collect();
        let b = x.clone();
        forward(&factored, shape, &mut x);
        backward(&factored, shape, &mut x);
        for (row, b) in b.iter().enumerate().take(shape.rows) {
            let at = |i: usize, j: usize| matrix[i.min(j) * shape.stride() + i.max(j)];
            let sum: f64 = (0..shape.rows).map(|column| at(row, column) * x[column]).sum();
            prop_assert!((sum - b).abs() < 1e-10);
        }
    }
}

#[test]
fn rounding_is_that_of_the_type() {
    let values: Vec<f32> = (0..70).map(|i| (1.3f32).powi(i - 40) * if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let mut twin = vec![f16::ZERO; 70];
    portable::round_to_half(&values, &mut twin);
    for unit in VectorUnit::available() {
        let mut ours = vec![f16::ZERO; 70];
        round_to_half_with(unit, &values, &mut ours);
        assert_eq!(ours, twin, "{}", unit.name());
    }
}

#[test]
fn bad_pivots_are_raised_or_refused() {
    let shape = PanelShape { columns: 3, rows: 4 };
    let mut panel = vec![0.0f32; shape.len() + LANES];
    panel[0] = 1.0;
    assert_eq!(factor(&mut panel, shape, SMALL), Ok(2));
    assert!((panel[shape.stride() + 1] - 100.0).abs() < 1e-3);
    panel[2 * shape.stride() + 2] = f32::NAN;
    assert_eq!(factor(&mut panel, shape, SMALL), Err(NotFinite));
}
