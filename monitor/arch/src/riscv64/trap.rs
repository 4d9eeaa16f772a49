//! What a trap asks for, and who answers it.

use crate::arch::call;
use crate::arch::context::Context;
use crate::arch::csr::{self, cause, status};
use crate::arch::fault;
use crate::arch::timer::Aclint;
use crate::cores::Core;
use crate::health;
use crate::report;
use partita_abi::health::Kind;

/// Interrupt numbers in `mcause`.
const MACHINE_SOFTWARE: u64 = 3;
const MACHINE_TIMER: u64 = 7;
const MACHINE_EXTERNAL: u64 = 11;

/// Answers a trap from a partition and returns the context to enter. Called by the vector with
/// interrupts off; `minstret` is read first, so that the length of a switch is known.
pub extern "C" fn trap(hart: &mut Core) -> *const Context {
    let started = csr::read!("minstret");
    let number = csr::read!("mcause");
    if number & cause::INTERRUPT != 0 {
        interrupt(hart, number & !cause::INTERRUPT);
        return hart.reschedule(started);
    }
    if csr::read!("mstatus") & status::MPP == status::MPP {
        report::fatal_trap(number, csr::read!("mepc"), csr::read!("mtval"));
    }
    match number {
        cause::SUPERVISOR_CALL => call::answer(hart, started),
        cause::LOAD_ACCESS | cause::STORE_ACCESS | cause::FETCH_ACCESS => {
            fault::access(hart, number, started)
        }
        cause::ILLEGAL_INSTRUCTION => fault::illegal_instruction(hart, started),
        _ => unexpected(hart, number, started),
    }
}

/// Enters the first partition of a hart that has just started.
pub extern "C" fn first(hart: &mut Core) -> *const Context {
    hart.reschedule(csr::read!("minstret"))
}

#[inline(always)]
fn interrupt(hart: &mut Core, number: u64) {
    match number {
        MACHINE_TIMER if hart.needs_attention() => hart.attend(),
        MACHINE_SOFTWARE => Aclint.clear_interrupt(hart.id),
        MACHINE_EXTERNAL => hart.external_interrupt(),
        _ => {}
    }
}

#[cold]
fn unexpected(hart: &mut Core, number: u64, started: u64) -> *const Context {
    let (value, counter) = (csr::read!("mtval"), csr::read!("mepc"));
    if let Some((_, _, view)) = hart.running() {
        let (kind, cause) = (Kind::UnexpectedTrap, number as u32);
        if health::raise(hart, view.index, kind, cause, value, counter) {
            fault::inject(number, value);
        }
    }
    hart.reschedule(started)
}

/// A trap in the monitor before any partition runs ends the machine.
pub extern "C" fn monitor_fault(cause: u64, counter: u64, value: u64) -> ! {
    report::fatal_trap(cause, counter, value)
}
