//! Monitor calls: the SBI (version 2.0) and the Partita extension.
//!
//! `partita_virtual_riscv64::sbi` decodes a call and checks every argument against the caller's own
//! partition. What arrives here is sound; here it is carried out.

use crate::arch;
use crate::arch::context::Context;
use crate::arch::csr::{self, interrupt, status};
use crate::arch::pmp;
use crate::arch::timer::Aclint;
use crate::arch::{instruction_fence, wait_for_interrupt};
use crate::cores::Core;
use crate::cores::calls::{Done, NotStarted};
use crate::crash;
use crate::health;
use crate::machine::PartitionView;
use crate::mail;
use core::sync::atomic::Ordering::SeqCst;
use partita_abi::crash::Trace;
use partita_abi::health::Kind;
use partita_monitor_core::request::Failure;
use partita_virtual_riscv64::sbi::{self, Call, HartSet, Registers, ResetKind};

const A0: usize = 10;
const A1: usize = 11;
const A6: usize = 16;
const A7: usize = 17;

/// Extension ids (6, 7).
const TIME: u64 = 0x5449_4d45;
const IPI: u64 = 0x0073_5049;

/// SBI_ERR_FAILED, SBI_ERR_INVALID_PARAM, SBI_ERR_DENIED, SBI_ERR_ALREADY_AVAILABLE (3,
/// table 1).
const FAILED: u64 = -1_i64 as u64;
const INVALID_PARAMETER: u64 = -3_i64 as u64;
const DENIED: u64 = -4_i64 as u64;
const ALREADY_AVAILABLE: u64 = -6_i64 as u64;

/// What a call comes to.
enum Outcome {
    /// It returns a value.
    Value(u64),
    /// It fails with an SBI error code.
    Error(u64),
    /// It returns an error code and a value, and the schedule has to be asked.
    Waits(u64, u64),
    /// It does not return: the caller's state is gone or moved on.
    Gone,
    /// It is to be made again, after the interrupt that is pending.
    Again,
}

impl From<Done> for Outcome {
    #[inline]
    fn from(done: Done) -> Self {
        match done {
            Done::Value(value) => Self::Value(value),
            Done::Failed(failure) => Self::Error(failure.code()),
            Done::Waits(answer) => Self::Waits(answer.map_or_else(Failure::code, |()| 0), 0),
            Done::Gone => Self::Gone,
        }
    }
}

/// Answers setting the timer and software interrupts, the most frequent calls. Returns false, having
/// done nothing, if it is another one. Called by the vector.
pub extern "C" fn quick(context: &mut Context) -> bool {
    quick_call(context).is_some()
}

#[inline(always)]
fn quick_call(context: &mut Context) -> Option<()> {
    let registers = &mut context.registers;
    if registers[A6] != 0 {
        return None;
    }
    if registers[A7] == TIME {
        if !context.quick_timer {
            return None;
        }
        csr::write!("0x14d", registers[A0]);
    } else if registers[A7] == IPI {
        let view = context.quick_view?;
        let harts = view.caller().harts(registers[A0], registers[A1]).ok()?;
        send_ipis(view, harts);
    } else {
        return None;
    }
    registers[A0] = 0;
    registers[A1] = 0;
    csr::write!("mepc", csr::read!("mepc").wrapping_add(4));
    Some(())
}

/// Answers the call that the running partition makes.
#[inline(never)]
pub fn answer(hart: &mut Core, started: u64) -> *const Context {
    let Some((number, slot, view)) = hart.running() else {
        return hart.reschedule(started);
    };
    let saved = &slot.context.registers;
    let registers = Registers {
        extension: saved[A7],
        function: saved[A6],
        arguments: [
            saved[10], saved[11], saved[12], saved[13], saved[14], saved[15],
        ],
    };
    let outcome = match sbi::decode(&registers, &view.caller()) {
        Ok(call) => {
            if let Some(event) = call.firmware_event() {
                hart.count(number, event);
            }
            carry_out(hart, view, call, &registers)
        }
        Err(error) => {
            let reached = sbi::reached_for(&registers, error, &view.caller());
            match reached {
                Some(address) => deny(hart, view, error.code(), address),
                None => Outcome::Error(error.code()),
            }
        }
    };
    let (error, value, resumes) = match outcome {
        Outcome::Value(value) => (0, value, true),
        Outcome::Error(error) => (error, 0, true),
        Outcome::Waits(error, value) => (error, value, false),
        Outcome::Gone | Outcome::Again => return hart.reschedule(started),
    };
    csr::write!("mepc", csr::read!("mepc").wrapping_add(4));
    if let Some((_, slot, _)) = hart.running() {
        slot.context.registers[A0] = error;
        slot.context.registers[A1] = value;
    }
    if resumes {
        hart.resume()
    } else {
        hart.reschedule(started)
    }
}

