//! What is known of the relative pose of two keyframes through the measurements between keyframes.

use super::uncertain_pose::{Factors, UncertainPose};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

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
    factors: Factors,
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
        let cost = cost(&pose, &self.factors);
        self.links.push(Link { from, to, pose, cost });
    }

    /// Adds measurements before that of index `place`: those of later nodes move back.
    pub(super) fn insert(&mut self, place: usize, measurements: impl Iterator<Item = (usize, usize, UncertainPose)>) {
        let later = self.links.split_off(place);
        for list in &mut self.of_node {
            list.retain(|&index| (index as usize) < place);
        }
        let later = later.into_iter().map(|link| (link.from, link.to, link.pose));
        measurements.chain(later).for_each(|(from, to, pose)| self.push(from, to, pose));
    }

    /// Counts each source of uncertainty by another factor from now on.
    pub(super) fn set_factors(&mut self, factors: &Factors) {
        self.factors = *factors;
        for link in &mut self.links {
            link.cost = cost(&link.pose, factors);
        }
    }

    /// The measurements in the order in which they were added.
    pub(super) fn poses(&self) -> impl Iterator<Item = &UncertainPose> {
        self.links.iter().map(|link| &link.pose)
    }

    /// The paths of least uncertainty from some nodes to another.
    ///
    /// # Source
    /// Dijkstra's shortest path, as Olson, *Recognizing Places Using Spectrally Clustered Local Matches* (2009), bounds
    /// the uncertainty of a hypothesis.
    pub(super) fn ways(&self, from: &[usize], to: usize) -> Ways<'_> {
        let mut best = vec![f64::INFINITY; self.of_node.len()];
        let mut arrived_by = vec![u32::MAX; self.of_node.len()];
        let mut open = BinaryHeap::new();
        let mut missing = from.to_vec();
        missing.sort_unstable();
        missing.dedup();
        best[to] = 0.0;
        open.push(Reverse(Visit { cost: 0.0, node: to }));
        while let Some(Reverse(Visit { cost, node })) = open.pop() {
            if cost > best[node] {
                continue;
            }
            missing.retain(|&other| other != node);
            if missing.is_empty() {
                break;
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
        Ways { links: &self.links, arrived_by, to }
    }

    /// The relative pose `t_from_to` along the path of least uncertainty; `None` if no path joins them.
    pub(super) fn most_certain_path(&self, from: usize, to: usize) -> Option<UncertainPose> {
        self.ways(&[from], to).pose(from)
    }
}

/// Paths to one node.
pub(super) struct Ways<'a> {
    links: &'a [Link],
    /// For each node the first link of its path.
    arrived_by: Vec<u32>,
    to: usize,
}

impl Ways<'_> {
    /// The relative pose of their end in one of their starts; `None` if no path joins them.
    pub(super) fn pose(&self, from: usize) -> Option<UncertainPose> {
        let mut pose = UncertainPose::identity();
        let mut node = from;
        while node != self.to {
            let link = self.links.get(self.arrived_by[node] as usize)?;
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

/// A radian of heading error is taken as bad as a few metres: it becomes some over the rest of the path.
fn cost(pose: &UncertainPose, factors: &Factors) -> f64 {
    let variances = pose.covariance(factors).diagonal();
    variances.rows(0, 3).sum() + 10.0 * variances.rows(3, 3).sum()
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
    use nalgebra::{Matrix6, Vector6};

    fn pose(v: [f64; 6], sigma: f64) -> UncertainPose {
        UncertainPose::by_loop(&exp(&Vector6::from(v)), &(Matrix6::identity() * (sigma * sigma)))
    }

    #[test]
    fn takes_the_surer_way_round() {
        let mut links = Links::default();
        (0..4).for_each(|_| links.push_node());
        let step = pose([1.0, 0.0, 0.0, 0.0, 0.0, 0.1], 0.1);
        links.push(0, 1, step);
        links.push(1, 2, step);
        links.push(2, 3, step);
        let along = links.most_certain_path(0, 3).expect("joined");
        assert!((along.t.inverse() * step.t * step.t * step.t).translation.vector.norm() < 1e-12);
        let short = pose([3.1, 0.0, 0.0, 0.0, 0.0, 0.3], 0.01);
        links.push(3, 0, short.inverse());
        let across = links.most_certain_path(0, 3).expect("joined");
        assert!((across.t.inverse() * short.t).translation.vector.norm() < 1e-12);
        let factors = Factors::default();
        assert!((across.covariance(&factors) - short.covariance(&factors)).norm() < 1e-12);
        links.push_node();
        assert_eq!(links.most_certain_path(0, 4), None);
    }

    #[test]
    fn what_is_inserted_joins_as_what_is_added() {
        let step = |x: f64, sigma: f64| pose([x, 0.0, 0.0, 0.0, 0.0, 0.0], sigma);
        let all = [(0, 1, step(1.0, 0.1)), (1, 2, step(1.0, 0.1)), (0, 2, step(2.1, 0.01)), (2, 3, step(1.0, 0.1))];
        let [mut added, mut inserted] = [Links::default(), Links::default()];
        for links in [&mut added, &mut inserted] {
            (0..4).for_each(|_| links.push_node());
        }
        all.iter().cloned().for_each(|(from, to, pose)| added.push(from, to, pose));
        [0, 3].map(|index| all[index]).into_iter().for_each(|(from, to, pose)| inserted.push(from, to, pose));
        inserted.insert(1, all[1..3].iter().cloned());
        assert!(added.poses().eq(inserted.poses()));
        assert_eq!(added.of_node, inserted.of_node);
        assert_eq!(inserted.most_certain_path(0, 3).expect("joined").t.translation.x, 3.1);
    }

    #[test]
    fn factors_change_the_way() {
        let mut links = Links::default();
        (0..3).for_each(|_| links.push_node());
        let unit = Matrix6::identity() * 1e-4;
        let step =
            |x| UncertainPose::by_odometry(&crate::geometry::Se3::translation(x, 0.0, 0.0), &unit, &Matrix6::zeros());
        links.push(0, 1, step(1.0));
        links.push(1, 2, step(1.0));
        links.push(0, 2, pose([2.1, 0.0, 0.0, 0.0, 0.0, 0.0], 0.02));
        let x = |links: &Links| links.most_certain_path(0, 2).expect("joined").t.translation.x;
        assert_eq!(x(&links), 2.0);
        links.set_factors(&Factors { odometry: 10.0, drift: 1.0, loops: 1.0 });
        assert_eq!(x(&links), 2.1);
    }
}
