//! Whether a system image is one that this board's monitor may start.

use crate::{PreparedKey, verify};
use partita_abi::signature::{DOMAIN, Provision, SignatureBlock, key_id};
use partita_abi::table::Header;
use zerocopy::IntoBytes as _;

/// On what ground a system is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// The monitor has no key: everything is started.
    Development,
    /// The system is signed for the monitor's key, and new enough.
    Signed,
}

/// Why a system is not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The monitor's provisioning cannot be read.
    Provision,
    /// There is no signature.
    Unsigned,
    /// The signature says of itself that it was made with another key.
    OtherKey,
    /// The signature does not match the table and the key.
    Signature,
    /// The system is older than the oldest that is accepted.
    Version {
        /// Its version.
        found: u64,
        /// The lowest one that is accepted.
        lowest: u64,
    },
}

impl Refusal {
    /// What is wrong.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Provision => "the monitor's own provisioning cannot be read",
            Self::Unsigned => "it is not signed",
            Self::OtherKey => "it is signed with another key",
            Self::Signature => "its signature does not match it",
            Self::Version { .. } => "its version is too low",
        }
    }
}

/// Judges the header of a table, nothing of which is believed before.
///
/// # Errors
/// The system must not be started.
#[inline(never)]
pub fn judge(
    provision: &Provision,
    header: &Header,
    block: &SignatureBlock,
) -> Result<Ground, Refusal> {
    match provision.mode {
        Provision::DEVELOPMENT => return Ok(Ground::Development),
        Provision::SIGNED => {}
        _ => return Err(Refusal::Provision),
    }
    if block.magic != SignatureBlock::MAGIC {
        return Err(Refusal::Unsigned);
    }
    let key = PreparedKey {
        public_key: provision.public_key,
        negative_x: provision.negative_x,
        shifted: provision.shifted,
    };
    if !verify(&key, [&DOMAIN, header.as_bytes()], &block.signature) {
        return Err(if block.key_id == key_id(&provision.public_key) {
            Refusal::Signature
        } else {
            Refusal::OtherKey
        });
    }
    let lowest = provision.lowest_version;
    let found = header.security_version;
    if found < lowest {
        return Err(Refusal::Version { found, lowest });
    }
    Ok(Ground::Signed)
}
