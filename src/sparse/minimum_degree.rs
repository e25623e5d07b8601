//! The order of least approximate degree.

use super::Adjacency;
use super::degree_queue::{DegreeQueue, NONE};

/// The order of least approximate degree: `order[k]` is the block that is eliminated as the `k`-th.
///
/// The result depends on the pattern alone. Time grows with the entries of the pattern, hardly with the fill.
///
/// # Source
/// Amestoy, Davis, Duff, *An approximate minimum degree ordering algorithm* (1996).
pub fn minimum_degree(adjacency: &Adjacency) -> Vec<usize> {
    let mut graph = QuotientGraph::new(adjacency);
    let mut order = Vec::with_capacity(adjacency.rows());
    while let Some(pivot) = graph.queue.pop() {
        graph.eliminate(pivot);
        graph.append_members(pivot, &mut order);
    }
    order
}

/// Variables that are not eliminated yet, and the elements (cliques) that eliminated ones left behind.
///
/// A variable stands for all those that have become indistinguishable from it: they are eliminated with it.
struct QuotientGraph {
    /// Where a variable's list begins; first its elements, then the neighbours that no element covers. It never grows:
    /// a new element takes the place of the neighbour or the element through which it was reached.
    starts: Vec<u32>,
    element_counts: Vec<u32>,
    list_lengths: Vec<u32>,
    lists: Vec<u32>,
    /// How many variables a variable stands for; 0 once it is eliminated or stood for by another.
    weights: Vec<u32>,
    /// The next of those that the same variable stands for, and the last of them.
    next_member: Vec<u32>,
    last_member: Vec<u32>,
    /// An element's variables, in `cliques`, and their weight; empty once a later element covers it.
    clique_starts: Vec<u32>,
    clique_lengths: Vec<u32>,
    clique_weights: Vec<u32>,
    cliques: Vec<u32>,
    /// Upper bound of the weight of a variable's neighbours.
    degrees: Vec<u32>,
    queue: DegreeQueue,
    /// Weight of all variables that are not eliminated.
    remaining: u32,
    mark: Vec<u32>,
    stamp: u32,
    /// For each element the weight of its members outside the pivot's, if `outside_stamp` is the present stamp.
    outside: Vec<u32>,
    outside_stamp: Vec<u32>,
    /// The pivot's clique with a hash of each member's list.
    hashed: Vec<(u32, u32)>,
}

impl QuotientGraph {
    fn new(adjacency: &Adjacency) -> Self {
        let n = adjacency.rows();
        let starts: Vec<u32> = adjacency.indptr().raw_storage().to_vec();
        let lengths: Vec<u32> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mut queue = DegreeQueue::new(n);
        for (variable, &degree) in lengths.iter().enumerate().rev() {
            queue.insert(variable as u32, degree);
        }
        Self {
            starts,
            element_counts: vec![0; n],
            lists: adjacency.indices().to_vec(),
            degrees: lengths.clone(),
            list_lengths: lengths,
            weights: vec![1; n],
            next_member: vec![NONE; n],
            last_member: (0..n as u32).collect(),
            clique_starts: vec![0; n],
            clique_lengths: vec![0; n],
            clique_weights: vec![0; n],
            cliques: Vec::with_capacity(2 * adjacency.nnz()),
            queue,
            remaining: n as u32,
            mark: vec![0; n],
            stamp: 0,
            outside: vec![0; n],
            outside_stamp: vec![0; n],
            hashed: Vec::new(),
        }
    }

    fn append_members(&self, pivot: u32, order: &mut Vec<usize>) {
        let mut member = pivot;
        while member != NONE {
            order.push(member as usize);
            member = self.next_member[member as usize];
        }
    }

    /// Turns a variable into the element of its neighbours, and updates their lists and degrees.
    fn eliminate(&mut self, pivot: u32) {
        let p = pivot as usize;
        self.remaining -= self.weights[p];
        let (begin, clique_weight) = self.collect_clique(p);
        let end = self.cliques.len();
        self.measure_outside(begin, end);
        self.hashed.clear();
        for at in begin..end {
            let v = self.cliques[at];
            self.update(v, pivot, clique_weight);
        }
        self.merge_indistinguishable();
        // What is left of the clique, those that were merged or eliminated with the pivot being gone.
        let (mut kept, mut weight) = (begin, 0);
        for at in begin..end {
            let v = self.cliques[at];
            if self.weights[v as usize] > 0 {
                self.queue.insert(v, self.degrees[v as usize]);
                self.cliques[kept] = v;
                kept += 1;
                weight += self.weights[v as usize];
            }
        }
        self.cliques.truncate(kept);
        self.weights[p] = 0;
        (self.clique_starts[p], self.clique_lengths[p], self.clique_weights[p]) =
            (begin as u32, (kept - begin) as u32, weight);
    }

