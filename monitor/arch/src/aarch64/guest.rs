//! What a partition behind stage 2 does that is taken to EL2: accesses to devices that the monitor stands in for, system
//! registers, calls by `HVC`, and what it may not do.

use crate::arch::call;
use crate::arch::context::Context;
use crate::arch::controller::filter::Part;
use crate::arch::controller::{self, filter};
use crate::arch::guest_memory::Physical;
use crate::arch::register::{class, class_of, read, synchronize, write};
use crate::arch::stage_2;
use crate::arch::trap;
use crate::console;
use crate::cores::Core;
use crate::health;
use crate::machine::PartitionView;
use core::arch::asm;
use partita_abi::health::Kind;
use partita_virtual_aarch64::abort::instruction::{Instruction, decode};
use partita_virtual_aarch64::abort::{Register, Transfer};
use partita_virtual_aarch64::gic::{Access, Version, interface};
use partita_virtual_aarch64::stage_2::{Exception, PAGE};
use partita_virtual_aarch64::timer;

/// Bytes of an emulated 16550's registers.
const UART_BYTES: u64 = 0x100;

/// Answers what the virtual core that runs did.
#[inline(never)]
pub fn taken(core: &mut Core, started: u64) -> *const Context {
    let exception = stage_2::exception();
    let syndrome = exception.syndrome;
    match class_of(syndrome) {
        class::DATA_ABORT => access(core, started, &exception),
        class::FETCH_ABORT => trap::below_stage_2(core, started, &exception),
        class::SYSTEM_REGISTER => system_register(core, started, syndrome),
        class::HYPERVISOR_CALL => call::answer(core, started),
        _ => trap::denied(core, started, Kind::UnexpectedTrap, syndrome),
    }
}

/// A device that the monitor stands in for, and the place in it.
#[derive(Clone, Copy)]
enum Device {
    Uart(u64),
    Controller(Part, u64),
}

impl Device {
    /// The one at an address.
    fn at(view: &PartitionView, address: u64) -> Option<Self> {
        let offset = address.wrapping_sub(view.uart);
        if offset < UART_BYTES {
            return Some(Self::Uart(offset));
        }
        filter::part(view, address).map(|(part, offset)| Self::Controller(part, offset))
    }

    /// Reads. `None` is denied.
    fn read(self, core: &mut Core, view: &PartitionView, size: u8) -> Option<u64> {
        match self {
            Self::Uart(offset) => Some(u64::from(console::uart_read(view, offset))),
            Self::Controller(part, offset) => filter::read(core, part, Access::new(offset, size)?),
        }
    }

    /// Writes. Returns false if that is denied.
    fn write(self, core: &mut Core, view: &PartitionView, size: u8, value: u64) -> bool {
        match self {
            Self::Uart(offset) => {
                console::uart_write(view, offset, value as u8);
                true
            }
            Self::Controller(part, offset) => Access::new(offset, size)
                .is_some_and(|access| filter::write(core, part, access, value)),
        }
    }
}

/// A load or a store that led to a device.
struct Found {
    transfer: Transfer,
    /// The first byte, as the device sees it.
    address: u64,
    /// The register that the address came from, and what it becomes.
    write_back: Option<(usize, u64)>,
}

/// An access that stage 2 denied.
#[inline(never)]
fn access(core: &mut Core, started: u64, exception: &Exception) -> *const Context {
    let Some((_, slot, view)) = core.running() else {
        return core.reschedule(started);
    };
    let reached = exception.reached();
    let found = match Device::at(view, reached) {
        Some(_) => find(&slot.context, view, exception, reached),
        None => None,
    };
    let Some(found) = found else {
        return trap::below_stage_2(core, started, exception);
    };
    let size = found.transfer.bytes();
    let mut register = Some(found.transfer.first());
    let mut second = found.transfer.second();
    let mut address = found.address;
    let mut is_denied = false;
    while let Some(moved) = register {
        let done = match Device::at(view, address) {
            Some(device) => move_register(core, view, device, &found.transfer, moved),
            None => false,
        };
        is_denied |= !done;
        address = address.wrapping_add(u64::from(size));
        register = second.take();
    }
    if let Some((register, value)) = found.write_back {
        write_base(core, register, value);
    }
    let counter = read!("elr_el3");
    trap::skip(exception.syndrome);
    if is_denied {
        health::raise(core, view.index, Kind::InterruptDenied, 0, reached, counter);
        return core.reschedule(started);
    }
    core.resume()
}

/// Moves one register to a device or from it. Returns false if that is denied: then zero was read.
fn move_register(
    core: &mut Core,
    view: &PartitionView,
    device: Device,
    transfer: &Transfer,
    register: Register,
) -> bool {
    let size = transfer.bytes();
    let number = register.index();
    if transfer.is_write() {
        let value = trap::general(core, number);
        return device.write(core, view, size, transfer.stored(value));
    }
    let value = device.read(core, view, size);
    trap::give(core, number, transfer.loaded(value.unwrap_or(0)));
    value.is_some()
}

