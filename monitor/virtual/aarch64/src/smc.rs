//! Calls of a partition by `SMC`: which call the registers ask for, and whether its arguments are sound.
//!
//! The calling convention is SMCCC 1.4 (DEN0028). What is offered: its own functions (chapter 7), PSCI 1.1
//! (DEN0022, chapter 5) and Partita's own ([`partita_abi::monitor_call`]) as fast calls with 64 bits in the
//! range of OEM services. Everything else is answered with "not supported".
//!
//! [`decode`] changes nothing and touches no memory. A [`Call`] proves that its arguments are within the
//! caller's own partition; only the state of its cores is left to check.

use crate::caller::{Caller, EntryAddress};
use partita_monitor_core::request::{self, Failure, Request};

pub mod entropy;
mod id;
pub mod watchdog;

pub use id::{CALL_CORES, CONSOLE_READ, CONSOLE_WRITE, CONSOLE_WRITE_BYTE, PARTITA};

/// Answers to calls (SMCCC 1.4, 7.1; PSCI 1.1, 5.2.2). They are 32 bits wide; the upper half of the register
/// continues the sign.
pub mod answer {
    /// It is done.
    pub const SUCCESS: u64 = 0;
    /// There is no such call, or not this form of it.
    pub const NOT_SUPPORTED: u64 = -1_i64 as u64;
    /// An argument is reserved, or not of the caller.
    pub const INVALID_PARAMETERS: u64 = -2_i64 as u64;
    /// Not now.
    pub const DENIED: u64 = -3_i64 as u64;
    /// There is no entropy now (DEN0098, 2.1.1).
    pub const NO_ENTROPY: u64 = -3_i64 as u64;
    /// The core runs already.
    pub const ALREADY_ON: u64 = -4_i64 as u64;
    /// The core was asked to start already.
    pub const ON_PENDING: u64 = -5_i64 as u64;
    /// Something went wrong.
    pub const INTERNAL_FAILURE: u64 = -6_i64 as u64;
    /// An address is not in the caller's RAM.
    pub const INVALID_ADDRESS: u64 = -9_i64 as u64;
}

/// PSCI 1.1 (5.1.1), major in bits 31:16.
const PSCI_VERSION: u64 = 0x1_0001;
/// SMCCC 1.4 (7.2).
const SMCCC_VERSION: u64 = 0x1_0004;
/// There is no trusted OS that has to be moved (PSCI 5.9).
const MIGRATION_NOT_REQUIRED: u64 = 2;

/// The registers of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    /// `w0`: the function.
    pub function: u32,
    /// `x1` to `x3`.
    pub arguments: [u64; 3],
}

/// What the cores can do that a caller may ask about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mitigations {
    /// Whether `SMCCC_ARCH_WORKAROUND_1` and `_3` do something here; otherwise they are not needed.
    pub branch_predictor: bool,
    /// Whether loads never bypass stores here, so that `SMCCC_ARCH_WORKAROUND_2` is not needed.
    pub loads_in_order: bool,
    /// Whether the cores have entropy (FEAT_RNG).
    pub entropy: bool,
}

/// A call whose arguments are sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Return this value at once.
    Answer(u64),
    /// Return this error of one of Partita's own calls at once.
    Fail(Failure),
    /// One of Partita's own calls that every architecture has.
    Request(Request),
    /// Something that is not the caller's was named.
    Deny {
        /// What is returned if the caller goes on.
        answer: u64,
        /// What was named.
        reached: u64,
    },
    /// Start a stopped core.
    CoreOn {
        /// The virtual core.
        core: u32,
        /// Where it starts.
        entry: EntryAddress,
        /// The value of its `x0`.
        context: u64,
    },
    /// Stop the calling core.
    CoreOff,
    /// Wait for an interrupt, keeping all state, then return success.
    Standby,
    /// Wait for an interrupt, then start at `resume` with `context` in `x0`.
    PowerDown {
        /// Where the core goes on.
        resume: EntryAddress,
        /// The value of its `x0`.
        context: u64,
    },
    /// As [`Call::PowerDown`], when all other cores of the partition are off.
    SystemSuspend {
        /// Where the core goes on.
        resume: EntryAddress,
        /// The value of its `x0`.
        context: u64,
    },
    /// Return the state of a core.
    CoreState {
        /// The virtual core.
        core: u32,
    },
    /// End the calling partition.
    SystemOff,
    /// Restart the calling partition.
    SystemReset,
    /// Return this many random bits, 192 at most, in three registers.
    Entropy {
        /// The function, which says how wide they are.
        function: u32,
        /// How many.
        bits: u32,
    },
    /// Return [`entropy::IDENTITY`] in four registers.
    EntropyIdentity,
    /// Something about the caller's watchdog. Whether it has one is left to check.
    Watchdog(watchdog::Wish),
    /// Raise the software interrupt of cores of the caller's partition.
    CallCores {
        /// Which virtual cores, one bit each.
        cores: u64,
    },
}

