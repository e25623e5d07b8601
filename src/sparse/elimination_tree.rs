//! The elimination tree of an order: which column of the factor is needed first by which.

use super::Adjacency;

/// The order in which the elimination tree is walked from the leaves, each subtree in one go.
pub(super) fn postordered(adjacency: &Adjacency, order: &[usize]) -> Vec<u32> {
    let n = order.len();
    let mut positions = vec![0u32; n];
    for (position, &block) in order.iter().enumerate() {
        positions[block] = position as u32;
    }
    let parents = elimination_tree(adjacency, order, &positions);
    let mut result = Vec::with_capacity(n);
    walk(&parents, |position| result.push(order[position] as u32));
    result
}

/// By position the one that its first row below the diagonal belongs to; itself if it has none.
fn elimination_tree(adjacency: &Adjacency, order: &[usize], positions: &[u32]) -> Vec<u32> {
    let mut parents: Vec<u32> = (0..order.len() as u32).collect();
    let mut ancestors = parents.clone();
    for (k, &block) in order.iter().enumerate() {
        let neighbours = adjacency.outer_view(block);
        for &neighbour in neighbours.iter().flat_map(|row| row.indices()) {
            let mut at = positions[neighbour as usize] as usize;
            // From each earlier neighbour up to the root as known so far, which is below the present position.
            while at < k {
                let next = std::mem::replace(&mut ancestors[at], k as u32) as usize;
                if next == at {
                    parents[at] = k as u32;
                }
                at = if next == at { k } else { next };
            }
        }
    }
    parents
}

/// Visits all members of a forest, children (in ascending order) before their parent; roots are their own parents.
pub(super) fn walk(parents: &[u32], mut visit: impl FnMut(usize)) {
    const NONE: u32 = u32::MAX;
    let n = parents.len();
    let (mut first_child, mut next_sibling) = (vec![NONE; n], vec![NONE; n]);
    let mut first_root = NONE;
    for member in (0..n).rev() {
        let parent = parents[member] as usize;
        let head = if parent == member { &mut first_root } else { &mut first_child[parent] };
        next_sibling[member] = std::mem::replace(head, member as u32);
    }
    let mut at = first_root;
    while at != NONE {
        while first_child[at as usize] != NONE {
            at = first_child[at as usize];
        }
        loop {
            let member = at as usize;
            visit(member);
            let parent = parents[member];
            if next_sibling[member] != NONE {
                at = next_sibling[member];
                break;
            }
            if parent as usize == member {
                return;
            }
            at = parent;
            first_child[at as usize] = NONE;
        }
        // A member whose children are done has no first child any more, so that the descent stops there.
    }
}

#[cfg(test)]
mod tests {
    use super::super::adjacency;
    use super::*;

    #[test]
    fn subtrees_are_walked_in_one_go_children_first() {
        // Roots 4 and 6; 0 and 3 below 4, 1 and 2 below 3, 5 below 6.
        let mut visited = Vec::new();
        walk(&[4, 3, 3, 4, 4, 6, 6], |member| visited.push(member));
        assert_eq!(visited, [0, 1, 2, 3, 4, 5, 6]);
        walk(&[1, 1, 0], |member| visited.push(member));
        assert_eq!(visited[7..], [2, 0, 1]);
    }

    #[test]
    fn a_column_hangs_below_its_first_row() {
        // 0 and 1 share the neighbour 3; eliminating 0 joins 3 and 2.
        let graph = adjacency(4, [(0, 2), (0, 3), (1, 3)]);
        let natural = [0, 1, 2, 3];
        assert_eq!(elimination_tree(&graph, &natural, &[0, 1, 2, 3]), [2, 3, 3, 3]);
        assert_eq!(postordered(&graph, &natural), [1, 0, 2, 3]);
    }
}
