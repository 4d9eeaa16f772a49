//! Calls by `SMC`: PSCI, the calling convention's own functions and Partita's.
//!
//! `partita_virtual_aarch64::smc` decodes a call and checks every argument against the caller's own
//! partition. What arrives here is sound; here it is carried out.

use crate::arch::boot;
use crate::arch::context::Context;
use crate::arch::controller::Controller;
use crate::arch::register::read;
use crate::console;
use crate::cores::calls::NotStarted;
use crate::cores::{Core, NOTICES_PENDING};
use crate::crash;
use crate::health;
use crate::machine::{self, PartitionView};
use crate::mail::{self, state};
use crate::measurement;
use crate::shared;
use core::sync::atomic::Ordering::SeqCst;
use partita_abi::crash::Trace;
use partita_abi::health::Kind;
use partita_abi::monitor_call::NOTIFICATION_LINE;
use partita_virtual_aarch64::smc::{self, Call, Registers, answer, error};

/// The most bytes that one console call takes: it bounds how long the call delays a more critical partition.
const CONSOLE_BYTES: u64 = 8;

/// What a call comes to.
enum Outcome {
    /// It returns what it is answered with: PSCI's calls in one register.
    Answer(u64),
    /// It returns no error and a value.
    Value(u64),
    /// It returns an error.
    Error(u64),
    /// It returns the answer, and the schedule has to be asked.
    Waits(u64),
    /// It does not return: the caller's state is gone or moved on.
    Gone,
}

/// Answers calls that only ask for a fact. Returns false, having done nothing, if it is another one. Called by the
/// vector.
pub extern "C" fn quick(context: &mut Context) -> bool {
    let [function, first, ..] = context.registers;
    let Some(machine) = machine::get() else {
        return false;
    };
    match smc::at_once(function as u32, first, machine.features.mitigations) {
        Some(value) => {
            context.registers[0] = value;
            true
        }
        None => false,
    }
}

/// Answers the call that the running partition makes.
#[inline(never)]
pub fn answer(core: &mut Core, started: u64) -> *const Context {
    let mitigations = core.machine.features.mitigations;
    let Some((_, slot, view)) = core.running() else {
        return core.reschedule(started);
    };
    let saved = &slot.context.registers;
    let registers = Registers {
        function: saved[0] as u32,
        arguments: [saved[1], saved[2], saved[3]],
    };
    let caller = view.caller(slot.resident.number);
    let call = smc::decode(&registers, &caller, mitigations);
    let outcome = carry_out(core, view, call);
    let two = |error, value| (error, Some(value));
    let ((first, second), resumes) = match outcome {
        Outcome::Answer(value) => ((value, None), true),
        Outcome::Value(value) => (two(0, value), true),
        Outcome::Error(error) => (two(error, 0), true),
        Outcome::Waits(value) => ((value, None), false),
        Outcome::Gone => return core.reschedule(started),
    };
    if let Some((_, slot, _)) = core.running() {
        slot.context.registers[0] = first;
        if let Some(second) = second {
            slot.context.registers[1] = second;
        }
    }
    if resumes {
        core.resume()
    } else {
        core.reschedule(started)
    }
}

/// An event that is a call. If the partition goes on, the call is answered with `answer`.
#[cold]
#[inline(never)]
fn raise(
    core: &mut Core,
    view: &PartitionView,
    kind: Kind,
    cause: u32,
    address: u64,
    answer: u64,
) -> Outcome {
    let counter = read!("elr_el3").wrapping_sub(4);
    if health::raise(core, view.index, kind, cause, address, counter) {
        Outcome::Waits(answer)
    } else {
        Outcome::Gone
    }
}

#[inline]
fn carry_out(core: &mut Core, view: &'static PartitionView, call: Call) -> Outcome {
    match call {
        Call::Answer(value) => Outcome::Answer(value),
        Call::Fail(error) => Outcome::Error(error),
        Call::Deny { answer, reached } => {
            let cause = answer.wrapping_neg() as u32;
            raise(core, view, Kind::CallDenied, cause, reached, answer)
        }
        Call::CoreOn {
            core: number,
            entry,
            context,
        } => start(core, view, number, entry.address(), context),
        Call::CoreOff => {
            if let Some((_, slot, _)) = core.running() {
                let number = slot.resident.number as u32;
                crash::note(core, view.index, Trace::CoreStop, 0, number, 0);
            }
            core.stop_running();
            Outcome::Gone
        }
        Call::CoreState { core: number } => {
            let place = view.place(number);
            let order = mail::of(usize::from(place.core))
                .orders
                .get(usize::from(place.slot));
            // DEN0022, 5.7.3: on, off, on its way.
            let found = order.map_or(state::STOPPED, |order| order.state.load(SeqCst));
            Outcome::Answer(match found {
                state::STOPPED => 1,
                state::START_PENDING => 2,
                _ => 0,
            })
        }
        Call::Standby => {
            core.suspend_running();
            Outcome::Waits(answer::SUCCESS)
        }
        Call::SystemSuspend { .. } if !core.is_alone(view) => Outcome::Answer(answer::DENIED),
        Call::PowerDown { resume, context } | Call::SystemSuspend { resume, context } => {
            core.suspend_running();
            resume_at(core, resume.address(), context);
            Outcome::Gone
        }
        Call::SystemOff => raise(core, view, Kind::Shutdown, 0, 0, answer::INTERNAL_FAILURE),
        Call::SystemReset => raise(core, view, Kind::Reset, 0, 0, answer::INTERNAL_FAILURE),
        Call::ForgetBranches => Outcome::Answer(answer::SUCCESS),
        Call::ConsoleWrite { bytes } => Outcome::Value(console::write(
            core,
            view,
            bytes.address(),
            bytes.length().min(CONSOLE_BYTES),
        )),
        Call::ConsoleRead { buffer } => Outcome::Value(console::read(
            view,
            buffer.address(),
            buffer.length().min(CONSOLE_BYTES),
        )),
        Call::ConsoleWriteByte { byte } => {
            if console::write_byte(core, view, byte) {
                Outcome::Value(0)
            } else {
                Outcome::Error(error::FAILED)
            }
        }
        Call::CallCores { cores } => {
            call_cores(view, cores);
            Outcome::Value(0)
        }
        Call::ReportDeadlines {
            met,
            missed,
            worst_latency_ns,
        } => {
            let shared = shared::of(view.index);
            shared.deadlines_met.fetch_add(met, SeqCst);
            shared.worst_wakeup_ns.fetch_max(worst_latency_ns, SeqCst);
            if missed != 0 {
                shared.deadlines_missed.fetch_add(missed, SeqCst);
                // The report itself has not failed.
                return raise(core, view, Kind::DeadlineMiss, 0, 0, 0);
            }
            Outcome::Value(0)
        }
        Call::InterruptClaim => claim(core),
        Call::InterruptComplete { line } => complete(core, view, line),
        Call::Measurement { index, buffer } => {
            let told = measurement::tell(core.machine, view, index as usize, buffer.address());
            told.map_or(Outcome::Error(error::INVALID_PARAMETER), Outcome::Value)
        }
        Call::Panic { code } => raise(core, view, Kind::Panic, 0, code, error::FAILED),
        Call::WatchdogStart { timeout_ns } => {
            if core.start_watchdog(view.index, timeout_ns) {
                Outcome::Value(0)
            } else {
                Outcome::Error(error::NOT_SUPPORTED)
            }
        }
        Call::WatchdogPet => {
            shared::of(view.index).watchdog.reset(core.now());
            Outcome::Value(0)
        }
        Call::NotificationTake => Outcome::Value(health::take_notice(view.index)),
    }
}

