//! The system table: a manifest in its checked, binary form.
//!
//! The table is a [`Header`] and seven arrays behind it. It holds no pointers, only indexes, physical
//! addresses and sizes. [`SystemTable::parse`] proves the *structure*: magic, version, sizes, every
//! index in range. It does not prove that the contents make sense together: the monitor checks the
//! hash and the contents again before it starts anything.

use crate::health::Action;
use crate::name::Name;
use crate::{MAX_CORES, MAX_PARTITIONS, MAX_VIRTUAL_CORES};
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
    /// Number of [`Partition`] entries.
    pub partitions: u16,
    /// Number of [`VirtualCore`] entries.
    pub virtual_cores: u16,
    /// Number of [`Region`] entries.
    pub regions: u16,
    /// Number of [`Protection`] entries.
    pub protections: u16,
    /// Number of [`ImagePart`] entries.
    pub image_parts: u16,
    /// Number of [`Line`] entries.
    pub lines: u16,
    /// Index of the partition that console input goes to at first.
    pub console_focus: u16,
    /// Number of cores the system uses: all have a number below this.
    pub cores: u16,
    /// Number of [`DeviceReset`] entries.
    pub device_resets: u16,
    /// Padding, zero.
    pub reserved: [u8; 6],
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
    pub const VERSION: u32 = 3;
    /// Offset of the first byte that [`Header::hash`] covers.
    pub const HASHED_FROM: usize = 48;
}

/// A partition. The order of partitions is the manifest's.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Partition {
    /// Its name.
    pub name: Name,
    /// 0 (QM) to 4 (ASIL-D); a higher number is served first.
    pub criticality: u8,
    /// A [`Kind`].
    pub kind: u8,
    /// A [`FloatingPoint`].
    pub floating_point: u8,
    /// A [`FloatingPoint`], for vector state.
    pub vector: u8,
    /// A [`Console`].
    pub console: u8,
    /// A [`WatchdogStart`].
    pub watchdog_start: u8,
    /// Padding, zero.
    pub reserved: [u8; 2],
    /// Its [`VirtualCore`] entries; the first one is started at boot.
    pub virtual_cores: Span,
    /// Its [`Region`] entries.
    pub regions: Span,
    /// Its [`ImagePart`] entries.
    pub image_parts: Span,
    /// Its [`Line`] entries.
    pub lines: Span,
    /// Its [`DeviceReset`] entries, to be done in order at each restart.
    pub device_resets: Span,
    /// Padding, zero.
    pub reserved2: u32,
    /// What to do about each health event, by the number of its [`crate::health::Kind`].
    pub responses: [Response; crate::health::Kind::COUNT],
    /// How often and how soon it is restarted.
    pub restart: Restart,
    /// The longest time in nanoseconds in which it must reset its watchdog; 0: it has none.
    pub watchdog_ns: u64,
    /// Interrupts of its mediated lines that it may get in each [`Partition::storm_within_ns`]; 0 is no
    /// bound.
    pub storm_limit: u64,
    /// The time to which [`Partition::storm_limit`] applies, in nanoseconds.
    pub storm_within_ns: u64,
    /// Address of its first instruction.
    pub entry: u64,
    /// Address of its device tree, which is one of its image parts.
    pub device_tree: u64,
    /// Address of its emulated UART if [`Partition::console`] says so, else 0.
    pub uart_base: u64,
    /// Core time it may use in each period, in nanoseconds; 0 is no bound.
    pub budget_ns: u64,
    /// The period of the budget in nanoseconds; 0 where there is no budget.
    pub period_ns: u64,
}

/// What a partition runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A program of its own: an RTOS or bare metal. Its interrupt lines go through the monitor.
    Program = 0,
    /// Linux. Its interrupt lines reach it without the monitor.
    Linux = 1,
}

/// What the monitor does with floating-point state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FloatingPoint {
    /// The partition uses none: nothing is saved, and using it is a health event.
    None = 0,
    /// The partition may use it: it is saved and restored at each switch that needs it.
    Eager = 1,
}

/// What happens after one kind of health event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Response {
    /// A [`crate::health::Action`].
    pub action: u8,
    /// Index of the partition that is told, or [`Response::NOBODY`].
    pub notify: u8,
}

impl Response {
    /// In [`Response::notify`]: no partition is told.
    pub const NOBODY: u8 = 0xff;
}

