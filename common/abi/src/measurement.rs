//! What a partition is told of the images that this system was started from.
//!
//! Measurement 0 is that of the system table; behind it there is one for each image part, in the order of the
//! table. A partition gets them by [`crate::monitor_call::MEASUREMENT`].

use crate::name::Name;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The digest of something, and how far it is vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Measurement {
    /// [`crate::digest`] of what is measured; for the table [`crate::table::Header::hash`].
    pub digest: [u8; 32],
    /// Name of the partition that the part belongs to; for the table, name of the system.
    pub name: Name,
    /// Its size in bytes.
    pub size: u64,
    /// Index of the partition that the part belongs to; [`Measurement::TABLE`] for the table.
    pub partition: u16,
    /// A [`crate::table::PartRole`]; 0 for the table.
    pub role: u8,
    /// A [`Standing`].
    pub standing: u8,
    /// Padding, zero.
    pub reserved: [u8; 4],
}

impl Measurement {
    /// In [`Measurement::partition`]: this is the system table.
    pub const TABLE: u16 = 0xffff;
}

/// How far a measurement is vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Standing {
    /// A part whose partition has not been loaded yet: its bytes were not looked at.
    Pending = 0,
    /// The bytes were found to have this digest. Nobody vouches for who made them.
    Verified = 1,
    /// The same, and the board's key vouches for the system.
    Signed = 2,
    /// A part that does not have this digest, which the table asks for, or of a partition with such a part.
    Refused = 3,
}
