//! Numbers modulo the order of the base point, L = 2^252 + 27742317777372353535851937790883648493.

use crate::words;

/// L, the lowest word first.
const ORDER: [u64; 4] = [
    0x5812_631a_5cf5_d3ed,
    0x14de_f9de_a2f7_9cd6,
    0x0000_0000_0000_0000,
    0x1000_0000_0000_0000,
];

/// A number below L.
pub struct Scalar([u64; 4]);

impl Scalar {
    /// Bits of half a scalar.
    pub const HALF_BITS: usize = 128;

    /// The number in 32 bytes, little-endian; none if it is not below L, so that a signature can be written
    /// in one way only (RFC 8032, 5.1.7).
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let words = words::from_bytes(bytes);
        without_order(&words).is_none().then_some(Self(words))
    }

    /// What is left of the number in 64 bytes, little-endian, when it is divided by L.
    pub fn reduce(bytes: &[u8; 64]) -> Self {
        // The upper 31 bytes are below L as they are.
        let mut upper = [0; 32];
        let (lower, rest) = bytes.split_at(33);
        upper[..31].copy_from_slice(rest);
        let mut rest = words::from_bytes(&upper);
        for byte in lower.iter().rev() {
            for bit in (0..8).rev() {
                let mut over = u64::from(byte >> bit & 1);
                for word in &mut rest {
                    (*word, over) = (*word << 1 | over, *word >> 63);
                }
                // Twice a number below L and one more needs 254 bits, and L is taken off at most once.
                if let Some(less) = without_order(&rest) {
                    rest = less;
                }
            }
        }
        Self(rest)
    }

    /// Bit `place`, and bit `place` of the upper half above it.
    pub fn halves(&self, place: usize) -> usize {
        let [a, b, c, d] = self.0;
        let (lower, upper) = if place < 64 { (a, c) } else { (b, d) };
        let bit = |word: u64| (word >> (place % 64) & 1) as usize;
        bit(lower) | bit(upper) << 1
    }
}

/// The number less L, if it is not below L.
fn without_order(words: &[u64; 4]) -> Option<[u64; 4]> {
    let mut less = [0; 4];
    let mut borrow = false;
    for ((less, word), order) in less.iter_mut().zip(words).zip(ORDER) {
        (*less, borrow) = word.borrowing_sub(order, borrow);
    }
    (!borrow).then_some(less)
}