impl Call {
    /// Whether it is one of Partita's own, which return an error in `x0` and a value in `x1`; all others return
    /// one value in `x0`.
    #[must_use]
    pub const fn is_own(function: u32) -> bool {
        function & !id::NUMBER == PARTITA
    }
}

/// Finds the call that `registers` ask for and checks its arguments against the caller's partition.
#[must_use]
pub fn decode(registers: &Registers, caller: &Caller<'_>, mitigations: Mitigations) -> Call {
    // Bit 16 of a fast call is a hint about the caller's vector registers (SMCCC 1.4, 2.6).
    let function = registers.function & !id::HINT;
    if Call::is_own(function) {
        return own(function & id::NUMBER, registers.arguments, caller);
    }
    if let Some(value) = at_once(function, registers.arguments[0], mitigations) {
        return Call::Answer(value);
    }
    power(function, registers.arguments, caller, mitigations)
}

/// The answer to a call that asks for a fact, if it is one: `first` is its first argument.
#[inline(never)]
#[must_use]
pub fn at_once(function: u32, first: u64, mitigations: Mitigations) -> Option<u64> {
    match function {
        id::PSCI_VERSION => Some(PSCI_VERSION),
        id::PSCI_FEATURES => Some(features(first as u32)),
        id::SMCCC_VERSION => Some(SMCCC_VERSION),
        id::ARCHITECTURE_FEATURES => Some(architecture_features(first as u32, mitigations)),
        id::MIGRATE_INFO_TYPE => Some(MIGRATION_NOT_REQUIRED),
        id::TRNG_VERSION | id::TRNG_FEATURES => Some(entropy::fact(function, first, mitigations)),
        _ => None,
    }
}

/// Whether a call wants the branch predictor forgotten (SMCCC 1.4, 7.5 and 7.7). It returns nothing.
#[inline]
#[must_use]
pub const fn forgets_branches(function: u32) -> bool {
    matches!(function, id::WORKAROUND_1 | id::WORKAROUND_3)
}

/// PSCI 5.15.
fn features(function: u32) -> u64 {
    match function {
        // 5.15.2: the original format of the power state, and no coordination by the operating system.
        id::CPU_SUSPEND_32 | id::CPU_SUSPEND_64 => 0,
        id::PSCI_VERSION
        | id::CPU_OFF
        | id::CPU_ON_32
        | id::CPU_ON_64
        | id::AFFINITY_INFO_32
        | id::AFFINITY_INFO_64
        | id::MIGRATE_INFO_TYPE
        | id::SYSTEM_OFF
        | id::SYSTEM_RESET
        | id::SYSTEM_RESET2_32
        | id::SYSTEM_RESET2_64
        | id::SYSTEM_SUSPEND_32
        | id::SYSTEM_SUSPEND_64
        | id::PSCI_FEATURES
        | id::SET_SUSPEND_MODE
        | id::SMCCC_VERSION => answer::SUCCESS,
        _ => answer::NOT_SUPPORTED,
    }
}

/// SMCCC 1.4, 7.3.
fn architecture_features(function: u32, mitigations: Mitigations) -> u64 {
    match function {
        id::SMCCC_VERSION | id::ARCHITECTURE_FEATURES => answer::SUCCESS,
        // 7.5: 1 is "not needed on this core".
        id::WORKAROUND_1 | id::WORKAROUND_3 => u64::from(!mitigations.branch_predictor),
        id::WORKAROUND_2 if mitigations.loads_in_order => 1,
        _ => answer::NOT_SUPPORTED,
    }
}

