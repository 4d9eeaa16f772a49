//! BLAKE2b (RFC 7693) with 32 bytes of output and no key.
//!
//! The twelve rounds are a loop over the table of RFC 7693, 2.7, and not written out as in most
//! implementations: that saves four kilobytes of the monitor's text for a quarter more instructions.

use zerocopy::IntoBytes;

/// Bytes that are compressed at once.
pub(crate) const BLOCK_BYTES: usize = 128;

/// The initial values of RFC 7693, 2.6.
const INITIAL: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// Which word of the block goes where in which round: RFC 7693, 2.7. Rounds 10 and 11 are 0 and 1 again.
const SCHEDULE: [[u8; 16]; 12] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
];

/// The first word of the parameter block: 32 bytes of output, no key, one node (RFC 7693, 2.5).
const PARAMETERS: u64 = 0x0101_0020;

/// A digest in the making.
#[derive(Clone)]
pub(crate) struct Blake2b {
    state: [u64; 8],
    /// Bytes compressed so far.
    compressed: u64,
    /// What has not been compressed: the last block must not be before it is known to be the last.
    block: [u64; BLOCK_BYTES / 8],
    filled: usize,
    /// The compression's own state between two rounds.
    mixed: [u64; 16],
    /// How many rounds of the block's compression are done.
    round: usize,
    /// Whether the last block is compressed.
    is_finished: bool,
}

impl Blake2b {
    pub(crate) const fn new() -> Self {
        let mut state = INITIAL;
        state[0] ^= PARAMETERS;
        Self {
            state,
            compressed: 0,
            block: [0; BLOCK_BYTES / 8],
            filled: 0,
            mixed: [0; 16],
            round: 0,
            is_finished: false,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            while !self.work(false, SCHEDULE.len()) {}
            let room = self
                .block
                .as_mut_bytes()
                .get_mut(self.filled..)
                .unwrap_or_default();
            let length = room.len().min(rest.len());
            let (now, later) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            if let Some(room) = room.get_mut(..now.len()) {
                room.copy_from_slice(now);
            }
            self.filled = self.filled.saturating_add(now.len());
            rest = later;
        }
    }

    pub(crate) fn finish(&mut self) -> [u8; 32] {
        while !self.work(true, SCHEDULE.len()) {}
        let mut digest = [0; 32];
        let (words, _) = digest.as_chunks_mut::<8>();
        for (bytes, word) in words.iter_mut().zip(self.state) {
            *bytes = word.to_le_bytes();
        }
        digest
    }

    /// Does up to `rounds` rounds of what has to be done before there is room for more bytes or, after the
    /// last ones, before there is a digest. Returns whether nothing is left.
    pub(crate) fn work(&mut self, is_last: bool, rounds: usize) -> bool {
        if self.is_finished || !is_last && self.filled != BLOCK_BYTES {
            return true;
        }
        if self.round == 0 {
            let unused = self
                .block
                .as_mut_bytes()
                .get_mut(self.filled..)
                .unwrap_or_default();
            unused.fill(0);
            self.begin(if is_last { u64::MAX } else { 0 });
        }
        self.mix(rounds);
        if self.round < SCHEDULE.len() {
            return false;
        }
        let (low, high) = self.mixed.split_at(8);
        for ((word, low), high) in self.state.iter_mut().zip(low).zip(high) {
            *word ^= low ^ high;
        }
        self.round = 0;
        self.filled = 0;
        self.is_finished = is_last;
        true
    }

    /// The start of RFC 7693, 3.2; `last` is all ones for the last block.
    fn begin(&mut self, last: u64) {
        self.compressed = self.compressed.wrapping_add(self.filled as u64);
        let (low, high) = self.mixed.split_at_mut(8);
        low.copy_from_slice(&self.state);
        high.copy_from_slice(&INITIAL);
        self.mixed[12] ^= self.compressed;
        self.mixed[14] ^= last;
    }

