//! Calls about performance counters and system suspend: their arguments.

use super::call::{Call, SbiError};
use super::caller::Caller;

/// Some counters, as calls name them: a mask from a base on (11.8). Whether they exist is left to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterSet {
    base: u64,
    mask: u64,
}

impl CounterSet {
    /// `mask` bits from counter `base` on.
    #[must_use]
    pub const fn new(base: u64, mask: u64) -> Self {
        Self { base, mask }
    }

    /// The counters as bits; `None` if there is one above 63, which no virtual core has.
    #[must_use]
    pub const fn bits(self) -> Option<u64> {
        if self.mask == 0 {
            return Some(0);
        }
        if self.base > 63 || self.mask.leading_zeros() < self.base as u32 {
            return None;
        }
        Some(self.mask << self.base)
    }
}

/// Chapter 13: suspend to RAM, the only sleep type that is not reserved or a platform's own.
pub(super) fn decode_suspend(
    function: usize,
    kind: u64,
    resume: u64,
    opaque: u64,
    caller: &Caller<'_>,
) -> Result<Call, SbiError> {
    if function != sbi_spec::susp::SUSPEND {
        return Err(SbiError::NotSupported);
    }
    if kind as u32 != 0 {
        return Err(SbiError::InvalidParameter);
    }
    Ok(Call::SystemSuspend {
        resume: caller.entry_address(resume)?,
        opaque,
    })
}