/// A call named what is not the caller's: the hart or the address, and the error that it is answered
/// with if the caller goes on.
#[cold]
#[inline(never)]
fn deny(hart: &mut Core, view: &PartitionView, error: u64, address: u64) -> Outcome {
    let cause = error.wrapping_neg() as u32;
    raise(hart, view, Kind::CallDenied, cause, address, error)
}

/// An event that is a call. If the partition goes on, the call has failed with `error`.
#[cold]
#[inline(never)]
fn raise(
    hart: &mut Core,
    view: &PartitionView,
    kind: Kind,
    cause: u32,
    address: u64,
    error: u64,
) -> Outcome {
    if health::raise(hart, view.index, kind, cause, address, arch::call_counter()) {
        Outcome::Waits(error, 0)
    } else {
        Outcome::Gone
    }
}

#[inline]
fn carry_out(
    hart: &mut Core,
    view: &'static PartitionView,
    call: Call,
    registers: &Registers,
) -> Outcome {
    match call {
        Call::Answer(value) => Outcome::Value(value),
        Call::SetTimer { deadline } => set_timer(hart, deadline),
        Call::SendIpi { harts } => {
            send_ipis(view, harts);
            Outcome::Value(0)
        }
        Call::RemoteInstructionFence { harts } | Call::RemoteTranslationFence { harts, .. } => {
            remote_fence(hart, view, harts)
        }
        Call::HartStart {
            hart: number,
            address,
            opaque,
        } => start(hart, view, number, address.address(), opaque),
        Call::HartStop => {
            if let Some((_, slot, _)) = hart.running() {
                let number = slot.resident.number as u32;
                crash::note(hart, view.index, Trace::CoreStop, 0, number, 0);
            }
            hart.stop_running();
            Outcome::Gone
        }
        Call::HartStatus { hart: number } => {
            let place = view.place(number);
            let order = mail::of(usize::from(place.core))
                .orders
                .get(usize::from(place.slot));
            Outcome::Value(order.map_or(1, |order| u64::from(order.state.load(SeqCst))))
        }
        Call::HartSuspendRetentive => {
            if hart.suspend_running() {
                Outcome::Waits(0, 0)
            } else {
                Outcome::Value(0)
            }
        }
        Call::SystemSuspend { .. } if !hart.is_alone(view) => Outcome::Error(DENIED),
        Call::HartSuspendNonRetentive { resume, opaque }
        | Call::SystemSuspend { resume, opaque } => {
            hart.suspend_running();
            resume_at(hart, resume.address(), opaque);
            Outcome::Gone
        }
        Call::Counters => match hart.performance(registers) {
            Ok(value) => Outcome::Value(value),
            Err(error) => Outcome::Error(error.code()),
        },
        Call::Reset { kind, .. } => {
            let event = match kind {
                ResetKind::Shutdown => Kind::Shutdown,
                ResetKind::ColdReboot | ResetKind::WarmReboot => Kind::Reset,
            };
            raise(hart, view, event, 0, 0, FAILED)
        }
        Call::Request(request) => hart.carry_out(view, request).into(),
    }
}

#[inline]
fn for_each(harts: HartSet, mut action: impl FnMut(u32)) {
    let mut bits = harts.bits();
    while bits != 0 {
        action(bits.trailing_zeros());
        bits &= bits - 1;
    }
}

/// IPI (7.1). One to the caller's own hart waits in its mailbox like any other.
#[inline]
fn send_ipis(view: &PartitionView, harts: HartSet) {
    for_each(harts, |virtual_hart| {
        let place = view.place(virtual_hart);
        let (target, slot) = (usize::from(place.core), usize::from(place.slot));
        if mail::of(target).request(slot, mail::SOFTWARE_INTERRUPT) {
            Aclint.interrupt(target);
        }
    });
}

/// TIME (6.1). With `stimecmp` the partition has its own timer, and this call writes it.
#[inline]
fn set_timer(hart: &mut Core, deadline: u64) -> Outcome {
    if hart.machine.features.stimecmp() {
        csr::write!("0x14d", deadline);
        return Outcome::Value(0);
    }
    csr::clear!("mip", interrupt::SUPERVISOR_TIMER);
    if let Some((_, slot, _)) = hart.running() {
        slot.timer = deadline;
    }
    if deadline <= hart.now() {
        csr::set!("mip", interrupt::SUPERVISOR_TIMER);
        return Outcome::Value(0);
    }
    // The hart's own timer has to be set to the nearest of all deadlines.
    Outcome::Waits(0, 0)
}

