//! Streams: by what an IOMMU tells apart the devices that read and write memory.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Streams of a partition's devices: they reach its RAM and nothing else.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Streams {
    /// The first one (Arm SMMUv3: `StreamID`), a multiple of [`Streams::UNIT`].
    pub first: u32,
    /// How many, a multiple of [`Streams::UNIT`].
    pub count: u32,
    /// Index of the partition.
    pub partition: u16,
    /// Padding, zero.
    pub reserved: [u16; 3],
}

impl Streams {
    /// As many streams go to one partition at least: what one table of an Arm SMMU holds.
    pub const UNIT: u32 = 64;

    /// The stream behind the last one.
    pub const fn end(&self) -> u32 {
        self.first.saturating_add(self.count)
    }
}