    /// Appends the pivot's neighbours to the cliques, out of the queue and marked; returns where, and their weight.
    fn collect_clique(&mut self, p: usize) -> (usize, u32) {
        self.stamp += 1;
        self.mark[p] = self.stamp;
        let begin = self.cliques.len();
        let mut weight = 0;
        let (start, elements, length) =
            (self.starts[p] as usize, self.element_counts[p] as usize, self.list_lengths[p] as usize);
        for at in start..start + length {
            let entry = self.lists[at];
            if at < start + elements {
                let (first, count) = (self.clique_starts[entry as usize], self.clique_lengths[entry as usize]);
                for member in first..first + count {
                    weight += self.take(self.cliques[member as usize]);
                }
                self.clique_lengths[entry as usize] = 0;
                self.clique_weights[entry as usize] = 0;
            } else {
                weight += self.take(entry);
            }
        }
        (begin, weight)
    }

    /// Takes a variable into the clique unless it is there already; returns its weight.
    fn take(&mut self, variable: u32) -> u32 {
        let v = variable as usize;
        if self.weights[v] == 0 || self.mark[v] == self.stamp {
            return 0;
        }
        self.mark[v] = self.stamp;
        self.queue.remove(variable, self.degrees[v]);
        self.cliques.push(variable);
        self.weights[v]
    }

    /// For each element that touches the clique: the weight of its members that are not in it.
    fn measure_outside(&mut self, begin: usize, end: usize) {
        for at in begin..end {
            let v = self.cliques[at] as usize;
            let start = self.starts[v] as usize;
            for entry in start..start + self.element_counts[v] as usize {
                let e = self.lists[entry] as usize;
                if self.outside_stamp[e] != self.stamp {
                    self.outside_stamp[e] = self.stamp;
                    self.outside[e] = self.clique_weights[e];
                }
                self.outside[e] = self.outside[e].saturating_sub(self.weights[v]);
            }
        }
    }

    /// Drops from a clique member's list what the clique covers, puts the clique there, and bounds its degree anew.
    fn update(&mut self, variable: u32, pivot: u32, clique_weight: u32) {
        let v = variable as usize;
        let start = self.starts[v] as usize;
        let (elements, length) = (self.element_counts[v] as usize, self.list_lengths[v] as usize);
        let (mut kept, mut beyond, mut hash) = (start, 0u32, 0u32);
        for at in start..start + elements {
            let e = self.lists[at];
            // An element inside the clique says nothing that the clique does not.
            if self.clique_weights[e as usize] > 0 && self.outside[e as usize] > 0 {
                beyond += self.outside[e as usize];
                hash = hash.wrapping_add(e);
                self.lists[kept] = e;
                kept += 1;
            }
        }
        let own_elements = kept - start;
        // The neighbours come after the new element, for which dropping the pivot or its element has left room.
        let mut neighbours_from = kept;
        let mut first_moved = None;
        for at in start + elements..start + length {
            let u = self.lists[at];
            let weight = self.weights[u as usize];
            if weight > 0 && self.mark[u as usize] != self.stamp {
                beyond += weight;
                hash = hash.wrapping_add(u);
                if neighbours_from == start + own_elements {
                    first_moved = Some(u);
                } else {
                    self.lists[neighbours_from] = u;
                }
                neighbours_from += 1;
            }
        }
        // The new element stands where the first neighbour would: that one goes to the end.
        self.lists[start + own_elements] = pivot;
        let mut end = neighbours_from.max(start + own_elements + 1);
        if let Some(u) = first_moved {
            end = neighbours_from + 1;
            self.lists[neighbours_from] = u;
        }
        self.element_counts[v] = own_elements as u32 + 1;
        self.list_lengths[v] = (end - start) as u32;
        if beyond == 0 {
            // Its neighbours are the pivot's: eliminating it next costs nothing more.
            self.remaining -= self.weights[v];
            self.absorb(pivot, variable);
            return;
        }
        let others = clique_weight - self.weights[v];
        let most = self.remaining - self.weights[v].min(self.remaining);
        self.degrees[v] = (others + beyond).min(self.degrees[v] + others).min(most);
        self.hashed.push((hash.wrapping_add(pivot), variable));
    }