/// How often and how soon a partition is restarted, whichever event is the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Restart {
    /// Restarts within [`Restart::within_ns`]; the next one is not done. 0 is no limit.
    pub limit: u16,
    /// A [`crate::health::Action`] for the restart that is not done.
    pub then: u8,
    /// Padding, zero.
    pub reserved: [u8; 5],
    /// The time to which [`Restart::limit`] applies, in nanoseconds.
    pub within_ns: u64,
    /// How long a restart waits, in nanoseconds; doubled for each further one within
    /// [`Restart::within_ns`].
    pub back_off_ns: u64,
}

impl Restart {
    /// The highest [`Restart::limit`]: the monitor keeps the times of so many restarts.
    pub const MOST: u16 = 32;
}

/// When a partition's watchdog starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum WatchdogStart {
    /// When the partition asks for it.
    FirstUse = 0,
    /// With the partition.
    Boot = 1,
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

/// How a partition reaches its console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Console {
    /// It has none.
    None = 0,
    /// By calls of the monitor (RISC-V: the SBI's debug console).
    MonitorCall = 1,
    /// By an emulated 16550 UART, and by SBI debug console calls.
    Uart16550 = 2,
    /// By a serial port that it owns: the monitor has no part in it.
    Own = 3,
}

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
    /// Its [`Protection`] entries, for consecutive hardware entries from `protection_slot` on.
    pub protections: Span,
    /// Padding, zero.
    pub reserved: u32,
}

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

/// A piece of a partition's image: verified and copied before the partition starts.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ImagePart {
    /// Where the pristine copy lies.
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

macro_rules! from_number {
    ($($type:ident: $($variant:ident),+;)+) => {$(
        impl $type {
            /// The value with this number in the table.
            pub const fn from_number(number: u8) -> Option<Self> {
                $(if number == Self::$variant as u8 { return Some(Self::$variant); })+
                None
            }
        }
    )+};
}
from_number! {
    Kind: Program, Linux;
    FloatingPoint: None, Eager;
    WatchdogStart: FirstUse, Boot;
    Console: None, MonitorCall, Uart16550, Own;
    RegionKind: Ram, Device, InterruptController;
    PartRole: Program, Kernel, Initramfs, DeviceTree;
    Route: Direct, Mediated;
}

/// Why bytes are not a system table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableError {
    /// Shorter than its header says, or than a header.
    Truncated,
    /// The magic bytes are wrong.
    Magic,
    /// Made for another version of the monitor.
    Version(u32),
    /// More entries than the monitor has room for.
    TooMany(&'static str),
    /// The sizes of the arrays do not add up to the size of the table.
    Size,
    /// An index in the named array points nowhere.
    Index(&'static str),
    /// A field of the named array has an unknown value.
    Value(&'static str),
}

impl core::fmt::Display for TableError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Truncated => formatter.write_str("it is cut short"),
            Self::Magic => formatter.write_str("there is no system table"),
            Self::Version(found) => {
                write!(formatter, "it has version {found}, not {}", Header::VERSION)
            }
            Self::TooMany(what) => write!(formatter, "it has too many {what}"),
            Self::Size => formatter.write_str("its size does not match its entries"),
            Self::Index(what) => write!(formatter, "an index in its {what} is out of range"),
            Self::Value(what) => write!(formatter, "a value in its {what} is unknown"),
        }
    }
}

impl core::error::Error for TableError {}

/// A structurally sound system table, read in place.
#[derive(Clone, Copy, Debug)]
pub struct SystemTable<'a> {
    /// The header.
    pub header: &'a Header,
    /// All partitions.
    pub partitions: &'a [Partition],
    /// All virtual cores.
    pub virtual_cores: &'a [VirtualCore],
    /// All regions.
    pub regions: &'a [Region],
    /// All protection entries.
    pub protections: &'a [Protection],
    /// All image parts.
    pub image_parts: &'a [ImagePart],
    /// All interrupt lines.
    pub lines: &'a [Line],
    /// All register writes that reset devices.
    pub device_resets: &'a [DeviceReset],
    /// The bytes that [`Header::hash`] covers.
    pub hashed: &'a [u8],
}

// The arrays follow each other without gaps, so each entry keeps the next array aligned.
const _: () = assert!(
    size_of::<Header>().is_multiple_of(8)
        && size_of::<Partition>().is_multiple_of(8)
        && size_of::<VirtualCore>().is_multiple_of(8)
        && size_of::<Region>().is_multiple_of(8)
        && size_of::<Protection>().is_multiple_of(8)
        && size_of::<ImagePart>().is_multiple_of(8)
        && size_of::<Line>().is_multiple_of(8)
        && size_of::<DeviceReset>().is_multiple_of(8)
);

