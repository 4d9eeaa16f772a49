//! The signature of a system image, and what a board's monitor is provisioned with to check it.
//!
//! Signed is the header of the system table. It holds the digest of the rest of the table, which holds
//! the digest of every stored part, so that one signature over a few bytes covers all that a system is.
//! The monitor itself is not in it: it verifies, and is trusted by where it lies. [`crate::image::RunParameters`]
//! are not in it either: all they can do is to end the run.

use crate::digest::digest;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What a signature is made over, before the table's header: it keeps a signature made for something else
/// with the same key from being one of a system image.
pub const DOMAIN: [u8; 32] = *b"partita system image signature 1";

/// The signature of a system image; zeros where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SignatureBlock {
    /// [`SignatureBlock::MAGIC`]; anything else means that the image is not signed.
    pub magic: [u8; 8],
    /// [`key_id`] of the public key. A hint for messages: nothing is believed because of it.
    pub key_id: [u8; 8],
    /// Ed25519 (RFC 8032) over [`DOMAIN`] and the header of the system table.
    pub signature: [u8; 64],
}

impl SignatureBlock {
    /// The bytes that say that a signature is there.
    pub const MAGIC: [u8; 8] = *b"PRTA-SIG";
}

/// The first bytes of the digest of a public key, to tell keys apart.
pub fn key_id(public_key: &[u8; 32]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = digest(public_key);
    [a, b, c, d, e, f, g, h]
}

/// What a monitor is provisioned with. It lies in the monitor's read-only data, where the host tools fill
/// it in without compiling anything; they find it by [`Provision::MAGIC`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Provision {
    /// [`Provision::MAGIC`].
    pub magic: [u8; 24],
    /// [`Provision::DEVELOPMENT`] or [`Provision::SIGNED`]. With anything else nothing is started.
    pub mode: u64,
    /// The lowest security version of a system that is accepted.
    pub lowest_version: u64,
    /// The public key that system images must be signed for.
    pub public_key: [u8; 32],
    /// The coordinate x of the negative of the key's point, so that the monitor need not work it out.
    pub negative_x: [u8; 32],
    /// The coordinates x and y of 2^128 times that.
    pub shifted: [[u8; 32]; 2],
}

impl Provision {
    /// By what the block is found in the monitor's file. It is there once.
    pub const MAGIC: [u8; 24] = *b"partita provision block\0";
    /// [`Provision::mode`]: no key; every sound system is started, signed or not.
    pub const DEVELOPMENT: u64 = 0;
    /// [`Provision::mode`]: only systems signed for the key, of a version that is not too low, are started.
    pub const SIGNED: u64 = 1;

    /// What a monitor has that was not provisioned.
    pub const NONE: Self = Self {
        magic: Self::MAGIC,
        mode: Self::DEVELOPMENT,
        lowest_version: 0,
        public_key: [0; 32],
        negative_x: [0; 32],
        shifted: [[0; 32]; 2],
    };
}
