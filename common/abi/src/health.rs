//! Health events and the states of a partition.

/// What was found wrong. The numbers are part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A load, store or fetch outside the partition's memory and devices; or one of its devices' (the event's cause has
    /// [`Kind::CAUSE_DEVICE`]), and then the program counter is the device's stream.
    AccessFault = 1,
    /// An instruction that the partition may not execute and its own system did not handle.
    IllegalInstruction = 2,
    /// A trap that has no business reaching the monitor.
    UnexpectedTrap = 3,
    /// Floating-point or vector state was used by a partition that declares to use none. The event's
    /// cause is [`Kind::CAUSE_FLOATING_POINT`] or [`Kind::CAUSE_VECTOR`].
    FloatingPoint = 4,
    /// The partition called for its own end.
    Panic = 5,
    /// The partition reset itself.
    Reset = 6,
    /// The partition shut itself down.
    Shutdown = 7,
    /// The partition used up its budget while it still had work.
    BudgetOverrun = 8,
    /// A stored image does not match its hash.
    ImageCorrupt = 9,
    /// The partition reported a missed deadline.
    DeadlineMiss = 10,
    /// The partition wrote an interrupt-controller register of a line that is not its own.
    InterruptDenied = 11,
    /// A fault of the partition's own trap handler, at its first instruction: it would fault for ever.
    DoubleTrap = 12,
    /// The partition did not reset its watchdog in time.
    Watchdog = 13,
    /// The partition's interrupts came more often than its manifest allows; they wait.
    Storm = 14,
    /// A monitor call named memory or a hart outside the partition.
    CallDenied = 15,
}

impl Kind {
    /// The cause of [`Kind::FloatingPoint`] where floating-point registers were used.
    pub const CAUSE_FLOATING_POINT: u32 = 0;
    /// The cause of [`Kind::FloatingPoint`] where only vector registers were used.
    pub const CAUSE_VECTOR: u32 = 1;

    /// In the cause of [`Kind::AccessFault`]: an IOMMU denied an access of a device. The rest is its event's number.
    pub const CAUSE_DEVICE: u32 = 1 << 8;

    /// Every kind, in the order of its number.
    pub const ALL: [Self; 15] = [
        Self::AccessFault,
        Self::IllegalInstruction,
        Self::UnexpectedTrap,
        Self::FloatingPoint,
        Self::Panic,
        Self::Reset,
        Self::Shutdown,
        Self::BudgetOverrun,
        Self::ImageCorrupt,
        Self::DeadlineMiss,
        Self::InterruptDenied,
        Self::DoubleTrap,
        Self::Watchdog,
        Self::Storm,
        Self::CallDenied,
    ];

    /// One more than the highest number: the length of an array that has a place for each kind.
    pub const COUNT: usize = 16;

    /// The kind with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The name used on the console and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessFault => "access-fault",
            Self::IllegalInstruction => "illegal-instruction",
            Self::UnexpectedTrap => "unexpected-trap",
            Self::FloatingPoint => "floating-point",
            Self::Panic => "panic",
            Self::Reset => "reset",
            Self::Shutdown => "shutdown",
            Self::BudgetOverrun => "budget-overrun",
            Self::ImageCorrupt => "image-corrupt",
            Self::DeadlineMiss => "deadline-miss",
            Self::InterruptDenied => "interrupt-denied",
            Self::DoubleTrap => "double-trap",
            Self::Watchdog => "watchdog",
            Self::Storm => "storm",
            Self::CallDenied => "call-denied",
        }
    }
}

/// What the monitor does about a health event, after it has recorded it. The numbers are part of the
/// contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Action {
    /// Nothing more. A fault goes to the partition's own handler, as from hardware; a call returns an
    /// error.
    Log = 0,
    /// The partition is restarted from its pristine image, within the limits of its restart policy.
    Restart = 1,
    /// The partition stays off.
    Halt = 2,
    /// All partitions stay off, and the run ends.
    StopSystem = 3,
    /// The board is reset.
    ResetSystem = 4,
}

impl Action {
    /// Every action, in the order of its number.
    pub const ALL: [Self; 5] = [
        Self::Log,
        Self::Restart,
        Self::Halt,
        Self::StopSystem,
        Self::ResetSystem,
    ];

    /// The action with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The name used in manifests and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Restart => "restart",
            Self::Halt => "halt",
            Self::StopSystem => "stop-system",
            Self::ResetSystem => "reset-system",
        }
    }
}

/// Where a partition is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// Not started yet.
    Off = 0,
    /// Its images are being verified and copied.
    Loading = 1,
    /// It runs, or could.
    Running = 2,
    /// It shut itself down.
    Stopped = 3,
    /// The monitor stopped it because of a health event.
    Failed = 4,
}

impl State {
    /// The state with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Off,
            1 => Self::Loading,
            2 => Self::Running,
            3 => Self::Stopped,
            4 => Self::Failed,
            _ => return None,
        })
    }

    /// The name used on the console and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Loading => "loading",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}
