//! What a probe is, what must come of it, and what came of it.

use partita_board::Board;
use std::fmt;

/// Who makes the probes. The other partition has a task with deadlines meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum From {
    /// A program, less critical than the other partition.
    Low,
    /// A program, more critical than the other partition.
    High,
    /// Something in Linux's place, less critical than the other partition.
    Linux,
}

impl From {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Low, Self::High, Self::Linux];

    /// What it is called in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "high",
            Self::Linux => "Linux",
        }
    }
}

/// Boards, each as it is or without something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// QEMU's `virt` with a PLIC.
    Virt,
    /// The same without Sstc: setting a timer is a call.
    Calls,
    /// QEMU's `virt` with APLIC and IMSIC.
    Aia,
    /// The HiFive Unleashed.
    Unleashed,
    /// QEMU's `virt` of Arm, with TrustZone and a GICv3.
    TrustZone,
    /// The same with a processor that has EL2 in the secure world.
    SecureHypervisor,
    /// The same board, where partitions are at EL1 of the normal world, behind stage 2.
    Stage2,
    /// The same with the newest processor.
    Stage2Max,
}

impl Variant {
    /// Those of RISC-V.
    pub const RISCV64: [Self; 4] = [Self::Virt, Self::Calls, Self::Aia, Self::Unleashed];
    /// Those of Arm.
    pub const AARCH64: [Self; 2] = [Self::TrustZone, Self::SecureHypervisor];
    /// Those of Arm where partitions are kept apart by stage 2 of the normal world.
    pub const STAGE_2: [Self; 2] = [Self::Stage2, Self::Stage2Max];

    /// Who makes probes there. Without stage 2 a program on Arm is in the trusted base: it can reach everything.
    pub const fn sides(self) -> &'static [From] {
        match self {
            Self::TrustZone => &[From::Linux],
            Self::SecureHypervisor | Self::Stage2Max => &[From::Low, From::Linux],
            _ => &From::ALL,
        }
    }

    /// What it is called in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Virt => "virt",
            Self::Calls => "no Sstc",
            Self::Aia => "AIA",
            Self::Unleashed => "Unleashed",
            Self::TrustZone => "TrustZone",
            Self::SecureHypervisor => "S-EL2",
            Self::Stage2 => "stage 2",
            Self::Stage2Max => "stage 2, max",
        }
    }

    /// Its board.
    pub const fn board(self) -> Board {
        match self {
            Self::Virt | Self::Calls => partita_board::QEMU_VIRT_RISCV64,
            Self::Aia => partita_board::QEMU_VIRT_RISCV64_AIA,
            Self::Unleashed => partita_board::SIFIVE_U,
            Self::TrustZone | Self::SecureHypervisor | Self::Stage2 | Self::Stage2Max => {
                partita_board::QEMU_VIRT_AARCH64
            }
        }
    }

    /// Size of the other partition's memory. The program is larger on Arm.
    pub const fn others_size(self) -> u64 {
        match self {
            _ if self.is_arm() => 0x8_0000,
            _ => 0x4_0000,
        }
    }

    /// Whether its board is of Arm.
    pub const fn is_arm(self) -> bool {
        matches!(self, Self::TrustZone | Self::SecureHypervisor) || self.is_behind_stage_2()
    }

    /// Whether all partitions are in the normal world of Arm, behind stage 2.
    pub const fn is_behind_stage_2(self) -> bool {
        matches!(self, Self::Stage2 | Self::Stage2Max)
    }

    /// The processor that the manifest chooses, if it chooses one.
    pub const fn processor(self) -> Option<&'static str> {
        match self {
            Self::SecureHypervisor | Self::Stage2Max => Some("max"),
            _ => None,
        }
    }

    /// Whether partitions have timers of their own.
    pub const fn has_own_timers(self) -> bool {
        matches!(self, Self::Virt | Self::Aia)
    }
}

/// What the machine and the system are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Machine {
    /// The other partition has a device that interrupts it; the prober has one core.
    Usual,
    /// The device that interrupts is the prober's.
    OwnClock,
    /// The prober has both cores.
    TwoHarts,
    /// The cores have pages of other sizes (Svnapot).
    Napot,
    /// The cores have vectors, and the prober may use them.
    Vector,
}

