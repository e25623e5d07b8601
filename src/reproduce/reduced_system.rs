//! The way without CGNR: the landmarks are eliminated, and the reduced system of the poses is formed and factored.

use crate::solver::LinearProblem;
use nalgebra::{DMatrix, DVector, RealField};

/// Solves `(Jᵀ W² J) x = −Jᵀ W² r` by way of the Schur complement of the landmarks, whose variables have one unknown
/// each and come behind the poses: `S = H_pp − Σ_l H_pl H_ll⁻¹ H_lp`, dense; all in `T`. `None` if `S` is not positive
/// definite.
pub(super) fn solve_reduced<T: RealField + Copy>(problem: &LinearProblem, pose_columns: usize) -> Option<Vec<f64>> {
    let number = |value: f64| nalgebra::convert::<f64, T>(value);
    let structure = &problem.structure;
    let landmark_count = structure.column_count() - pose_columns;
    let mut reduced = DMatrix::<T>::zeros(pose_columns, pose_columns);
    let mut right = DVector::<T>::zeros(pose_columns);
    let mut own = vec![(T::zero(), T::zero()); landmark_count];
    // By landmark: the poses (first columns) that see it, and its row of the normal matrix with each.
    let mut with_poses: Vec<Vec<(usize, [T; 6])>> = vec![Vec::new(); landmark_count];
    for block in 0..structure.residual_block_count() {
        let weight = number(problem.weights[block] * problem.weights[block]);
        let rows = structure.rows(block);
        let entries = &problem.jacobian[structure.entries(block)];
        let width = entries.len() / rows.len();
        let pieces: Vec<_> = structure.pieces_of(block).filter(|(_, variable)| !variable.fixed).collect();
        for (residual, line) in problem.residuals[rows].iter().zip(entries.chunks_exact(width)) {
            let residual = number(*residual);
            let landmark = pieces.iter().find(|(_, variable)| variable.column >= pose_columns);
            let landmark = landmark.map(|(local, variable)| (variable.column - pose_columns, number(line[*local])));
            if let Some((index, derivative)) = landmark {
                own[index].0 += weight * derivative * derivative;
                own[index].1 += weight * derivative * residual;
            }
            let poses = || pieces.iter().filter(|(_, variable)| variable.column < pose_columns);
            for (local_a, a) in poses() {
                let row_a: [T; 6] = std::array::from_fn(|k| number(line[local_a + k]));
                for (k, value) in row_a.iter().enumerate() {
                    right[a.column + k] += weight * *value * residual;
                }
                for (local_b, b) in poses().filter(|(_, b)| b.column <= a.column) {
                    for c in 0..6 {
                        let factor = weight * number(line[local_b + c]);
                        for (r, value) in row_a.iter().enumerate() {
                            reduced[(a.column + r, b.column + c)] += *value * factor;
                        }
                    }
                }
                if let Some((index, derivative)) = landmark {
                    let list = &mut with_poses[index];
                    let place = list.iter().position(|(column, _)| *column == a.column).unwrap_or_else(|| {
                        list.push((a.column, [T::zero(); 6]));
                        list.len() - 1
                    });
                    for (sum, value) in list[place].1.iter_mut().zip(&row_a) {
                        *sum += weight * derivative * *value;
                    }
                }
            }
        }
    }
    for (list, &(information, gradient)) in with_poses.iter().zip(&own) {
        if information <= T::zero() {
            continue;
        }
        for (column_a, a) in list {
            for (r, a) in a.iter().enumerate() {
                right[column_a + r] -= *a * gradient / information;
            }
            for (column_b, b) in list.iter().filter(|(column_b, _)| column_b <= column_a) {
                for (c, b) in b.iter().enumerate() {
                    let factor = *b / information;
                    for (r, a) in a.iter().enumerate() {
                        reduced[(column_a + r, column_b + c)] -= *a * factor;
                    }
                }
            }
        }
    }
    let poses = reduced.cholesky()?.solve(&-right);
    let mut solution: Vec<f64> = poses.iter().map(|value| nalgebra::convert_unchecked::<T, f64>(*value)).collect();
    solution.extend(with_poses.iter().zip(&own).map(|(list, &(information, gradient))| {
        if information <= T::zero() {
            return 0.0;
        }
        let seen =
            list.iter().flat_map(|(column, row)| row.iter().enumerate().map(move |(k, value)| (column + k, *value)));
        let from_poses = seen.fold(T::zero(), |sum, (column, value)| sum + value * poses[column]);
        nalgebra::convert_unchecked::<T, f64>(-(gradient + from_poses) / information)
    }));
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::super::window::window;
    use super::*;
    use crate::bundle::BundleOptions;

    #[test]
    fn its_solution_leaves_no_gradient() {
        let (bundle, _) = window(2);
        let problem = bundle.linear_problem(&BundleOptions::default()).unwrap();
        let pose_columns = 6 * (bundle.poses.len() - 1);
        let structure = &problem.structure;
        let gradient_norm = |x: &[f64]| {
            let mut gradient = vec![0.0; structure.column_count()];
            for block in 0..structure.residual_block_count() {
                let entries = &problem.jacobian[structure.entries(block)];
                let width = entries.len() / structure.rows(block).len();
                let weight = problem.weights[block] * problem.weights[block];
                for (row, line) in structure.rows(block).zip(entries.chunks_exact(width)) {
                    let columns = || {
                        let free = structure.pieces_of(block).filter(|(_, variable)| !variable.fixed);
                        free.flat_map(|(local, v)| (0..v.size).map(move |k| (v.column + k, line[local + k])))
                    };
                    let moved = problem.residuals[row] + columns().map(|(column, j)| j * x[column]).sum::<f64>();
                    columns().for_each(|(column, j)| gradient[column] += weight * j * moved);
                }
            }
            gradient.iter().map(|g| g * g).sum::<f64>().sqrt()
        };
        let start = gradient_norm(&vec![0.0; structure.column_count()]);
        let double = solve_reduced::<f64>(&problem, pose_columns).unwrap();
        assert!(gradient_norm(&double) < 1e-8 * start, "{} {start}", gradient_norm(&double));
        let single = solve_reduced::<f32>(&problem, pose_columns).unwrap();
        assert!(gradient_norm(&single) < 1e-2 * start, "{} {start}", gradient_norm(&single));
    }
}
