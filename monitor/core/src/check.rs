//! The monitor's own check of the system table, before anything is started.
//!
//! The host tools make sound tables. The monitor does not rely on that: whatever it finds in memory
//! must prove that no partition can reach another, before it is believed.

use partita_abi::digest::digest;
use partita_abi::image::{CRASH_BYTES, STORE_OFFSET, TRANSFER_BYTES};
use partita_abi::table::{
    Header, Isolation, Kind, Partition, Region, RegionKind, Restart, Route, Streams, SystemTable,
};
use partita_abi::{MAX_CORES, MAX_SHARING};

/// Protection works on whole pages of this many bytes.
pub const PAGE: u64 = 4096;

/// Lines of a partition that can be mediated, the first ones of all its lines: each is a bit of a word.
const MOST_MEDIATED: usize = 32;

/// Region rights: writing.
const WRITE: u8 = 2;

/// A range of addresses that no partition may own.
#[derive(Clone, Copy, Debug)]
pub struct Reserved {
    /// First address.
    pub base: u64,
    /// Size in bytes.
    pub size: u64,
}

/// The memories of a board whose system image is not in RAM. They are among what is reserved.
#[derive(Clone, Copy, Debug)]
pub struct Secure {
    /// End of the memory that the system image is in.
    pub image_end: u64,
    /// First address of the crash records.
    pub crash_base: u64,
    /// RAM of the partitions that run programs.
    pub programs: Reserved,
    /// RAM that is the monitor's if partitions are behind stage 2, for what that takes.
    pub stage_2: Option<Reserved>,
    /// Linux's parts are in a file of their own: their sources are offsets in it.
    pub linux_is_fetched: bool,
}

/// What the check has to know of the board.
#[derive(Clone, Copy, Debug)]
pub struct BoardLimits<'a> {
    /// Its name.
    pub name: &'a str,
    /// First address of RAM.
    pub ram_base: u64,
    /// First address of the system image.
    pub image_base: u64,
    /// The memories of a board whose system image is not in RAM.
    pub secure: Option<Secure>,
    /// The first core that partitions can have.
    pub first_core: u16,
    /// The highest interrupt line.
    pub lines: u16,
    /// The interrupt line of the monitor's own serial port.
    pub console_line: u16,
    /// Devices of the monitor, which no device region may touch.
    pub reserved: &'a [Reserved],
    /// The interrupt controller: only regions of that kind lie in it. Which of its registers they may
    /// be, the architecture's own check says.
    pub controller: Reserved,
    /// How many streams of devices the board's IOMMU tells apart; 0 without one.
    pub streams: u32,
}

/// What is wrong with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The hash does not match the contents.
    Hash,
    /// It was made for another board.
    Board,
    /// RAM or the store is not where it can be.
    Memory,
    /// A region is empty, not made of whole pages, outside RAM, or of the monitor.
    Region(usize),
    /// Two regions of different partitions overlap.
    Overlap(usize, usize),
    /// An image part lies outside the store, or goes outside its partition's RAM.
    ImagePart(usize),
    /// The entry, the device tree or the budget of a partition is impossible.
    Partition(usize),
    /// A virtual core does not fit its partition or its core.
    VirtualCore(usize),
    /// A line is out of range, another's, the monitor's, or for a virtual core that is not there.
    Line(usize),
    /// A register write for a device reset goes outside its partition's devices.
    DeviceReset(usize),
    /// Streams of devices are not whole units, beyond what the board has, of a partition that stage 2 does not keep
    /// apart, or there are too many.
    Streams(usize),
}

impl Flaw {
    /// What is wrong, and the index of the entry that is.
    pub const fn describe(self) -> (&'static str, usize) {
        match self {
            Self::Hash => ("its hash does not match its contents", 0),
            Self::Board => ("it is for another board", 0),
            Self::Memory => ("its memory is impossible", 0),
            Self::Region(index) => ("unsound region", index),
            Self::Overlap(index, _) => ("a region overlaps another partition's, region", index),
            Self::ImagePart(index) => ("unsound image part", index),
            Self::Partition(index) => ("unsound partition", index),
            Self::VirtualCore(index) => ("unsound virtual core", index),
            Self::Line(index) => ("unsound interrupt line", index),
            Self::DeviceReset(index) => ("unsound device reset", index),
            Self::Streams(index) => ("unsound streams", index),
        }
    }
}