/// Calls that change what runs (PSCI, chapter 5), of which most exist with 32 and with 64 bits.
fn power(
    function: u32,
    arguments: [u64; 3],
    caller: &Caller<'_>,
    mitigations: Mitigations,
) -> Call {
    let [a1, a2, a3] = if function & id::WIDE == 0 {
        arguments.map(|argument| argument & 0xffff_ffff)
    } else {
        arguments
    };
    match function {
        id::CPU_ON_32 | id::CPU_ON_64 => core_on(a1, a2, a3, caller),
        id::CPU_OFF => Call::CoreOff,
        id::CPU_SUSPEND_32 | id::CPU_SUSPEND_64 => suspend(a1, a2, a3, caller),
        id::SYSTEM_SUSPEND_32 | id::SYSTEM_SUSPEND_64 => match caller.entry(a1) {
            Some(resume) => Call::SystemSuspend {
                resume,
                context: a2,
            },
            None => Call::Deny {
                answer: answer::INVALID_ADDRESS,
                reached: a1,
            },
        },
        id::AFFINITY_INFO_32 | id::AFFINITY_INFO_64 => affinity_info(a1, a2, caller),
        id::SYSTEM_OFF => Call::SystemOff,
        id::SYSTEM_RESET => Call::SystemReset,
        // 5.13: 0 is a warm reset; the rest is reserved, or a vendor's.
        id::SYSTEM_RESET2_32 | id::SYSTEM_RESET2_64 => match a1 as u32 {
            0 => Call::SystemReset,
            _ => Call::Answer(answer::INVALID_PARAMETERS),
        },
        // 5.19: the firmware chooses states by what each core asks for, and nothing else.
        id::SET_SUSPEND_MODE => Call::Answer(match a1 as u32 {
            0 => answer::SUCCESS,
            1 => answer::NOT_SUPPORTED,
            _ => answer::INVALID_PARAMETERS,
        }),
        id::TRNG_RND_32 | id::TRNG_RND_64 if mitigations.entropy => entropy::asked(function, a1),
        id::TRNG_GET_UUID if mitigations.entropy => Call::EntropyIdentity,
        id::WATCHDOG => watchdog::asked(a1, a2),
        _ => Call::Answer(answer::NOT_SUPPORTED),
    }
}

/// PSCI 5.6.
fn core_on(target: u64, address: u64, context: u64, caller: &Caller<'_>) -> Call {
    let Some(core) = caller.core(target) else {
        return Call::Deny {
            answer: answer::INVALID_PARAMETERS,
            reached: target,
        };
    };
    match caller.entry(address) {
        Some(entry) => Call::CoreOn {
            core,
            entry,
            context,
        },
        None => Call::Deny {
            answer: answer::INVALID_ADDRESS,
            reached: address,
        },
    }
}

/// PSCI 5.4: bit 16 of the power state tells power-down from standby; the level and the state's number are taken as
/// they are, but reserved bits are not.
fn suspend(state: u64, address: u64, context: u64, caller: &Caller<'_>) -> Call {
    const POWER_DOWN: u32 = 1 << 16;
    const RESERVED: u32 = 0xfcfe_0000;
    let state = state as u32;
    if state & RESERVED != 0 {
        return Call::Answer(answer::INVALID_PARAMETERS);
    }
    if state & POWER_DOWN == 0 {
        return Call::Standby;
    }
    match caller.entry(address) {
        Some(resume) => Call::PowerDown { resume, context },
        None => Call::Deny {
            answer: answer::INVALID_ADDRESS,
            reached: address,
        },
    }
}

/// PSCI 5.7. Since 1.0 only the lowest level has to be told.
fn affinity_info(target: u64, level: u64, caller: &Caller<'_>) -> Call {
    if level as u32 != 0 {
        return Call::Answer(answer::INVALID_PARAMETERS);
    }
    match caller.core(target) {
        Some(core) => Call::CoreState { core },
        None => Call::Deny {
            answer: answer::INVALID_PARAMETERS,
            reached: target,
        },
    }
}

/// Partita's own calls.
fn own(number: u32, arguments: [u64; 3], caller: &Caller<'_>) -> Call {
    let [a1, a2, _] = arguments;
    let memory = caller.memory();
    match u64::from(number) {
        CONSOLE_WRITE => match memory.readable(a1, a2) {
            Some(_) if caller.has_own_port() => Call::Fail(Failure::NotSupported),
            Some(bytes) => Call::Request(Request::ConsoleWrite { bytes }),
            None => foreign(Failure::InvalidParameter, a1),
        },
        CONSOLE_READ => match memory.writable(a1, a2) {
            Some(_) if caller.has_own_port() => Call::Fail(Failure::NotSupported),
            Some(buffer) => Call::Request(Request::ConsoleRead { buffer }),
            None => foreign(Failure::InvalidParameter, a1),
        },
        CONSOLE_WRITE_BYTE if caller.has_own_port() => Call::Fail(Failure::NotSupported),
        CONSOLE_WRITE_BYTE => Call::Request(Request::ConsoleWriteByte { byte: a1 as u8 }),
        CALL_CORES if a1 & !caller.all_cores() == 0 => Call::CallCores { cores: a1 },
        CALL_CORES => {
            let first = (a1 & !caller.all_cores()).trailing_zeros();
            foreign(Failure::InvalidParameter, first.into())
        }
        number => match request::decode(number, arguments, &memory) {
            Ok(request) => Call::Request(request),
            Err(Failure::InvalidAddress) => foreign(Failure::InvalidAddress, a2),
            Err(failure) => Call::Fail(failure),
        },
    }
}

const fn foreign(failure: Failure, reached: u64) -> Call {
    Call::Deny {
        answer: failure.code(),
        reached,
    }
}
