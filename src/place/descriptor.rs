//! Binary descriptors as four machine words.

/// A 256-bit binary descriptor.
pub type Descriptor = [u64; 4];

/// The bytes of a descriptor, in memory order, as words.
pub(crate) fn words_from_bytes(bytes: &[u8; 32]) -> Descriptor {
    std::array::from_fn(|word| u64::from_le_bytes(std::array::from_fn(|byte| bytes[8 * word + byte])))
}

/// Number of bits in which two descriptors differ, 0 to 256.
#[inline]
pub fn hamming(a: &Descriptor, b: &Descriptor) -> u32 {
    (0..4).map(|word| (a[word] ^ b[word]).count_ones()).sum()
}

/// Whether bit `bit` (0 to 255) is set.
#[inline]
pub(crate) fn bit_of(descriptor: &Descriptor, bit: u8) -> bool {
    descriptor[usize::from(bit) / 64] >> (bit % 64) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hamming_counts_the_bits_that_differ(a in any::<[u8; 32]>(), b in any::<[u8; 32]>()) {
            let (words_a, words_b) = (words_from_bytes(&a), words_from_bytes(&b));
            let by_bytes: u32 = a.iter().zip(&b).map(|(x, y)| (x ^ y).count_ones()).sum();
            let by_bits = (0..=255u8).filter(|&bit| bit_of(&words_a, bit) != bit_of(&words_b, bit)).count() as u32;
            prop_assert_eq!(hamming(&words_a, &words_b), by_bytes);
            prop_assert_eq!(by_bits, by_bytes);
        }
    }
}
