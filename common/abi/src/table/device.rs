//! Devices: their interrupt lines, and what makes them harmless.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A physical interrupt line and its owner.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Line {
    /// The line (RISC-V: the PLIC source).
    pub line: u16,
    /// Index of the partition.
    pub partition: u16,
    /// A [`Route`].
    pub route: u8,
    /// For [`Route::Mediated`]: the virtual core, by the partition's own number, that gets it.
    pub target: u8,
    /// Padding, zero.
    pub reserved: u16,
}

/// How an interrupt line reaches its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Route {
    /// By the interrupt controller's supervisor context, without the monitor.
    Direct = 0,
    /// Through the monitor, which may switch partitions for it.
    Mediated = 1,
}

/// A register write that makes a device harmless before its partition starts again.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DeviceReset {
    /// Address of the register, in a device region of the partition.
    pub address: u64,
    /// What is written.
    pub value: u32,
    /// Index of the partition.
    pub partition: u16,
    /// Bytes of the register: 1 or 4.
    pub width: u8,
    /// Padding, zero.
    pub reserved: u8,
}

from_number! {
    Route: Direct, Mediated;
}