/// Whether `[base, base + size)` lies in `[from, to)` without wrapping.
fn lies_in(base: u64, size: u64, from: u64, to: u64) -> bool {
    base >= from && base.checked_add(size).is_some_and(|end| end <= to)
}

fn overlap(a: (u64, u64), b: (u64, u64)) -> bool {
    a.0 < b.0.saturating_add(b.1) && b.0 < a.0.saturating_add(a.1)
}

fn is_ram(region: &Region) -> bool {
    region.kind == RegionKind::Ram as u8
}

fn has_stage_2(partition: &Partition) -> bool {
    partition.isolation == Isolation::Stage2 as u8
}

/// Whether a partition runs in the secure world, where there is one.
fn is_secure(partition: &Partition) -> bool {
    partition.kind == Kind::Program as u8 && !has_stage_2(partition)
}

fn has_direct_lines(table: &SystemTable<'_>, partition: &Partition) -> bool {
    let mut regions = table.regions_of(partition).iter();
    regions.any(|region| region.kind == RegionKind::InterruptController as u8)
}

/// Whether the whole range lies in one RAM region of the partition.
pub fn is_own_ram(table: &SystemTable<'_>, partition: &Partition, base: u64, size: u64) -> bool {
    table.regions_of(partition).iter().any(|region| {
        is_ram(region)
            && lies_in(
                base,
                size,
                region.base,
                region.base.saturating_add(region.size),
            )
    })
}

/// Checks the whole table.
///
/// # Errors
/// The first flaw found.
pub fn check(table: &SystemTable<'_>, board: &BoardLimits<'_>) -> Result<(), Flaw> {
    if digest(table.hashed) != table.header.hash {
        return Err(Flaw::Hash);
    }
    if table.header.board.letters() != board.name.as_bytes() {
        return Err(Flaw::Board);
    }
    check_memory(table.header, board)?;
    check_regions(table, board)?;
    check_image_parts(table, board)?;
    check_partitions(table)?;
    check_virtual_cores(table, board)?;
    check_lines(table, board)?;
    check_device_resets(table)?;
    check_streams(table, board)
}

fn check_memory(header: &Header, board: &BoardLimits<'_>) -> Result<(), Flaw> {
    let store = board.image_base.saturating_add(STORE_OFFSET);
    let ram_end = header
        .ram_base
        .checked_add(header.ram_size)
        .ok_or(Flaw::Memory)?;
    let store_end = header.store_end.saturating_sub(CRASH_BYTES);
    let (least, most, crash_base) = match board.secure {
        None => (store.saturating_add(CRASH_BYTES), ram_end, store_end),
        Some(secure) => (store, secure.image_end, secure.crash_base),
    };
    let sound = header.ram_base == board.ram_base
        && header.store_end >= least
        && header.store_end <= most
        && header.store_end.is_multiple_of(PAGE)
        && header.crash_base == crash_base;
    if sound { Ok(()) } else { Err(Flaw::Memory) }
}