impl Machine {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Usual,
        Self::OwnClock,
        Self::TwoHarts,
        Self::Napot,
        Self::Vector,
    ];
}

/// One row of the table.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What it is made on.
    pub machine: Machine,
    /// Which part of the table it belongs to.
    pub section: &'static str,
    /// What it tries, in words.
    pub name: String,
    /// Words that prepare it.
    pub preparation: Vec<String>,
    /// The word that makes it.
    pub word: String,
    /// Where it happens, if not in its own slot.
    pub counter: Option<u64>,
    /// What must come of it.
    pub expected: Expected,
}

impl Probe {
    /// Whether it keeps the hart for some periods of the other partition.
    pub fn holds_the_hart(&self) -> bool {
        self.word.starts_with("h:") || self.word.starts_with("float:")
    }
}

/// What must come of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A denied access: the trap with this cause, and the event `access-fault`.
    Fault {
        /// The trap cause (privileged specification 3.1.15).
        cause: u32,
        /// What the partition is told as the address.
        value: u64,
        /// The physical address that it reached for.
        address: u64,
    },
    /// An illegal instruction, and the event `illegal-instruction`.
    Illegal {
        /// The instruction.
        instruction: u32,
    },
    /// On Arm, an access that the board denies with an external abort, and the emulator tells nobody else of it.
    Abort {
        /// The address that it reached for.
        address: u64,
    },
    /// On Arm, an access that stage 2 denies: an external abort for the program, and the event `access-fault`.
    Untranslated {
        /// The exception class of the event (DDI 0487, D24.2.40).
        class: u32,
        /// What the partition is told as the address.
        value: u64,
        /// The physical address that it reached for.
        address: u64,
    },
    /// On Arm, an instruction that is undefined at this level: no event.
    Undefined,
    /// On Arm, an access to a register that is trapped: undefined for the partition, and an event with the syndrome.
    Trapped {
        /// The syndrome.
        syndrome: u64,
        /// The kind of the event.
        kind: &'static str,
    },
    /// A trap that is the partition's own affair: no event.
    Own {
        /// The trap cause.
        cause: u32,
    },
    /// It has no effect on anybody: no trap, no event, and this value.
    Value {
        /// The bits that count.
        mask: u64,
        /// What they are.
        value: u64,
    },
    /// A write that the filter before the interrupt controller drops, and the event `interrupt-denied`.
    Filtered {
        /// The register's address.
        address: u64,
    },
    /// A call that is answered with this error, without an event.
    Refused {
        /// The error.
        error: i64,
    },
    /// A call that is answered with this value, without an event.
    Answered {
        /// The value.
        value: u64,
    },
    /// A call that is refused with this error, and the event `call-denied`.
    Denied {
        /// The error.
        error: i64,
        /// What it named.
        address: u64,
    },
    /// As many denials, and as many events of this kind.
    Denials {
        /// How many.
        count: u64,
        /// The kind of the events; empty if they are the partition's own affair.
        kind: &'static str,
    },
    /// As many writes that the filter before the interrupt controller drops, and as many events.
    Dropped {
        /// How many.
        count: u64,
    },
    /// As many attempts while another hart changes what they use: each is either denied, with an event
    /// `access-fault`, or has no effect on anybody; both happen.
    Race {
        /// How many.
        count: u64,
    },
    /// As many times as this it went through, and nobody is told.
    Passes {
        /// How many times.
        count: u64,
    },
    /// The prober locks itself out: the event `double-trap`, and it is stopped.
    Lost {
        /// Where its trap handler is, if not in its own memory.
        handler: Option<u64>,
    },
    /// Calls chosen by chance: as many, and an event `call-denied` for each that named what is foreign.
    Answers {
        /// How many calls.
        count: u64,
    },
}

impl Expected {
    /// Whether nothing can come after it.
    pub const fn is_last(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }

    /// Whether the cause of a trap is a syndrome of Arm.
    pub const fn is_syndrome(&self) -> bool {
        matches!(
            self,
            Self::Abort { .. } | Self::Undefined | Self::Trapped { .. } | Self::Untranslated { .. }
        )
    }