/// The entries of `array` that `span` names; empty if it points outside.
pub fn entries<T>(array: &[T], span: Span) -> &[T] {
    let first = usize::from(span.first);
    array
        .get(first..first + usize::from(span.count))
        .unwrap_or_default()
}

impl<'a> SystemTable<'a> {
    /// Reads a table from `bytes`, which must be aligned to 8 bytes and may be longer than it.
    ///
    /// # Errors
    /// Any flaw in the structure. The hash is not checked here.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TableError> {
        let (header, _) = Header::ref_from_prefix(bytes).map_err(|_| TableError::Truncated)?;
        if header.magic != Header::MAGIC {
            return Err(TableError::Magic);
        }
        if header.version != Header::VERSION {
            return Err(TableError::Version(header.version));
        }
        let total = header.total_bytes as usize;
        let bytes = bytes.get(..total).ok_or(TableError::Truncated)?;
        let hashed = bytes
            .get(Header::HASHED_FROM..)
            .ok_or(TableError::Truncated)?;
        let rest = bytes
            .get(size_of::<Header>()..)
            .ok_or(TableError::Truncated)?;
        let (partitions, rest) = array(rest, header.partitions)?;
        let (virtual_cores, rest) = array(rest, header.virtual_cores)?;
        let (regions, rest) = array(rest, header.regions)?;
        let (protections, rest) = array(rest, header.protections)?;
        let (image_parts, rest) = array(rest, header.image_parts)?;
        let (lines, rest) = array(rest, header.lines)?;
        let (device_resets, rest) = array(rest, header.device_resets)?;
        if !rest.is_empty() {
            return Err(TableError::Size);
        }
        let table = Self {
            header,
            partitions,
            virtual_cores,
            regions,
            protections,
            image_parts,
            lines,
            device_resets,
            hashed,
        };
        table.check_indexes()?;
        table.check_values()?;
        Ok(table)
    }

    /// The virtual cores of a partition.
    pub fn virtual_cores_of(&self, partition: &Partition) -> &'a [VirtualCore] {
        entries(self.virtual_cores, partition.virtual_cores)
    }

    /// The regions of a partition.
    pub fn regions_of(&self, partition: &Partition) -> &'a [Region] {
        entries(self.regions, partition.regions)
    }

    /// The image parts of a partition.
    pub fn image_parts_of(&self, partition: &Partition) -> &'a [ImagePart] {
        entries(self.image_parts, partition.image_parts)
    }

    /// The interrupt lines of a partition.
    pub fn lines_of(&self, partition: &Partition) -> &'a [Line] {
        entries(self.lines, partition.lines)
    }

    /// The register writes that reset a partition's devices.
    pub fn device_resets_of(&self, partition: &Partition) -> &'a [DeviceReset] {
        entries(self.device_resets, partition.device_resets)
    }

    /// The protection entries of a virtual core.
    pub fn protections_of(&self, core: &VirtualCore) -> &'a [Protection] {
        entries(self.protections, core.protections)
    }

    fn check_indexes(&self) -> Result<(), TableError> {
        let bound = |count: usize, max: usize, what| {
            if count > max {
                Err(TableError::TooMany(what))
            } else {
                Ok(())
            }
        };
        bound(self.partitions.len(), MAX_PARTITIONS, "partitions")?;
        bound(self.virtual_cores.len(), MAX_VIRTUAL_CORES, "virtual cores")?;
        bound(usize::from(self.header.cores), MAX_CORES, "cores")?;
        let within = |span: Span, count: usize, what| {
            let end = usize::from(span.first) + usize::from(span.count);
            if end > count {
                Err(TableError::Index(what))
            } else {
                Ok(())
            }
        };
        for partition in self.partitions {
            within(
                partition.virtual_cores,
                self.virtual_cores.len(),
                "partitions",
            )?;
            within(partition.regions, self.regions.len(), "partitions")?;
            within(partition.image_parts, self.image_parts.len(), "partitions")?;
            within(partition.lines, self.lines.len(), "partitions")?;
            within(
                partition.device_resets,
                self.device_resets.len(),
                "partitions",
            )?;
        }
        let known = |partition: u16| usize::from(partition) < self.partitions.len();
        for core in self.virtual_cores {
            within(core.protections, self.protections.len(), "virtual cores")?;
            if !known(core.partition) || core.core >= self.header.cores {
                return Err(TableError::Index("virtual cores"));
            }
        }
        if !self.regions.iter().all(|region| known(region.partition)) {
            return Err(TableError::Index("regions"));
        }
        if !self
            .protections
            .iter()
            .all(|entry| usize::from(entry.region) < self.regions.len())
        {
            return Err(TableError::Index("protections"));
        }
        if !self.image_parts.iter().all(|part| known(part.partition)) {
            return Err(TableError::Index("image parts"));
        }
        if !self.lines.iter().all(|line| known(line.partition)) {
            return Err(TableError::Index("lines"));
        }
        if !self
            .device_resets
            .iter()
            .all(|reset| known(reset.partition))
        {
            return Err(TableError::Index("device resets"));
        }
        let told = |response: &Response| {
            response.notify == Response::NOBODY || known(u16::from(response.notify))
        };
        if !self
            .partitions
            .iter()
            .all(|partition| partition.responses.iter().all(told))
        {
            return Err(TableError::Index("responses"));
        }
        if !known(self.header.console_focus) {
            return Err(TableError::Index("header"));
        }
        Ok(())
    }

    fn check_values(&self) -> Result<(), TableError> {
        if !self.header.system.is_valid() || !self.header.board.is_valid() {
            return Err(TableError::Value("header"));
        }
        let partition_is_known = |partition: &Partition| {
            partition.name.is_valid()
                && Kind::from_number(partition.kind).is_some()
                && FloatingPoint::from_number(partition.floating_point).is_some()
                && FloatingPoint::from_number(partition.vector).is_some()
                && WatchdogStart::from_number(partition.watchdog_start).is_some()
                && Action::from_number(partition.restart.then).is_some()
                && partition
                    .responses
                    .iter()
                    .all(|response| Action::from_number(response.action).is_some())
                && Console::from_number(partition.console).is_some()
        };
        if !self.partitions.iter().all(partition_is_known) {
            return Err(TableError::Value("partitions"));
        }
        if !self
            .regions
            .iter()
            .all(|region| RegionKind::from_number(region.kind).is_some())
        {
            return Err(TableError::Value("regions"));
        }
        if !self
            .image_parts
            .iter()
            .all(|part| PartRole::from_number(part.role).is_some())
        {
            return Err(TableError::Value("image parts"));
        }
        if !self
            .device_resets
            .iter()
            .all(|reset| matches!(reset.width, 1 | 4))
        {
            return Err(TableError::Value("device resets"));
        }
        if !self
            .lines
            .iter()
            .all(|line| Route::from_number(line.route).is_some())
        {
            return Err(TableError::Value("lines"));
        }
        Ok(())
    }
}

