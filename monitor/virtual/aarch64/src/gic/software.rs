//! Software interrupts: which of a partition's virtual cores one is for.
//!
//! Version 3 sends them by `ICC_SGI1R_EL1` (IHI 0069, 12.2.22), which traps; version 2 by `GICD_SGIR` (IHI 0048B,
//! 4.3.15). Hardware would take either as it is, for any core.

use super::Owned;

/// A software interrupt. Number and cores are the partition's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number, below 8.
    pub interrupt: u32,
    /// For which virtual cores, one bit each; none is possible.
    pub cores: u32,
}

/// What a virtual core sends by `ICC_SGI1R_EL1`. `None` if it names an interrupt or a core that is not the partition's.
#[inline]
#[must_use]
pub fn by_register(owned: &Owned, own: u32, value: u64) -> Option<Call> {
    const ALL_OTHERS: u64 = 1 << 40;
    /// `Aff3`, `Aff2`, `Aff1`, and the range of `Aff0`: cores are numbered below 16.
    const CLUSTER: u64 = 0xff << 48 | 0xf << 44 | 0xff << 32 | 0xff << 16;
    let cores = if value & ALL_OTHERS != 0 {
        others(owned, own)
    } else if value & CLUSTER != 0 {
        return None;
    } else {
        (value & 0xffff) as u32
    };
    call(owned, (value >> 24) as u32 & 0xf, cores)
}

/// What a virtual core sends by `GICD_SGIR`. `None` if it names an interrupt or a core that is not the partition's.
#[must_use]
pub fn by_distributor(owned: &Owned, own: u32, value: u32) -> Option<Call> {
    let cores = match value >> 24 & 3 {
        0 => value >> 16 & 0xff,
        1 => others(owned, own),
        2 => 1_u32.wrapping_shl(own),
        _ => return None,
    };
    call(owned, value & 0xf, cores)
}

fn others(owned: &Owned, own: u32) -> u32 {
    owned.all_cores() & !1_u32.wrapping_shl(own)
}

fn call(owned: &Owned, interrupt: u32, cores: u32) -> Option<Call> {
    let is_own = owned.owns(interrupt) && cores & !owned.all_cores() == 0;
    is_own.then_some(Call { interrupt, cores })
}
