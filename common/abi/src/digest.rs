//! The digest that names every stored part and the system table: BLAKE2b with 32 bytes of output
//! (RFC 7693, without key). `b2sum -l 256` prints the same.
//!
//! The monitor digests tens of megabytes before Linux starts, on 64-bit cores without cryptographic
//! instructions. Compiled for riscv64 with Zbb, BLAKE2b takes 21 instructions a byte,
//! SHA-256 41.

use crate::blake2b::{self, Blake2b};

/// The rounds of BLAKE2b, of twelve, that [`Hasher::work`] does: as long as other steps of loading take.
const ROUNDS: usize = 3;

/// A finished digest.
pub type Digest = [u8; 32];

/// Bytes that the hasher works on at once: the shortest useful piece.
pub const BLOCK_BYTES: u64 = blake2b::BLOCK_BYTES as u64;

/// A digest in the making.
#[derive(Clone)]
pub struct Hasher(Blake2b);

impl Default for Hasher {
    fn default() -> Self {
        Self(Blake2b::new())
    }
}

impl Hasher {
    /// Does a part of what has to be done before more bytes can be added at once or, with `is_last`, before there
    /// is a digest: a few hundred instructions. Returns whether nothing is left.
    pub fn work(&mut self, is_last: bool) -> bool {
        self.0.work(is_last, ROUNDS)
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes added. No more can be.
    pub fn finish(&mut self) -> Digest {
        self.0.finish()
    }
}

/// The digest of `bytes`.
pub fn digest(bytes: &[u8]) -> Digest {
    let mut hasher = Blake2b::new();
    hasher.update(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::{Hasher, digest};

    #[test]
    fn the_digest_is_what_b2sum_prints() {
        // `printf abc | b2sum -l 256`
        let expected = [
            0xbd, 0xdd, 0x81, 0x3c, 0x63, 0x42, 0x39, 0x72, 0x31, 0x71, 0xef, 0x3f, 0xee, 0x98,
            0x57, 0x9b, 0x94, 0x96, 0x4e, 0x3b, 0xb1, 0xcb, 0x3e, 0x42, 0x72, 0x62, 0xc8, 0xc0,
            0x68, 0xd5, 0x23, 0x19,
        ];
        assert_eq!(digest(b"abc"), expected);
        let mut hasher = Hasher::default();
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.finish(), expected);
    }
}