fn check_regions(table: &SystemTable<'_>, board: &BoardLimits<'_>) -> Result<(), Flaw> {
    let header = table.header;
    let ram_end = header.ram_base.saturating_add(header.ram_size);
    let uses_stage_2 = table.partitions.iter().any(has_stage_2);
    for (index, region) in table.regions.iter().enumerate() {
        let range = (region.base, region.size);
        let owner = table.partitions.get(usize::from(region.partition));
        let (from, to) = match board.secure {
            None => (header.store_end, ram_end),
            Some(secure) if owner.is_some_and(is_secure) => {
                let programs = secure.programs;
                (programs.base, programs.base.saturating_add(programs.size))
            }
            Some(_) => (header.ram_base, ram_end),
        };
        let kept = board.secure.and_then(|secure| secure.stage_2);
        let touches_kept =
            uses_stage_2 && kept.is_some_and(|kept| overlap(range, (kept.base, kept.size)));
        let in_ram = lies_in(region.base, region.size, from, to) && !touches_kept;
        let touches_ram = overlap(range, (header.ram_base, header.ram_size.max(STORE_OFFSET)));
        let controller = (board.controller.base, board.controller.size);
        let touches_monitor = board
            .reserved
            .iter()
            .any(|reserved| overlap(range, (reserved.base, reserved.size)));
        let in_its_place = match RegionKind::from_number(region.kind) {
            Some(RegionKind::Ram) => in_ram,
            Some(RegionKind::Device) => {
                !touches_ram && !touches_monitor && !overlap(range, controller)
            }
            Some(RegionKind::InterruptController) => lies_in(
                region.base,
                region.size,
                controller.0,
                controller.0.saturating_add(controller.1),
            ),
            None => false,
        };
        let sound = region.size != 0
            && region.base.is_multiple_of(PAGE)
            && region.size.is_multiple_of(PAGE)
            && region.base.checked_add(region.size).is_some()
            && region.rights <= 7
            && in_its_place;
        if !sound {
            return Err(Flaw::Region(index));
        }
        let controller = RegionKind::InterruptController as u8;
        for (other_index, other) in table.regions.iter().enumerate().take(index) {
            // Several partitions may read the interrupt controller, and only one writes a register.
            let both_controller = region.kind == controller
                && other.kind == controller
                && (region.rights | other.rights) & WRITE == 0;
            let same = region.partition == other.partition;
            if !same && !both_controller && overlap(range, (other.base, other.size)) {
                return Err(Flaw::Overlap(index, other_index));
            }
        }
    }
    for (number, partition) in table.partitions.iter().enumerate() {
        let own = |region: &Region| usize::from(region.partition) == number;
        if !table.regions_of(partition).iter().all(own) {
            return Err(Flaw::Partition(number));
        }
    }
    Ok(())
}

fn check_image_parts(table: &SystemTable<'_>, board: &BoardLimits<'_>) -> Result<(), Flaw> {
    let store = board.image_base.saturating_add(STORE_OFFSET);
    let store_end = match board.secure {
        None => table.header.crash_base,
        Some(_) => table.header.store_end,
    };
    for (number, partition) in table.partitions.iter().enumerate() {
        let is_fetched = partition.kind == Kind::Linux as u8
            && board.secure.is_some_and(|secure| secure.linux_is_fetched);
        let (from, to, behind) = if is_fetched {
            (0, u64::from(u32::MAX), TRANSFER_BYTES)
        } else {
            (store, store_end, 0)
        };
        let first = usize::from(partition.image_parts.first);
        for (offset, part) in table.image_parts_of(partition).iter().enumerate() {
            let room = part.size.saturating_add(behind);
            let sound = usize::from(part.partition) == number
                && lies_in(part.source, part.size, from, to)
                && part.source.is_multiple_of(8)
                && is_own_ram(table, partition, part.destination, room);
            if !sound {
                return Err(Flaw::ImagePart(first + offset));
            }
        }
    }
    Ok(())
}

fn check_partitions(table: &SystemTable<'_>) -> Result<(), Flaw> {
    for (number, partition) in table.partitions.iter().enumerate() {
        let budget_is_sound = if partition.period_ns == 0 {
            partition.budget_ns == 0
        } else {
            partition.budget_ns != 0 && partition.budget_ns <= partition.period_ns
        };
        let sound = partition.entry.is_multiple_of(2)
            && is_own_ram(table, partition, partition.entry, 4)
            && is_own_ram(table, partition, partition.device_tree, 8)
            && partition.virtual_cores.count != 0
            && partition.criticality <= 4
            && budget_is_sound
            && (partition.storm_limit == 0 || partition.storm_within_ns != 0)
            && (partition.restart.limit == 0 || partition.restart.within_ns != 0)
            && partition.restart.limit <= Restart::MOST;
        if !sound {
            return Err(Flaw::Partition(number));
        }
    }
    Ok(())
}

