//! Numbers of 256 bits as words, the lowest first, and as little-endian bytes.

/// The words of the number in 32 bytes.
// A loop over bytes, and once: the usual conversions become as many loads as there are bytes, each time.
#[inline(never)]
pub fn from_bytes(bytes: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    for word in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        let (word, bytes) = word;
        for byte in bytes.iter().rev() {
            *word = *word << 8 | u64::from(*byte);
        }
    }
    words
}

/// The 32 bytes of the number in words.
#[inline(never)]
pub fn to_bytes(words: [u64; 4]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, mut word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        for byte in bytes {
            *byte = word as u8;
            word >>= 8;
        }
    }
    bytes
}
