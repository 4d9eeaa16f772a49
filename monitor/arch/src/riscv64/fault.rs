//! Accesses that the hardware denied: to a device that the monitor stands in for, or to nothing the
//! partition owns.

use crate::arch::context::Context;
use crate::arch::controller;
use crate::arch::csr::{self, cause, status};
use crate::arch::guest_memory::{Physical, fetch};
use crate::arch::timer::Aclint;
use crate::arch::vector::SAVED_FOR_QUICK;
use crate::console;
use crate::cores::Core;
use crate::health;
use crate::machine::{self, NO_DEVICE, PartitionView};
use crate::shared;
use core::sync::atomic::Ordering::SeqCst;
use partita_abi::health::Kind;
use partita_virtual_riscv64::counters::firmware_event;
use partita_virtual_riscv64::decode::{is_wfi, time_destination};
use partita_virtual_riscv64::walk::{AccessKind, Translation};
use partita_virtual_riscv64::watchdog::{self, Effect};

/// Bytes of an emulated 16550's registers.
const UART_BYTES: u64 = 0x100;
/// `scounteren.TM`: user mode may read the time (privileged specification 4.1.5).
const COUNTER_TIME: u64 = 1 << 1;

/// Answers an access fault of the running partition.
#[inline(never)]
pub fn access(hart: &mut Core, number: u64, started: u64) -> *const Context {
    let Some((_, _, view)) = hart.running() else {
        return hart.reschedule(started);
    };
    let address = csr::read!("mtval");
    match number {
        cause::LOAD_ACCESS => hart.count(hart.live, firmware_event::ACCESS_LOAD),
        cause::STORE_ACCESS => hart.count(hart.live, firmware_event::ACCESS_STORE),
        _ => {}
    }
    let may_be_mediated = view.uart != NO_DEVICE || view.arch.filter.is_some();
    if number != cause::FETCH_ACCESS && may_be_mediated && mediate(hart, number, address).is_some()
    {
        return hart.resume();
    }
    deny(hart, view, number, address);
    hart.reschedule(started)
}

/// A denied access that one of the partition's own loads or stores has made.
struct Found {
    is_load: bool,
    /// The register that it loads or stores.
    operand: usize,
    /// Where the partition goes on.
    next: u64,
    /// Where it leads, by the partition's own tables.
    physical: u64,
}

/// Finds the load or store behind an access fault. `QUICK` finds only one that is like the last one, and
/// uses only registers of `registers`: then nothing is called, and few registers are needed.
#[inline(always)]
fn find<const QUICK: bool>(
    context: &mut Context,
    view: &PartitionView,
    number: u64,
    address: u64,
    mode: u64,
    registers: u32,
) -> Option<Found> {
    let counter = csr::read!("mepc");
    let Some(instruction) = fetch(counter) else {
        // A fault in there was a trap of its own. What brought us here is looked at again.
        csr::write!("mcause", number);
        csr::write!("mtval", address);
        return None;
    };
    let expects_load = number == cause::LOAD_ACCESS;
    let decoded = &mut context.decoded[usize::from(expects_load)];
    let access = if QUICK {
        decoded.remembered(instruction)?
    } else {
        decoded.decode(instruction)?
    };
    let (base, operand) = (access.base.index(), access.operand.index());
    let (is_load, offset, length) = (access.is_load, access.offset, access.length);
    if access.registers & !registers != 0 || is_load != expects_load {
        return None;
    }
    if register(context, base).wrapping_add(offset as u64) != address {
        return None;
    }
    let translation = Translation::of_trap(csr::read!("satp"), mode);
    let kind = if is_load {
        AccessKind::Load
    } else {
        AccessKind::Store
    };
    let memory = Physical::of_running(view);
    let walk = &mut context.walk;
    let physical = if QUICK {
        walk.remembered(&memory, &translation, address, kind)?
    } else {
        walk.walk(&memory, &translation, address, kind).ok()?
    };
    Some(Found {
        is_load,
        operand,
        next: counter.wrapping_add(length),
        physical: physical.0,
    })
}

/// An access to the emulated UART, the most frequent of all. Returns false, having done nothing, if it
/// is another one, or needs a register that is not saved yet. Called by the vector.
pub extern "C" fn quick(context: &mut Context, number: u64) -> bool {
    quick_uart(context, number).is_some()
}

#[inline(always)]
fn quick_uart(context: &mut Context, number: u64) -> Option<()> {
    let view = context.quick_view?;
    let mode = csr::read!("mstatus");
    if mode & status::MPP_MACHINE != 0 {
        return None;
    }
    let address = csr::read!("mtval");
    let found = find::<true>(context, view, number, address, mode, SAVED_FOR_QUICK)?;
    let offset = found.physical.wrapping_sub(view.uart);
    if offset >= UART_BYTES {
        return None;
    }
    uart(context, view, &found, offset);
    csr::write!("mepc", found.next);
    Some(())
}

