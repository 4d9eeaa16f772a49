//! The plan: every address, protection entry and interrupt route of a system.

mod make;
mod regions;
mod stage_2;

pub(crate) use make::normal_ram;
pub(crate) use regions::interrupt_files;
pub use stage_2::PlannedMapping;
pub(crate) use stage_2::interface_registers;

use crate::Criticality;
use crate::device_tree::Node;
use crate::health::Health;
use crate::images;
use crate::problem::{Problem, Problems};
use crate::{Code, check, parse};
use partita_abi::health::Action;
use partita_abi::table::{Console, FloatingPoint, Isolation, Kind, PartRole, RegionKind, Route};
use partita_board::{Board, Device, QEMU_VIRT_RISCV64, Window};
use std::fs;
use std::path::{Path, PathBuf};

/// A system with everything decided.
#[derive(Debug)]
pub struct Plan {
    /// The manifest as it was named.
    pub manifest: PathBuf,
    /// Name of the system.
    pub system_name: String,
    /// The board it runs on.
    pub board: &'static Board,
    /// Number of cores of the board.
    pub cores: usize,
    /// Bytes of RAM of the board.
    pub memory_bytes: u64,
    /// The processor as QEMU's `-cpu` takes it, where the manifest chooses one.
    pub cpu: Option<&'static str>,
    /// Whether programs run behind stage 2 in the secure world of Arm.
    pub secure_stage_2: bool,
    /// Whether the board's cores have Smepmp.
    pub smepmp: bool,
    /// Whether the board's cores have Sstc.
    pub sstc: bool,
    /// Whether the board's cores have the V extension.
    pub vector: bool,
    /// The partitions, in the order of the manifest.
    pub partitions: Vec<PlannedPartition>,
    /// The pristine images, in the order in which they lie in the store: by criticality.
    pub parts: Vec<StoredPart>,
    /// The system's version, which a provisioned monitor compares with the lowest one it accepts.
    pub security_version: u64,
    /// End of the store: where the system image is in RAM, the partitions' RAM lies above.
    pub store_end: u64,
    /// Where the crash records are.
    pub crash_base: u64,
    /// The system table, hash filled in.
    pub table: Vec<u8>,
    /// Honest limits and doubts.
    pub warnings: Problems,
    /// Index of the partition that gets console input at first.
    pub console_focus: usize,
}

impl Plan {
    /// The partition that has a serial port for itself, if one has.
    pub fn own_console(&self) -> Option<usize> {
        let mut partitions = self.partitions.iter();
        partitions.position(|partition| partition.console == Console::Own)
    }

    /// Whether the board's IOMMU is used.
    pub fn has_iommu(&self) -> bool {
        let mut partitions = self.partitions.iter();
        partitions.any(|partition| !partition.streams.is_empty())
    }

    /// Whether a health event may reset the board.
    pub fn may_reset(&self) -> bool {
        self.partitions.iter().any(|partition| {
            let health = &partition.health;
            let resets = |action: u8| action == Action::ResetSystem as u8;
            let mut responses = health.responses.iter();
            resets(health.restart.then) || responses.any(|response| resets(response.action))
        })
    }
}

/// A partition with everything decided.
#[derive(Debug)]
pub struct PlannedPartition {
    /// Its name.
    pub name: String,
    /// Its criticality.
    pub criticality: Criticality,
    /// Its criticality as the manifest spells it.
    pub criticality_name: &'static str,
    /// What it runs.
    pub kind: Kind,
    /// What keeps it apart from the others.
    pub isolation: Isolation,
    /// The physical cores, by the number of its virtual ones.
    pub cores: Vec<usize>,
    /// The line of the manifest that names it.
    pub line: usize,
    /// Its RAM.
    pub ram: Window,
    /// All it can reach; the first is its RAM.
    pub regions: Vec<PlannedRegion>,
    /// Its virtual cores.
    pub virtual_cores: Vec<PlannedCore>,
    /// Its interrupt lines.
    pub lines: Vec<PlannedLine>,
    /// Its devices.
    pub devices: Vec<&'static Device>,
    /// Streams of its devices, which the board's IOMMU keeps to its RAM.
    pub streams: Vec<PlannedStreams>,
    /// Address of its first instruction.
    pub entry: u64,
    /// Address of its device tree.
    pub device_tree: u64,
    /// What it is told about its machine, beyond the tree: the kernel's command line, or arguments.
    pub arguments: String,
    /// Floating-point policy.
    pub floating_point: FloatingPoint,
    /// The same for vector registers.
    pub vector: FloatingPoint,
    /// What its health events lead to.
    pub health: Health,
    /// How it reaches its console.
    pub console: Console,
    /// Core time in each period, in nanoseconds, and the period, if that is bounded.
    pub budget_ns: Option<(u64, u64)>,
    /// Its program's file, which may have symbols.
    pub elf: Option<PathBuf>,
    pub(crate) tree: Node,
}