    /// Whether it makes more than one event.
    pub const fn is_counted(&self) -> bool {
        matches!(
            self,
            Self::Denials { .. } | Self::Dropped { .. } | Self::Race { .. } | Self::Answers { .. }
        )
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault { cause, .. } => write!(formatter, "trap {cause}, `access-fault`"),
            Self::Illegal { .. } => formatter.write_str("trap 2, `illegal-instruction`"),
            Self::Abort { .. } => formatter.write_str("external abort, no event"),
            Self::Undefined => formatter.write_str("undefined instruction, no event"),
            Self::Trapped { kind, .. } => write!(formatter, "undefined instruction, `{kind}`"),
            Self::Untranslated { .. } => formatter.write_str("external abort, `access-fault`"),
            Self::Own { cause } => write!(formatter, "trap {cause}, no event"),
            Self::Value { mask: 0, .. } => formatter.write_str("no effect, no event"),
            Self::Value { value, .. } => write!(formatter, "{value:#x}, no event"),
            Self::Filtered { .. } => formatter.write_str("no effect, `interrupt-denied`"),
            Self::Refused { error } => write!(formatter, "error {error}, no event"),
            Self::Answered { value } => write!(formatter, "answer {value:#x}, no event"),
            Self::Denied { error, .. } => write!(formatter, "error {error}, `call-denied`"),
            Self::Denials { count, kind: "" } => write!(formatter, "{count} denials, no event"),
            Self::Dropped { count } => {
                write!(
                    formatter,
                    "{count} times no effect, `interrupt-denied` each"
                )
            }
            Self::Denials { count, kind } => write!(formatter, "{count} denials, `{kind}` each"),
            Self::Race { count } => {
                write!(formatter, "some of {count} denied, `access-fault` each")
            }
            Self::Passes { count } => write!(formatter, "{count} times nothing, no event"),
            Self::Lost { .. } => formatter.write_str("`double-trap`, and it is stopped"),
            Self::Answers { count } => {
                write!(
                    formatter,
                    "{count} answers, `call-denied` for what is foreign"
                )
            }
        }
    }
}

/// What the prober says came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A trap, with its cause and value.
    Trap(u32, u64),
    /// A value.
    Value(u64),
    /// A call's error and value.
    Answer(i64, u64),
    /// Denied and passed.
    Count(u64, u64),
    /// Calls made, and those answered "invalid parameter" and "invalid address".
    Answers(u64, u64, u64),
}

/// What a syndrome of Arm tells (DDI 0487, D24.2.39): an external abort of an access or of a fetch, not on a walk, or
/// an undefined instruction.
pub const fn syndrome_name(syndrome: u32) -> Option<&'static str> {
    match (syndrome >> 26, syndrome & 0x3f) {
        (0x20 | 0x21 | 0x24 | 0x25, 0x10) => Some("external abort"),
        (0, _) => Some("undefined instruction"),
        _ => None,
    }
}

/// What the prober says of one probe.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// Its number in the run.
    pub index: usize,
    /// Machine time before it, in nanoseconds.
    pub before_ns: u64,
    /// Machine time after it, in nanoseconds.
    pub after_ns: u64,
    /// What came of it.
    pub outcome: Outcome,
}

impl Told {
    /// Reads a line of the prober's on a board with this time base.
    pub fn parse(line: &str, timebase_hz: u64) -> Option<Self> {
        let tick_ns = 1_000_000_000 / timebase_hz;
        let mut words = line.strip_prefix("isolation: ")?.split(' ');
        let index = words.next()?.parse().ok()?;
        let mut decimal = || words.next()?.parse::<u64>().ok();
        let (before, after) = (decimal()?, decimal()?);
        let kind = words.next()?;
        let rest: Vec<_> = words.collect();
        let number = |index: usize| -> Option<u64> {
            let text = rest.get(index)?;
            match text.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            }
        };
        let outcome = match kind {
            "trap" => Outcome::Trap(u32::try_from(number(0)?).ok()?, number(1)?),
            "value" => Outcome::Value(number(0)?),
            "answer" => Outcome::Answer(rest.first()?.parse().ok()?, number(1)?),
            "count" => Outcome::Count(number(0)?, number(1)?),
            "answers" => Outcome::Answers(number(0)?, number(1)?, number(2)?),
            _ => return None,
        };
        Some(Self {
            index,
            before_ns: before * tick_ns,
            after_ns: (after + 1) * tick_ns,
            outcome,
        })
    }
}
