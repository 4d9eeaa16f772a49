//! The monitor's own check of the protection entries in the system table (privileged specification 1.12,
//! 3.7.1), before any of them reaches the hardware.
//!
//! It proves that each virtual core's entries give access to nothing but regions of its own partition,
//! with no more than their rights. The regions themselves are checked by the monitor's core.

use partita_abi::table::{Protection, RegionKind, SystemTable, VirtualCore};
use partita_board::{Controller, Plic, Riscv64};

const RIGHTS: u8 = 0b111;
const READ: u8 = 0b001;
const WRITE: u8 = 0b010;
const MODE: u8 = 0b11 << 3;
const OFF: u8 = 0;
const TOP_OF_RANGE: u8 = 1 << 3;
const POWER_OF_TWO: u8 = 3 << 3;
const PAGE: u64 = 4096;

/// Checks the entries of all virtual cores.
///
/// # Errors
/// The index of the first virtual core with an unsound entry.
pub fn check(table: &SystemTable<'_>, board: &Riscv64) -> Result<(), usize> {
    let sound = |core: &VirtualCore| {
        let entries = table.protections_of(core);
        let slot = usize::from(core.protection_slot);
        slot >= board.monitor_protection_entries
            && slot.saturating_add(entries.len()) <= board.protection_entries
            && (0..entries.len()).all(|index| is_sound(table, board, core, entries, index))
            && covers_ram(table, core, entries)
    };
    match table.virtual_cores.iter().position(|core| !sound(core)) {
        Some(index) => Err(index),
        None => Ok(()),
    }
}

/// Whether the entries cover all RAM of the partition, with all rights: the monitor reads and writes it with the
/// partition's rights, and a fault of its own would end the machine.
fn covers_ram(table: &SystemTable<'_>, core: &VirtualCore, entries: &[Protection]) -> bool {
    let covered = |number: usize| -> u64 {
        let of_region = |index: &usize| {
            entries.get(*index).is_some_and(|entry| {
                usize::from(entry.region) == number && entry.config & RIGHTS == RIGHTS
            })
        };
        (0..entries.len())
            .filter(of_region)
            .filter_map(|index| range(entries, index))
            .fold(0, |sum, (base, end)| {
                sum.saturating_add(end.saturating_sub(base))
            })
    };
    table.regions.iter().enumerate().all(|(number, region)| {
        region.partition != core.partition
            || region.kind != RegionKind::Ram as u8
            || covered(number) == region.size
    })
}

fn is_sound(
    table: &SystemTable<'_>,
    board: &Riscv64,
    core: &VirtualCore,
    entries: &[Protection],
    index: usize,
) -> bool {
    let Some(entry) = entries.get(index) else {
        return false;
    };
    let rights = entry.config & RIGHTS;
    if entry.config & MODE == OFF {
        // The base of the range above it. It must not give anything by itself.
        return entry.config == 0;
    }
    let Some((base, end)) = range(entries, index) else {
        return false;
    };
    let Some(region) = table.regions.get(usize::from(entry.region)) else {
        return false;
    };
    let inside = base >= region.base && end <= region.base.saturating_add(region.size);
    // Neither locked nor reserved bits, and W only with R (table 3.9).
    entry.config & !(RIGHTS | MODE) == 0
        && rights & (READ | WRITE) != WRITE
        && rights & !region.rights == 0
        && region.partition == core.partition
        && base.is_multiple_of(PAGE)
        && end.is_multiple_of(PAGE)
        && inside
        && (region.kind != RegionKind::InterruptController as u8
            || is_own_controller_range(table, board, core, base, end, rights))
}

