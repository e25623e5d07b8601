//! A vocabulary of binary words that grows: trees of bit tests over the descriptors seen so far.
//!
//! A descriptor within a few bits of a known word *is* that word; any other one becomes a new word. Words are found
//! through several binary trees: each inner node tests one bit, each leaf keeps some words that are compared one by
//! one. A full leaf splits at the bit that halves it best. A descriptor seen again with some bits flipped may take a
//! wrong turn in one tree; the trees test different bits, so that it seldom does in all.
//!
//! # Source
//! Trees: Schlegel and Grisetti, *HBST: A Hamming Distance Embedding Binary Search Tree for Feature-Based Visual Place
//! Recognition* (2018). Words that grow with the session: Garcia-Fidalgo and Ortiz, *iBoW-LCD: An Appearance-Based
//! Loop-Closure Detection Approach Using Incremental Bags of Binary Words* (2018).

use super::descriptor::{Descriptor, bit_of, hamming};

/// Number of trees. Each tests bits of its own third of the descriptor.
const TREE_COUNT: usize = 3;
/// Words in a leaf before it splits.
const LEAF_CAPACITY: usize = 48;
/// A bit that is set in less than this fraction of a leaf's words, or in more than the rest, does not split it.
const MIN_SPLIT: f64 = 0.2;

/// A word of the vocabulary, counted from 0 in the order in which they were first seen.
pub(crate) type WordId = u32;

/// The vocabulary: every word, and the trees that find it. Each word takes 32 bytes, and 4 in each tree.
#[derive(Debug)]
pub(crate) struct WordForest {
    trees: [Tree; TREE_COUNT],
    words: Vec<Descriptor>,
    max_distance: u32,
}

impl WordForest {
    /// An empty vocabulary in which descriptors up to `max_distance` bits from a word are that word.
    pub(crate) fn new(max_distance: u32) -> Self {
        Self { trees: std::array::from_fn(|_| Tree::default()), words: Vec::new(), max_distance }
    }

    /// Number of words.
    pub(crate) fn word_count(&self) -> usize {
        self.words.len()
    }

    /// The nearest known word that the trees find, if it is near enough.
    pub(crate) fn find(&self, descriptor: &Descriptor) -> Option<WordId> {
        let leaves = self.trees.iter().flat_map(|tree| tree.leaf(descriptor));
        let near = leaves.map(|id| (hamming(&self.words[*id as usize], descriptor), *id));
        near.min().filter(|(distance, _)| *distance <= self.max_distance).map(|(_, id)| id)
    }

    /// Makes a new word of this descriptor.
    pub(crate) fn insert(&mut self, descriptor: &Descriptor) -> WordId {
        let id = self.words.len() as WordId;
        self.words.push(*descriptor);
        for (index, tree) in self.trees.iter_mut().enumerate() {
            tree.insert(id, &self.words, index);
        }
        id
    }
}

#[derive(Debug)]
enum Node {
    Inner { bit: u8, children: [u32; 2] },
    Leaf(Vec<WordId>),
}

#[derive(Debug)]
struct Tree {
    nodes: Vec<Node>,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::Leaf(Vec::new())] }
    }
}

impl Tree {
    fn leaf_index(&self, descriptor: &Descriptor) -> usize {
        let mut at = 0;
        while let Node::Inner { bit, children } = &self.nodes[at] {
            at = children[usize::from(bit_of(descriptor, *bit))] as usize;
        }
        at
    }

    fn leaf(&self, descriptor: &Descriptor) -> &[WordId] {
        match &self.nodes[self.leaf_index(descriptor)] {
            Node::Leaf(words) => words,
            Node::Inner { .. } => &[],
        }
    }

    fn insert(&mut self, id: WordId, words: &[Descriptor], tree_index: usize) {
        let at = self.leaf_index(&words[id as usize]);
        let Node::Leaf(leaf) = &mut self.nodes[at] else { return };
        leaf.push(id);
        // A leaf that no bit splits is tried again at every doubling only.
        if leaf.len() < LEAF_CAPACITY
            || !(leaf.len() / LEAF_CAPACITY).is_power_of_two()
            || leaf.len() % LEAF_CAPACITY != 0
        {
            return;
        }
        let Some(bit) = best_bit(leaf, words, tree_index) else { return };
        let leaf = std::mem::take(leaf);
        let (ones, zeros): (Vec<_>, Vec<_>) = leaf.into_iter().partition(|id| bit_of(&words[*id as usize], bit));
        let first = self.nodes.len() as u32;
        self.nodes.push(Node::Leaf(zeros));
        self.nodes.push(Node::Leaf(ones));
        self.nodes[at] = Node::Inner { bit, children: [first, first + 1] };
    }
}

/// The bit of this tree's share that halves a leaf's words best, if one divides them at all well.
fn best_bit(leaf: &[WordId], words: &[Descriptor], tree_index: usize) -> Option<u8> {
    let half = leaf.len() as f64 / 2.0;
    let imbalance = |bit: u8| {
        let ones = leaf.iter().filter(|id| bit_of(&words[**id as usize], bit)).count() as f64;
        (ones - half).abs()
    };
    let bits = (0..=255u8).filter(|bit| usize::from(*bit) % TREE_COUNT == tree_index);
    let (best, bit) = bits.map(|bit| (imbalance(bit), bit)).min_by(|a, b| a.0.total_cmp(&b.0))?;
    (best <= half * (1.0 - 2.0 * MIN_SPLIT)).then_some(bit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    fn flipped(descriptor: &Descriptor, flips: usize, random: &mut Pcg64Mcg) -> Descriptor {
        let mut out = *descriptor;
        for _ in 0..flips {
            let bit = random.random_range(0..256usize);
            out[bit / 64] ^= 1 << (bit % 64);
        }
        out
    }

    #[test]
    fn finds_words_again_with_some_bits_flipped() {
        let mut random = Pcg64Mcg::seed_from_u64(1);
        let mut forest = WordForest::new(48);
        let descriptors: Vec<Descriptor> = (0..20_000).map(|_| std::array::from_fn(|_| random.next_u64())).collect();
        for descriptor in &descriptors {
            assert_eq!(forest.find(descriptor), None, "random descriptors are 128 bits apart");
            forest.insert(descriptor);
        }
        let exact = descriptors.iter().enumerate().filter(|(id, d)| forest.find(d) == Some(*id as u32)).count();
        assert_eq!(exact, descriptors.len());
        let mut found = 0;
        for (id, descriptor) in descriptors.iter().enumerate() {
            let seen = forest.find(&flipped(descriptor, 20, &mut random));
            assert!(seen.is_none_or(|word| word as usize == id));
            found += usize::from(seen.is_some());
        }
        // Nine tests a path, one flip in 13 bits: half of the paths survive, in three trees seven of eight.
        assert!(found > descriptors.len() * 3 / 4, "{found} of {}", descriptors.len());
    }

    #[test]
    fn a_leaf_of_equal_words_does_not_split_for_ever() {
        let mut forest = WordForest::new(10);
        for _ in 0..5000 {
            forest.insert(&[7; 4]);
        }
        assert_eq!(forest.word_count(), 5000);
        assert_eq!(forest.find(&[7; 4]), Some(0));
    }
}
