//! The rows of stage-2 tables, which the monitor makes at boot by the same rules.

use super::{Plan, PlannedPartition, PlannedRegion};
use crate::protection::{EXECUTE, READ, WRITE};
use partita_abi::table::{Isolation, Kind, RegionKind};
use partita_board::{Gic, GicInterface, Window};
use std::ops::Range;

/// Bytes that one entry of a table of blocks opens (DDI 0487, D8.2, pages of 4 KiB).
const BLOCK: u64 = 2 << 20;
/// Bytes of a page.
const PAGE: u64 = 0x1000;

/// Addresses of a partition, and what stage 2 makes of them.
#[derive(Clone, Debug)]
pub struct PlannedMapping {
    /// First address that the partition uses.
    pub base: u64,
    /// Size in bytes.
    pub size: u64,
    /// The physical address that the first one leads to.
    pub output: u64,
    /// Bit 0 read, bit 1 write, bit 2 execute.
    pub rights: u8,
    /// Whether it is mapped as memory, not as registers.
    pub is_memory: bool,
    /// Entries of 2 MiB.
    pub blocks: u64,
    /// Entries of 4 KiB.
    pub pages: u64,
    /// What it is, for a person.
    pub description: String,
    /// The line of the manifest behind it.
    pub line: usize,
}

impl Plan {
    /// The rows of a partition's stage-2 table, by address; none if nothing keeps it apart that way.
    pub fn stage_2(&self, partition: &PlannedPartition) -> Vec<PlannedMapping> {
        let is_normal = partition.isolation == Isolation::Stage2;
        let is_secure = self.secure_stage_2 && partition.kind == Kind::Program;
        if !is_normal && !is_secure {
            return Vec::new();
        }
        let mut rows: Vec<PlannedMapping> = partition.regions.iter().map(of_region).collect();
        if let Some(arm) = self.board.architecture.aarch64()
            && is_normal
        {
            rows.extend(interface(&arm.gic, partition));
        }
        rows.sort_by_key(|row| row.base);
        rows
    }
}

/// The part of a window of a GICv2's interface that a partition reaches: all registers but the one that ends the handling
/// of any line (IHI 0048, 4.4).
pub(crate) fn interface_registers(window: Window) -> Window {
    Window {
        size: window.size.min(0x1000),
        ..window
    }
}

fn of_region(region: &PlannedRegion) -> PlannedMapping {
    let is_memory = region.kind == RegionKind::Ram;
    let rights = if is_memory {
        region.rights
    } else {
        region.rights & !EXECUTE
    };
    let window = Window {
        base: region.base,
        size: region.size,
    };
    row(
        window,
        region.base,
        rights,
        &region.description,
        region.line,
        is_memory,
    )
}

/// Of a GICv2 the registers of the core's interface, which Linux has itself; a program finds the virtual interface
/// there. Those of a GICv3 are no memory.
fn interface(gic: &Gic, partition: &PlannedPartition) -> Option<PlannedMapping> {
    let GicInterface::V2 {
        core, virtual_core, ..
    } = gic.interface
    else {
        return None;
    };
    let (output, what) = match partition.kind {
        Kind::Linux => (core, "interrupt controller, interface of the core"),
        Kind::Program => (virtual_core, "interrupt controller, virtual interface"),
    };
    let window = interface_registers(core);
    Some(row(
        window,
        output.base,
        READ | WRITE,
        what,
        partition.line,
        false,
    ))
}

fn row(
    window: Window,
    output: u64,
    rights: u8,
    description: &str,
    line: usize,
    is_memory: bool,
) -> PlannedMapping {
    let blocks = blocks(&(window.base..window.base + window.size));
    PlannedMapping {
        base: window.base,
        size: window.size,
        output,
        rights,
        is_memory,
        blocks,
        pages: (window.size - blocks * BLOCK) / PAGE,
        description: description.to_owned(),
        line,
    }
}

/// How many whole blocks lie in a range.
fn blocks(range: &Range<u64>) -> u64 {
    let first = range.start.next_multiple_of(BLOCK);
    range.end.saturating_sub(first) / BLOCK
}
