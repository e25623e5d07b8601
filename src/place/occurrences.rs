//! Which keyframes each word was seen in: chains through one list, since most words are seen once or twice.

use super::forest::WordId;

/// Ends a chain.
const NONE: u32 = u32::MAX;

/// For each word the keyframes that it was seen in: 8 bytes each, and 8 for the word.
#[derive(Debug, Default)]
pub(crate) struct Occurrences {
    words: Vec<Chain>,
    links: Vec<Link>,
}

#[derive(Debug)]
struct Chain {
    newest: u32,
    length: u32,
}

#[derive(Debug)]
struct Link {
    keyframe: u32,
    before: u32,
}

impl Occurrences {
    /// Adds a sighting of a word, which is the next new one or known; one in the same keyframe as its last changes nothing.
    pub(crate) fn push(&mut self, word: WordId, keyframe: u32) {
        if word as usize == self.words.len() {
            self.words.push(Chain { newest: NONE, length: 0 });
        }
        let chain = &mut self.words[word as usize];
        if self.links.get(chain.newest as usize).is_some_and(|newest| newest.keyframe == keyframe) {
            return;
        }
        let newest = self.links.len() as u32;
        self.links.push(Link { keyframe, before: chain.newest });
        *chain = Chain { newest, length: chain.length + 1 };
    }

    /// In how many keyframes a word was seen.
    pub(crate) fn count(&self, word: WordId) -> usize {
        self.words[word as usize].length as usize
    }

    /// The keyframes that a word was seen in, the newest first.
    pub(crate) fn keyframes(&self, word: WordId) -> impl Iterator<Item = u32> {
        let first = self.links.get(self.words[word as usize].newest as usize);
        std::iter::successors(first, |link| self.links.get(link.before as usize)).map(|link| link.keyframe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keyframe_counts_once() {
        let mut occurrences = Occurrences::default();
        for (word, keyframe) in [(0, 0), (1, 0), (0, 0), (0, 3), (2, 3), (0, 3), (1, 7)] {
            occurrences.push(word, keyframe);
        }
        let seen = |word| (occurrences.count(word), occurrences.keyframes(word).collect::<Vec<_>>());
        assert_eq!([seen(0), seen(1), seen(2)], [(2, vec![3, 0]), (2, vec![7, 0]), (1, vec![3])]);
    }
}
