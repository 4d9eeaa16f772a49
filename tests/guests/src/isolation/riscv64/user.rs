//! Probes from user mode.

use core::arch::{asm, naked_asm};
use partita_guest_rt::hart;
use partita_guest_rt::probe::{self, Trap};
use partita_guest_rt::trap::USER_CALL;

/// Executes the instruction at `code` in user mode. Behind it stands an `ecall`, which brings it back.
pub fn execute(code: usize, argument: usize) -> Result<usize, Trap> {
    // In user mode an interrupt that is enabled is taken.
    let enabled: usize;
    // SAFETY: interrupts are only disabled.
    unsafe { asm!("csrrw {}, sie, zero", out(reg) enabled) };
    // SAFETY: the entry follows the C calling convention, as far as it gets; the trap of the instruction,
    // or of the `ecall` behind it, comes back here as an outcome.
    let trap = unsafe { probe::execute_with(enter as *const () as usize, argument, code) };
    hart::enable_sources(enabled);
    match trap {
        Err(Trap { cause, .. }) if cause == USER_CALL => Ok(0),
        other => other,
    }
}

/// Goes on at `a2` in user mode, with `a0` as it is.
#[unsafe(naked)]
extern "C" fn enter(_argument: usize, _: usize, _code: usize) -> usize {
    naked_asm!(
        "csrw sepc, a2",
        "li a3, 0x120", // `sstatus.SPP` and `SPIE` (privileged specification 4.1.1)
        "csrc sstatus, a3",
        "sret"
    )
}
