//! What a refused call reached for that is not the caller's: that makes the refusal a health event.

use super::{Caller, DBCN, HSM, IPI, RFENCE, Registers, SUSP, SbiError};
use partita_abi::monitor_call;
use sbi_spec::{dbcn, hsm, rfnc, spi};

/// The address, or the number of the virtual hart, that a call was refused for with `error` and that is not
/// the caller's. `None` if it was refused for another reason: a reserved value, or a call that is not
/// offered, which an honest system may try.
#[cold]
#[must_use]
pub fn reached_for(registers: &Registers, error: SbiError, caller: &Caller<'_>) -> Option<u64> {
    let [a0, a1, a2, ..] = registers.arguments;
    match (registers.extension, registers.function as usize, error) {
        (IPI, spi::SEND_IPI, SbiError::InvalidParameter)
        | (RFENCE, rfnc::REMOTE_FENCE_I, SbiError::InvalidParameter)
        | (RFENCE, rfnc::REMOTE_SFENCE_VMA, SbiError::InvalidParameter)
        | (RFENCE, rfnc::REMOTE_SFENCE_VMA_ASID, SbiError::InvalidParameter) => {
            Some(caller.first_foreign(a0, a1))
        }
        (RFENCE, _, SbiError::InvalidAddress) => Some(a2),
        (HSM, hsm::HART_START | hsm::HART_GET_STATUS, SbiError::InvalidParameter) => Some(a0),
        (DBCN, dbcn::CONSOLE_WRITE | dbcn::CONSOLE_READ, SbiError::InvalidParameter) => Some(a1),
        (monitor_call::EXTENSION, _, SbiError::InvalidAddress) => Some(a1),
        (HSM | SUSP, _, SbiError::InvalidAddress) => Some(a1),
        (_, _, SbiError::InvalidAddress) => Some(a0),
        _ => None,
    }
}
