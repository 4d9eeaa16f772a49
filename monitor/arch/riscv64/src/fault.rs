//! Accesses that the hardware denied: to a device that the monitor stands in for, or to nothing the
//! partition owns.

use crate::console;
use crate::context::Context;
use crate::csr::{self, cause, status};
use crate::guest_memory::{Physical, fetch};
use crate::hart::Hart;
use crate::health;
use crate::machine::PartitionView;
use crate::mail;
use crate::pmp;
use core::sync::atomic::Ordering::SeqCst;
use partita_abi::health::Kind;
use partita_abi::table::OnFault;
use partita_virtual_riscv64::decode::{Access, Operation, decode, is_wfi};
use partita_virtual_riscv64::plic::{ReadEffect, WriteEffect};
use partita_virtual_riscv64::walk::{AccessKind, Translation};

/// Bytes of an emulated 16550's registers.
const UART_BYTES: u64 = 0x100;

/// Answers an access fault of the running partition.
#[inline(never)]
pub fn access(hart: &mut Hart, number: u64, started: u64) -> *const Context {
    let Some((_, _, view)) = hart.running() else {
        return hart.reschedule(started);
    };
    let address = csr::read!("mtval");
    let may_be_mediated = view.uart != 0 || view.filter.is_some();
    if number != cause::FETCH_ACCESS
        && may_be_mediated
        && mediate(hart, view, number, address).is_some()
    {
        return hart.resume();
    }
    deny(hart, view, number, address);
    hart.reschedule(started)
}

/// Tries to carry out the access on an emulated device. `None` if it is not one.
#[inline]
fn mediate(hart: &mut Hart, view: &'static PartitionView, number: u64, address: u64) -> Option<()> {
    let counter = csr::read!("mepc");
    let access = decode(fetch(counter)?)?;
    let registers = &hart.running()?.1.context.registers;
    let base = if access.base().index() == 0 {
        0
    } else {
        registers[access.base().index() % 32]
    };
    if access.effective_address(base) != address {
        return None;
    }
    let is_load = matches!(access.operation(), Operation::Load { .. });
    if is_load != (number == cause::LOAD_ACCESS) {
        return None;
    }
    let translation = Translation::of_trap(csr::read!("satp"), csr::read!("mstatus"));
    let kind = if is_load {
        AccessKind::Load
    } else {
        AccessKind::Store
    };
    let physical = {
        let memory = Physical::of_running(view);
        hart.walk.walk(&memory, &translation, address, kind).ok()?.0
    };
    let uart_offset = physical.wrapping_sub(view.uart);
    if view.uart != 0 && uart_offset < UART_BYTES {
        uart(hart, view, &access, uart_offset);
    } else {
        let offset = physical.wrapping_sub(hart.machine.board.plic.window.base);
        if view.filter.is_none() || offset >= hart.machine.board.plic.window.size {
            return None;
        }
        interrupt_controller(hart, view, &access, offset, counter);
    }
    csr::write!("mepc", counter.wrapping_add(access.instruction_length()));
    Some(())
}

#[inline]
fn uart(hart: &mut Hart, view: &PartitionView, access: &Access, offset: u64) {
    match access.operation() {
        Operation::Load { destination, .. } => {
            let value = console::uart_read(hart, view, offset);
            load(hart, access, destination.index(), u64::from(value));
        }
        Operation::Store { source } => {
            let value = register(hart, source.index());
            console::uart_write(hart, view, offset, value as u8);
        }
    }
}

/// An access to the interrupt controller that the protection entries did not let through: all that
/// is not reading the shared registers, or the page of the hart's own context.
fn interrupt_controller(
    hart: &mut Hart,
    view: &PartitionView,
    access: &Access,
    offset: u64,
    counter: u64,
) {
    let Some(filter) = view.filter.as_ref() else {
        return;
    };
    let current = partita_board::Plic::supervisor_context(hart.id) as u32;
    let threshold_of = |context: u32| mail::of(context as usize / 2);
    let _lifted = pmp::lift();
    match access.operation() {
        Operation::Load { destination, .. } => {
            let value = match filter.read(current, offset) {
                ReadEffect::Hardware { offset, mask } => hart.machine.plic.read(offset) & mask,
                ReadEffect::Threshold { context } => threshold_of(context)
                    .threshold
                    .load(SeqCst)
                    .saturating_sub(1),
                ReadEffect::Zero => 0,
            };
            load(hart, access, destination.index(), u64::from(value));
        }
        Operation::Store { source } => {
            let value = access.stored(register(hart, source.index())) as u32;
            match filter.write(current, offset, value) {
                WriteEffect::Write { offset, value } => hart.machine.plic.write(offset, value),
                WriteEffect::Threshold { context, value } => {
                    threshold_of(context)
                        .threshold
                        .store(value.saturating_add(1), SeqCst);
                }
                WriteEffect::Ignored => {}
                WriteEffect::Denied => {
                    let address = hart.machine.board.plic.window.base + offset;
                    health::record(hart, view.index, Kind::InterruptDenied, 0, address, counter);
                }
            }
        }
    }
}

/// A general register of the running virtual core.
#[inline]
fn register(hart: &mut Hart, number: usize) -> u64 {
    match hart.running() {
        Some((_, slot, _)) if number != 0 => slot.context.registers[number % 32],
        _ => 0,
    }
}

/// Puts what a load has read into its register.
#[inline]
fn load(hart: &mut Hart, access: &Access, destination: usize, raw: u64) {
    let value = access.loaded(raw);
    if destination != 0
        && let Some((_, slot, _)) = hart.running()
    {
        slot.context.registers[destination % 32] = value;
    }
}

/// Records a denied access, then does what the manifest says.
#[cold]
fn deny(hart: &mut Hart, view: &PartitionView, number: u64, address: u64) {
    let counter = csr::read!("mepc");
    match view.on_fault {
        OnFault::Stop => {
            health::fail(
                hart,
                view.index,
                Kind::AccessFault,
                number as u32,
                address,
                counter,
            );
        }
        OnFault::Inject => {
            health::record(
                hart,
                view.index,
                Kind::AccessFault,
                number as u32,
                address,
                counter,
            );
            inject(number, address);
        }
    }
}

/// With `wfi` trapped, illegal instructions come here: `wfi` gives the hart back, all others go to
/// the partition's own handler. The instruction is fetched again, as `mtval` need not hold it.
#[inline(never)]
pub fn illegal_instruction(hart: &mut Hart, started: u64) -> *const Context {
    let counter = csr::read!("mepc");
    let instruction = fetch(counter).unwrap_or(0);
    if !is_wfi(instruction) || csr::read!("mstatus") & status::MPP != status::MPP_SUPERVISOR {
        inject(cause::ILLEGAL_INSTRUCTION, u64::from(instruction));
        return hart.resume();
    }
    csr::write!("mepc", counter.wrapping_add(4));
    if hart.wait_running() {
        hart.reschedule(started)
    } else {
        hart.resume()
    }
}

/// Makes the running partition take an exception, as the hardware would have delegated it
/// (privileged specification 3.1.6.1, 4.1.1).
fn inject(number: u64, value: u64) {
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
