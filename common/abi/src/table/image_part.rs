//! The pieces of partitions' images.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A piece of a partition's image: verified and copied before the partition starts.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ImagePart {
    /// Where the pristine copy lies: a physical address, or an offset in the
    /// [second file](crate::image::NORMAL_IMAGES_NAME) if it is Linux's on a board that has one.
    pub source: u64,
    /// Where it goes, in the partition's RAM.
    pub destination: u64,
    /// Size in bytes.
    pub size: u64,
    /// [`crate::digest`] of the pristine copy.
    pub hash: [u8; 32],
    /// Index of the partition.
    pub partition: u16,
    /// A [`PartRole`].
    pub role: u8,
    /// Padding, zero.
    pub reserved: [u8; 5],
}

/// What a part of a partition's image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PartRole {
    /// A piece of a program.
    Program = 0,
    /// A Linux kernel.
    Kernel = 1,
    /// An initial file system.
    Initramfs = 2,
    /// A device tree.
    DeviceTree = 3,
}

impl PartRole {
    /// What it is called in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Kernel => "kernel",
            Self::Initramfs => "initramfs",
            Self::DeviceTree => "device tree",
        }
    }
}

from_number! {
    PartRole: Program, Kernel, Initramfs, DeviceTree;
}