/// Tries to carry out the access on an emulated device. `None` if it is not one.
#[cold]
#[inline(never)]
fn mediate(hart: &mut Core, number: u64, address: u64) -> Option<()> {
    let (_, slot, view) = hart.running()?;
    let context = &mut slot.context;
    let mode = csr::read!("mstatus");
    let found = find::<false>(context, view, number, address, mode, u32::MAX)?;
    let uart_offset = found.physical.wrapping_sub(view.uart);
    let watchdog_offset = found.physical.wrapping_sub(view.watchdog);
    if view.uart != NO_DEVICE && uart_offset < UART_BYTES {
        uart(context, view, &found, uart_offset);
    } else if view.watchdog != NO_DEVICE && watchdog_offset < watchdog::BYTES {
        emulated_watchdog(hart, view, &found, watchdog_offset);
    } else {
        let window = controller::window();
        let offset = found.physical.wrapping_sub(window.base);
        if view.arch.filter.is_none() || offset >= window.size {
            return None;
        }
        interrupt_controller(hart, view, &found, offset);
    }
    csr::write!("mepc", found.next);
    Some(())
}

#[inline(always)]
fn uart(context: &mut Context, view: &PartitionView, found: &Found, offset: u64) {
    if found.is_load {
        let value = console::uart_read(view, offset);
        load(context, found.operand, u64::from(value));
    } else {
        let value = register(context, found.operand);
        console::uart_write(view, offset, value as u8);
    }
}

/// An access to the emulated watchdog.
#[cold]
fn emulated_watchdog(hart: &mut Core, view: &PartitionView, found: &Found, offset: u64) {
    let state = &shared::of(view.index).watchdog;
    let mode = state.mode.load(SeqCst);
    let Some((_, slot, _)) = hart.running() else {
        return;
    };
    let context = &mut slot.context;
    if found.is_load {
        let value = watchdog::read(mode, offset);
        load(context, found.operand, u64::from(value));
        return;
    }
    let register = register(context, found.operand);
    let value = context.decoded[0].access.stored(register) as u32;
    let (mode, effect) = watchdog::write(mode, offset, value);
    state.mode.store(mode, SeqCst);
    match effect {
        Effect::None => {}
        Effect::Start { timeout_ns } => {
            hart.start_watchdog(view.index, timeout_ns);
        }
        Effect::Reset => state.reset(hart.now()),
    }
}

/// An access to the interrupt controller that the protection entries did not let through.
fn interrupt_controller(hart: &mut Core, view: &PartitionView, found: &Found, offset: u64) {
    let Some(filter) = view.arch.filter.as_ref() else {
        return;
    };
    if found.is_load {
        let value = controller::read(hart, filter, offset);
        if let Some((_, slot, _)) = hart.running() {
            load(&mut slot.context, found.operand, u64::from(value));
        }
        return;
    }
    let Some((_, slot, _)) = hart.running() else {
        return;
    };
    let register = register(&slot.context, found.operand);
    let value = slot.context.decoded[0].access.stored(register) as u32;
    if !controller::write(hart, view, filter, offset, value) {
        let counter = csr::read!("mepc");
        let address = found.physical;
        health::raise(hart, view.index, Kind::InterruptDenied, 0, address, counter);
    }
}

/// A general register of a virtual core. The place of `x0` is never written and holds zero.
#[inline(always)]
fn register(context: &Context, number: usize) -> u64 {
    context.registers[number % 32]
}

/// Puts what a load has read into its register, as the instruction says that was decoded last.
#[inline(always)]
fn load(context: &mut Context, destination: usize, raw: u64) {
    if destination != 0 {
        context.registers[destination % 32] = context.decoded[1].access.loaded(raw);
    }
}

/// Records a denied access with the physical address that it reached for, then does what the manifest
/// says.
#[cold]
fn deny(hart: &mut Core, view: &PartitionView, number: u64, address: u64) {
    let counter = csr::read!("mepc");
    let reached = hart
        .running()
        .and_then(|(_, slot, view)| reached(&mut slot.context, view, number, address))
        .unwrap_or(address);
    let kind = if would_repeat(hart, counter) {
        Kind::DoubleTrap
    } else {
        Kind::AccessFault
    };
    if health::raise(hart, view.index, kind, number as u32, reached, counter) {
        inject(number, address);
    }
}

/// Faults at one instruction without another one between them, each handed to the partition, after which
/// it is taken for one that will never get on.
const MOST_REPEATED: u16 = 256;

