//! Hamming distances of one 256-bit descriptor to many.

/// Descriptors laid out word by word, so that several are compared at once.
#[derive(Debug, Default)]
pub struct DescriptorColumns {
    words: [Vec<u64>; 4],
}

impl DescriptorColumns {
    /// Lays out descriptors.
    pub fn new(descriptors: &[[u64; 4]]) -> Self {
        Self { words: std::array::from_fn(|word| descriptors.iter().map(|descriptor| descriptor[word]).collect()) }
    }

    /// Writes the number of bits (0 to 256) in which `query` differs from each descriptor.
    pub fn distances(&self, query: &[u64; 4], out: &mut Vec<u16>) {
        out.resize(self.words[0].len(), 0);
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512vpopcntdq") && is_x86_feature_detected!("avx512vl") {
                // SAFETY: the CPU has what the function needs.
                return unsafe { distances_avx512(&self.words, query, out) };
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
                // SAFETY: the CPU has what the function needs.
                return unsafe { distances_avx2(&self.words, query, out) };
            }
        }
        distances_portable(&self.words, query, out);
    }
}

/// The loop in plain Rust. The versions below are the same for the compiler to count bits by better instructions.
#[inline(always)]
fn distances_portable([a, b, c, d]: &[Vec<u64>; 4], query: &[u64; 4], out: &mut [u16]) {
    for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        let bits = (a ^ query[0]).count_ones()
            + (b ^ query[1]).count_ones()
            + (c ^ query[2]).count_ones()
            + (d ^ query[3]).count_ones();
        *out = bits as u16;
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vpopcntdq")]
fn distances_avx512(words: &[Vec<u64>; 4], query: &[u64; 4], out: &mut [u16]) {
    distances_portable(words, query, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn distances_avx2(words: &[Vec<u64>; 4], query: &[u64; 4], out: &mut [u16]) {
    distances_portable(words, query, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_counts_the_bits_that_differ() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state ^ (state >> 29)
        };
        let descriptors: Vec<[u64; 4]> = (0..101).map(|_| std::array::from_fn(|_| next())).collect();
        let query = descriptors[7];
        let columns = DescriptorColumns::new(&descriptors);
        let expected: Vec<u16> = descriptors
            .iter()
            .map(|other| {
                (0..256).filter(|bit| (other[bit / 64] ^ query[bit / 64]) >> (bit % 64) & 1 == 1).count() as u16
            })
            .collect();
        let mut found = vec![9; 3];
        columns.distances(&query, &mut found);
        assert_eq!(found, expected);
        let mut plain = vec![0; descriptors.len()];
        distances_portable(&columns.words, &query, &mut plain);
        assert_eq!(plain, expected);
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt") {
            plain.fill(0);
            // SAFETY: the CPU has what the function needs.
            unsafe { distances_avx2(&columns.words, &query, &mut plain) };
            assert_eq!(plain, expected);
        }
    }
}