/// RFENCE (8): returns when the fence is done on every hart that runs the partition. A virtual
/// core that does not run needs none: entering it fences everything. All fences are full ones.
fn remote_fence(hart: &mut Core, view: &PartitionView, harts: HartSet) -> Outcome {
    let mut waiting_for = [(0_usize, 0_usize, 0_u32); partita_abi::MAX_CORES];
    let mut count = 0;
    for_each(harts, |virtual_hart| {
        let place = view.place(virtual_hart);
        let (target, slot) = (usize::from(place.core), usize::from(place.slot));
        if target == hart.id {
            pmp::fence();
            instruction_fence();
            return;
        }
        let mailbox = mail::of(target);
        let ticket = mailbox.ask_for_fence();
        if mailbox.running.load(SeqCst) == slot {
            Aclint.interrupt(target);
            if let Some(place) = waiting_for.get_mut(count) {
                *place = (target, slot, ticket);
                count += 1;
            }
        }
    });
    let is_done = |(target, slot, ticket): &(usize, usize, u32)| {
        let mailbox = mail::of(*target);
        let ahead = mailbox.fences_done.load(SeqCst).wrapping_sub(*ticket) as i32;
        ahead >= 0 || mailbox.running.load(SeqCst) != *slot
    };
    let asked = waiting_for.get(..count).unwrap_or_default();
    loop {
        // Who is done wakes those whose bit is set, so the bit is set before looking.
        for (target, _, _) in asked.iter().filter(|fence| !is_done(fence)) {
            mail::of(*target).waiting.fetch_or(hart.bit(), SeqCst);
        }
        if asked.iter().all(is_done) {
            no_longer_waiting(hart, asked);
            return Outcome::Value(0);
        }
        // Two harts may wait for each other, so the fences asked of this one are done meanwhile.
        // Anything else that is pending comes first: the call is made again afterwards, which costs
        // a fence and keeps the delay of a more critical partition short.
        let pending = csr::read!("mip");
        if pending & interrupt::MACHINE_SOFTWARE != 0 {
            Aclint.clear_interrupt(hart.id);
            hart.answer_fences();
            if hart.mailbox().has_mail() || crate::report::is_ending() {
                no_longer_waiting(hart, asked);
                return Outcome::Again;
            }
            continue;
        }
        if pending & (interrupt::MACHINE_TIMER | interrupt::MACHINE_EXTERNAL) != 0 {
            no_longer_waiting(hart, asked);
            return Outcome::Again;
        }
        wait_for_interrupt();
    }
}

/// This hart needs no interrupt any more when the fences it asked for are done.
fn no_longer_waiting(hart: &Core, asked: &[(usize, usize, u32)]) {
    for (target, _, _) in asked {
        mail::of(*target).waiting.fetch_and(!(hart.bit()), SeqCst);
    }
}

/// HSM start (9.1).
fn start(hart: &Core, view: &PartitionView, number: u32, address: u64, opaque: u64) -> Outcome {
    match hart.order_start(view, number, address, opaque) {
        Ok(()) => Outcome::Value(0),
        Err(NotStarted::Absent) => Outcome::Error(INVALID_PARAMETER),
        Err(NotStarted::Pending | NotStarted::Running) => Outcome::Error(ALREADY_AVAILABLE),
        Err(NotStarted::Stopping) => Outcome::Error(FAILED),
    }
}

/// HSM non-retentive suspend (9.4): the hart goes on at `address` as if it had just been started.
fn resume_at(hart: &mut Core, address: u64, argument: u64) {
    let features = hart.machine.features;
    let Some((_, slot, _)) = hart.running() else {
        return;
    };
    // Floating point and vectors stay as they are, on or off: they are looked at when it leaves the hart.
    let extensions = csr::read!("mstatus") & (status::FS | status::VS);
    let enabled = csr::read!("sie");
    let timer = if features.stimecmp() {
        csr::read!("0x14d")
    } else {
        u64::MAX
    };
    let (number, wfi_traps) = (slot.resident.number as u64, slot.wfi_traps);
    slot.context
        .start(address, number, argument, wfi_traps, extensions);
    csr::write!("mepc", address);
    csr::write!("mstatus", slot.context.supervisor.status);
    csr::write!("satp", 0);
    // What it waits for stays enabled, so that it can tell why it was woken.
    csr::write!("sie", enabled);
    if features.stimecmp() {
        csr::write!("0x14d", timer);
    }
    pmp::fence();
}