    /// The rounds of RFC 7693, 3.2, up to `rounds` of those that are left.
    #[inline(never)]
    fn mix(&mut self, rounds: usize) {
        // In the order of this machine's bytes, which is the right one (`lib.rs`).
        let message = &self.block;
        let [
            mut a0,
            mut a1,
            mut a2,
            mut a3,
            mut b0,
            mut b1,
            mut b2,
            mut b3,
            mut c0,
            mut c1,
            mut c2,
            mut c3,
            mut d0,
            mut d1,
            mut d2,
            mut d3,
        ] = self.mixed;
        let left = SCHEDULE.get(self.round..).unwrap_or_default();
        let now = left.get(..rounds).unwrap_or(left);
        for schedule in now {
            macro_rules! mix {
                ($a:ident, $b:ident, $c:ident, $d:ident, $place:literal) => {
                    let word = |place: usize| message[usize::from(schedule[place] & 15)];
                    $a = $a.wrapping_add($b).wrapping_add(word($place));
                    $d = ($d ^ $a).rotate_right(32);
                    $c = $c.wrapping_add($d);
                    $b = ($b ^ $c).rotate_right(24);
                    $a = $a.wrapping_add($b).wrapping_add(word($place + 1));
                    $d = ($d ^ $a).rotate_right(16);
                    $c = $c.wrapping_add($d);
                    $b = ($b ^ $c).rotate_right(63);
                };
            }
            mix!(a0, b0, c0, d0, 0);
            mix!(a1, b1, c1, d1, 2);
            mix!(a2, b2, c2, d2, 4);
            mix!(a3, b3, c3, d3, 6);
            mix!(a0, b1, c2, d3, 8);
            mix!(a1, b2, c3, d0, 10);
            mix!(a2, b3, c0, d1, 12);
            mix!(a3, b0, c1, d2, 14);
        }
        self.round = self.round.saturating_add(now.len());
        self.mixed = [
            a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3,
        ];
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK_BYTES, Blake2b};
    use blake2::Digest as _;
    use blake2::digest::consts::U32;

    fn reference(bytes: &[u8]) -> [u8; 32] {
        blake2::Blake2b::<U32>::digest(bytes).into()
    }

    #[test]
    fn it_agrees_with_another_implementation_whatever_the_length() {
        let bytes: Vec<u8> = (0..1000_u32)
            .map(|index| (index.wrapping_mul(index) >> 3) as u8)
            .collect();
        for length in 0..bytes.len() {
            let mut hasher = Blake2b::new();
            hasher.update(&bytes[..length]);
            assert_eq!(hasher.finish(), reference(&bytes[..length]), "{length}");
        }
    }

    #[test]
    fn it_does_not_matter_in_which_pieces_the_bytes_come() {
        let bytes: Vec<u8> = (0..5 * BLOCK_BYTES)
            .map(|index| (index * 31) as u8)
            .collect();
        for piece in 1..3 * BLOCK_BYTES {
            let mut hasher = Blake2b::new();
            bytes.chunks(piece).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.finish(), reference(&bytes), "pieces of {piece}");
        }
    }

    #[test]
    fn it_does_not_matter_how_the_rounds_are_shared_out() {
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * BLOCK_BYTES).collect();
        for length in [0, 1, 127, 128, 129, 256, 383, 384] {
            for rounds in 1..=13 {
                let mut hasher = Blake2b::new();
                for block in bytes[..length].chunks(BLOCK_BYTES) {
                    let mut calls = 1;
                    while !hasher.work(false, rounds) {
                        calls += 1;
                    }
                    assert!(calls <= 12_usize.div_ceil(rounds), "{calls} calls");
                    hasher.update(block);
                }
                while !hasher.work(true, rounds) {}
                assert_eq!(
                    hasher.finish(),
                    reference(&bytes[..length]),
                    "{length} {rounds}"
                );
            }
        }
    }
}