/// Has each of these cores look at its mail, where it finds a software interrupt.
fn call_cores(view: &PartitionView, cores: u64) {
    let mut left = cores;
    while left != 0 {
        let place = view.place(left.trailing_zeros());
        left &= left.wrapping_sub(1);
        let (target, slot) = (usize::from(place.core), usize::from(place.slot));
        if mail::of(target).request(slot, mail::SOFTWARE_INTERRUPT) {
            crate::arch::interrupt(target);
        }
    }
}

/// `CPU_ON` (DEN0022, 5.6).
fn start(core: &Core, view: &PartitionView, number: u32, address: u64, context: u64) -> Outcome {
    Outcome::Answer(match core.order_start(view, number, address, context) {
        Ok(()) => answer::SUCCESS,
        Err(NotStarted::Absent) => answer::INVALID_PARAMETERS,
        Err(NotStarted::Pending) => answer::ON_PENDING,
        Err(NotStarted::Running) => answer::ALREADY_ON,
        Err(NotStarted::Stopping) => answer::INTERNAL_FAILURE,
    })
}

/// A core whose power was down goes on at `address`. Its interrupts and timers stay as they are.
fn resume_at(core: &mut Core, address: u64, argument: u64) {
    let Some((_, slot, _)) = core.running() else {
        return;
    };
    slot.context.save();
    let before = slot.context.lower;
    slot.context.start(address, (argument, 0));
    slot.context.lower.physical_timer = before.physical_timer;
    slot.context.lower.physical_timer_control = before.physical_timer_control;
    slot.context.lower.virtual_timer = before.virtual_timer;
    slot.context.lower.virtual_timer_control = before.virtual_timer_control;
    slot.context.restore();
    if !slot.context.is_secure() {
        boot::restart_hypervisor();
    }
}

/// Takes the caller's first pending line. If there are more, they interrupt again.
fn claim(core: &mut Core) -> Outcome {
    let table = core.machine.table;
    let Some((_, slot, view)) = core.running() else {
        return Outcome::Value(0);
    };
    let ready = slot.pending_lines;
    if ready == 0 {
        return Outcome::Value(0);
    }
    let bit = ready.trailing_zeros();
    slot.pending_lines &= !(1 << bit);
    let left = slot.pending_lines != 0;
    let line = if ready == NOTICES_PENDING {
        NOTIFICATION_LINE
    } else {
        slot.claimed_lines |= 1 << bit;
        let lines = table.partitions.get(view.index);
        let line = lines.and_then(|entry| table.lines_of(entry).get(bit as usize));
        line.map_or(0, |line| u64::from(line.line))
    };
    if left {
        core.show_interrupt();
    }
    Outcome::Value(line)
}

/// Ends the handling of a line that the caller has claimed, and lets it interrupt again.
fn complete(core: &mut Core, view: &PartitionView, line: u32) -> Outcome {
    let machine = core.machine;
    let (owner, id) = (
        machine.mediated.get(line as usize).copied().flatten(),
        core.id,
    );
    let Some((number, slot, _)) = core.running() else {
        return Outcome::Gone;
    };
    let Some(owner) =
        owner.filter(|owner| usize::from(owner.core) == id && usize::from(owner.slot) == number)
    else {
        let answer = error::INVALID_PARAMETER;
        let cause = answer.wrapping_neg() as u32;
        return raise(core, view, Kind::CallDenied, cause, u64::from(line), answer);
    };
    let bit = 1 << (owner.bit % 32);
    if slot.claimed_lines & bit == 0 {
        return Outcome::Error(error::INVALID_PARAMETER);
    }
    slot.claimed_lines &= !bit;
    Controller.unmask(id, line as u16);
    Outcome::Value(0)
}
