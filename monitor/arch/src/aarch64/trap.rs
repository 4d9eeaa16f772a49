//! What a trap asks for, and who answers it.

use crate::arch::call;
use crate::arch::context::{Context, Shape};
use crate::arch::guest;
use crate::arch::hypervisor;
use crate::arch::register::{class, class_of, field, read, secure_configuration, write};
use crate::arch::secure_hypervisor;
use crate::arch::stage_2;
use crate::arch::vector::entry;
use crate::board::BOARD;
use crate::cores::Core;
use crate::health;
use crate::report;
use partita_abi::health::Kind;
use partita_virtual_aarch64::inject::{self, Reason, Stopped};
use partita_virtual_aarch64::stage_2::Exception;
use partita_virtual_aarch64::timer::{Access, Register};

/// Bits of `SPSR_EL3` (DDI 0487, D24.2.148).
mod status {
    pub const LEVEL: u64 = 3 << 2;
    pub const LEVEL_0: u64 = 0;
    pub const LEVEL_1: u64 = 1 << 2;
    pub const LEVEL_2: u64 = 2 << 2;
    pub const INTERRUPTS_MASKED: u64 = 1 << 7;
    pub const OWN_STACK: u64 = 1;
    pub const AARCH32: u64 = 1 << 4;
    pub const MASKED: u64 = 0xf << 6;
    /// Privileged accesses to memory of user mode are denied.
    pub const PRIVILEGED_ACCESS: u64 = 1 << 22;
}

/// In the syndrome of a trapped wait: it has a timeout.
const WITH_TIMEOUT: u64 = 2;
/// `HCR_EL2.TGE`: exceptions of EL0 are taken to EL2.
const TRAP_GENERAL: u64 = 1 << 27;
/// `HCR_EL2.RW`: EL1 is AArch64.
const EL1_IS_64_BIT: u64 = 1 << 31;

/// After this time a program that masked interrupts is looked at again, if it has one that the monitor hands on.
const PATIENCE_NS: u64 = 4_000;

/// Answers a trap from a partition and returns the context to enter. Called by the vector with interrupts masked.
#[unsafe(link_section = ".text.path")]
pub extern "C" fn trap(core: &mut Core, entry: u32) -> *const Context {
    let started = crate::arch::instructions();
    if entry == entry::INTERRUPT {
        core.answer_interrupts();
        let context = core.reschedule(started);
        if core.arch.gate.has_interrupt() {
            hand_on(core);
        }
        return context;
    }
    let syndrome = read!("esr_el3");
    if entry == entry::SYSTEM_ERROR {
        return system_error(core, started, syndrome);
    }
    match class_of(syndrome) {
        class::CALL if hypervisor::is_trap(syndrome) && is_below_stage_2(core) => {
            guest::taken(core, started)
        }
        class::CALL | class::CALL_32 => call::answer(core, started),
        // `WFIT` ends at a time of its own: as a hint it may end at once (DDI 0487, C6.2).
        class::WAIT if syndrome & WITH_TIMEOUT != 0 => {
            skip(syndrome);
            core.resume()
        }
        class::WAIT => wait(core, started, syndrome),
        class::SYSTEM_REGISTER => system_register(core, started, syndrome),
        class::FLOATING_POINT | class::SCALABLE_MATRICES if core.take_floats(core.live) => {
            core.resume()
        }
        class::FLOATING_POINT => denied(core, started, Kind::FloatingPoint, syndrome),
        class::UNKNOWN => denied(core, started, Kind::IllegalInstruction, syndrome),
        class::FETCH_ABORT | class::DATA_ABORT => abort(core, started, syndrome),
        _ => denied(core, started, Kind::UnexpectedTrap, syndrome),
    }
}

/// Enters the first partition of a core that has just started.
pub extern "C" fn first(core: &mut Core) -> *const Context {
    core.reschedule(crate::arch::instructions())
}

/// `WFI` gives the core back.
#[inline(always)]
fn wait(core: &mut Core, started: u64, syndrome: u64) -> *const Context {
    skip(syndrome);
    if core.wait_running() {
        core.reschedule(started)
    } else {
        core.resume()
    }
}

/// Goes on after the instruction that trapped. In 32-bit code of the normal world it may be one of 16 bits.
#[inline(always)]
pub fn skip(syndrome: u64) {
    let length = (syndrome >> 24 & 2).wrapping_add(2);
    write!("elr_el3", read!("elr_el3").wrapping_add(length));
}

