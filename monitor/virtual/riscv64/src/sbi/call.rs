//! The calls a partition can make, with checked arguments, and the errors of those that fail.

use sbi_spec::binary::SbiRet;
use sbi_spec::{pmu::firmware_event, srst};

use super::caller::{EntryAddress, HartSet};
use partita_monitor_core::request::{Failure, Request};

/// Why a call fails (chapter 3, table 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SbiError {
    /// The extension or function is not offered.
    NotSupported,
    /// An argument is outside what the partition owns, or reserved.
    InvalidParameter,
    /// An address is outside what the partition owns, or malformed.
    InvalidAddress,
    /// A counter runs already.
    AlreadyStarted,
    /// A counter does not run.
    AlreadyStopped,
    /// There is no shared memory that the call could use.
    NoSharedMemory,
}

impl SbiError {
    /// The value to return in `a0`.
    #[inline]
    #[must_use]
    pub const fn code(self) -> u64 {
        let answer: SbiRet<usize> = match self {
            Self::NotSupported => SbiRet::not_supported(),
            Self::InvalidParameter => SbiRet::invalid_param(),
            Self::InvalidAddress => SbiRet::invalid_address(),
            Self::AlreadyStarted => SbiRet::already_started(),
            Self::AlreadyStopped => SbiRet::already_stopped(),
            Self::NoSharedMemory => SbiRet::no_shmem(),
        };
        answer.error as u64
    }
}

impl From<Failure> for SbiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSupported => Self::NotSupported,
            Failure::InvalidAddress => Self::InvalidAddress,
            // Checking arguments has no other errors than these.
            Failure::InvalidParameter | Failure::Failed => Self::InvalidParameter,
        }
    }
}

/// A call whose arguments are sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Return this value at once.
    Answer(u64),
    /// Arm the caller's timer.
    SetTimer {
        /// The absolute time in ticks of `time`; the past fires at once, `u64::MAX` means never.
        deadline: u64,
    },
    /// Raise the software interrupt of other harts.
    SendIpi {
        /// Which virtual harts.
        harts: HartSet,
    },
    /// Execute `FENCE.I` on other harts.
    RemoteInstructionFence {
        /// Which virtual harts.
        harts: HartSet,
    },
    /// Execute `SFENCE.VMA` on other harts.
    RemoteTranslationFence {
        /// Which virtual harts.
        harts: HartSet,
        /// Which virtual addresses.
        range: FenceRange,
        /// One address space, or all.
        address_space: Option<u16>,
    },
    /// Start a stopped hart.
    HartStart {
        /// The virtual hart.
        hart: u32,
        /// Where it starts.
        address: EntryAddress,
        /// The value of its `a1`.
        opaque: u64,
    },
    /// Stop the calling hart.
    HartStop,
    /// Return the state of a hart.
    HartStatus {
        /// The virtual hart.
        hart: u32,
    },
    /// Wait for an interrupt, keeping all state, then return success.
    HartSuspendRetentive,
    /// Wait for an interrupt, then enter at `resume` with `opaque` in `a1`.
    HartSuspendNonRetentive {
        /// Where the hart goes on.
        resume: EntryAddress,
        /// The value of its `a1`.
        opaque: u64,
    },
    /// Reset or power off the calling partition.
    Reset {
        /// Which of these.
        kind: ResetKind,
        /// Why, as the partition says.
        reason: ResetReason,
    },
    /// Stop all of the partition until an interrupt wakes it; its other harts are to be stopped before.
    SystemSuspend {
        /// Where the hart goes on.
        resume: EntryAddress,
        /// The value of its `a1`.
        opaque: u64,
    },
    /// Something about performance counters: [`crate::counters::Counters::answer`] takes it from here.
    Counters,
    /// What Partita's own calls and the console's ask for.
    Request(Request),
}

impl Call {
    /// The firmware event that the call is (11.5), if it is one.
    #[must_use]
    pub const fn firmware_event(&self) -> Option<usize> {
        match self {
            Self::SetTimer { .. } => Some(firmware_event::SET_TIMER),
            Self::SendIpi { .. } => Some(firmware_event::IPI_SENT),
            Self::RemoteInstructionFence { .. } => Some(firmware_event::FENCE_I_SENT),
            Self::RemoteTranslationFence {
                address_space: None,
                ..
            } => Some(firmware_event::SFENCE_VMA_SENT),
            Self::RemoteTranslationFence { .. } => Some(firmware_event::SFENCE_VMA_ASID_SENT),
            _ => None,
        }
    }
}

/// The most pages that [`FenceRange::Pages`] names. Above it one full fence is cheaper, and the loop
/// over the pages stays short whatever a partition asks for.
pub const MAXIMUM_FENCE_PAGES: u8 = 64;

/// The virtual addresses of a translation fence (8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceRange {
    /// The whole address space.
    All,
    /// Some pages.
    Pages {
        /// The address of the first page, 4 KiB aligned.
        start: u64,
        /// How many pages of 4 KiB, 1 to [`MAXIMUM_FENCE_PAGES`].
        count: u8,
    },
}

impl FenceRange {
    /// The pages that hold `size` bytes from `start`. An empty range becomes [`FenceRange::All`], which
    /// the specification asks for when `start` is zero too.
    ///
    /// # Errors
    /// [`SbiError::InvalidAddress`] if the range wraps around the address space.
    #[inline]
    pub const fn new(start: u64, size: u64) -> Result<Self, SbiError> {
        if size == 0 || size == u64::MAX {
            return Ok(Self::All);
        }
        let Some(last) = start.checked_add(size.wrapping_sub(1)) else {
            return Err(SbiError::InvalidAddress);
        };
        let count = (last >> 12).wrapping_sub(start >> 12).wrapping_add(1);
        if count > MAXIMUM_FENCE_PAGES as u64 {
            return Ok(Self::All);
        }
        Ok(Self::Pages {
            start: start & !0xfff,
            count: count as u8,
        })
    }
}

/// What a partition asks for itself (10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetKind {
    /// Power off.
    Shutdown,
    /// Power cycle.
    ColdReboot,
    /// Restart of the processor.
    WarmReboot,
}

impl ResetKind {
    /// The kind with this number; every other one is reserved or a platform's own.
    pub(super) const fn new(number: u32) -> Result<Self, SbiError> {
        match number {
            srst::RESET_TYPE_SHUTDOWN => Ok(Self::Shutdown),
            srst::RESET_TYPE_COLD_REBOOT => Ok(Self::ColdReboot),
            srst::RESET_TYPE_WARM_REBOOT => Ok(Self::WarmReboot),
            _ => Err(SbiError::InvalidParameter),
        }
    }
}

/// Why a partition asks for a reset (10.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetReason {
    /// No reason given.
    None,
    /// The partition says it has failed.
    SystemFailure,
}

impl ResetReason {
    /// The reason with this number; every other one is reserved or a platform's own.
    pub(super) const fn new(number: u32) -> Result<Self, SbiError> {
        match number {
            srst::RESET_REASON_NO_REASON => Ok(Self::None),
            srst::RESET_REASON_SYSTEM_FAILURE => Ok(Self::SystemFailure),
            _ => Err(SbiError::InvalidParameter),
        }
    }
}
