//! Products with the normal matrix, on every vector unit and in half precision, within the bounds of theory.

use super::half_product::HalfProduct;
use super::normal::{Normal, Product};
use crate::precision::cpu::VectorUnit;
use crate::precision::kernels::{Lanes, vectorized_in_half_with, vectorized_with};
use crate::precision::{Precision, Scalar, f16};
use crate::solver::Layout;
use crate::solver::separable::factors::Factors;
use crate::solver::separable::linearize::Linearized;
use crate::solver::separable::problem::Separable;
use crate::solver::separable::tests::Linear;
use proptest::prelude::*;

type Stored = Linearized<f32, f16, f32, 2, 3, 2>;

/// `Jᵀ J p` and `‖J p‖²` in double, from the numbers as stored or from their magnitudes.
fn exact(layout: &Layout, linearized: &Stored, p: &[f64], of: fn(f64) -> f64) -> (Vec<f64>, f64) {
    let (mut z, mut squared_norm) = (vec![0.0; p.len()], 0.0);
    let of_frames = layout.free_count() * 3;
    let entry = |lanes: &Lanes<f16>, lane: usize| of(Scalar::to_f64(lanes[lane]));
    for (index, group) in layout.groups().iter().enumerate() {
        let free = group.frames.map(|frame| frame.and_then(|frame| layout.free(frame)));
        let k_t = |d: usize| of(f64::from(linearized.couplings.first(index, d)));
        let k_h = |i: usize, d: usize| of(f64::from(linearized.couplings.second(index, i, d)));
        let mut seen = [0.0; 3];
        for i in 0..3 {
            seen[i] += free[0].map_or(0.0, |t| k_t(i) * p[3 * t + i]);
            seen[i] += free[1].map_or(0.0, |h| (0..3).map(|d| k_h(i, d) * p[3 * h + d]).sum());
        }
        let mut sums = [0.0; 3];
        for tile in group.tiles.clone() {
            for (a, b) in linearized.by_frame[tile].iter().zip(&linearized.by_landmark[tile]) {
                for lane in layout.used_lanes(tile) {
                    let landmark = of_frames + 2 * layout.landmarks(tile)[lane] as usize;
                    let product = (0..3).map(|d| entry(&a[d], lane) * seen[d]).sum::<f64>()
                        + (0..2).map(|k| entry(&b[k], lane) * p[landmark + k]).sum::<f64>();
                    squared_norm += product * product;
                    (0..3).for_each(|d| sums[d] += entry(&a[d], lane) * product);
                    (0..2).for_each(|k| z[landmark + k] += entry(&b[k], lane) * product);
                }
            }
        }
        for i in 0..3 {
            free[0].iter().for_each(|t| z[3 * t + i] += k_t(i) * sums[i]);
            free[1].iter().for_each(|h| (0..3).for_each(|d| z[3 * h + d] += k_h(i, d) * sums[i]));
        }
    }
    (z, squared_norm)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn products_are_as_exact_as_theory_says(
        entries in prop::collection::vec(-0.5f64..0.5, 97),
        p in prop::collection::vec(-1.0f64..1.0, 30),
        magnitude in -20i32..20,
    ) {
        let problem = Linear::new(&entries);
        let layout = problem.layout();
        let mut factors = Factors::<f32>::new(&problem, Precision::F32);
        let mut linearized = Stored::new(&problem);
        linearized.fill(&problem, &mut factors);
        let p: Vec<f32> = p.iter().map(|p| (p * 2f64.powi(magnitude)) as f32).collect();
        let wide: Vec<f64> = p.iter().map(|&p| f64::from(p)).collect();
        let (expected, squared_norm) = exact(layout, &linearized, &wide, |entry| entry);
        let (sizes, largest) = exact(layout, &linearized, &wide.iter().map(|p| p.abs()).collect::<Vec<_>>(), f64::abs);
        let damping = vec![0.0f32; p.len()];
        let mut groups = linearized.couplings.room();
        let run = |in_half: bool, unit: VectorUnit, groups: &mut [_]| {
            let mut z = vec![0.0f32; p.len()];
            let mut halves = vec![[f16::ZERO; 2]; layout.landmark_count()];
            let mut normal = Normal {
                layout,
                linearized: &linearized,
                factors: &factors,
                damping: &damping,
                groups,
                halves: &mut halves,
            };
            let curvature = if in_half {
                let rows = (linearized.by_frame.as_slice(), linearized.by_landmark.as_slice());
                vectorized_in_half_with(unit, HalfProduct { rows, normal: &mut normal, p: &p, z: &mut z })
            } else {
                vectorized_with(unit, Product { normal: &mut normal, p: &p, z: &mut z })
            };
            (z, curvature)
        };
        // Roundings on the way of a product: of the vector, three in the frame's sum and two in the landmark's, one to join
        // them, two rows; those in single precision are nothing beside them.
        for (in_half, roundoff) in [(false, 40.0 * 2f64.powi(-24)), (true, 10.0 * 2f64.powi(-11))] {
            for unit in VectorUnit::available() {
                let (z, curvature) = run(in_half, unit, &mut groups);
                for (k, (found, expected)) in z.iter().zip(&expected).enumerate() {
                    let difference = (f64::from(*found) - expected).abs();
                    prop_assert!(difference <= roundoff * sizes[k], "{unit:?}, half {in_half}, {k}: {difference:e}");
                }
                prop_assert!((curvature - squared_norm).abs() <= 2.0 * roundoff * largest, "{unit:?}: {curvature}");
            }
        }
    }
}