fn check_virtual_cores(table: &SystemTable<'_>, board: &BoardLimits<'_>) -> Result<(), Flaw> {
    let mut claimed = 0;
    for (number, partition) in table.partitions.iter().enumerate() {
        let first = usize::from(partition.virtual_cores.first);
        let cores = table.virtual_cores_of(partition);
        claimed = cores.len().saturating_add(claimed);
        for (offset, core) in cores.iter().enumerate() {
            let sound = usize::from(core.partition) == number
                && usize::from(core.index) == offset
                && core.core >= board.first_core
                && !cores
                    .iter()
                    .take(offset)
                    .any(|other| other.core == core.core);
            if !sound {
                return Err(Flaw::VirtualCore(first + offset));
            }
        }
    }
    if claimed != table.virtual_cores.len() {
        return Err(Flaw::VirtualCore(claimed));
    }
    for core in 0..MAX_CORES as u16 {
        let on_core = || {
            table
                .virtual_cores
                .iter()
                .enumerate()
                .filter(move |(_, v)| v.core == core)
        };
        if on_core().count() > MAX_SHARING {
            return Err(Flaw::VirtualCore(
                on_core().next_back().map_or(0, |(index, _)| index),
            ));
        }
        for (index, virtual_core) in on_core() {
            let of = |p: u16| table.partitions.get(usize::from(p));
            let criticality = |p: u16| of(p).map(|p| p.criticality);
            // What a core has of the interrupt controller for direct lines, it has once.
            let is_direct = |p: u16| of(p).is_some_and(|p| has_direct_lines(table, p));
            let own = virtual_core.partition;
            let is_guest =
                |p: u16| of(p).is_some_and(|p| has_stage_2(p) && p.kind == Kind::Linux as u8);
            let has_lines = |p: u16| of(p).is_some_and(|p| p.lines.count != 0);
            let conflicts = |other: u16| {
                criticality(other) == criticality(own)
                    || is_direct(other) && is_direct(own)
                    // Behind stage 2, lines of its own show while the core idles to the least critical one.
                    || is_guest(own)
                        && has_lines(own)
                        && is_guest(other)
                        && criticality(other) < criticality(own)
            };
            if on_core().any(|(other, v)| other != index && conflicts(v.partition)) {
                return Err(Flaw::VirtualCore(index));
            }
        }
    }
    Ok(())
}

fn check_lines(table: &SystemTable<'_>, board: &BoardLimits<'_>) -> Result<(), Flaw> {
    for (number, partition) in table.partitions.iter().enumerate() {
        let first = usize::from(partition.lines.first);
        for (offset, line) in table.lines_of(partition).iter().enumerate() {
            let index = first.saturating_add(offset);
            let mut before = table.lines.iter().take(index);
            let sound = usize::from(line.partition) == number
                && line.line != 0
                && line.line <= board.lines
                && line.line != board.console_line
                && !before.any(|other| other.line == line.line)
                && u16::from(line.target) < partition.virtual_cores.count
                && (offset < MOST_MEDIATED || line.route == Route::Direct as u8);
            if !sound {
                return Err(Flaw::Line(index));
            }
        }
    }
    Ok(())
}

fn check_device_resets(table: &SystemTable<'_>) -> Result<(), Flaw> {
    for (number, partition) in table.partitions.iter().enumerate() {
        let first = usize::from(partition.device_resets.first);
        for (offset, reset) in table.device_resets_of(partition).iter().enumerate() {
            let width = u64::from(reset.width);
            let in_device = table.regions_of(partition).iter().any(|region| {
                let end = region.base.saturating_add(region.size);
                region.kind == RegionKind::Device as u8
                    && lies_in(reset.address, width, region.base, end)
            });
            let sound = usize::from(reset.partition) == number
                && reset.address.is_multiple_of(width)
                && in_device;
            if !sound {
                return Err(Flaw::DeviceReset(first + offset));
            }
        }
    }
    Ok(())
}

fn check_streams(table: &SystemTable<'_>, board: &BoardLimits<'_>) -> Result<(), Flaw> {
    for (index, streams) in table.streams.iter().enumerate() {
        let owner = table.partitions.get(usize::from(streams.partition));
        // An IOMMU translates for one partition.
        let sound = index == 0
            && owner.is_some_and(has_stage_2)
            && (streams.first | streams.count).is_multiple_of(Streams::UNIT)
            && streams.count != 0
            && streams.end() <= board.streams;
        if !sound {
            return Err(Flaw::Streams(index));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "check_tests.rs"]
pub(crate) mod tests;