/// Whether handing a fault at `counter` to the partition's own handler would lead to the same fault again:
/// the handler's first instruction is what faults, or the fault that was handed over last was at this very
/// instruction too, and so many times before.
#[inline(never)]
fn would_repeat(hart: &mut Core, counter: u64) -> bool {
    if csr::read!("mstatus") & status::MPP != status::MPP_SUPERVISOR {
        return false;
    }
    let Some((_, slot, _)) = hart.running() else {
        return false;
    };
    slot.arch.repeated_faults = if csr::read!("sepc") == counter {
        slot.arch.repeated_faults.saturating_add(1)
    } else {
        0
    };
    counter == csr::read!("stvec") & !3 || slot.arch.repeated_faults > MOST_REPEATED
}

/// Where a denied access leads by the partition's own tables.
fn reached(context: &mut Context, view: &PartitionView, number: u64, address: u64) -> Option<u64> {
    let kind = match number {
        cause::LOAD_ACCESS => AccessKind::Load,
        cause::STORE_ACCESS => AccessKind::Store,
        _ => AccessKind::Fetch,
    };
    let translation = Translation::of_trap(csr::read!("satp"), csr::read!("mstatus"));
    let memory = Physical::of_running(view);
    let walked = context.walk.walk(&memory, &translation, address, kind);
    walked.ok().map(|physical| physical.0)
}

/// Reading the time on a hart without a `time` register. Returns false, having done nothing, if it is
/// another illegal instruction, or goes to a register that is not saved yet. Called by the vector.
pub extern "C" fn quick_time(context: &mut Context) -> bool {
    read_time(context, SAVED_FOR_QUICK).is_some()
}

/// Answers the reading of the time into one of `registers`, as `time` would (unprivileged
/// specification, Zicntr).
#[inline(always)]
fn read_time(context: &mut Context, registers: u32) -> Option<()> {
    let machine = machine::get()?;
    if machine.features.time {
        return None;
    }
    let counter = csr::read!("mepc");
    let Some(instruction) = fetch(counter) else {
        // A fault in there was a trap of its own. What brought us here is looked at again.
        csr::write!("mcause", cause::ILLEGAL_INSTRUCTION);
        return None;
    };
    let destination = time_destination(instruction)?;
    let is_user = csr::read!("mstatus") & status::MPP == 0;
    if registers >> destination & 1 == 0 || is_user && csr::read!("scounteren") & COUNTER_TIME == 0
    {
        return None;
    }
    if destination != 0 {
        context.registers[destination % 32] = Aclint.now();
    }
    csr::write!("mepc", counter.wrapping_add(4));
    Some(())
}

/// Illegal instructions come here from programs, where `wfi` is trapped, and where there is no `time`
/// register: `wfi` gives the hart back, reading the time is answered, all others go to the partition's own
/// handler, and are an event in a program. The instruction is fetched again, as `mtval` need not hold it.
#[inline(never)]
pub fn illegal_instruction(hart: &mut Core, started: u64) -> *const Context {
    let counter = csr::read!("mepc");
    let instruction = fetch(counter).unwrap_or(0);
    if !is_wfi(instruction) || csr::read!("mstatus") & status::MPP != status::MPP_SUPERVISOR {
        let context = hart.running().map(|(_, slot, _)| &mut slot.context);
        if context.is_some_and(|context| read_time(context, u32::MAX).is_some()) {
            return hart.resume();
        }
        hart.count(hart.live, firmware_event::ILLEGAL_INSN);
        return illegal(hart, started, counter, u64::from(instruction));
    }
    csr::write!("mepc", counter.wrapping_add(4));
    if hart.wait_running() {
        hart.reschedule(started)
    } else {
        hart.resume()
    }
}

/// An instruction that the partition may not execute, and its own business unless it is a program.
#[cold]
fn illegal(hart: &mut Core, started: u64, counter: u64, instruction: u64) -> *const Context {
    let number = cause::ILLEGAL_INSTRUCTION;
    let Some((_, _, view)) = hart.running().filter(|(_, _, view)| view.is_program) else {
        inject(number, instruction);
        return hart.resume();
    };
    let kind = if would_repeat(hart, counter) {
        Kind::DoubleTrap
    } else {
        Kind::IllegalInstruction
    };
    if health::raise(hart, view.index, kind, number as u32, instruction, counter) {
        inject(number, instruction);
    }
    hart.reschedule(started)
}

/// Makes the running partition take an exception, as the hardware would have delegated it
/// (privileged specification 3.1.6.1, 4.1.1).
pub fn inject(number: u64, value: u64) {
    let before = csr::read!("mstatus");
    let mut after = before & !(status::SPP | status::SPIE | status::SIE | status::MPP);
    if before & status::MPP != 0 {
        after |= status::SPP;
    }
    if before & status::SIE != 0 {
        after |= status::SPIE;
    }
    csr::write!("mstatus", after | status::MPP_SUPERVISOR);
    csr::write!("scause", number);
    csr::write!("stval", value);
    csr::write!("sepc", csr::read!("mepc"));
    csr::write!("mepc", csr::read!("stvec") & !3);
}
