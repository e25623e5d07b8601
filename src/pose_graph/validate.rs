//! What a pose graph must be to be optimized, and telling whether an edge has changed.

use super::{PoseGraph, PoseGraphEdge};
use crate::geometry::relative_pose::RigidGroup;
use crate::solver::SolverError;

/// Checks indices and numbers; informations are checked where their roots are computed.
///
/// # Errors
/// [`SolverError::Problem`] names the first node or edge that is wrong.
pub(super) fn validate<G: RigidGroup<D>, const D: usize>(graph: &PoseGraph<G, D>) -> Result<(), SolverError> {
    let problem = |text: String| Err(SolverError::Problem(format!("pose graph: {text}")));
    let count = graph.nodes.len();
    if let Some(index) = graph.nodes.iter().position(|node| !node.is_finite()) {
        return problem(format!("node {index} is not finite"));
    }
    if let Some(index) = graph.fixed.iter().find(|&&index| index >= count) {
        return problem(format!("node {index} is to be fixed, but there are {count} nodes"));
    }
    for (index, edge) in graph.edges.iter().enumerate() {
        if edge.from >= count || edge.to >= count || edge.from == edge.to {
            return problem(format!(
                "edge {index} is from {} to {}; expected two different ones of {count} nodes",
                edge.from, edge.to
            ));
        }
        if !edge.t_from_to.is_finite() {
            return problem(format!("the measurement of edge {index} ({} to {}) is not finite", edge.from, edge.to));
        }
    }
    Ok(())
}

/// A hash of everything that an edge consists of.
pub(super) fn fingerprint<G: RigidGroup<D>, const D: usize>(edge: &PoseGraphEdge<G, D>) -> u64 {
    // Multiply and turn, a bijection of the hash for every word: only a chance of 2⁻⁶⁴ is left for a change to hide.
    let mut hash = 0x9e37_79b9_7f4a_7c15u64;
    let mut add = |word: u64| hash = (hash ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(29);
    add(edge.from as u64);
    add((edge.to as u64) << 1 | u64::from(edge.robust));
    edge.t_from_to.for_each_number(|number| add(number.to_bits()));
    edge.information.iter().for_each(|number| add(number.to_bits()));
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Se3;
    use nalgebra::{Matrix6, Translation3, UnitQuaternion};

    #[test]
    fn every_change_of_an_edge_shows() {
        let edge = PoseGraphEdge {
            from: 3,
            to: 4,
            t_from_to: Se3::identity(),
            information: Matrix6::identity(),
            robust: false,
        };
        let same = fingerprint(&edge);
        assert_eq!(fingerprint(&edge.clone()), same);
        let turned = UnitQuaternion::from_euler_angles(0.0, 1e-9, 0.0);
        let changes: [&dyn Fn(&mut PoseGraphEdge); 7] = [
            &|e| e.from = 5,
            &|e| (e.from, e.to) = (4, 3),
            &|e| e.robust = true,
            &|e| e.t_from_to.translation = Translation3::new(0.0, 0.0, 1e-300),
            &|e| e.t_from_to.rotation = turned,
            &|e| e.information[(5, 5)] = 1.0 + f64::EPSILON,
            &|e| e.information.swap((0, 1), (1, 1)),
        ];
        for change in changes {
            let mut changed = edge.clone();
            change(&mut changed);
            assert_ne!(fingerprint(&changed), same, "{changed:?}");
        }
    }
}
