//! SBI calls of a partition: which call the registers ask for, and whether its arguments are sound.
//!
//! RISC-V SBI specification 2.0; chapter numbers in this module are its own. The calls offered are
//! BASE (4), TIME (6), IPI (7), RFENCE (8), HSM (9), SRST (10), PMU (11), DBCN (12), SUSP (13) and
//! Partita's own ([`partita_abi::monitor_call`]). The legacy extensions (5) are not.
//!
//! [`decode`] changes nothing and touches no memory. A [`Call`] proves that its arguments are within
//! the caller's own partition; only the state of its harts is left to check.

mod call;
mod caller;
mod performance;
mod reached;

pub use call::{Call, FenceRange, MAXIMUM_FENCE_PAGES, ResetKind, ResetReason, SbiError};
pub use caller::{Caller, EntryAddress, HartSet, Identity, MAXIMUM_HARTS, MemoryRange, Region};
pub use performance::CounterSet;

pub use reached::reached_for;

use partita_abi::monitor_call;
use partita_monitor_core::request::{self, Request};
use sbi_spec::{base, dbcn, hsm, pmu, rfnc, spi, srst, susp, time};

/// The SBI implementation id (4.2) of the monitor: "PART". SBI 2.0 assigns small numbers in order of
/// request; this one is far beyond them and marks an implementation without an assigned number.
pub const IMPLEMENTATION_ID: u64 = 0x5041_5254;

/// The version of the SBI implementation (4.3): major in bits 31:16, minor in bits 15:0.
pub const IMPLEMENTATION_VERSION: u64 = 0x0000_0001;

/// The version of the SBI specification (4.1): 2.0.
pub const SPECIFICATION_VERSION: u64 =
    (base::Version::V2_0.major() << 24 | base::Version::V2_0.minor()) as u64;

const TIME: u64 = time::EID_TIME as u64;
const IPI: u64 = spi::EID_SPI as u64;
const RFENCE: u64 = rfnc::EID_RFNC as u64;
const BASE: u64 = base::EID_BASE as u64;
const HSM: u64 = hsm::EID_HSM as u64;
const SRST: u64 = srst::EID_SRST as u64;
const DBCN: u64 = dbcn::EID_DBCN as u64;
const PMU: u64 = pmu::EID_PMU as u64;
const SUSP: u64 = susp::EID_SUSP as u64;

/// The registers of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    /// `a7`: the extension id.
    pub extension: u64,
    /// `a6`: the function id.
    pub function: u64,
    /// `a0` to `a5`.
    pub arguments: [u64; 6],
}

/// Finds the call that `registers` ask for and checks its arguments against the caller's partition.
///
/// # Errors
/// What to return in `a0`.
#[inline]
pub fn decode(registers: &Registers, caller: &Caller<'_>) -> Result<Call, SbiError> {
    let function = registers.function as usize;
    let [a0, a1, a2, ..] = registers.arguments;
    match (registers.extension, function) {
        (TIME, time::SET_TIMER) => Ok(Call::SetTimer { deadline: a0 }),
        (IPI, spi::SEND_IPI) => Ok(Call::SendIpi {
            harts: caller.harts(a0, a1)?,
        }),
        (RFENCE, _) => decode_fence(function, &registers.arguments, caller),
        (HSM, _) => decode_hart_state(function, a0, a1, a2, caller),
        (DBCN, _) => decode_console(function, a0, a1, a2, caller),
        (BASE, _) => decode_base(function, a0, caller),
        (SRST, srst::SYSTEM_RESET) => Ok(Call::Reset {
            kind: ResetKind::new(a0 as u32)?,
            reason: ResetReason::new(a1 as u32)?,
        }),
        (PMU, _) => Ok(Call::Counters),
        (SUSP, _) => performance::decode_suspend(function, a0, a1, a2, caller),
        (monitor_call::EXTENSION, function) => {
            let request = request::decode(function as u64, [a0, a1, a2], &caller.memory());
            request.map(Call::Request).map_err(SbiError::from)
        }
        _ => Err(SbiError::NotSupported),
    }
}

