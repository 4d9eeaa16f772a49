//! The parsed manifest: every value that is there has the right form, some may be missing.

use crate::Criticality;
use partita_abi::health::{Action, Kind as Event};
use partita_abi::table::{Console, FloatingPoint, Isolation, WatchdogStart};
use partita_board::{Architecture, Board, Device, Master};
use std::ops::Range;

/// A value and where it stands in the source.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

impl<T> Located<T> {
    pub(crate) fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }

    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located::new(change(self.value), self.span)
    }
}

/// A whole manifest. `None` is a value that was left out or refused.
#[derive(Debug, Default)]
pub(crate) struct Manifest {
    pub(crate) system_name: Option<Located<String>>,
    pub(crate) version: Option<u64>,
    /// What keeps partitions apart that do not say so themselves.
    pub(crate) isolation: Option<Located<Isolation>>,
    pub(crate) board: Option<Located<&'static Board>>,
    pub(crate) memory: Option<Located<u64>>,
    pub(crate) cores: Option<Located<usize>>,
    pub(crate) cpu: Option<Located<String>>,
    pub(crate) smepmp: Option<Located<bool>>,
    pub(crate) sstc: Option<Located<bool>>,
    pub(crate) iommu: Option<Located<bool>>,
    pub(crate) vector: Option<Located<bool>>,
    pub(crate) partitions: Vec<PartitionEntry>,
    pub(crate) focus: Option<Located<String>>,
}

impl Manifest {
    /// What keeps a partition apart: its own word, that of the system, or what the board has.
    pub(crate) fn isolation_of(&self, entry: &PartitionEntry) -> Isolation {
        let Some(board) = self.board.as_ref().map(|board| board.value) else {
            return Isolation::Board;
        };
        if let Architecture::Riscv64(_) = board.architecture {
            return Isolation::Board;
        }
        let chosen = entry.isolation.as_ref().or(self.isolation.as_ref());
        chosen.map_or(usual_isolation(board), |chosen| chosen.value)
    }

    /// What the IOMMU knows of a partition's device, if it bounds it: the device reaches the partition's RAM and nothing
    /// else. It works with the tables of stage 2.
    pub(crate) fn bounded(
        &self,
        entry: &PartitionEntry,
        device: &Device,
    ) -> Option<&'static Master> {
        let board = self.board.as_ref()?.value;
        let iommu = board.architecture.aarch64()?.iommu.as_ref()?;
        let is_on = self.iommu.as_ref().is_none_or(|wanted| wanted.value);
        let is_bound = is_on && self.isolation_of(entry) == Isolation::Stage2;
        is_bound.then(|| iommu.master(device.name)).flatten()
    }

    /// Whether something keeps partitions of the normal world of Arm apart.
    pub(crate) fn has_stage_2(&self) -> bool {
        let mut partitions = self.partitions.iter();
        partitions.any(|entry| self.isolation_of(entry) == Isolation::Stage2)
    }
}

/// What keeps partitions apart when nothing is said: there are no two worlds where no memory is secure.
fn usual_isolation(board: &Board) -> Isolation {
    match (board.architecture, board.secure) {
        (Architecture::Aarch64(_), None) => Isolation::Stage2,
        _ => Isolation::Board,
    }
}

/// A `[partition.NAME]` table.
#[derive(Debug)]
pub(crate) struct PartitionEntry {
    pub(crate) name: Located<String>,
    pub(crate) criticality: Option<Located<(Criticality, &'static str)>>,
    pub(crate) payload: Option<Payload>,
    pub(crate) isolation: Option<Located<Isolation>>,
    pub(crate) arguments: Option<Located<String>>,
    pub(crate) memory: Option<Located<u64>>,
    pub(crate) base: Option<Located<u64>>,
    pub(crate) cores: Option<Located<Vec<Located<i64>>>>,
    pub(crate) floating_point: Option<Located<FloatingPoint>>,
    pub(crate) vector: Option<Located<FloatingPoint>>,
    /// Whether the key is there, readable or not.
    pub(crate) has_budget: bool,
    /// Whether the key is there, readable or not.
    pub(crate) has_period: bool,
    pub(crate) budget: Option<Located<u64>>,
    pub(crate) period: Option<Located<u64>>,
    pub(crate) devices: Vec<Located<&'static Device>>,
    pub(crate) console: Option<Located<Console>>,
    pub(crate) health: HealthEntry,
    pub(crate) accept: Vec<Located<Acceptance>>,
}

/// What a partition says about its health.
#[derive(Debug, Default)]
pub(crate) struct HealthEntry {
    pub(crate) responses: Vec<ResponseEntry>,
    pub(crate) restart: Option<RestartEntry>,
    pub(crate) watchdog: Option<WatchdogEntry>,
    pub(crate) interrupts: Option<InterruptsEntry>,
}

/// A line of a `[partition.NAME.health]` table.
#[derive(Debug)]
pub(crate) struct ResponseEntry {
    pub(crate) event: Located<Event>,
    pub(crate) action: Option<Located<Action>>,
    pub(crate) notify: Option<Located<String>>,
}

/// The `restart` key of a partition.
#[derive(Debug)]
pub(crate) struct RestartEntry {
    /// Whether `limit`, `within` and `back-off` are there, readable or not.
    pub(crate) has: [bool; 3],
    pub(crate) limit: Option<Located<u16>>,
    pub(crate) within: Option<Located<u64>>,
    pub(crate) back_off: Option<Located<u64>>,
    pub(crate) then: Option<Located<Action>>,
}

/// The `watchdog` key of a partition.
#[derive(Debug)]
pub(crate) struct WatchdogEntry {
    pub(crate) timeout: Option<Located<u64>>,
    pub(crate) start: Option<Located<WatchdogStart>>,
}

/// The `interrupts` key of a partition.
#[derive(Debug)]
pub(crate) struct InterruptsEntry {
    /// Where the key stands.
    pub(crate) span: Range<usize>,
    pub(crate) limit: Option<Located<u64>>,
    pub(crate) within: Option<Located<u64>>,
}

/// What a partition runs.
#[derive(Clone, Debug)]
pub(crate) enum Payload {
    /// An ELF file.
    Program(Located<String>),
    /// A Linux kernel.
    Linux(LinuxEntry),
}

/// The `linux` key of a partition.
#[derive(Clone, Debug)]
pub(crate) struct LinuxEntry {
    /// Where the key stands.
    pub(crate) span: Range<usize>,
    pub(crate) kernel: Option<Located<String>>,
    pub(crate) initramfs: Option<Located<String>>,
    pub(crate) command_line: Option<Located<String>>,
    /// Whether it must be able to run virtual machines.
    pub(crate) kvm: Option<Located<bool>>,
}

/// An honest limit that a manifest can accept by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acceptance {
    /// A device of the partition can read and write all memory.
    Dma,
    /// A program in the secure world can reach the monitor and every partition.
    TrustedBase,
    /// A device of a program is in the normal world, where Linux can reach it.
    OpenDevice,
}

