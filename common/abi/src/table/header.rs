//! The start of the table, and how its entries refer to each other.

use crate::name::Name;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A run of entries in one of the table's arrays.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Span {
    /// Index of the first entry.
    pub first: u16,
    /// Number of entries.
    pub count: u16,
}

/// The start of the table.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// [`Header::MAGIC`].
    pub magic: [u8; 8],
    /// [`Header::VERSION`].
    pub version: u32,
    /// Bytes of the whole table.
    pub total_bytes: u32,
    /// [`crate::digest`] of all bytes after this field, to the end of the table.
    pub hash: [u8; 32],
    /// Name of the system.
    pub system: Name,
    /// Name of the board.
    pub board: Name,
    /// Number of [`Partition`](super::Partition) entries.
    pub partitions: u16,
    /// Number of [`VirtualCore`](super::VirtualCore) entries.
    pub virtual_cores: u16,
    /// Number of [`Region`](super::Region) entries.
    pub regions: u16,
    /// Number of [`Protection`](super::Protection) entries.
    pub protections: u16,
    /// Number of [`ImagePart`](super::ImagePart) entries.
    pub image_parts: u16,
    /// Number of [`Line`](super::Line) entries.
    pub lines: u16,
    /// Index of the partition that console input goes to at first.
    pub console_focus: u16,
    /// Number of cores the system uses: all have a number below this.
    pub cores: u16,
    /// Number of [`DeviceReset`](super::DeviceReset) entries.
    pub device_resets: u16,
    /// Number of [`Streams`](super::Streams) entries. There are none without an IOMMU.
    pub streams: u16,
    /// On Arm, whether programs run behind stage 2 of EL2 in the secure world: 0 or 1.
    pub secure_stage_2: u8,
    /// Padding, zero.
    pub reserved: [u8; 3],
    /// The system's version: a monitor refuses one below the version that its board was provisioned with.
    pub security_version: u64,
    /// First address of RAM.
    pub ram_base: u64,
    /// Bytes of RAM that the plan reckons with.
    pub ram_size: u64,
    /// End of the store of pristine images. Where the image is in RAM, this is the end of the crash records
    /// behind them, and partitions' RAM lies above.
    pub store_end: u64,
    /// First address of the crash records, which survive a reset of the board:
    /// [`CRASH_BYTES`](crate::image::CRASH_BYTES).
    pub crash_base: u64,
}

impl Header {
    /// The first bytes of a system table.
    pub const MAGIC: [u8; 8] = *b"PARTITA\0";
    /// The version of the layout on this page.
    pub const VERSION: u32 = 5;
    /// Offset of the first byte that [`Header::hash`] covers.
    pub const HASHED_FROM: usize = 48;
}

/// The entries of `array` that `span` names; empty if it points outside.
pub fn entries<T>(array: &[T], span: Span) -> &[T] {
    let first = usize::from(span.first);
    array
        .get(first..first + usize::from(span.count))
        .unwrap_or_default()
}
