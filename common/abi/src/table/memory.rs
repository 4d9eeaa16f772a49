//! Memory: regions, and the protection entries that open them.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A part of the physical address space that a partition may reach.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Region {
    /// First address.
    pub base: u64,
    /// Size in bytes.
    pub size: u64,
    /// Index of the partition.
    pub partition: u16,
    /// A [`RegionKind`].
    pub kind: u8,
    /// Rights: bit 0 read, bit 1 write, bit 2 execute.
    pub rights: u8,
    /// Padding, zero.
    pub reserved: u32,
}

impl Region {
    /// The address behind it.
    pub const fn end(&self) -> u64 {
        self.base.saturating_add(self.size)
    }
}

/// What a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RegionKind {
    /// RAM of the partition alone.
    Ram = 0,
    /// Registers of a device that the partition owns.
    Device = 1,
    /// Registers of the interrupt controller, reached without the monitor.
    InterruptController = 2,
}

/// One hardware protection entry, in the architecture's own encoding.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Protection {
    /// RISC-V: `pmpaddr` (address bits 55:2).
    pub address: u64,
    /// RISC-V: the `pmpcfg` byte.
    pub config: u8,
    /// Padding, zero.
    pub reserved: u8,
    /// Index of the [`Region`] that it serves.
    pub region: u16,
    /// Padding, zero.
    pub reserved2: u32,
}

from_number! {
    RegionKind: Ram, Device, InterruptController;
}
