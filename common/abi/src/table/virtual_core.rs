//! Virtual cores.

use super::header::Span;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A virtual core: one partition's share of one physical core.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct VirtualCore {
    /// Index of the partition.
    pub partition: u16,
    /// The partition's own number for it, from 0 (RISC-V: the virtual hart id).
    pub index: u16,
    /// The physical core (RISC-V: the hart id).
    pub core: u16,
    /// First protection entry of the core that it uses (RISC-V: a PMP entry number; Arm: the first of the three
    /// software-generated interrupts that a program is told by, for its timer, its lines and its cores).
    pub protection_slot: u16,
    /// Its [`Protection`](super::Protection) entries, for consecutive hardware entries from `protection_slot` on.
    pub protections: Span,
    /// Padding, zero.
    pub reserved: u32,
}