/// The number of the register that is always zero, or of the stack pointer.
const ZERO: usize = 31;

/// Finds out what moved. `None` if it is nothing that moves general registers.
fn find(
    context: &Context,
    view: &PartitionView,
    exception: &Exception,
    reached: u64,
) -> Option<Found> {
    if let Some(transfer) = Transfer::of_syndrome(exception.syndrome) {
        return Some(Found {
            transfer,
            address: reached,
            write_back: None,
        });
    }
    if !Transfer::is_decodable(exception.syndrome) {
        return None;
    }
    let instruction = decode(fetch(view, read!("elr_el3"))?)?;
    let (base, index) = operands(context, &instruction);
    let address = instruction.address(base, index);
    if !instruction.is_reason(address, exception.address) {
        return None;
    }
    Some(Found {
        transfer: instruction.transfer,
        address: reached & !(PAGE - 1) | address & (PAGE - 1),
        write_back: instruction
            .write_back(base)
            .map(|value| (instruction.base(), value)),
    })
}

/// What the address of an instruction depends on.
fn operands(context: &Context, instruction: &Instruction) -> (u64, u64) {
    let general = |number: usize| match number {
        ZERO => 0,
        number => context.registers[number % 32],
    };
    let base = match instruction.base() {
        ZERO => stack_pointer(),
        number => general(number),
    };
    let index = instruction.index();
    (base, index.map_or(0, |index| general(index.index())))
}

/// Bits of `SPSR_EL3`: EL1, and that it uses its own stack.
const LEVEL: u64 = 3 << 2;
const OWN_STACK: u64 = 1;

fn uses_own_stack() -> bool {
    let status = read!("spsr_el3");
    status & LEVEL != 0 && status & OWN_STACK != 0
}

fn stack_pointer() -> u64 {
    if uses_own_stack() {
        read!("sp_el1")
    } else {
        read!("sp_el0")
    }
}

fn write_base(core: &mut Core, register: usize, value: u64) {
    if register != ZERO {
        trap::give(core, register, value);
    } else if uses_own_stack() {
        write!("sp_el1", value);
    } else {
        write!("sp_el0", value);
    }
}

/// Reads the instruction at an address of the partition that runs, by its own tables.
fn fetch(view: &PartitionView, counter: u64) -> Option<u32> {
    /// In `PAR_EL1`: there is no translation.
    const FAILED: u64 = 1;
    /// The address of the page.
    const ADDRESS: u64 = 0xf_ffff_ffff_f000;
    let before = read!("par_el1");
    // SAFETY: it translates an address, and nothing is accessed.
    unsafe {
        asm!("at s12e1r, {}", "isb", in(reg) counter, options(nostack, preserves_flags));
    }
    let found = read!("par_el1");
    write!("par_el1", before);
    synchronize();
    if found & FAILED != 0 || !counter.is_multiple_of(4) {
        return None;
    }
    let address = found & ADDRESS | counter & (PAGE - 1);
    let memory = Physical::of_running(view);
    let mut word = [0];
    let is_own = memory.read_words(address & !7, &mut word);
    is_own.then_some((word[0] >> ((address & 4) * 8)) as u32)
}

/// A trapped access to a system register.
fn system_register(core: &mut Core, started: u64, syndrome: u64) -> *const Context {
    let access = timer::Access::of(syndrome);
    let Some((_, slot, view)) = core.running() else {
        return core.reschedule(started);
    };
    let shape = slot.context.shape;
    if shape.is_program() {
        return trap::timer_register(core, started, syndrome);
    }
    let own = slot.resident.number as u32;
    if access.is_counter_of_events() {
        trap::skip(syndrome);
        if access.is_read {
            trap::give(core, access.general, 0);
        }
        return core.resume();
    }
    // Only the third version has registers of the core.
    let register = match controller::VERSION {
        Version::Two => None,
        Version::Three => interface::Register::of(&access),
    };
    let Some(register) = register else {
        return trap::denied(core, started, Kind::UnexpectedTrap, syndrome);
    };
    let owned = &view.arch.owned;
    if access.is_read {
        let Some(value) = register.seen(controller::shared_register(register)) else {
            return trap::denied(core, started, Kind::UnexpectedTrap, syndrome);
        };
        trap::skip(syndrome);
        trap::give(core, access.general, value);
        return core.resume();
    }
    let value = trap::general(core, access.general);
    let effect = register.write(owned, own, value);
    if effect == interface::Effect::Denied {
        return trap::denied(core, started, Kind::InterruptDenied, syndrome);
    }
    trap::skip(syndrome);
    if let interface::Effect::Call(call) = effect {
        filter::send(core, view, call);
    } else {
        controller::carry_out(effect);
    }
    // A call may be for somebody else on this core.
    if core.mailbox().has_mail() {
        return core.reschedule(started);
    }
    core.resume()
}