/// Whether what was taken to EL3 came from EL2 that is the monitor's.
fn is_below_stage_2(core: &mut Core) -> bool {
    let from = read!("spsr_el3") & status::LEVEL;
    let shape = core.running().map(|(_, slot, _)| slot.context.shape);
    from == status::LEVEL_2 && shape.is_some_and(Shape::has_stage_2)
}

/// A trapped access to a system register that came to EL3 itself.
#[inline(never)]
fn system_register(core: &mut Core, started: u64, syndrome: u64) -> *const Context {
    let Some((_, slot, _)) = core.running() else {
        return core.reschedule(started);
    };
    let is_secure = slot.context.shape == Shape::Secure;
    if !is_secure {
        let kind = if slot.context.shape.is_program() {
            Kind::IllegalInstruction
        } else {
            Kind::UnexpectedTrap
        };
        return denied(core, started, kind, syndrome);
    }
    if secure_hypervisor::HERE && read!("spsr_el3") & status::LEVEL == status::LEVEL_2 {
        // Nobody runs there but the instruction that brings here what was taken there.
        let exception = stage_2::exception();
        if class_of(exception.syndrome) != class::SYSTEM_REGISTER {
            return below_stage_2(core, started, &exception);
        }
        return timer_register(core, started, exception.syndrome);
    }
    timer_register(core, started, syndrome)
}

/// An access to a system register by a program: to its timer, for which the monitor stands in, or to one that is out of
/// reach.
#[inline(never)]
pub fn timer_register(core: &mut Core, started: u64, syndrome: u64) -> *const Context {
    let now = core.now();
    let access = Access::of(syndrome);
    let Some(register) = access.timer() else {
        return denied(core, started, Kind::IllegalInstruction, syndrome);
    };
    let Some((_, slot, _)) = core.running() else {
        return core.reschedule(started);
    };
    skip(syndrome);
    if access.is_read {
        let value = slot.arch.timer.read(register, now);
        give(core, access.general, value);
        return core.resume();
    }
    let value = general(core, access.general);
    set_timer(core, register, value, now);
    core.reschedule(started)
}

/// What the virtual core that runs has in a general register. 31 is the one that is always zero.
#[inline(never)]
pub fn general(core: &mut Core, number: usize) -> u64 {
    let Some((_, slot, _)) = core.running() else {
        return 0;
    };
    match slot.context.registers.get(number) {
        Some(value) if number != 31 => *value,
        _ => 0,
    }
}

/// Gives it a value in a general register.
#[inline(never)]
pub fn give(core: &mut Core, number: usize, value: u64) {
    if let Some((_, slot, _)) = core.running()
        && let Some(place) = slot.context.registers.get_mut(number)
        && number != 31
    {
        *place = value;
    }
}

/// A program sets its timer, which interrupts at once if its time has come.
fn set_timer(core: &mut Core, register: Register, value: u64, now: u64) {
    let Some((_, slot, _)) = core.running() else {
        return;
    };
    slot.arch.timer.write(register, value, now);
    let deadline = slot.arch.timer.deadline();
    slot.timer = deadline.unwrap_or(partita_monitor_core::schedule::NEVER);
    let interrupt = slot.arch.interrupts;
    if deadline.is_none_or(|deadline| deadline > now) {
        core.withdraw(core.live, interrupt);
    }
}

/// A controller that cannot interrupt the live program itself has an interrupt for it: the program takes it now, or
/// as soon as it does not mask it.
#[inline(never)]
fn hand_on(core: &mut Core) {
    let before = read!("spsr_el3");
    if !core.arch.gate.acknowledge() {
        return;
    }
    if before & status::INTERRUPTS_MASKED != 0 {
        // It may look for it by itself. If it does not, nothing tells when it can be interrupted.
        let again = core.now().wrapping_add(BOARD.ns_to_ticks(PATIENCE_NS));
        core.attend_at(again);
    } else {
        core.arch.gate.hand_on();
        write!("spsr_el1", before);
        write!("elr_el1", read!("elr_el3"));
        let offset = vector_offset(before).wrapping_add(0x80);
        write!("elr_el3", read!("vbar_el1").wrapping_add(offset));
        let kept = before & status::PRIVILEGED_ACCESS;
        write!(
            "spsr_el3",
            kept | status::MASKED | status::OWN_STACK | status::LEVEL_1
        );
    }
}

/// An asynchronous external abort: a write that memory or a device refused, some time ago.
#[cold]
fn system_error(core: &mut Core, started: u64, syndrome: u64) -> *const Context {
    let counter = read!("elr_el3");
    if let Some((_, _, view)) = core.running() {
        let (index, cause) = (view.index, class_of(syndrome) as u32);
        // The address is not known; what is told is the syndrome.
        let _goes_on = health::raise(core, index, Kind::AccessFault, cause, syndrome, counter);
    }
    core.reschedule(started)
}

