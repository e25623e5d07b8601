//! Which keyframes look like this one: a bag of words with an inverted index.

use super::descriptor::Descriptor;
use super::forest::{WordForest, WordId};
use super::occurrences::Occurrences;

crate::options! {
    /// How keyframes that look alike are found.
    pub struct RecognizerOptions {
        /// Descriptors this near are the same word.
        word_radius_bits: usize = 48usize, "bits", 0..=128, startup;
        /// Candidates that are verified per keyframe.
        candidate_count: usize = 3usize, "keyframes", 1..=50, live;
        /// Likeness to the query, relative to that of the keyframe just before it, below which none is a candidate.
        min_relative_score: f64 = 0.1, "", 0.0..=1.0, live;
    }
}

/// Keyframes this near in the sequence show one place and are rivals: the best of them stands for all.
const ISLAND_RADIUS: usize = 5;
/// Neighbours in the sequence whose likeness supports a candidate.
const SUPPORT_RADIUS: usize = 2;
/// Occurrences of words that are looked at per query, rarest words first: it bounds the time in a large map.
const OCCURRENCE_BUDGET: usize = 60_000;

/// A keyframe that looks like the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its index, in order of insertion.
    pub index: usize,
    /// Fraction, weighted by rarity (tf-idf), of the query's words seen in it and its neighbours, relative to the
    /// keyframe just before the query.
    pub score: f64,
}

/// Keyframes seen so far, by the words in them. Words are learnt from these keyframes alone.
#[derive(Debug)]
pub struct Recognizer {
    options: RecognizerOptions,
    forest: WordForest,
    occurrences: Occurrences,
    keyframe_count: usize,
}

impl Recognizer {
    /// A recognizer that has seen nothing.
    pub fn new(options: &RecognizerOptions) -> Self {
        Self {
            options: options.clone(),
            forest: WordForest::new(options.word_radius_bits as u32),
            occurrences: Occurrences::default(),
            keyframe_count: 0,
        }
    }

    /// Changes the options that may change while running.
    pub fn set_options(&mut self, options: &RecognizerOptions) {
        self.options = RecognizerOptions { word_radius_bits: self.options.word_radius_bits, ..options.clone() };
    }

    /// Number of words learnt so far.
    pub fn word_count(&self) -> usize {
        self.forest.word_count()
    }

    /// Takes a keyframe in, under the next index, and says which of the `eligible` earlier ones look like it, the
    /// most alike first, at most [`RecognizerOptions::candidate_count`].
    pub fn add(&mut self, descriptors: &[Descriptor], eligible: impl Fn(usize) -> bool) -> Vec<Candidate> {
        let known: Vec<Option<WordId>> = descriptors.iter().map(|descriptor| self.forest.find(descriptor)).collect();
        let scores = self.scores(&known);
        let candidates = self.candidates(&scores, eligible);
        self.learn(descriptors, &known);
        candidates
    }

    /// Per keyframe the rarity-weighted fraction of the query's words that it has.
    fn scores(&self, known: &[Option<WordId>]) -> Vec<f32> {
        let mut scores = vec![0.0f32; self.keyframe_count];
        let mut words: Vec<WordId> = known.iter().flatten().copied().collect();
        words.sort_unstable();
        words.dedup();
        words.sort_by_key(|&word| self.occurrences.count(word));
        let mut budget = OCCURRENCE_BUDGET;
        let count = self.keyframe_count as f32;
        for word in words {
            let seen_count = self.occurrences.count(word);
            if seen_count > budget {
                break;
            }
            budget -= seen_count;
            let rarity = (count / seen_count as f32).ln();
            for keyframe in self.occurrences.keyframes(word) {
                scores[keyframe as usize] += rarity;
            }
        }
        let total = known.len() as f32 * count.max(2.0).ln();
        scores.iter_mut().for_each(|score| *score /= total.max(1.0));
        scores
    }

    fn candidates(&self, scores: &[f32], eligible: impl Fn(usize) -> bool) -> Vec<Candidate> {
        let supported = |index: usize| {
            let first = index.saturating_sub(SUPPORT_RADIUS);
            let last = (index + SUPPORT_RADIUS).min(scores.len() - 1);
            let neighbours: f32 = scores[first..=last].iter().sum();
            // The keyframe itself has to look alike; neighbours decide between equals.
            f64::from(scores[index]) * 0.5 + f64::from(neighbours) * 0.1
        };
        let recent = (scores.len().saturating_sub(3)..scores.len()).map(supported).fold(0.0f64, f64::max);
        let floor = (self.options.min_relative_score * recent).max(f64::MIN_POSITIVE);
        let mut alike: Vec<Candidate> = (0..scores.len())
            .filter(|&index| scores[index] > 0.0 && eligible(index))
            .map(|index| Candidate { index, score: supported(index) })
            .filter(|candidate| candidate.score >= floor)
            .collect();
        alike.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
        let mut chosen: Vec<Candidate> = Vec::new();
        for candidate in alike {
            if chosen.len() == self.options.candidate_count {
                break;
            }
            if chosen.iter().all(|other| other.index.abs_diff(candidate.index) > ISLAND_RADIUS) {
                chosen.push(Candidate { score: candidate.score / recent.max(f64::MIN_POSITIVE), ..candidate });
            }
        }
        chosen
    }

    fn learn(&mut self, descriptors: &[Descriptor], known: &[Option<WordId>]) {
        let keyframe = self.keyframe_count as u32;
        for (descriptor, word) in descriptors.iter().zip(known) {
            let word = word.unwrap_or_else(|| self.forest.insert(descriptor));
            self.occurrences.push(word, keyframe);
        }
        self.keyframe_count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    /// A place of 200 descriptors, and views of it in which `flips` bits of each differ.
    fn place(seed: u64) -> Vec<Descriptor> {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        (0..200).map(|_| std::array::from_fn(|_| random.next_u64())).collect()
    }

    fn view(place: &[Descriptor], flips: usize, random: &mut Pcg64Mcg) -> Vec<Descriptor> {
        let mut flipped = place.to_vec();
        for descriptor in &mut flipped {
            for _ in 0..flips {
                let bit = random.random_range(0..256usize);
                descriptor[bit / 64] ^= 1 << (bit % 64);
            }
        }
        flipped
    }

    #[test]
    fn recognizes_each_place_and_no_new_one() {
        let mut random = Pcg64Mcg::seed_from_u64(5);
        let mut recognizer = Recognizer::new(&RecognizerOptions::default());
        let places: Vec<_> = (0..40).map(place).collect();
        for place in &places {
            assert_eq!(recognizer.add(&view(place, 10, &mut random), |_| true), []);
        }
        for (index, place) in places.iter().enumerate() {
            let candidates = recognizer.add(&view(place, 20, &mut random), |other| other < 40);
            assert_eq!(candidates.first().map(|candidate| candidate.index), Some(index));
        }
        let again = recognizer.add(&view(&places[3], 10, &mut random), |other| other != 3 && other < 40);
        assert_eq!(again, [], "what is not eligible is no candidate");
        assert!(recognizer.word_count() < 2 * 40 * 200, "most words were known: {}", recognizer.word_count());
    }

    #[test]
    fn an_empty_keyframe_is_like_none() {
        let mut recognizer = Recognizer::new(&RecognizerOptions::default());
        recognizer.add(&place(1), |_| true);
        assert_eq!(recognizer.add(&[], |_| true), []);
        assert_eq!(recognizer.add(&[], |_| true), []);
        assert_eq!(recognizer.add(&place(1), |_| true).first().map(|candidate| candidate.index), Some(0));
    }
}
