//! What is known of the relative pose of two keyframes through the edges of the graph.

use crate::geometry::Se3;
use crate::place::adjoint;
use nalgebra::Matrix6;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A relative pose with its covariance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UncertainPose {
    /// Coordinates of the second frame into those of the first.
    pub t: Se3,
    /// Covariance of a perturbation `[ρ; φ]` on the right (m, rad).
    pub covariance: Matrix6<f64>,
}

impl UncertainPose {
    /// A pose that is certain: none at all.
    pub(super) fn identity() -> Self {
        Self { t: Se3::identity(), covariance: Matrix6::zeros() }
    }

    /// First this pose, then `next`, whose error is independent.
    pub(super) fn then(&self, next: &Self) -> Self {
        let carried = adjoint(&next.t.inverse());
        Self { t: self.t * next.t, covariance: carried * self.covariance * carried.transpose() + next.covariance }
    }

    /// The pose the other way.
    pub(super) fn inverse(&self) -> Self {
        let carried = adjoint(&self.t);
        Self { t: self.t.inverse(), covariance: carried * self.covariance * carried.transpose() }
    }
}

#[derive(Debug, Clone)]
struct Link {
    from: usize,
    to: usize,
    pose: UncertainPose,
    cost: f64,
}

/// The measured relative poses between keyframes, for questions about other pairs.
#[derive(Debug, Clone, Default)]
pub(super) struct Links {
    links: Vec<Link>,
    /// For each node the links that end there.
    of_node: Vec<Vec<u32>>,
}

impl Links {
    /// Adds a node with no links.
    pub(super) fn push_node(&mut self) {
        self.of_node.push(Vec::new());
    }

    /// Adds a measurement: coordinates of `to` into those of `from`.
    pub(super) fn push(&mut self, from: usize, to: usize, pose: UncertainPose) {
        let index = self.links.len() as u32;
        self.of_node[from].push(index);
        self.of_node[to].push(index);
        // A radian of heading error is taken as bad as a few metres: it becomes some over the rest of the path.
        let variances = pose.covariance.diagonal();
        let cost = variances.rows(0, 3).sum() + 10.0 * variances.rows(3, 3).sum();
        self.links.push(Link { from, to, pose, cost });
    }

    /// Removes the newest measurement.
    pub(super) fn pop(&mut self) {
        if let Some(link) = self.links.pop() {
            self.of_node[link.from].pop();
            self.of_node[link.to].pop();
        }
    }

    /// The relative pose `t_from_to` along the path of least uncertainty; `None` if no path joins them.
    ///
    /// # Source
    /// Dijkstra's shortest path, as Olson, *Recognizing Places Using Spectrally Clustered Local Matches* (2009), bounds
    /// the uncertainty of a hypothesis.
    pub(super) fn most_certain_path(&self, from: usize, to: usize) -> Option<UncertainPose> {
        let mut best = vec![f64::INFINITY; self.of_node.len()];
        let mut arrived_by = vec![u32::MAX; self.of_node.len()];
        let mut open = BinaryHeap::new();
        best[to] = 0.0;
        open.push(Reverse(Visit { cost: 0.0, node: to }));
        while let Some(Reverse(Visit { cost, node })) = open.pop() {
            if node == from {
                break;
            }
            if cost > best[node] {
                continue;
            }
            for &index in &self.of_node[node] {
                let link = &self.links[index as usize];
                let other = if link.from == node { link.to } else { link.from };
                let through = cost + link.cost;
                if through < best[other] {
                    best[other] = through;
                    arrived_by[other] = index;
                    open.push(Reverse(Visit { cost: through, node: other }));
                }
            }
        }
        if !best[from].is_finite() {
            return None;
        }
        let mut pose = UncertainPose::identity();
        let mut node = from;
        while node != to {
            let link = self.links.get(arrived_by[node] as usize)?;
            if link.from == node {
                pose = pose.then(&link.pose);
                node = link.to;
            } else {
                pose = pose.then(&link.pose.inverse());
                node = link.from;
            }
        }
        Some(pose)
    }
}

#[derive(Debug, PartialEq)]
struct Visit {
    cost: f64,
    node: usize,
}

impl Eq for Visit {}
impl PartialOrd for Visit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Visit {
    fn cmp(&self, other: &Self) -> Ordering {
        self.cost.total_cmp(&other.cost).then(self.node.cmp(&other.node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::se3::exp;
    use nalgebra::Vector6;

    fn pose(v: [f64; 6], sigma: f64) -> UncertainPose {
        UncertainPose { t: exp(&Vector6::from(v)), covariance: Matrix6::identity() * (sigma * sigma) }
    }

    #[test]
    fn takes_the_surer_way_round() {
        let mut links = Links::default();
        (0..4).for_each(|_| links.push_node());
        let step = pose([1.0, 0.0, 0.0, 0.0, 0.0, 0.1], 0.1);
        links.push(0, 1, step.clone());
        links.push(1, 2, step.clone());
        links.push(2, 3, step.clone());
        let along = links.most_certain_path(0, 3).expect("joined");
        assert!((along.t.inverse() * step.t * step.t * step.t).translation.vector.norm() < 1e-12);
        let short = pose([3.1, 0.0, 0.0, 0.0, 0.0, 0.3], 0.01);
        links.push(3, 0, short.inverse());
        let across = links.most_certain_path(0, 3).expect("joined");
        assert!((across.t.inverse() * short.t).translation.vector.norm() < 1e-12);
        assert!((across.covariance - short.covariance).norm() < 1e-12);
        links.pop();
        assert_eq!(links.most_certain_path(0, 3).expect("joined"), along);
        links.push_node();
        assert_eq!(links.most_certain_path(0, 4), None);
    }

    #[test]
    fn covariance_of_a_chain_equals_that_of_samples() {
        // First order, so small noise: the spread of 4000 noisy products against the formula.
        use rand::{RngExt, SeedableRng};
        let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(3);
        let (first, second) =
            (pose([1.0, 2.0, 0.5, 0.3, -0.2, 0.8], 0.01), pose([2.0, -1.0, 0.0, 0.1, 0.4, -0.5], 0.005));
        let formula = first.then(&second);
        let mut sum = Matrix6::zeros();
        let count = 4000;
        for _ in 0..count {
            // Uniform with the same variance.
            let mut noise =
                |sigma: f64| exp(&Vector6::from_fn(|_, _| random.random_range(-1.0..1.0) * sigma * 3f64.sqrt()));
            let sample = first.t * noise(0.01) * second.t * noise(0.005);
            let e = crate::geometry::se3::log(&(formula.t.inverse() * sample));
            sum += e * e.transpose();
        }
        let spread = sum / f64::from(count);
        assert!((spread - formula.covariance).norm() < 0.1 * formula.covariance.norm());
    }
}