/// A range of addresses that a partition can reach.
#[derive(Clone, Debug)]
pub struct PlannedRegion {
    /// First address.
    pub base: u64,
    /// Size in bytes.
    pub size: u64,
    /// What it is.
    pub kind: RegionKind,
    /// Bit 0 read, bit 1 write, bit 2 execute.
    pub rights: u8,
    /// What it is, for a person.
    pub description: String,
    /// The only virtual core that can reach it, if not all can.
    pub only_core: Option<usize>,
    /// The line of the manifest behind it.
    pub line: usize,
    pub(crate) span: std::ops::Range<usize>,
}

/// Streams of a device, by which the board's IOMMU tells it apart.
#[derive(Clone, Debug)]
pub struct PlannedStreams {
    /// The first one.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// The device.
    pub device: &'static str,
    /// The line of the manifest that gives it.
    pub line: usize,
}

/// A virtual core.
#[derive(Clone, Debug)]
pub struct PlannedCore {
    /// The physical core.
    pub core: usize,
    /// The line of the manifest that gives it.
    pub line: usize,
    /// First protection entry.
    pub protection_slot: usize,
    /// Values of consecutive protection entries.
    pub protections: Vec<PlannedProtection>,
}

/// A protection entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedProtection {
    /// `pmpaddr`.
    pub address: u64,
    /// The `pmpcfg` byte.
    pub config: u8,
    /// Index of the region that it serves.
    pub region: usize,
}

/// An interrupt line.
#[derive(Clone, Copy, Debug)]
pub struct PlannedLine {
    /// Its number at the interrupt controller.
    pub line: u16,
    /// The device behind it.
    pub device: &'static str,
    /// How it reaches the partition.
    pub route: Route,
    /// The line of the manifest that gives it.
    pub manifest_line: usize,
}

/// A file that a system image consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFile {
    /// The one with the monitor and the system table, which the board starts.
    System,
    /// The one with the parts of the normal world, where Linux's come by a device.
    Normal,
}

impl ImageFile {
    /// The file that the parts of a partition are in.
    pub fn of(board: &Board, kind: Kind) -> Self {
        let device = board.secure.and_then(|secure| secure.images_device);
        match kind {
            Kind::Linux if device.is_some() => Self::Normal,
            Kind::Linux | Kind::Program => Self::System,
        }
    }
}

/// A pristine piece of a partition's image.
#[derive(Clone, Debug)]
pub struct StoredPart {
    /// Index of the partition.
    pub partition: usize,
    /// What it is.
    pub role: PartRole,
    /// The file that the pristine copy is in.
    pub file: ImageFile,
    /// Physical address of the pristine copy, or its offset in [`ImageFile::Normal`].
    pub source: u64,
    /// Physical address in the partition's RAM.
    pub destination: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their digest ([`partita_abi::digest`]).
    pub digest: [u8; 32],
}

impl Plan {
    /// How many cores ever run: those of the board but for the ones that stay off.
    pub fn running_cores(&self) -> usize {
        self.cores.saturating_sub(self.board.first_core)
    }
}

/// Parses, checks and plans the system of a manifest, and reads the images that it names.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(path: &Path) -> Result<Plan, Problems> {
    load_for_boards(path, partita_board::ALL)
}

/// Like [`load`], for boards beyond those that this repository knows.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_for_boards(path: &Path, boards: &[&'static Board]) -> Result<Plan, Problems> {
    let shown = path.display().to_string();
    let source = match fs::read_to_string(path) {
        Ok(source) => source,
        Err(error) => {
            let why = match error.kind() {
                std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
                std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
                _ => error.to_string().to_lowercase(),
            };
            let mut problems = Problems::new(shown.clone(), String::new());
            problems.push(
                Problem::error(
                    Code::ManifestUnreadable,
                    format!("the manifest `{shown}` cannot be read: {why}"),
                )
                .help("name a TOML file such as `system.toml`"),
            );
            return Err(problems);
        }
    };
    let mut problems = Problems::new(shown, source.clone());
    let directory = path.parent().unwrap_or(Path::new(""));
    let plan = parse::parse(&source, boards, &mut problems)
        .and_then(|manifest| {
            // Without a board, what is for none of them must not be told of.
            let board = manifest.board.as_ref().map(|board| board.value);
            let architecture = &board.unwrap_or(&QEMU_VIRT_RISCV64).architecture;
            let images = manifest
                .partitions
                .iter()
                .map(|entry| images::read_image(entry, directory, architecture, &mut problems))
                .collect();
            check::check(manifest, images, &mut problems)
        })
        .and_then(|system| make::make(path, &system, &mut problems));
    problems.sort();
    match plan {
        Some(mut plan) if !problems.has_errors() => {
            plan.warnings = problems;
            Ok(plan)
        }
        _ => Err(problems),
    }
}
