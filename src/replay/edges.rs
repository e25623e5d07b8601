//! The map's measurements against the truth: which loops are false, and how honest the covariances are.

use crate::geometry::{Se3, Trajectory, se3};
use crate::map::LoopCloser;
use crate::pose_graph::PoseGraphEdge;
use nalgebra::{Matrix6, Vector6};
use serde::Serialize;

/// A loop further from the truth than this (m, rad) joins two places that are not one; a nearer one is imprecise.
const FALSE_LOOP: (f64, f64) = (0.5, 0.26);

/// The edges of a map's graph against the truth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EdgeErrors {
    /// Loops that join places which are not one.
    pub false_loops: usize,
    /// Mean of `eᵀ Ω e / 6` over the steps of the odometry, `e` their error and `Ω` their information: 1 if that is
    /// honest, more if it claims too much.
    pub odometry_nees: f64,
    /// The same over the loops; 0 if there are none.
    pub loop_nees: f64,
}

impl EdgeErrors {
    /// The errors of a map's edges; `None` if the truth says nothing of any.
    pub(super) fn of(map: &LoopCloser, truth: &Trajectory) -> Option<Self> {
        let t_world_base: Vec<Option<Se3>> = (0..map.keyframe_count())
            .map(|node| map.stamp_nanos(node).and_then(|stamp_nanos| truth.at(stamp_nanos)))
            .collect();
        Self::of_edges(&map.graph().edges, &t_world_base)
    }

    fn of_edges(edges: &[PoseGraphEdge], t_world_base: &[Option<Se3>]) -> Option<Self> {
        let judged = edges.iter().filter_map(|edge| {
            let t_from_to = t_world_base[edge.from]?.inverse() * t_world_base[edge.to]?;
            let e = se3::log(&(edge.t_from_to.inverse() * t_from_to));
            Some((edge.to == edge.from + 1, e, edge.information))
        });
        let (steps, loops): (Vec<_>, Vec<_>) = judged.partition(|(is_step, ..)| *is_step);
        let nees = |edges: &[(bool, Vector6<f64>, Matrix6<f64>)]| {
            edges.iter().map(|(_, e, information)| e.dot(&(information * e)) / 6.0).sum::<f64>()
                / edges.len().max(1) as f64
        };
        let is_false =
            |e: &Vector6<f64>| e.fixed_rows::<3>(0).norm() > FALSE_LOOP.0 || e.fixed_rows::<3>(3).norm() > FALSE_LOOP.1;
        (!steps.is_empty()).then(|| Self {
            false_loops: loops.iter().filter(|(_, e, _)| is_false(e)).count(),
            odometry_nees: nees(&steps),
            loop_nees: nees(&loops),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: usize, to: usize, x: f64) -> PoseGraphEdge {
        let information = Matrix6::identity() * 1e4;
        PoseGraphEdge { from, to, t_from_to: Se3::translation(x, 0.0, 0.0), information, robust: false }
    }

    #[test]
    fn counts_false_loops_and_weighs_errors() {
        let truth: Vec<_> = (0..4).map(|i| Some(Se3::translation(f64::from(i), 0.0, 0.0))).collect();
        let chain = [edge(0, 1, 1.01), edge(1, 2, 0.99), edge(2, 3, 1.0)];
        let errors = EdgeErrors::of_edges(&chain, &truth).expect("judged");
        assert!((errors.odometry_nees - 2.0 / 18.0).abs() < 1e-9 && errors.false_loops == 0, "{errors:?}");
        assert_eq!(errors.loop_nees, 0.0);
        let with_loops: Vec<_> = chain.into_iter().chain([edge(0, 2, 2.02), edge(0, 3, 0.0)]).collect();
        let errors = EdgeErrors::of_edges(&with_loops, &truth).expect("judged");
        assert_eq!(errors.false_loops, 1, "one joins places 3 m apart, the other is only imprecise");
        assert!((errors.loop_nees - (4.0 + 9e4) / 12.0).abs() < 1e-6, "{errors:?}");
        assert_eq!(EdgeErrors::of_edges(&[edge(0, 1, 1.0)], &[None, None]), None);
    }
}
