//! What happens to bytes on their way.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Words that no reader expects where a number stands.
const WORDS: &[&str] = &[
    "nan",
    "-inf",
    "1e308",
    "-1e308",
    "1e-320",
    "-1",
    "0",
    "4294967295",
    "18446744073709551616",
    "99999",
    "x",
    "é",
    "",
    "[",
    "{a: &a 1, b: *a}",
    "~",
    "- -",
];

/// Numbers that no reader expects where it finds a count, a length or a coordinate, as their bytes.
fn number() -> impl Strategy<Value = Vec<u8>> {
    let whole =
        select(vec![0u64, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff, 1 << 40, i64::MAX as u64, u64::MAX]);
    let real = select(vec![f64::NAN, f64::INFINITY, 1e308, -1e308, -1.0, 0.0]);
    let bits = prop_oneof![whole, real.prop_map(f64::to_bits)];
    let single =
        select(vec![f32::NAN, f32::INFINITY, f32::MAX, -1.0, 0.0]).prop_map(|value| value.to_le_bytes().to_vec());
    let sized = (bits, select(vec![2usize, 4, 8]), any::<bool>()).prop_map(|(bits, size, big)| {
        let little = bits.to_le_bytes()[..size].to_vec();
        if big { little.into_iter().rev().collect() } else { little }
    });
    prop_oneof![3 => sized, 1 => single]
}

/// One thing that happens to bytes. Places are shares of their length.
#[derive(Debug, Clone)]
pub enum Damage {
    Flip {
        at: Index,
        mask: u8,
    },
    Cut {
        at: Index,
    },
    Delete {
        at: Index,
        length: usize,
    },
    Repeat {
        at: Index,
        length: usize,
    },
    Insert {
        at: Index,
        bytes: Vec<u8>,
    },
    Overwrite {
        at: Index,
        bytes: Vec<u8>,
    },
    /// The word of a text that stands at a place becomes another.
    Word {
        at: Index,
        word: &'static str,
    },
}

impl Damage {
    /// Any one.
    pub fn any() -> impl Strategy<Value = Self> {
        let at = any::<Index>;
        let length = || 1usize..60;
        let noise = prop::collection::vec(any::<u8>(), 1..20);
        prop_oneof![
            2 => (at(), 1u8..).prop_map(|(at, mask)| Self::Flip { at, mask }),
            1 => at().prop_map(|at| Self::Cut { at }),
            1 => (at(), length()).prop_map(|(at, length)| Self::Delete { at, length }),
            1 => (at(), length()).prop_map(|(at, length)| Self::Repeat { at, length }),
            1 => (at(), prop_oneof![noise, number()]).prop_map(|(at, bytes)| Self::Insert { at, bytes }),
            3 => (at(), number()).prop_map(|(at, bytes)| Self::Overwrite { at, bytes }),
            4 => (at(), select(WORDS)).prop_map(|(at, word)| Self::Word { at, word }),
        ]
    }

    /// Lets it happen.
    pub fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let size = bytes.len();
        let span = |at: &Index, length: usize| at.index(size)..(at.index(size) + length).min(size);
        match self {
            Self::Flip { at, mask } => bytes[at.index(size)] ^= mask,
            Self::Cut { at } => bytes.truncate(at.index(size)),
            Self::Delete { at, length } => drop(bytes.drain(span(at, *length))),
            Self::Repeat { at, length } => {
                let span = span(at, *length);
                let again = bytes[span.clone()].to_vec();
                bytes.splice(span.end..span.end, again);
            }
            Self::Insert { at, bytes: new } => drop(bytes.splice(span(at, 0), new.iter().copied())),
            Self::Overwrite { at, bytes: new } => drop(bytes.splice(span(at, new.len()), new.iter().copied())),
            Self::Word { at, word } => {
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-._/".contains(byte);
                let at = at.index(size);
                let start = at - bytes[..at].iter().rev().take_while(|byte| is_part(byte)).count();
                let end = at + bytes[at..].iter().take_while(|byte| is_part(byte)).count();
                drop(bytes.splice(start..end, word.bytes()));
            }
        }
    }
}