    /// Merges members of the clique whose lists are the same.
    fn merge_indistinguishable(&mut self) {
        let mut hashed = std::mem::take(&mut self.hashed);
        hashed.sort_unstable();
        for same_hash in hashed.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
            for (index, &(_, first)) in same_hash.iter().enumerate() {
                if self.weights[first as usize] == 0 {
                    continue;
                }
                self.stamp += 1;
                for at in self.range(first) {
                    self.mark[self.lists[at] as usize] = self.stamp;
                }
                for &(_, second) in &same_hash[index + 1..] {
                    let (a, b) = (first as usize, second as usize);
                    let alike = self.weights[b] > 0
                        && self.list_lengths[a] == self.list_lengths[b]
                        && self.element_counts[a] == self.element_counts[b]
                        && self.range(second).all(|at| self.mark[self.lists[at] as usize] == self.stamp);
                    if alike {
                        self.degrees[a] -= self.weights[b].min(self.degrees[a]);
                        self.weights[a] += self.weights[b];
                        self.absorb(first, second);
                    }
                }
            }
        }
        self.hashed = hashed;
    }

    fn range(&self, variable: u32) -> std::ops::Range<usize> {
        let start = self.starts[variable as usize] as usize;
        start..start + self.list_lengths[variable as usize] as usize
    }

    /// Lets one variable stand for another with all its members.
    fn absorb(&mut self, into: u32, variable: u32) {
        let last = self.last_member[into as usize] as usize;
        self.next_member[last] = variable;
        self.last_member[into as usize] = self.last_member[variable as usize];
        self.weights[variable as usize] = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::symbolic::levels_of_fill;
    use super::super::{adjacency, reverse_cuthill_mckee};
    use super::*;
    use proptest::prelude::*;

    fn grid(side: usize) -> Adjacency {
        let at = |x: usize, y: usize| y * side + x;
        let right = (0..side * side).filter(|i| i % side + 1 < side).map(|i| (i, i + 1));
        let down = (0..side).flat_map(|x| (1..side).map(move |y| (at(x, y - 1), at(x, y))));
        adjacency(side * side, right.chain(down))
    }

    fn fill(adjacency: &Adjacency, order: &[usize]) -> usize {
        levels_of_fill(adjacency, order, usize::MAX).nnz()
    }

    /// The fill of always eliminating a variable of truly least degree.
    fn least_fill(adjacency: &Adjacency) -> usize {
        let n = adjacency.rows();
        let mut neighbours: Vec<std::collections::BTreeSet<usize>> =
            adjacency.outer_iterator().map(|row| row.indices().iter().map(|&i| i as usize).collect()).collect();
        let mut left: std::collections::BTreeSet<usize> = (0..n).collect();
        let mut fill = 0;
        while let Some(&p) = left.iter().min_by_key(|&&v| neighbours[v].len()) {
            left.remove(&p);
            let clique = std::mem::take(&mut neighbours[p]);
            fill += clique.len();
            for &v in &clique {
                neighbours[v].remove(&p);
                neighbours[v].extend(clique.iter().filter(|&&u| u != v));
            }
        }
        fill
    }

    #[test]
    fn it_has_the_least_fill_on_a_grid() {
        let grid = grid(20);
        let natural: Vec<usize> = (0..400).collect();
        let (least, rcm) = (fill(&grid, &minimum_degree(&grid)), fill(&grid, &reverse_cuthill_mckee(&grid)));
        assert!(least * 2 < fill(&grid, &natural) && least < rcm, "{least} {rcm}");
        assert!((least as f64) < 1.3 * least_fill(&grid) as f64, "{least} {}", least_fill(&grid));
    }

    #[test]
    fn a_star_is_eliminated_from_its_points_and_a_chain_without_fill() {
        let star = adjacency(6, (1..6).map(|i| (0, i)));
        assert_eq!(fill(&star, &minimum_degree(&star)), 5);
        let chain = adjacency(50, (1..50).map(|i| (i - 1, i)));
        assert_eq!(fill(&chain, &minimum_degree(&chain)), 49);
    }

    proptest! {
        #[test]
        fn it_is_a_permutation_of_little_fill(
            pairs in prop::collection::vec((0usize..30, 0usize..30), 0..90),
            copies in 1usize..4,
        ) {
            // Blocks that have the same neighbours are indistinguishable.
            let pairs = pairs.into_iter().filter(|(a, b)| a != b);
            let pairs = pairs.flat_map(|(a, b)| (0..copies).flat_map(move |i| (0..copies).map(move |j| (copies * a + i, copies * b + j))));
            let graph = adjacency(30 * copies, pairs);
            let order = minimum_degree(&graph);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..30 * copies).collect::<Vec<_>>());
            prop_assert!(fill(&graph, &order) <= 2 * least_fill(&graph) + 30);
        }
    }
}
