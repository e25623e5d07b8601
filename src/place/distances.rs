//! Distances of one descriptor to many.

use super::descriptor::Descriptor;

/// Descriptors laid out word by word, so that the compiler counts bits of several at once.
#[derive(Debug, Default)]
pub(crate) struct DescriptorColumns {
    words: [Vec<u64>; 4],
}

impl DescriptorColumns {
    /// Lays out descriptors.
    pub(crate) fn new(descriptors: &[Descriptor]) -> Self {
        Self { words: std::array::from_fn(|word| descriptors.iter().map(|d| d[word]).collect()) }
    }

    /// Writes the Hamming distance of `query` to each descriptor.
    pub(crate) fn distances(&self, query: &Descriptor, out: &mut Vec<u16>) {
        out.clear();
        let [a, b, c, d] = &self.words;
        out.extend(a.iter().zip(b).zip(c).zip(d).map(|(((a, b), c), d)| {
            let bits = (a ^ query[0]).count_ones()
                + (b ^ query[1]).count_ones()
                + (c ^ query[2]).count_ones()
                + (d ^ query[3]).count_ones();
            bits as u16
        }));
    }
}
