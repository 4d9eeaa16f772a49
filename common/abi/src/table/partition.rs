//! Partitions: what they run, how they reach their console, and what follows what happens to them.

use super::header::Span;

use crate::name::Name;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

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
    /// An [`Isolation`].
    pub isolation: u8,
    /// Padding, zero.
    pub reserved: u8,
    /// Its [`VirtualCore`](super::VirtualCore) entries; the first one is started at boot.
    pub virtual_cores: Span,
    /// Its [`Region`](super::Region) entries.
    pub regions: Span,
    /// Its [`ImagePart`](super::ImagePart) entries.
    pub image_parts: Span,
    /// Its [`Line`](super::Line) entries.
    pub lines: Span,
    /// Its [`DeviceReset`](super::DeviceReset) entries, to be done in order at each restart.
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

/// What keeps a partition apart from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Isolation {
    /// What the board has by itself: protection entries of RISC-V, the two worlds of Arm TrustZone.
    Board = 0,
    /// Arm's stage 2: the partition runs at EL1 of the normal world, and EL2 is the monitor's.
    Stage2 = 1,
}

/// What the monitor does with floating-point state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FloatingPoint {
    /// The partition uses none: nothing is saved, and using it is a health event.
    None = 0,
    /// The partition may use it: it is saved and restored at each switch that needs it.
    Eager = 1,
    /// The partition may use it: it is saved and restored at the first use after a switch.
    Lazy = 2,
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

from_number! {
    Kind: Program, Linux;
    Isolation: Board, Stage2;
    FloatingPoint: None, Eager, Lazy;
    WatchdogStart: FirstUse, Boot;
    Console: None, MonitorCall, Uart16550, Own;
}