/// The words of [`Acceptance`].
pub(crate) const ACCEPTANCES: [(&str, Acceptance); 3] = [
    ("dma", Acceptance::Dma),
    ("trusted-base", Acceptance::TrustedBase),
    ("open-device", Acceptance::OpenDevice),
];
/// The words of the keys `fp` and `vector`.
pub(crate) const FLOATING_POINTS: [(&str, FloatingPoint); 3] = [
    ("none", FloatingPoint::None),
    ("eager", FloatingPoint::Eager),
    ("lazy", FloatingPoint::Lazy),
];
/// The words of the keys `isolation`.
pub(crate) const ISOLATIONS: [(&str, Isolation); 2] = [
    ("trustzone", Isolation::Board),
    ("stage2", Isolation::Stage2),
];
/// The words of the `console` key.
pub(crate) const CONSOLES: [(&str, Console); 3] = [
    ("none", Console::None),
    ("sbi", Console::MonitorCall),
    ("uart", Console::Uart16550),
];
/// The words of an action.
pub(crate) const ACTIONS: [(&str, Action); 5] = [
    ("log", Action::Log),
    ("restart", Action::Restart),
    ("halt", Action::Halt),
    ("stop-system", Action::StopSystem),
    ("reset-system", Action::ResetSystem),
];
/// The words of `then`: what is left when there is no further restart.
pub(crate) const THENS: [(&str, Action); 3] = [
    ("halt", Action::Halt),
    ("stop-system", Action::StopSystem),
    ("reset-system", Action::ResetSystem),
];
/// The words of the `start` of a watchdog.
pub(crate) const WATCHDOG_STARTS: [(&str, WatchdogStart); 2] = [
    ("boot", WatchdogStart::Boot),
    ("first-use", WatchdogStart::FirstUse),
];

/// Keys of each table, as the parser takes them.
pub(crate) mod keys {
    use partita_abi::health::Kind as Event;

    pub(crate) const ROOT: &[&str] = &["system", "board", "partition", "run"];
    pub(crate) const SYSTEM: &[&str] = &["name", "version", "isolation"];
    pub(crate) const BOARD: &[&str] = &[
        "name", "memory", "cores", "cpu", "smepmp", "sstc", "vector", "iommu",
    ];
    pub(crate) const RUN: &[&str] = &["console"];
    pub(crate) const PARTITION: &[&str] = &[
        "criticality",
        "image",
        "linux",
        "isolation",
        "arguments",
        "memory",
        "cores",
        "fp",
        "vector",
        "budget",
        "period",
        "devices",
        "console",
        "health",
        "restart",
        "watchdog",
        "interrupts",
        "accept",
    ];
    pub(crate) const LINUX: &[&str] = &["kernel", "initramfs", "command-line", "kvm"];
    pub(crate) const MEMORY: &[&str] = &["base", "size"];
    pub(crate) const RESPONSE: &[&str] = &["action", "notify"];
    pub(crate) const RESTART: &[&str] = &["limit", "within", "back-off", "then"];
    pub(crate) const WATCHDOG: &[&str] = &["timeout", "start"];
    pub(crate) const INTERRUPTS: &[&str] = &["limit", "within"];
    /// A key for each health event, by its name.
    pub(crate) const HEALTH: &[&str] = &{
        let mut names = [""; Event::ALL.len()];
        let mut index = 0;
        while index < names.len() {
            names[index] = Event::ALL[index].name();
            index += 1;
        }
        names
    };
}
