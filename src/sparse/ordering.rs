//! The order of elimination: which fill a factor gets.

use sprs::{CsMatI, TriMatI};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Which blocks are neighbours: symmetric, its values count the residual blocks that join them.
pub type Adjacency = CsMatI<u32, u32>;

/// The symmetric adjacency of `n` blocks from pairs of different blocks; pairs may repeat.
pub fn adjacency(n: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Adjacency {
    let mut triplets = TriMatI::<u32, u32>::new((n, n));
    for (a, b) in pairs {
        triplets.add_triplet(a, b, 1);
        triplets.add_triplet(b, a, 1);
    }
    triplets.to_csr()
}

/// The order of least approximate degree: `order[k]` is the block that is eliminated as the `k`-th.
///
/// Ties go to the lower index, so the result depends on the pattern alone.
///
/// # Source
/// Amestoy, Davis, Duff, *An approximate minimum degree ordering algorithm* (1996), without supervariables: the blocks
/// of a pose graph are few and already large.
pub fn minimum_degree(adjacency: &Adjacency) -> Vec<usize> {
    let n = adjacency.rows();
    let mut graph = QuotientGraph::new(adjacency);
    let mut queue: BinaryHeap<Reverse<(u32, u32)>> = (0..n).map(|i| Reverse((graph.degree[i], i as u32))).collect();
    let mut order = Vec::with_capacity(n);
    while let Some(Reverse((degree, pivot))) = queue.pop() {
        let stale = graph.eliminated[pivot as usize] || graph.degree[pivot as usize] != degree;
        if stale {
            continue;
        }
        order.push(pivot as usize);
        graph.eliminate(pivot, n - order.len());
        for &neighbour in &graph.members[pivot as usize] {
            queue.push(Reverse((graph.degree[neighbour as usize], neighbour)));
        }
    }
    order
}

/// Variables that are not eliminated yet, and the elements (cliques) that eliminated ones left behind.
struct QuotientGraph {
    /// Neighbours of a variable that no element covers.
    variables: Vec<Vec<u32>>,
    /// Elements that a variable belongs to.
    elements: Vec<Vec<u32>>,
    /// Variables of an element, by the variable whose elimination made it.
    members: Vec<Vec<u32>>,
    /// Upper bound of the degree.
    degree: Vec<u32>,
    eliminated: Vec<bool>,
    absorbed: Vec<bool>,
    mark: Vec<u32>,
    stamp: u32,
    /// For each element its members outside the pivot's element, valid if the second is the present stamp.
    outside: Vec<(u32, u32)>,
}

impl QuotientGraph {
    fn new(adjacency: &Adjacency) -> Self {
        let n = adjacency.rows();
        let variables: Vec<Vec<u32>> = adjacency.outer_iterator().map(|row| row.indices().to_vec()).collect();
        Self {
            degree: variables.iter().map(|neighbours| neighbours.len() as u32).collect(),
            variables,
            elements: vec![Vec::new(); n],
            members: vec![Vec::new(); n],
            eliminated: vec![false; n],
            absorbed: vec![false; n],
            mark: vec![0; n],
            stamp: 0,
            outside: vec![(0, 0); n],
        }
    }

    /// Turns a variable into the element of its neighbours, and updates their degrees.
    fn eliminate(&mut self, pivot: u32, remaining: usize) {
        let p = pivot as usize;
        self.eliminated[p] = true;
        self.stamp += 1;
        self.mark[p] = self.stamp;
        let mut clique = Vec::new();
        for v in std::mem::take(&mut self.variables[p]) {
            if self.mark[v as usize] != self.stamp {
                self.mark[v as usize] = self.stamp;
                clique.push(v);
            }
        }
        for e in std::mem::take(&mut self.elements[p]) {
            self.absorbed[e as usize] = true;
            for v in std::mem::take(&mut self.members[e as usize]) {
                if self.mark[v as usize] != self.stamp {
                    self.mark[v as usize] = self.stamp;
                    clique.push(v);
                }
            }
        }
        self.count_outside(&clique);
        for &v in &clique {
            self.update(v as usize, pivot, clique.len() as u32 - 1, remaining as u32);
        }
        self.members[p] = clique;
    }

    /// For each element that touches the clique: how many of its members are not in it.
    fn count_outside(&mut self, clique: &[u32]) {
        for &v in clique {
            for &e in &self.elements[v as usize] {
                let e = e as usize;
                if self.absorbed[e] {
                    continue;
                }
                if self.outside[e].1 != self.stamp {
                    self.outside[e] = (self.members[e].len() as u32, self.stamp);
                }
                self.outside[e].0 -= 1;
            }
        }
    }

    fn update(&mut self, v: usize, pivot: u32, others: u32, remaining: u32) {
        let (mark, stamp, absorbed, outside) = (&self.mark, self.stamp, &mut self.absorbed, &self.outside);
        self.variables[v].retain(|&u| mark[u as usize] != stamp);
        let mut beyond = 0;
        self.elements[v].retain(|&e| {
            // An element inside the clique says nothing that the clique does not.
            let kept = !absorbed[e as usize] && outside[e as usize].0 > 0;
            absorbed[e as usize] |= !kept;
            beyond += if kept { outside[e as usize].0 } else { 0 };
            kept
        });
        self.elements[v].push(pivot);
        let bound = others + self.variables[v].len() as u32 + beyond;
        self.degree[v] = bound.min(self.degree[v] + others).min(remaining.saturating_sub(1));
    }
}

/// The reverse Cuthill-McKee order, which keeps neighbours near one another.
pub fn reverse_cuthill_mckee(adjacency: &Adjacency) -> Vec<usize> {
    let ordering = sprs::linalg::reverse_cuthill_mckee(adjacency.structure_view());
    ordering.perm.vec().into_iter().map(|index| index as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::super::symbolic::levels_of_fill;
    use super::*;
    use proptest::prelude::*;

    fn grid(side: usize) -> Adjacency {
        let at = |x: usize, y: usize| y * side + x;
        let mut pairs = Vec::new();
        for y in 0..side {
            for x in 0..side {
                if x + 1 < side {
                    pairs.push((at(x, y), at(x + 1, y)));
                }
                if y + 1 < side {
                    pairs.push((at(x, y), at(x, y + 1)));
                }
            }
        }
        adjacency(side * side, pairs)
    }

    fn fill(adjacency: &Adjacency, order: &[usize]) -> usize {
        levels_of_fill(adjacency, order, usize::MAX).nnz()
    }

    #[test]
    fn minimum_degree_has_the_least_fill_on_a_grid() {
        let grid = grid(20);
        let natural: Vec<usize> = (0..400).collect();
        let (least, rcm) = (fill(&grid, &minimum_degree(&grid)), fill(&grid, &reverse_cuthill_mckee(&grid)));
        assert!(least * 2 < fill(&grid, &natural) && least < rcm, "{least} {rcm}");
    }

    #[test]
    fn a_star_is_eliminated_from_its_points() {
        let star = adjacency(6, (1..6).map(|i| (0, i)));
        assert_eq!(fill(&star, &minimum_degree(&star)), 5);
    }

    proptest! {
        #[test]
        fn orders_are_permutations(pairs in prop::collection::vec((0usize..30, 0usize..30), 0..90)) {
            let graph = adjacency(30, pairs.into_iter().filter(|(a, b)| a != b));
            for mut order in [minimum_degree(&graph), reverse_cuthill_mckee(&graph)] {
                order.sort_unstable();
                prop_assert_eq!(order, (0..30).collect::<Vec<_>>());
            }
        }
    }
}
