//! An exception that the monitor makes a partition take, as hardware would have it taken at EL1
//! (DDI 0487, D1.3.5, "Synchronous exception entry", and `AArch64.TakeException` in J1.2.1).

/// What the monitor found when the partition was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Its state: `SPSR_EL2` or `SPSR_EL3`.
    pub state: u64,
    /// The instruction that it stopped at.
    pub counter: u64,
    /// `VBAR_EL1`, or that of the level that takes it.
    pub vectors: u64,
    /// `SCTLR_EL1`, likewise.
    pub control: u64,
}

/// What the cores have that changes the state in which an exception is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Memory tags (FEAT_MTE2).
    pub tags: bool,
    /// Interrupts that cannot be masked (FEAT_NMI).
    pub unmaskable: bool,
}

/// Why it takes an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// An access or a fetch was denied, by stage 2 or by what is behind: it is told as what memory answers that refuses it.
    Denied {
        /// The syndrome of a data or an instruction abort of a lower level.
        syndrome: u64,
        /// The virtual address.
        address: u64,
    },
    /// It used an instruction or a register that is not there for it.
    Undefined,
}

/// Registers of the partition, as they are when the exception has been taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// `ESR_EL1`.
    pub syndrome: u64,
    /// `FAR_EL1`, if it changes.
    pub address: Option<u64>,
    /// `ELR_EL1`.
    pub link: u64,
    /// `SPSR_EL1`.
    pub saved: u64,
    /// Where it goes on.
    pub counter: u64,
    /// In which state: `SPSR_EL3` for the return to EL1.
    pub state: u64,
}

/// Fields of a saved state (C5.2.19).
mod state {
    pub const LEVEL: u64 = 0b1100;
    pub const OWN_STACK: u64 = 1 << 0;
    pub const AARCH32: u64 = 1 << 4;
    /// EL1 on its own stack, with debug exceptions and all interrupts masked.
    pub const ENTERED: u64 = 0b0101 | 0xf << 6;
    pub const SPECULATION: u64 = 1 << 12;
    pub const ALL_INTERRUPTS: u64 = 1 << 13;
    pub const NEVER_PRIVILEGED: u64 = 1 << 22;
    pub const TAGS_UNCHECKED: u64 = 1 << 25;
    /// Flags of conditions, PAN, and timing that does not depend on data.
    pub const KEPT: u64 = 0xf << 28 | 1 << 24 | NEVER_PRIVILEGED;
}

/// Fields of `SCTLR_EL1` (D24.2.118) that decide on the state after an exception.
mod control {
    pub const KEEP_NEVER_PRIVILEGED: u64 = 1 << 23;
    pub const SPECULATION: u64 = 1 << 44;
    pub const MASK_ON_STACK: u64 = 1 << 62;
}

/// Has a stopped partition take an exception.
#[must_use]
pub const fn take(stopped: &Stopped, features: Features, reason: Reason) -> Taken {
    let before = stopped.state;
    let is_lower = before & state::AARCH32 != 0 || before & state::LEVEL == 0;
    let (syndrome, address) = match reason {
        Reason::Denied { syndrome, address } => (external_abort(syndrome, is_lower), Some(address)),
        Reason::Undefined => (INSTRUCTION_OF_32_BITS, None),
    };
    Taken {
        syndrome,
        address,
        link: stopped.counter,
        saved: before,
        counter: stopped.vectors.wrapping_add(vector(before, is_lower)),
        state: after(before, stopped.control, features),
    }
}

const INSTRUCTION_OF_32_BITS: u64 = 1 << 25;

/// The syndrome of a synchronous external abort (D24.2.40). It keeps the length of the instruction, and whether it
/// wrote or maintained a cache. That it was not on a walk is said also if it was: of the partition's own tables it is
/// not known at which level.
const fn external_abort(syndrome: u64, is_lower: bool) -> u64 {
    const FETCH: u64 = 0b10_0000;
    const DATA: u64 = 0b10_0100;
    const OF_SAME_LEVEL: u64 = 1;
    const EXTERNAL: u64 = 0b01_0000;
    const WRITES: u64 = 1 << 6;
    const CACHE: u64 = 1 << 8;
    const ADDRESS_UNKNOWN: u64 = 1 << 10;
    let (class, kept) = match syndrome >> 26 & 0x3f {
        FETCH => (FETCH, INSTRUCTION_OF_32_BITS | ADDRESS_UNKNOWN),
        _ => (
            DATA,
            INSTRUCTION_OF_32_BITS | ADDRESS_UNKNOWN | WRITES | CACHE,
        ),
    };
    let class = if is_lower {
        class
    } else {
        class | OF_SAME_LEVEL
    };
    class << 26 | syndrome & kept | EXTERNAL
}

/// Where the vector for synchronous exceptions is in the table (D1.3.1).
const fn vector(before: u64, is_lower: bool) -> u64 {
    if before & state::AARCH32 != 0 {
        0x600
    } else if is_lower {
        0x400
    } else if before & state::OWN_STACK != 0 {
        0x200
    } else {
        0
    }
}

/// The state in which EL1 begins.
const fn after(before: u64, control: u64, features: Features) -> u64 {
    let mut after = before & state::KEPT | state::ENTERED;
    if control & control::KEEP_NEVER_PRIVILEGED == 0 {
        after |= state::NEVER_PRIVILEGED;
    }
    if control & control::SPECULATION != 0 {
        after |= state::SPECULATION;
    }
    if features.tags {
        after |= state::TAGS_UNCHECKED;
    }
    if features.unmaskable && control & control::MASK_ON_STACK == 0 {
        after |= state::ALL_INTERRUPTS;
    }
    after
}