/// The bytes that an active entry covers, if it has one of the modes that the planner uses. The range of
/// a first entry would begin at an entry of somebody else's.
fn range(entries: &[Protection], index: usize) -> Option<(u64, u64)> {
    let entry = entries.get(index)?;
    let (base, end) = match entry.config & MODE {
        TOP_OF_RANGE => {
            let below = entries.get(index.checked_sub(1)?)?;
            (below.address.checked_shl(2)?, entry.address.checked_shl(2)?)
        }
        POWER_OF_TWO => {
            let ones = entry.address.trailing_ones();
            // An address has 54 bits; all of them set would be the whole address space.
            let size = 8_u64.checked_shl(ones).filter(|_| ones < 54)?;
            let base = (entry.address & !(size / 8).wrapping_sub(1)).checked_shl(2)?;
            (base, base.checked_add(size)?)
        }
        _ => return None,
    };
    (entry.address >> 54 == 0 && base < end).then_some((base, end))
}

/// Whether the range is what a partition may reach of the interrupt controller. Of a PLIC: all shared
/// registers to read, and the page of this hart's own supervisor context. Of an IMSIC: the supervisor-level
/// interrupt files of its own harts.
fn is_own_controller_range(
    table: &SystemTable<'_>,
    board: &Riscv64,
    core: &VirtualCore,
    base: u64,
    end: u64,
    rights: u8,
) -> bool {
    let plic = match &board.controller {
        Controller::Plic(plic) => plic,
        Controller::Aia(aia) => {
            let is_own = |page: u64| {
                let own = |other: &VirtualCore| {
                    other.partition == core.partition
                        && aia.supervisor_file(usize::from(other.core)) == page
                };
                table.virtual_cores.iter().any(own)
            };
            let files = aia.supervisor_files;
            let pages = (0..files.size / PAGE).map(|number| files.base + number * PAGE);
            return base >= files.base
                && end <= files.base.saturating_add(files.size)
                && rights == READ | WRITE
                && pages.filter(|page| (base..end).contains(page)).all(is_own);
        }
    };
    let controller = plic.window.base;
    let context = plic.supervisor_context(usize::from(core.core));
    let page = controller.saturating_add(Plic::context_offset(context));
    let shared = base >= controller && end <= controller.saturating_add(Plic::SHARED_BYTES);
    let own = base == page && end == page.saturating_add(Plic::CONTEXT_BYTES);
    shared && rights == READ || own && rights == READ | WRITE
}

#[cfg(test)]
mod tests {
    use super::range;
    use partita_abi::table::Protection;
    extern crate std;
    use std::vec::Vec;

    fn entries(list: &[(u64, u8)]) -> Vec<Protection> {
        list.iter()
            .map(|(address, config)| Protection {
                address: *address,
                config: *config,
                reserved: 0,
                region: 0,
                reserved2: 0,
            })
            .collect()
    }

    #[test]
    fn a_power_of_two_covers_its_range() {
        let list = entries(&[((0xa000_0000 >> 2) | (0x2000_0000 / 8 - 1), 0x1f)]);
        assert_eq!(range(&list, 0), Some((0xa000_0000, 0xc000_0000)));
    }

    #[test]
    fn the_top_of_a_range_begins_at_the_entry_below() {
        let list = entries(&[(0x8200_0000 >> 2, 0), (0x8210_3000 >> 2, 0x0f)]);
        assert_eq!(range(&list, 1), Some((0x8200_0000, 0x8210_3000)));
    }

    #[test]
    fn a_range_without_an_entry_below_of_its_own_is_refused() {
        assert_eq!(range(&entries(&[(0x8200_0000 >> 2, 0x0f)]), 0), None);
    }

    #[test]
    fn the_whole_address_space_and_empty_ranges_are_refused() {
        assert_eq!(range(&entries(&[((1 << 54) - 1, 0x1f)]), 0), None);
        assert_eq!(range(&entries(&[(u64::MAX, 0x1f)]), 0), None);
        let backwards = entries(&[(0x9000_0000 >> 2, 0), (0x8000_0000 >> 2, 0x0f)]);
        assert_eq!(range(&backwards, 1), None);
    }
}