/// Chapter 8. The hypervisor fences (functions 3 to 6) need the H extension, which no partition has.
#[inline]
fn decode_fence(
    function: usize,
    arguments: &[u64; 6],
    caller: &Caller<'_>,
) -> Result<Call, SbiError> {
    let [mask, base, start, size, address_space, _] = *arguments;
    match function {
        rfnc::REMOTE_FENCE_I => Ok(Call::RemoteInstructionFence {
            harts: caller.harts(mask, base)?,
        }),
        rfnc::REMOTE_SFENCE_VMA => Ok(Call::RemoteTranslationFence {
            harts: caller.harts(mask, base)?,
            range: FenceRange::new(start, size)?,
            address_space: None,
        }),
        rfnc::REMOTE_SFENCE_VMA_ASID => Ok(Call::RemoteTranslationFence {
            harts: caller.harts(mask, base)?,
            range: FenceRange::new(start, size)?,
            // An address space id has at most 16 bits (privileged specification 1.12, 4.1.11).
            address_space: Some(address_space as u16),
        }),
        _ => Err(SbiError::NotSupported),
    }
}

/// Chapter 9.
fn decode_hart_state(
    function: usize,
    a0: u64,
    a1: u64,
    opaque: u64,
    caller: &Caller<'_>,
) -> Result<Call, SbiError> {
    match function {
        hsm::HART_START => {
            let hart = caller.hart(a0)?;
            Ok(Call::HartStart {
                hart,
                address: caller.entry_address(a1)?,
                opaque,
            })
        }
        hsm::HART_STOP => Ok(Call::HartStop),
        hsm::HART_GET_STATUS => Ok(Call::HartStatus {
            hart: caller.hart(a0)?,
        }),
        // 9.4: the type has 32 bits; all but the two defaults are reserved or a platform's own.
        hsm::HART_SUSPEND => match a0 as u32 {
            hsm::suspend_type::RETENTIVE => Ok(Call::HartSuspendRetentive),
            hsm::suspend_type::NON_RETENTIVE => Ok(Call::HartSuspendNonRetentive {
                resume: caller.entry_address(a1)?,
                opaque,
            }),
            _ => Err(SbiError::InvalidParameter),
        },
        _ => Err(SbiError::NotSupported),
    }
}

/// Chapter 12. A physical address of RV64 fits into its low half; the high half must be zero.
fn decode_console(
    function: usize,
    a0: u64,
    low: u64,
    high: u64,
    caller: &Caller<'_>,
) -> Result<Call, SbiError> {
    match function {
        dbcn::CONSOLE_WRITE_BYTE => Ok(Call::Request(Request::ConsoleWriteByte { byte: a0 as u8 })),
        dbcn::CONSOLE_WRITE | dbcn::CONSOLE_READ if high != 0 => Err(SbiError::InvalidParameter),
        dbcn::CONSOLE_WRITE => Ok(Call::Request(Request::ConsoleWrite {
            bytes: caller.readable(low, a0)?,
        })),
        dbcn::CONSOLE_READ => Ok(Call::Request(Request::ConsoleRead {
            buffer: caller.writable(low, a0)?,
        })),
        _ => Err(SbiError::NotSupported),
    }
}

/// Chapter 4.
fn decode_base(function: usize, extension: u64, caller: &Caller<'_>) -> Result<Call, SbiError> {
    let identity = caller.identity();
    Ok(Call::Answer(match function {
        base::GET_SBI_SPEC_VERSION => SPECIFICATION_VERSION,
        base::GET_SBI_IMPL_ID => IMPLEMENTATION_ID,
        base::GET_SBI_IMPL_VERSION => IMPLEMENTATION_VERSION,
        base::PROBE_EXTENSION => u64::from(is_offered(extension)),
        base::GET_MVENDORID => identity.vendor,
        base::GET_MARCHID => identity.architecture,
        base::GET_MIMPID => identity.implementation,
        _ => return Err(SbiError::NotSupported),
    }))
}

/// Whether the monitor offers an extension, as a probe (4.4) is told.
#[must_use]
pub const fn is_offered(extension: u64) -> bool {
    matches!(
        extension,
        BASE | TIME | IPI | RFENCE | HSM | SRST | DBCN | PMU | SUSP | monitor_call::EXTENSION
    )
}