fn array<T: FromBytes + Immutable + KnownLayout>(
    bytes: &[u8],
    count: u16,
) -> Result<(&[T], &[u8]), TableError> {
    <[T]>::ref_from_prefix_with_elems(bytes, usize::from(count)).map_err(|_| TableError::Size)
}

#[cfg(test)]
mod tests {
    use super::{Header, SystemTable, TableError};
    use crate::name::Name;
    use core::mem::{offset_of, size_of};
    use zerocopy::IntoBytes;

    fn header() -> Header {
        Header {
            magic: Header::MAGIC,
            version: Header::VERSION,
            total_bytes: size_of::<Header>() as u32,
            hash: [0; 32],
            system: Name::new("test").unwrap(),
            board: Name::new("board").unwrap(),
            partitions: 0,
            virtual_cores: 0,
            regions: 0,
            protections: 0,
            image_parts: 0,
            lines: 0,
            console_focus: 0,
            cores: 1,
            device_resets: 0,
            reserved: [0; 6],
            security_version: 0,
            ram_base: 0,
            ram_size: 0,
            store_end: 0,
            crash_base: 0,
        }
    }

    #[test]
    fn the_hash_covers_all_that_follows_it() {
        assert_eq!(offset_of!(Header, hash) + 32, Header::HASHED_FROM);
    }

    #[test]
    fn a_table_without_partitions_is_refused() {
        let header = header();
        assert_eq!(
            SystemTable::parse(header.as_bytes()).unwrap_err(),
            TableError::Index("header")
        );
    }

    #[test]
    fn a_count_beyond_the_table_is_refused() {
        let header = Header {
            regions: 1,
            ..header()
        };
        assert_eq!(
            SystemTable::parse(header.as_bytes()).unwrap_err(),
            TableError::Size
        );
    }

    #[test]
    fn another_version_is_refused() {
        let header = Header {
            version: 9,
            ..header()
        };
        assert_eq!(
            SystemTable::parse(header.as_bytes()).unwrap_err(),
            TableError::Version(9)
        );
    }
}