/// An access that memory or a device refused.
#[cold]
fn abort(core: &mut Core, started: u64, syndrome: u64) -> *const Context {
    let address = read!("far_el3");
    refused(core, started, syndrome, address, address)
}

/// What came to EL2 that is the monitor's: an access that stage 2 denied, or what traps there.
#[cold]
pub fn below_stage_2(core: &mut Core, started: u64, exception: &Exception) -> *const Context {
    if exception.is_abort() {
        let reached = exception.reached();
        refused(
            core,
            started,
            exception.syndrome,
            reached,
            exception.address,
        )
    } else {
        denied(core, started, Kind::UnexpectedTrap, exception.syndrome)
    }
}

/// An access to `reached` was refused, which the partition knows as `address`.
#[cold]
fn refused(
    core: &mut Core,
    started: u64,
    syndrome: u64,
    reached: u64,
    address: u64,
) -> *const Context {
    let counter = read!("elr_el3");
    if let Some((_, _, view)) = core.running() {
        let (index, cause) = (view.index, class_of(syndrome) as u32);
        if health::raise(core, index, Kind::AccessFault, cause, reached, counter) {
            inject(Reason::Denied { syndrome, address });
        }
    }
    core.reschedule(started)
}

/// What the partition may not do: an event, and an undefined instruction for the partition if it goes on. The event
/// tells the syndrome, which names the register.
#[cold]
pub fn denied(core: &mut Core, started: u64, kind: Kind, syndrome: u64) -> *const Context {
    let counter = read!("elr_el3");
    if let Some((_, _, view)) = core.running() {
        let (index, cause) = (view.index, class_of(syndrome) as u32);
        if health::raise(core, index, kind, cause, syndrome, counter) {
            inject(Reason::Undefined);
        }
    }
    core.reschedule(started)
}

/// Makes the running virtual core take a synchronous exception, as the hardware would have: at its own level, or at the
/// level that user mode's exceptions go to.
fn inject(reason: Reason) {
    let state = read!("spsr_el3");
    let level = state & status::LEVEL;
    let from_user = level == status::LEVEL_0 || state & status::AARCH32 != 0;
    let configuration = read!("scr_el3");
    let hypervisor = if configuration & secure_configuration::NON_SECURE == 0 {
        EL1_IS_64_BIT
    } else {
        read!("hcr_el2")
    };
    // Where EL1 is AArch32, a return to it as AArch64 would be an illegal one, which stays at EL3 (D1.3.4).
    let to_hypervisor = level == status::LEVEL_2
        || from_user && hypervisor & TRAP_GENERAL != 0
        || hypervisor & EL1_IS_64_BIT == 0;
    let (vectors, control) = if to_hypervisor {
        (read!("vbar_el2"), read!("sctlr_el2"))
    } else {
        (read!("vbar_el1"), read!("sctlr_el1"))
    };
    let stopped = Stopped {
        state,
        counter: read!("elr_el3"),
        vectors,
        control,
    };
    let features = inject::Features {
        tags: configuration & secure_configuration::TAGS != 0,
        unmaskable: field(read!("id_aa64pfr1_el1"), 36) != 0,
    };
    let taken = inject::take(&stopped, features, reason);
    write!("elr_el3", taken.counter);
    if to_hypervisor {
        write!("spsr_el2", taken.saved);
        write!("elr_el2", taken.link);
        write!("esr_el2", taken.syndrome);
        if let Some(address) = taken.address {
            write!("far_el2", address);
        }
        write!("spsr_el3", taken.state & !status::LEVEL | status::LEVEL_2);
    } else {
        write!("spsr_el1", taken.saved);
        write!("elr_el1", taken.link);
        write!("esr_el1", taken.syndrome);
        if let Some(address) = taken.address {
            write!("far_el1", address);
        }
        write!("spsr_el3", taken.state);
    }
}

/// Where the vector for synchronous exceptions from a state is in the table of vectors (D1.3.1).
#[inline(always)]
const fn vector_offset(before: u64) -> u64 {
    if before & status::AARCH32 != 0 {
        0x600
    } else if before & status::LEVEL == status::LEVEL_0 {
        0x400
    } else if before & status::OWN_STACK != 0 {
        0x200
    } else {
        0
    }
}

/// A trap in the monitor itself ends the machine.
pub extern "C" fn monitor_fault(cause: u64, counter: u64, value: u64) -> ! {
    report::fatal_trap(cause, counter, value)
}
